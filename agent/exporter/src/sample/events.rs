//! XIDs as the driver tells of them.

use std::time::Duration;

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{EventSet, Nvml};

use super::line::Line;
use super::tell::Teller;

/// How long the driver may sleep at a time; an event wakes it.
const NAP_MS: u32 = 1000;
/// With a GPU that is lost every wait fails at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits for XIDs for as long as anybody listens. A wait that hangs holds nobody up, so it is not announced.
pub(super) fn run(nvml: &'static Nvml, count: u32, teller: &Teller) {
    let Some(set) = register(nvml, count) else { return };
    while teller.is_read() {
        match set.wait(NAP_MS) {
            Ok(event) => {
                let code = match event.event_data {
                    Some(XidError::Value(xid)) => u32::try_from(xid).ok(),
                    Some(XidError::Unknown) => None,
                    // Some other event.
                    None => continue,
                };
                teller.tell(&Line::Xid { gpu: event.device.index().ok(), code });
            }
            Err(NvmlError::Timeout) => {}
            Err(_) => std::thread::park_timeout(PAUSE),
        }
    }
}

/// The XIDs of all GPUs that tell them.
fn register(nvml: &'static Nvml, count: u32) -> Option<EventSet<'static>> {
    let wanted = EventTypes::CRITICAL_XID_ERROR;
    let mut able: Vec<_> = (0..count)
        .filter_map(|index| {
            let device = nvml.device_by_index(index).ok()?;
            let offered = device.supported_event_types().ok()?;
            offered.contains(wanted).then_some(device)
        })
        .collect();
    // A registration that fails takes the set with it: begin again without that GPU.
    while !able.is_empty() {
        let mut set = Some(nvml.create_event_set().ok()?);
        let mut refused = None;
        for (at, device) in able.iter().enumerate() {
            let Some(open) = set.take() else { break };
            set = device.register_events(wanted, open).ok();
            if set.is_none() {
                refused = Some(at);
            }
        }
        let Some(at) = refused else { return set };
        able.remove(at);
    }
    None
}
