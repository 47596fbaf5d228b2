//! What `perfagent export` writes beside the events, under the key `perfagent`: which process, thread, GPU and counter
//! the tracks of the file stand for. Without it a file is one process, as those of PyTorch are.

use std::collections::HashMap;

use serde::Deserialize;

/// The value of the key.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Own {
    pub(crate) hosts: Vec<OwnHost>,
    pub(crate) processes: Vec<OwnProcess>,
    pub(crate) counters: Vec<OwnCounter>,
    pub(crate) losses: Vec<OwnLoss>,
    pub(crate) notes: Vec<OwnNote>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnHost {
    pub(crate) name: String,
    pub(crate) cpu_model: Option<String>,
    pub(crate) logical_cores: Option<i64>,
    pub(crate) memory_bytes: Option<i64>,
    pub(crate) system: Option<String>,
    pub(crate) driver_version: Option<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnProcess {
    /// The `pid` of its events.
    pub(crate) track: i64,
    /// Its place in the list of hosts.
    pub(crate) host: usize,
    pub(crate) pid: i64,
    pub(crate) parent_pid: Option<i64>,
    pub(crate) rank: Option<i64>,
    pub(crate) local_rank: Option<i64>,
    pub(crate) world_size: Option<i64>,
    pub(crate) name: String,
    pub(crate) command: String,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: Option<i64>,
    pub(crate) exit_code: Option<i64>,
    pub(crate) exit_signal: Option<i64>,
    pub(crate) threads: Vec<OwnThread>,
    pub(crate) devices: Vec<OwnDevice>,
    pub(crate) streams: Vec<OwnStream>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnThread {
    /// The `tid` of its events.
    pub(crate) track: i64,
    pub(crate) tid: i64,
    pub(crate) name: String,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnDevice {
    /// The `pid` of its events.
    pub(crate) track: i64,
    pub(crate) ordinal: i64,
    pub(crate) uuid: Option<String>,
    pub(crate) name: String,
    pub(crate) total_bytes: Option<i64>,
    pub(crate) sm_count: Option<i64>,
    pub(crate) cc_major: Option<i64>,
    pub(crate) cc_minor: Option<i64>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnStream {
    /// The ordinal of its device.
    pub(crate) device: i64,
    pub(crate) stream: i64,
    pub(crate) context: Option<i64>,
    pub(crate) name: String,
    pub(crate) priority: Option<i64>,
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnCounter {
    /// The `pid` of its events.
    pub(crate) track: i64,
    /// The `name` of its events.
    pub(crate) label: String,
    pub(crate) host: usize,
    /// Its place in the list of processes.
    pub(crate) process: Option<usize>,
    /// The ordinal of its device.
    pub(crate) device: Option<i64>,
    pub(crate) gpu_index: Option<i64>,
    pub(crate) name: String,
    pub(crate) unit: String,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnLoss {
    /// Its place in the list of processes.
    pub(crate) process: Option<usize>,
    pub(crate) cause: String,
    pub(crate) count: i64,
    pub(crate) start_ns: Option<i64>,
    pub(crate) end_ns: Option<i64>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct OwnNote {
    /// Its place in the list of processes.
    pub(crate) process: Option<usize>,
    pub(crate) time_ns: Option<i64>,
    pub(crate) severity: String,
    pub(crate) text: String,
}

impl Own {
    /// The place of every track's process in the list, by the `pid` of its events as text.
    pub(crate) fn tracks(&self) -> HashMap<String, usize> {
        let mut tracks = HashMap::new();
        for (place, process) in self.processes.iter().enumerate() {
            tracks.insert(process.track.to_string(), place);
            tracks.extend(process.devices.iter().map(|device| (device.track.to_string(), place)));
        }
        tracks
    }
}
