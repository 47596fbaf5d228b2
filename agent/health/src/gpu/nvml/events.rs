//! XIDs as NVML tells them: those that come while the examination lasts. Earlier ones it does not keep.

use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::{EventSet, Nvml};

/// More than this within half a second says no more than these.
const MOST: usize = 64;

/// What was registered; empty where GPUs do not offer it.
pub(super) struct Events<'nvml>(Vec<EventSet<'nvml>>);

impl<'nvml> Events<'nvml> {
    /// A set for each GPU, as one that refuses takes its set with it.
    pub(super) fn register(nvml: &'nvml Nvml, count: u32) -> Self {
        let register = |index| {
            let device = nvml.device_by_index(index).ok()?;
            let set = nvml.create_event_set().ok()?;
            device.register_events(EventTypes::CRITICAL_XID_ERROR, set).ok()
        };
        Self((0..count).filter_map(register).collect())
    }

    /// GPU and number of what has come until now, without waiting.
    pub(super) fn seen(&self) -> Vec<(u32, u64)> {
        let mut seen = Vec::new();
        for set in &self.0 {
            while let Ok(event) = set.wait(0) {
                let Some(XidError::Value(code)) = event.event_data else { continue };
                let Ok(index) = event.device.index() else { continue };
                seen.push((index, code));
                if seen.len() == MOST {
                    return seen;
                }
            }
        }
        seen
    }
}
