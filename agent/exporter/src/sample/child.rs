//! What the child does: asks every GPU everything, again and again.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::events;
use super::gpm::Gpm;
use super::gpu::{GpuSample, GpuState};
use super::line::{Failure, Line};
use super::question::{FIELDS, QUESTIONS, fields};
use super::tell::Teller;

/// A library that was started before a GPU came back does not see it, so another child is to look after this time.
const LOST_FOR: Duration = Duration::from_secs(30);

/// Asks every `interval` and writes the lines to `out`, until nobody reads them or NVML cannot be used any more.
pub fn run(interval: Duration, out: impl Write + Send + 'static) {
    let teller = Teller::new(out);
    if let Err(error) = sample(interval, &teller) {
        let reason = Failure::of(&error).unwrap_or(Failure::Refused);
        teller.tell(&Line::Failed { reason, said: error.to_string() });
    }
}

fn sample(interval: Duration, teller: &Teller) -> Result<(), NvmlError> {
    let nvml = teller.call("nvmlInit_v2", None, true, Nvml::init)?;
    // Never shut down: that is one more call that can hang, and the process ends anyway.
    let nvml: &'static Nvml = Box::leak(Box::new(nvml));
    let count = teller.call("nvmlDeviceGetCount_v2", None, false, || nvml.device_count())?;
    let driver = nvml.sys_driver_version().ok();
    teller.tell(&Line::Started { driver, count });
    let mut gpus: Vec<_> = (0..count).map(|index| Gpu::open(nvml, index, teller)).collect();
    let waiting = teller.clone();
    // Without that thread XIDs still come from the kernel log.
    let _ = std::thread::Builder::new()
        .name("xids".to_owned())
        .spawn(move || events::run(nvml, count, &waiting));
    let mut lost_since = None;
    let mut next = Instant::now();
    while teller.is_read() {
        let start = Instant::now();
        let mut any_lost = false;
        for gpu in &mut gpus {
            let sample = gpu.look(teller)?;
            any_lost |= sample.state != GpuState::Answers;
            teller.tell(&Line::Gpu(Box::new(sample)));
        }
        teller.tell(&Line::Sampled { took_s: start.elapsed().as_secs_f64() });
        lost_since = any_lost.then(|| lost_since.unwrap_or(start));
        if lost_since.is_some_and(|since: Instant| since.elapsed() >= LOST_FOR) {
            teller.tell(&Line::Again);
            return Ok(());
        }
        // What took too long is left out, not made up for.
        next = (next + interval).max(Instant::now());
        while let Some(left) =
            next.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            std::thread::park_timeout(left);
        }
    }
    Ok(())
}

/// A GPU that is looked at.
struct Gpu {
    known: GpuSample,
    device: Option<Device<'static>>,
    gpm: Option<Gpm>,
    /// What it does not have, which is not asked again.
    left_out: BTreeSet<&'static str>,
}

impl Gpu {
    fn open(nvml: &'static Nvml, index: u32, teller: &Teller) -> Self {
        let gpu = Some(index);
        let call = "nvmlDeviceGetHandleByIndex_v2";
        // The first touch: without persistence mode the driver wakes the GPU now.
        let device = teller.call(call, gpu, true, || nvml.device_by_index(index));
        let mut known = GpuSample::unseen(index, GpuState::Answers);
        let device = match device {
            Ok(device) => device,
            Err(error) => {
                known.state = state(&error);
                return Self { known, device: None, gpm: None, left_out: BTreeSet::new() };
            }
        };
        known.minor =
            teller.call("nvmlDeviceGetMinorNumber", gpu, false, || device.minor_number()).ok();
        known.uuid = teller.call("nvmlDeviceGetUUID", gpu, false, || device.uuid()).ok();
        known.name = teller.call("nvmlDeviceGetName", gpu, false, || device.name()).ok();
        let pci = teller.call("nvmlDeviceGetPciInfo_v3", gpu, false, || device.pci_info());
        known.pci = pci.ok().map(|pci| pci.bus_id);
        known.vbios =
            teller.call("nvmlDeviceGetVbiosVersion", gpu, false, || device.vbios_version()).ok();
        let gpm = teller.call("nvmlGpmQueryDeviceSupport", gpu, false, || device.gpm_support());
        let gpm = matches!(gpm, Ok(true)).then(|| Gpm::new(nvml));
        Self { known, device: Some(device), gpm, left_out: BTreeSet::new() }
    }

    /// Asks everything once. An error is one of the whole driver.
    fn look(&mut self, teller: &Teller) -> Result<GpuSample, NvmlError> {
        let mut sample = self.known.clone();
        let Some(device) = &self.device else { return Ok(sample) };
        let index = sample.index;
        for question in &QUESTIONS {
            if question.names.iter().any(|name| self.left_out.contains(name)) {
                continue;
            }
            let answer = teller.call(question.call, Some(index), false, || (question.read)(device));
            match answer {
                Ok(values) => {
                    let named = question.names.iter().zip(values);
                    sample.values.extend(named.map(|(name, value)| ((*name).to_owned(), value)));
                }
                Err(error) if is_lost(&error) => return Ok(lost(sample, &error)),
                Err(error) if Failure::of(&error).is_some() => return Err(error),
                Err(error) if is_not_offered(&error) => self.left_out.extend(question.names),
                // Perhaps next time.
                Err(_) => {}
            }
        }
        let wanted: Vec<_> =
            FIELDS.into_iter().filter(|(_, name)| !self.left_out.contains(name)).collect();
        if !wanted.is_empty() {
            let call = "nvmlDeviceGetFieldValues";
            match teller.call(call, Some(index), false, || fields(device, &wanted)) {
                Ok(values) => {
                    for ((_, name), value) in wanted.into_iter().zip(values) {
                        match value {
                            // A GPU without that sensor says 0.
                            Ok(value) if value > 0.0 || !name.ends_with("_c") => {
                                sample.values.insert(name.to_owned(), value);
                            }
                            Err(error) if !is_not_offered(&error) => {}
                            _ => drop(self.left_out.insert(name)),
                        }
                    }
                }
                Err(error) if is_lost(&error) => return Ok(lost(sample, &error)),
                Err(error) if Failure::of(&error).is_some() => return Err(error),
                Err(error) if is_not_offered(&error) => {
                    self.left_out.extend(FIELDS.map(|(_, name)| name));
                }
                Err(_) => {}
            }
        }
        if let Some(gpm) = &mut self.gpm {
            match gpm.read(teller, index, device) {
                Ok(values) => {
                    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
                    sample.values.extend(values);
                }
                Err(error) if is_lost(&error) => return Ok(lost(sample, &error)),
                Err(error) if is_not_offered(&error) => self.gpm = None,
                Err(_) => {}
            }
        }
        Ok(sample)
    }
}

fn is_lost(error: &NvmlError) -> bool {
    matches!(error, NvmlError::GpuLost | NvmlError::ResetRequired)
}

fn is_not_offered(error: &NvmlError) -> bool {
    matches!(
        error,
        NvmlError::NotSupported
            | NvmlError::InvalidArg
            | NvmlError::NoPermission
            | NvmlError::FunctionNotFound
            | NvmlError::FailedToLoadSymbol(_)
    )
}

fn state(error: &NvmlError) -> GpuState {
    if is_lost(error) { GpuState::Lost } else { GpuState::Refused(error.to_string()) }
}

/// Of a GPU that is lost nothing is known, also not what it said a moment ago.
fn lost(mut sample: GpuSample, error: &NvmlError) -> GpuSample {
    sample.values.clear();
    sample.state = state(error);
    sample
}
