//! What a rank ran on, and with which libraries.

use perfagent_recording::{ProcessId, Recording};

use crate::gpu_identity;
use crate::report::{DeviceFacts, LibraryFacts};

/// The GPUs that a process saw, with what the driver's management library told of them.
pub(crate) fn devices(recording: &Recording, process: ProcessId) -> Vec<DeviceFacts> {
    let own = recording.devices.iter().filter(|device| device.process_id == process);
    let facts = own.map(|device| {
        let shown = gpu_identity::shown(recording, device);
        DeviceFacts {
            id: device.ordinal,
            uuid: device.uuid.clone(),
            name: device.name.clone(),
            total_bytes: device.total_bytes,
            compute_capability: device.cc_major.zip(device.cc_minor),
            power_limit_watts: shown.and_then(|gpu| gpu.power_limit_watts),
            most_sm_clock_mhz: shown.and_then(|gpu| gpu.most_sm_clock_mhz),
        }
    });
    facts.collect()
}

/// What a process had loaded, in order of names.
pub(crate) fn libraries(recording: &Recording, process: ProcessId) -> Vec<LibraryFacts> {
    let own = recording.libraries.iter().filter(|library| library.process_id == process);
    let mut facts: Vec<_> = own
        .map(|library| LibraryFacts {
            name: library.name.clone(),
            version: library.version.clone(),
            path: library.path.clone(),
        })
        .collect();
    facts.sort();
    facts
}
