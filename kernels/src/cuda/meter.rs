//! Power, clocks and what holds them down, read from NVML by a thread of its own: a driver that hangs costs figures of
//! power, never the measurement.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id::NVML_FI_DEV_POWER_INSTANT;
use nvml_wrapper::{Device, Nvml};

use crate::power::{Conditions, Power};

const PERIOD: Duration = Duration::from_millis(20);
/// Fewer readings make no mean.
const LEAST_READINGS: usize = 3;
/// What a sound driver never needs.
const PATIENCE: Duration = Duration::from_secs(10);
const INSTANT: &str = "NVML_FI_DEV_POWER_INSTANT, read every 20 ms";
const USAGE: &str =
    "nvmlDeviceGetPowerUsage, read every 20 ms (since Ampere a mean of the last second)";

/// What a device says of itself once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) driver_version: Option<String>,
    pub(super) most_sm_clock_mhz: Option<u32>,
    pub(super) most_memory_clock_mhz: Option<u32>,
    pub(super) power_limit_watts: Option<u32>,
    method: Option<&'static str>,
}

/// Readings in watts, each with its time.
type Readings = Arc<Mutex<Vec<(Instant, f64)>>>;
type Request = SyncSender<Conditions>;

/// Reads power for as long as it lives.
pub(super) struct Meter {
    readings: Readings,
    /// Ends the thread when it is dropped.
    requests: Option<SyncSender<Request>>,
    identity: Identity,
    reason: Option<String>,
    before: Option<Conditions>,
}

impl Meter {
    /// Starts to read the device of this UUID, and says why not where it cannot.
    pub(super) fn start(uuid: &str) -> Self {
        let readings = Readings::default();
        let (requests, asked) = sync_channel(1);
        let (started, start) = sync_channel(1);
        let (own, uuid) = (Arc::clone(&readings), uuid.to_owned());
        let thread = thread::Builder::new()
            .name("power".to_owned())
            .spawn(move || read(&uuid, &own, &asked, &started));
        let answer = match thread {
            Ok(_) => start.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                Err(format!("NVML has not answered for {} s; see dmesg", PATIENCE.as_secs()))
            }),
            Err(error) => Err(format!("no thread could be started to read it: {error}")),
        };
        match answer {
            Ok(identity) => {
                let mut meter = Self {
                    readings,
                    requests: Some(requests),
                    identity,
                    reason: None,
                    before: None,
                };
                meter.before = meter.conditions();
                meter
            }
            Err(reason) => Self {
                readings,
                requests: None,
                identity: Identity::default(),
                reason: Some(reason),
                before: None,
            },
        }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the device drew between two moments on average, in watts; `None` of too short a time.
    pub(super) fn mean(&self, from: Instant, to: Instant) -> Option<f64> {
        let readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        mean(&readings, from, to)
    }

    /// All that is told of power, with the conditions of now as those after the measurements.
    pub(super) fn power(&self) -> Power {
        let reason = self.reason.clone().or_else(|| {
            let silent = self.identity.method.is_none();
            silent.then(|| "NVML tells no power of this device".to_owned())
        });
        Power {
            method: self.identity.method,
            reason,
            before: self.before.clone(),
            after: self.conditions(),
        }
    }

    fn conditions(&self) -> Option<Conditions> {
        let (answer, answered) = sync_channel(1);
        self.requests.as_ref()?.try_send(answer).ok()?;
        answered.recv_timeout(PATIENCE).ok()
    }
}

fn mean(readings: &[(Instant, f64)], from: Instant, to: Instant) -> Option<f64> {
    let first = readings.partition_point(|(time, _)| *time < from);
    let last = readings.partition_point(|(time, _)| *time <= to);
    let within = readings.get(first..last)?;
    (within.len() >= LEAST_READINGS)
        .then(|| within.iter().map(|(_, watts)| watts).sum::<f64>() / within.len() as f64)
}

