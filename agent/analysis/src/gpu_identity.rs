//! Which row of the driver's management library is which device of a process: both know a GPU by its UUID alone.

use perfagent_recording::table::{Counter, Device, Gpu};
use perfagent_recording::{HostId, ProcessId, Recording};

/// The ordinal in the process of the GPU that a counter describes. A GPU that several processes use has its counters once.
pub(crate) fn ordinal(recording: &Recording, process: ProcessId, counter: &Counter) -> Option<i64> {
    let uuid = match (counter.device_id, counter.gpu_index) {
        (Some(described), _) => {
            let device = recording.device(described)?;
            if device.process_id == process {
                return Some(device.ordinal);
            }
            device.uuid.as_deref()?
        }
        (None, Some(index)) => {
            let host = recording.process(process)?.host_id;
            (host == counter.host_id).then(|| uuid(recording, host, index)).flatten()?
        }
        (None, None) => return None,
    };
    let is_it =
        |other: &&Device| other.process_id == process && other.uuid.as_deref() == Some(uuid);
    recording.devices.iter().find(is_it).map(|device| device.ordinal)
}

/// What the driver's management library told of a device of a process.
pub(crate) fn shown<'a>(recording: &'a Recording, device: &Device) -> Option<&'a Gpu> {
    let host = recording.process(device.process_id)?.host_id;
    let uuid = device.uuid.as_deref()?;
    recording.gpus.iter().find(|gpu| gpu.host_id == host && gpu.uuid.as_deref() == Some(uuid))
}

/// The UUID of the GPU with this index on a machine.
fn uuid(recording: &Recording, host: HostId, index: i64) -> Option<&str> {
    let mut rows = recording.gpus.iter();
    let row = rows.find(|gpu| gpu.host_id == host && gpu.gpu_index == index);
    row.and_then(|gpu| gpu.uuid.as_deref()).or_else(|| told(recording, index))
}

/// Before recordings had a table of GPUs, a note said `GPU 0: NVIDIA H200, 150.8 GB, GPU-…`.
fn told(recording: &Recording, index: i64) -> Option<&str> {
    let start = format!("GPU {index}: ");
    recording.notes.iter().find_map(|note| {
        let (_, uuid) = note.text.strip_prefix(&start)?.rsplit_once(", ")?;
        uuid.starts_with("GPU-").then_some(uuid)
    })
}
