//! Repeated timing on one device: launches between two events, or calls by the host's clock, with the power meanwhile.

use std::time::{Duration, Instant};

use cudarc::driver::DriverError;

use super::compiler::Compiler;
use super::driver::{Gpu, elapsed};
use super::meter::Meter;
use crate::sample::{Samples, Stop, sample};
use crate::{CeilingError, Effort, Latency, Rate};

/// A device that has idled, for a compilation say, works for so long until its clocks are up: an H200 gave a third of its
/// rate for the first 40 ms.
const WARM_UP: Duration = Duration::from_millis(300);

/// What every measurement of a device needs.
pub(super) struct Bench<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) compiler: &'a Compiler,
    pub(super) meter: &'a Meter,
    pub(super) effort: Effort,
}

/// The times of a measurement and what the device drew meanwhile, in watts.
pub(super) struct Timed {
    pub(super) samples: Samples,
    pub(super) watts: Option<f64>,
}

impl Timed {
    pub(super) fn rate(&self, name: &'static str, bytes: u64) -> Rate {
        Rate::new(name, bytes, &self.samples).with_watts(self.watts)
    }
}

impl Bench<'_> {
    /// A bound for a figure that stands alone.
    pub(super) fn figure(&self) -> Stop {
        Stop::figure(self.effort)
    }

    /// A bound for a point of a curve.
    pub(super) fn point(&self) -> Stop {
        Stop::point(self.effort)
    }

    /// Like [`on_device`](Self::on_device), with the device at its clocks.
    pub(super) fn on_warm_device(
        &self,
        stop: &Stop,
        mut launch: impl FnMut() -> Result<(), CeilingError>,
    ) -> Result<Timed, CeilingError> {
        let begun = Instant::now();
        while begun.elapsed() < WARM_UP {
            launch()?;
            self.gpu.stream.synchronize().map_err(self.gpu.refused("wait for a kernel"))?;
        }
        self.on_device(stop, launch)
    }

    /// Times on the device what `launch` puts on its stream.
    pub(super) fn on_device(
        &self,
        stop: &Stop,
        mut launch: impl FnMut() -> Result<(), CeilingError>,
    ) -> Result<Timed, CeilingError> {
        let (start, end) = (self.gpu.event()?, self.gpu.event()?);
        let recorded =
            |done: Result<(), DriverError>| done.map_err(self.gpu.refused("record an event"));
        self.metered(stop, || {
            recorded(start.record(&self.gpu.stream))?;
            launch()?;
            recorded(end.record(&self.gpu.stream))?;
            elapsed(self.gpu, &start, &end)
        })
    }

    /// Times what `once` itself says that it took.
    pub(super) fn metered(
        &self,
        stop: &Stop,
        once: impl FnMut() -> Result<Duration, CeilingError>,
    ) -> Result<Timed, CeilingError> {
        let from = Instant::now();
        let samples = sample(stop, once)?;
        Ok(Timed { samples, watts: self.meter.mean(from, Instant::now()) })
    }
}

/// A latency of which each time holds `parts`.
pub(super) fn latency(
    name: &'static str,
    stop: &Stop,
    parts: u32,
    once: impl FnMut() -> Result<Duration, CeilingError>,
) -> Result<Latency, CeilingError> {
    Ok(Latency::new(name, &sample(stop, once)?, parts))
}
