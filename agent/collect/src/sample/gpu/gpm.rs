//! GPU performance monitoring (GPM): activity of multiprocessors, tensor cores and memory, from Hopper on.
//!
//! The driver counts; a value is the difference between two samples. It needs no privileges and no CUPTI, so that it
//! works where another profiler has the counters.

use std::time::{Duration, Instant};

use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::gpm::gpm_metrics_get;
use nvml_wrapper::{Device, GpmSample, Nvml};

use super::Turn;
use super::refusal::Refusals;
use crate::sample::Keep;

const MIB: f64 = 1_048_576.0;
/// Two samples that are closer say little.
const SHORTEST: Duration = Duration::from_millis(100);

/// Metric, series, unit, and what its value is multiplied by: traffic comes in MiB/s (`nvml.h`).
const METRICS: [(GpmMetricId, &str, &str, f64); 11] = [
    (GpmMetricId::SmUtil, "sm_active", "pct", 1.0),
    (GpmMetricId::SmOccupancy, "sm_occupancy", "pct", 1.0),
    (GpmMetricId::AnyTensorUtil, "tensor_active", "pct", 1.0),
    (GpmMetricId::DramBwUtil, "dram_active", "pct", 1.0),
    (GpmMetricId::Fp64Util, "fp64_active", "pct", 1.0),
    (GpmMetricId::Fp32Util, "fp32_active", "pct", 1.0),
    (GpmMetricId::Fp16Util, "fp16_active", "pct", 1.0),
    (GpmMetricId::PcieRxPerSec, "pcie_rx", "bytes/s", MIB),
    (GpmMetricId::PcieTxPerSec, "pcie_tx", "bytes/s", MIB),
    (GpmMetricId::NvlinkTotalRxPerSec, "nvlink_rx", "bytes/s", MIB),
    (GpmMetricId::NvlinkTotalTxPerSec, "nvlink_tx", "bytes/s", MIB),
];

/// The counters of one GPU.
#[derive(Debug)]
pub(super) struct Gpm<'nvml> {
    nvml: &'nvml Nvml,
    last: Option<(Instant, GpmSample<'nvml>)>,
}

impl<'nvml> Gpm<'nvml> {
    pub(super) fn new(nvml: &'nvml Nvml) -> Self {
        Self { nvml, last: None }
    }

    /// Adds what happened since the last sample, if that is long enough ago.
    pub(super) fn sample(
        &mut self,
        gpu: u32,
        device: &Device<'nvml>,
        refusals: &mut Refusals,
        turn: &mut Turn<'_>,
    ) {
        let now = Instant::now();
        if self.last.as_ref().is_some_and(|(then, _)| now.duration_since(*then) < SHORTEST)
            || !refusals.allows("gpm")
        {
            return;
        }
        let sample = turn.caller.call("nvmlGpmSampleGet", Some(gpu), || device.gpm_sample());
        let Some(sample) = refusals.note(turn.context, &["gpm"], sample) else { return };
        let before = self.last.replace((now, sample));
        let (Some((_, before)), Some((_, after))) = (before, &self.last) else { return };
        let wanted: Vec<_> = METRICS.iter().filter(|(_, name, ..)| refusals.allows(name)).collect();
        let ids: Vec<_> = wanted.iter().map(|(id, ..)| *id).collect();
        let values = turn.caller.call("nvmlGpmMetricsGet", Some(gpu), || {
            gpm_metrics_get(self.nvml, &before, after, &ids)
        });
        let Some(values) = refusals.note(turn.context, &["gpm"], values) else { return };
        for ((_, name, unit, scale), value) in wanted.into_iter().zip(values) {
            let value = value.map(|metric| metric.value * scale);
            // Not a number where nothing was counted.
            if let Some(value) = refusals.note(turn.context, &[name], value)
                && value.is_finite()
            {
                turn.add(gpu, name, unit, value, Keep::Changes);
            }
        }
    }
}
