//! GPU performance monitoring, from Hopper on: activity of multiprocessors, tensor cores and memory. Where it is missing, so
//! are its values.

use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::gpm::gpm_metrics_get;
use nvml_wrapper::{Device, GpmSample, Nvml};

use super::tell::Teller;

/// Metric and name. Traffic comes in MiB a second (`nvml.h`), everything else in percent.
const METRICS: [(GpmMetricId, &str); 12] = [
    (GpmMetricId::GraphicsUtil, "graphics_active_pct"),
    (GpmMetricId::SmUtil, "sm_active_pct"),
    (GpmMetricId::SmOccupancy, "sm_occupancy_pct"),
    (GpmMetricId::AnyTensorUtil, "tensor_active_pct"),
    (GpmMetricId::DramBwUtil, "dram_active_pct"),
    (GpmMetricId::Fp64Util, "fp64_active_pct"),
    (GpmMetricId::Fp32Util, "fp32_active_pct"),
    (GpmMetricId::Fp16Util, "fp16_active_pct"),
    (GpmMetricId::PcieTxPerSec, "pcie_tx_mib_s"),
    (GpmMetricId::PcieRxPerSec, "pcie_rx_mib_s"),
    (GpmMetricId::NvlinkTotalTxPerSec, "nvlink_tx_mib_s"),
    (GpmMetricId::NvlinkTotalRxPerSec, "nvlink_rx_mib_s"),
];

/// The counters of one GPU. A value is the difference between two samples, so the first look has none.
pub(super) struct Gpm {
    nvml: &'static Nvml,
    last: Option<GpmSample<'static>>,
}

impl Gpm {
    pub(super) fn new(nvml: &'static Nvml) -> Self {
        Self { nvml, last: None }
    }

    /// What happened since the last call.
    pub(super) fn read(
        &mut self,
        teller: &Teller,
        gpu: u32,
        device: &Device<'static>,
    ) -> Result<Vec<(&'static str, f64)>, NvmlError> {
        let sample = teller.call("nvmlGpmSampleGet", Some(gpu), false, || device.gpm_sample())?;
        let before = self.last.replace(sample);
        let (Some(before), Some(after)) = (before, &self.last) else { return Ok(Vec::new()) };
        let ids = METRICS.map(|(id, _)| id);
        let values = teller.call("nvmlGpmMetricsGet", Some(gpu), false, || {
            gpm_metrics_get(self.nvml, &before, after, &ids)
        })?;
        let values = METRICS.iter().zip(values).filter_map(|((_, name), value)| {
            // Not a number where nothing was counted.
            let value = value.ok()?.value;
            value.is_finite().then_some((*name, value))
        });
        Ok(values.collect())
    }
}