/// The thread: starts NVML, then reads until nobody can ask any more.
fn read(
    uuid: &str,
    readings: &Readings,
    asked: &Receiver<Request>,
    started: &SyncSender<Result<Identity, String>>,
) {
    // Never shut down: that is one more call that can hang.
    static LIBRARY: OnceLock<Result<Nvml, String>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| Nvml::init().map_err(|error| why(&error)));
    let device = match library {
        Ok(library) => library.device_by_uuid(uuid).map_err(|error| why(&error)),
        Err(reason) => Err(reason.clone()),
    };
    let device = match device {
        Ok(device) => device,
        Err(reason) => {
            // Nobody may be waiting any more.
            let _ = started.send(Err(reason));
            return;
        }
    };
    let method = [INSTANT, USAGE].into_iter().find(|method| watts(&device, method).is_some());
    let driver_version =
        library.as_ref().ok().and_then(|library| library.sys_driver_version().ok());
    let _ = started.send(Ok(Identity {
        driver_version,
        most_sm_clock_mhz: device.max_clock_info(Clock::SM).ok(),
        most_memory_clock_mhz: device.max_clock_info(Clock::Memory).ok(),
        power_limit_watts: device.enforced_power_limit().ok().map(|milliwatts| milliwatts / 1000),
        method,
    }));
    loop {
        match asked.recv_timeout(PERIOD) {
            Ok(answer) => {
                let _ = answer.send(conditions(&device));
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(watts) = method.and_then(|method| watts(&device, method)) {
                    let mut readings = readings.lock().unwrap_or_else(PoisonError::into_inner);
                    readings.push((Instant::now(), watts));
                }
            }
        }
    }
}

fn watts(device: &Device, method: &str) -> Option<f64> {
    if method == USAGE {
        return device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3);
    }
    let fields = device.field_values_for(&[FieldId(NVML_FI_DEV_POWER_INSTANT)]).ok()?;
    let milliwatts = match fields.into_iter().next()?.ok()?.value.ok()? {
        SampleValue::U32(value) => f64::from(value),
        SampleValue::U64(value) => value as f64,
        SampleValue::I64(value) => value as f64,
        SampleValue::F64(value) => value,
    };
    (milliwatts > 0.0).then_some(milliwatts / 1e3)
}

fn conditions(device: &Device) -> Conditions {
    Conditions {
        sm_clock_mhz: device.clock_info(Clock::SM).ok(),
        memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
        temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok(),
        throttle_reasons: device.current_throttle_reasons().ok().map(named),
    }
}

fn named(reasons: ThrottleReasons) -> Vec<&'static str> {
    [
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, "hardware thermal slowdown"),
        (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "power brake"),
        (ThrottleReasons::HW_SLOWDOWN, "hardware slowdown"),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, "software thermal slowdown"),
        (ThrottleReasons::SW_POWER_CAP, "power cap"),
        (ThrottleReasons::SYNC_BOOST, "sync boost"),
        (ThrottleReasons::APPLICATIONS_CLOCKS_SETTING, "application clocks"),
        (ThrottleReasons::DISPLAY_CLOCK_SETTING, "display clocks"),
        (ThrottleReasons::GPU_IDLE, "idle"),
    ]
    .into_iter()
    .filter(|(reason, _)| reasons.contains(*reason))
    .map(|(_, name)| name)
    .collect()
}

/// One line, with what to do.
fn why(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) => {
            "no NVML: libnvidia-ml.so.1 is in none of the linker's directories; install the NVIDIA driver (in a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility)".to_owned()
        }
        other => format!("NVML says: {other}; see `nvidia-smi`"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use nvml_wrapper::bitmasks::device::ThrottleReasons;

    use super::{Meter, mean, named};

    #[test]
    fn the_mean_is_that_of_the_readings_meanwhile() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let readings: Vec<_> = [(0, 100.0), (20, 300.0), (40, 320.0), (60, 340.0), (80, 100.0)]
            .map(|(millis, watts)| (at(millis), watts))
            .into();
        assert_eq!(mean(&readings, at(10), at(70)), Some(320.0));
        assert_eq!(mean(&readings, at(30), at(70)), None, "two readings");
        assert_eq!(mean(&readings, at(90), at(99)), None);
        assert_eq!(mean(&[], at(0), at(99)), None);
    }

    #[test]
    fn what_holds_clocks_down_is_named_faults_first() {
        let reasons = ThrottleReasons::SW_POWER_CAP | ThrottleReasons::HW_THERMAL_SLOWDOWN;
        assert_eq!(named(reasons), ["hardware thermal slowdown", "power cap"]);
        assert_eq!(named(ThrottleReasons::empty()), Vec::<&str>::new());
    }

    /// No GPU has this one, so there is a reason on every machine.
    #[test]
    fn a_device_that_nvml_does_not_know_has_a_reason_and_no_figures() {
        let meter = Meter::start("GPU-00000000-0000-0000-0000-000000000000");
        let now = Instant::now();
        assert_eq!(meter.mean(now, now), None);
        let power = meter.power();
        assert_eq!((power.method, power.before, power.after), (None, None, None));
        let reason = power.reason.unwrap();
        assert!(reason.contains("NVML"), "{reason}");
    }
}
