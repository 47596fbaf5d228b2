//! Calls of NVML that nvml-wrapper does not have, through the functions that it has loaded.
#![expect(unsafe_code, reason = "a C library is called")]

use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper::{Device, Nvml};
use nvml_wrapper_sys::bindings::{
    NvmlLib, nvmlDevice_t, nvmlEccSramErrorStatus_v1_t, nvmlFieldValue_t, nvmlGpuFabricInfo_t,
    nvmlGpuFabricInfo_v2_t, nvmlMarginTemperature_v1_t, nvmlRowRemapperHistogramValues_t,
};

use super::reading;
use crate::gpu::{Fabric, Reading, RowReserve, SramErrors};

/// The version that structures begin with: their size, and a number in the highest byte.
fn version<T>(number: u32) -> u32 {
    size_of::<T>() as u32 | number << 24
}

/// A GPU for calls by hand.
pub(super) struct Raw<'nvml> {
    lib: &'nvml NvmlLib,
    device: nvmlDevice_t,
}

impl<'nvml> Raw<'nvml> {
    pub(super) fn new(nvml: &'nvml Nvml, device: &Device<'nvml>) -> Self {
        // SAFETY: the handle is used for as long as the library is initialised, whose borrow is kept.
        Self { lib: nvml.lib(), device: unsafe { device.handle() } }
    }

    pub(super) fn row_reserve(&self) -> Reading<RowReserve> {
        reading(self.row_histogram())
    }

    fn row_histogram(&self) -> Result<RowReserve, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetRowRemapperHistogram.as_ref())?;
        let mut banks =
            nvmlRowRemapperHistogramValues_t { max: 0, high: 0, partial: 0, low: 0, none: 0 };
        // SAFETY: NVML fills a live structure of its own layout.
        nvml_try(unsafe { call(self.device, &raw mut banks) })?;
        let nvmlRowRemapperHistogramValues_t { max, high, partial, low, none } = banks;
        Ok(RowReserve { max, high, partial, low, none })
    }

    pub(super) fn sram(&self) -> Reading<SramErrors> {
        reading(self.sram_errors())
    }

    fn sram_errors(&self) -> Result<SramErrors, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetSramEccErrorStatus.as_ref())?;
        // SAFETY: all bits zero is a valid structure of numbers.
        let mut status: nvmlEccSramErrorStatus_v1_t = unsafe { std::mem::zeroed() };
        status.version = version::<nvmlEccSramErrorStatus_v1_t>(1);
        // SAFETY: NVML fills a live structure of the layout that its version names.
        nvml_try(unsafe { call(self.device, &raw mut status) })?;
        Ok(SramErrors {
            uncorrected: status.volatileUncParity.saturating_add(status.volatileUncSecDed),
            corrected: status.volatileCor,
            uncorrected_ever: status.aggregateUncParity.saturating_add(status.aggregateUncSecDed),
            threshold_exceeded: status.bThresholdExceeded != 0,
        })
    }

    /// The second form of the question, which tells the fabric's health; the first, without it, of older drivers.
    pub(super) fn fabric(&self) -> Reading<Fabric> {
        reading(self.fabric_info().or_else(|error| match error {
            NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => self.fabric_state(),
            other => Err(other),
        }))
    }

    fn fabric_info(&self) -> Result<Fabric, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetGpuFabricInfoV.as_ref())?;
        // SAFETY: all bits zero is a valid structure of numbers.
        let mut info: nvmlGpuFabricInfo_v2_t = unsafe { std::mem::zeroed() };
        info.version = version::<nvmlGpuFabricInfo_v2_t>(2);
        // SAFETY: NVML fills a live structure of the layout that its version names.
        nvml_try(unsafe { call(self.device, &raw mut info) })?;
        Ok(Fabric { state: info.state, status: info.status, health: Some(info.healthMask) })
    }

    fn fabric_state(&self) -> Result<Fabric, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetGpuFabricInfo.as_ref())?;
        // SAFETY: all bits zero is a valid structure of numbers.
        let mut info: nvmlGpuFabricInfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: NVML fills a live structure of its own layout.
        nvml_try(unsafe { call(self.device, &raw mut info) })?;
        Ok(Fabric { state: info.state, status: info.status, health: None })
    }

    pub(super) fn margin_c(&self) -> Reading<i64> {
        reading(self.margin())
    }

    fn margin(&self) -> Result<i64, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetMarginTemperature.as_ref())?;
        let mut margin = nvmlMarginTemperature_v1_t {
            version: version::<nvmlMarginTemperature_v1_t>(1),
            marginTemperature: 0,
        };
        // SAFETY: NVML fills a live structure of the layout that its version names.
        nvml_try(unsafe { call(self.device, &raw mut margin) })?;
        Ok(margin.marginTemperature.into())
    }

    /// The highest generation of PCI Express that the GPU itself can do.
    pub(super) fn pcie_generation(&self) -> Reading<u32> {
        reading(self.own_pcie_generation())
    }

    fn own_pcie_generation(&self) -> Result<u32, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetGpuMaxPcieLinkGeneration.as_ref())?;
        let mut generation = 0;
        // SAFETY: NVML writes a live number.
        nvml_try(unsafe { call(self.device, &raw mut generation) })?;
        Ok(generation)
    }

    /// Whether a link is up.
    pub(super) fn link_is_active(&self, link: u32) -> Result<bool, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetNvLinkState.as_ref())?;
        let mut state = 0;
        // SAFETY: NVML writes a live number.
        nvml_try(unsafe { call(self.device, link, &raw mut state) })?;
        Ok(state != 0)
    }

    /// An error counter of a link, up to NVLink 4: 0 replays, 1 recoveries, 2 checksums of control and 3 of data packets.
    pub(super) fn link_counter(&self, link: u32, counter: u32) -> Result<u64, NvmlError> {
        let call = nvml_sym(self.lib.nvmlDeviceGetNvLinkErrorCounter.as_ref())?;
        let mut count = 0;
        // SAFETY: NVML writes a live number.
        nvml_try(unsafe { call(self.device, link, counter, &raw mut count) })?;
        Ok(count)
    }

    /// Values that NVML gives by number, each of one part of the GPU (`scope`, such as a link). The numbers are given
    /// to NVML as they are: nothing from 251 on, where they depend on the driver.
    pub(super) fn values<const COUNT: usize>(
        &self,
        fields: [u32; COUNT],
        scope: u32,
    ) -> [Reading<i64>; COUNT] {
        // SAFETY: all bits zero is a valid structure of numbers.
        let mut values: [nvmlFieldValue_t; COUNT] = unsafe { std::mem::zeroed() };
        for (value, field) in values.iter_mut().zip(fields) {
            value.fieldId = field;
            value.scopeId = scope;
        }
        let asked = nvml_sym(self.lib.nvmlDeviceGetFieldValues.as_ref()).and_then(|call| {
            // SAFETY: NVML fills as many live structures as it is told.
            nvml_try(unsafe { call(self.device, COUNT as i32, values.as_mut_ptr()) })
        });
        if let Err(error) = asked {
            let failed: Reading<i64> = reading(Err(error));
            return std::array::from_fn(|_| failed.clone());
        }
        values.map(|value| reading(nvml_try(value.nvmlReturn)).map(|()| number(&value)))
    }
}

