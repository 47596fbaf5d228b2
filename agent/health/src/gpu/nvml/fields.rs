//! The values that NVML gives by number only.

use nvml_wrapper::Device;
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;

use super::reading;
use crate::gpu::Reading;

/// Values by number, which depend on the driver from 251 on: the wrapper knows how.
pub(super) struct Fields(Result<Vec<(u32, Reading<u64>)>, NvmlError>);

impl Fields {
    /// Asks for `wanted` in one call.
    pub(super) fn read(device: &Device<'_>, wanted: &[u32]) -> Self {
        let fields: Vec<FieldId> = wanted.iter().map(|field| FieldId(*field)).collect();
        Self(device.field_values_for(&fields).map(|values| {
            // In the order of the question: the answer carries the driver's own numbers.
            let values = values.into_iter().map(|value| {
                reading(value.and_then(|sample| sample.value).map(|value| match value {
                    SampleValue::F64(value) => value.max(0.0) as u64,
                    SampleValue::U32(value) => value.into(),
                    SampleValue::U64(value) => value,
                    SampleValue::I64(value) => value.max(0).unsigned_abs(),
                }))
            });
            wanted.iter().copied().zip(values).collect()
        }))
    }

    /// One of them.
    pub(super) fn get(&self, field: u32) -> Reading<u64> {
        match &self.0 {
            Ok(values) => values
                .iter()
                .find(|(id, _)| *id == field)
                .map_or(Reading::NotSupported, |(_, value)| value.clone()),
            Err(NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_)) => {
                Reading::NotSupported
            }
            Err(NvmlError::GpuLost) => Reading::Lost,
            Err(error) => Reading::Failed(error.to_string()),
        }
    }
}
