//! XIDs and uncorrectable memory errors, as the driver tells of them.

use std::time::Duration;

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, EventSet, Nvml};
use perfagent_recording::table::Severity;

use crate::sample::watch::Caller;
use crate::sample::{Context, Reading};

/// How long the driver may sleep at a time: an event wakes it at once, the end of the recording does not.
const NAP_MS: u32 = 100;
/// Pause after a wait that failed at once.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for events of the GPUs with these indices until told to stop.
pub(super) fn run(context: &Context, caller: &Caller, nvml: &Nvml, indices: &[u32]) {
    let Some(set) = register(context, caller, nvml, indices) else { return };
    let mut complained = false;
    while !context.stop.is_set() {
        let event = caller.call("nvmlEventSetWait_v2", None, || set.wait(NAP_MS));
        let time = context.clock.now();
        let event = match event {
            Ok(event) => event,
            Err(NvmlError::Timeout) => continue,
            Err(error) => {
                // With a GPU that is lost every wait fails at once.
                if !std::mem::replace(&mut complained, true) {
                    context.note(
                        Severity::Warning,
                        format!("XIDs are not told as they happen: NVML: {error}"),
                    );
                }
                if context.stop.within(PAUSE) {
                    return;
                }
                continue;
            }
        };
        let gpu = caller
            .call("nvmlDeviceGetIndex", None, || event.device.index())
            .map_or_else(|_| "a GPU".to_owned(), |index| format!("GPU {index}"));
        let text = match event.event_data {
            Some(XidError::Value(xid)) => {
                format!("{gpu}: XID {xid}; `perfagent health` says what it means")
            }
            Some(XidError::Unknown) => format!("{gpu}: an XID that NVML does not know"),
            None => format!("{gpu}: memory errors that ECC could not correct"),
        };
        context.send(Reading::Note { time, severity: Severity::Warning, text });
    }
}

/// A set of the events of all GPUs that have them; `None` where none does.
fn register<'nvml>(
    context: &Context,
    caller: &Caller,
    nvml: &'nvml Nvml,
    indices: &[u32],
) -> Option<EventSet<'nvml>> {
    let wanted = EventTypes::CRITICAL_XID_ERROR | EventTypes::DOUBLE_BIT_ECC_ERROR;
    let mut left_out = Vec::new();
    let mut gpus: Vec<(u32, Device<'nvml>, EventTypes)> = Vec::new();
    for &index in indices {
        let name = "nvmlDeviceGetSupportedEventTypes";
        let found = caller.call(name, Some(index), || {
            let device = nvml.device_by_index(index)?;
            let offered = device.supported_event_types()?;
            Ok::<_, NvmlError>((device, offered & wanted))
        });
        match found {
            Ok((device, events)) if !events.is_empty() => gpus.push((index, device, events)),
            _ => left_out.push(index),
        }
    }
    // A registration that fails takes the set with it: begin again without that GPU.
    let set = loop {
        if gpus.is_empty() {
            break None;
        }
        let mut set = caller.call("nvmlEventSetCreate", None, || nvml.create_event_set()).ok();
        let mut refused = None;
        for (position, (index, device, events)) in gpus.iter().enumerate() {
            let Some(open) = set.take() else { break };
            set = caller
                .call("nvmlDeviceRegisterEvents", Some(*index), || {
                    device.register_events(*events, open)
                })
                .ok();
            if set.is_none() {
                refused = Some(position);
            }
        }
        match refused {
            Some(position) => left_out.push(gpus.remove(position).0),
            None => break set,
        }
    };
    if set.is_none() {
        context.note(Severity::Info, "no GPU tells of XIDs as they happen".to_owned());
    } else {
        for index in left_out {
            context
                .note(Severity::Info, format!("GPU {index} does not tell of XIDs as they happen"));
        }
    }
    set
}