/// The number in a value of any type.
fn number(value: &nvmlFieldValue_t) -> i64 {
    // SAFETY: `valueType` says which of the fields NVML has written, and every bit pattern of each is valid.
    unsafe {
        match value.valueType {
            0 => value.value.dVal as i64,
            1 => value.value.uiVal.into(),
            2 => i64::try_from(value.value.ulVal).unwrap_or(i64::MAX),
            4 => value.value.sllVal,
            5 => value.value.siVal.into(),
            6 => value.value.usVal.into(),
            _ => i64::try_from(value.value.ullVal).unwrap_or(i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    /// Against NVML's documentation of the structures: a wrong layout would be refused by version, or write past the end.
    #[test]
    fn structures_are_laid_out_as_nvml_has_them() {
        assert_eq!(version::<nvmlEccSramErrorStatus_v1_t>(1), 0x0100_0068);
        assert_eq!(offset_of!(nvmlEccSramErrorStatus_v1_t, bThresholdExceeded), 96);
        assert_eq!(version::<nvmlGpuFabricInfo_v2_t>(2), 0x0200_0024);
        assert_eq!(offset_of!(nvmlGpuFabricInfo_v2_t, status), 20);
        assert_eq!(offset_of!(nvmlGpuFabricInfo_v2_t, state), 28);
        assert_eq!(offset_of!(nvmlGpuFabricInfo_v2_t, healthMask), 32);
        assert_eq!(version::<nvmlMarginTemperature_v1_t>(1), 0x0100_0008);
        assert_eq!(size_of::<nvmlRowRemapperHistogramValues_t>(), 20);
        assert_eq!(size_of::<nvmlFieldValue_t>(), 40);
    }
}
