//! Which `pid` and `tid` the events of each process, thread, GPU and stream get.
//!
//! As far as they are free these are the real numbers, and of GPUs the ordinals, as in traces of PyTorch. Where one
//! file holds several processes, or one number stands for two things, further numbers are made up, all different.

use std::collections::HashSet;

use perfagent_recording::{DeviceId, HostId, ProcessId, StreamId, ThreadId};
use rustc_hash::FxHashMap;

use crate::scene::{Scene, View};

/// A `pid` and a `tid`.
pub(crate) type Track = (i64, i64);

/// Greater than every number of a process on Linux.
const MADE_UP: i64 = 5_000_000;

/// The numbers of everything in a file.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    next: i64,
    taken: HashSet<i64>,
    processes: FxHashMap<(usize, ProcessId), i64>,
    devices: FxHashMap<(usize, DeviceId), i64>,
    hosts: FxHashMap<(usize, HostId), i64>,
    threads: FxHashMap<(usize, ThreadId), Track>,
    streams: FxHashMap<(usize, StreamId), Track>,
    /// What `further` made up: of which track, and what for.
    further: FxHashMap<(Track, String), i64>,
    /// Names of tracks, in the order in which they were made.
    named: Vec<(Track, String)>,
}

impl Tracks {
    /// Gives numbers to everything in `scene`.
    pub(crate) fn new(scene: &Scene<'_>) -> Self {
        let mut tracks = Self { next: MADE_UP, ..Self::default() };
        for view in scene.views() {
            for id in view.processes() {
                let pid = view.recording.process(id).map_or(-1, |process| process.pid);
                let pid = tracks.pid(pid);
                tracks.processes.insert((view.place, id), pid);
            }
        }
        let alone = tracks.processes.len() == 1;
        for view in scene.views() {
            tracks.add_devices(view, alone);
            tracks.add_threads(view);
            tracks.add_streams(view);
        }
        tracks
    }

    /// Takes `wanted`, or another number where that is taken or none that viewers know.
    fn pid(&mut self, wanted: i64) -> i64 {
        if is_small(wanted) && self.taken.insert(wanted) { wanted } else { self.make_up() }
    }

    fn make_up(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    fn add_devices(&mut self, view: View<'_>, alone: bool) {
        for (index, device) in view.recording.devices.iter().enumerate() {
            if view.has(device.process_id) {
                let pid = if alone { self.pid(device.ordinal) } else { self.make_up() };
                self.devices.insert((view.place, DeviceId(index as i64 + 1)), pid);
            }
        }
    }

    fn add_threads(&mut self, view: View<'_>) {
        let mut taken = HashSet::new();
        for (index, thread) in view.recording.threads.iter().enumerate() {
            if let Some(&pid) = self.processes.get(&(view.place, thread.process_id)) {
                let free = is_tid(thread.tid, pid) && taken.insert((pid, thread.tid));
                let tid = if free { thread.tid } else { self.make_up() };
                let id = ThreadId(index as i64 + 1);
                self.threads.insert((view.place, id), (pid, tid));
                self.named.push(((pid, tid), view.thread_title(id)));
            }
        }
    }

    fn add_streams(&mut self, view: View<'_>) {
        let mut taken = HashSet::new();
        for (index, stream) in view.recording.streams.iter().enumerate() {
            if !view.has(stream.process_id) {
                continue;
            }
            let pid = self.device(view, stream.device_id);
            let free = is_tid(stream.stream, pid) && taken.insert((pid, stream.stream));
            let tid = if free { stream.stream } else { self.make_up() };
            let id = StreamId(index as i64 + 1);
            self.streams.insert((view.place, id), (pid, tid));
            let name = if stream.name.is_empty() {
                format!("stream {}", stream.stream)
            } else {
                format!("stream {}: {}", stream.stream, stream.name)
            };
            self.named.push(((pid, tid), name));
        }
    }

    /// The `pid` of a process.
    pub(crate) fn process(&self, view: View<'_>, id: ProcessId) -> i64 {
        self.processes.get(&(view.place, id)).copied().unwrap_or(0)
    }

    /// The `pid` of a GPU.
    pub(crate) fn device(&self, view: View<'_>, id: DeviceId) -> i64 {
        self.devices.get(&(view.place, id)).copied().unwrap_or(0)
    }

    /// The `pid` of what is measured of a whole machine.
    pub(crate) fn host(&mut self, view: View<'_>, id: HostId) -> i64 {
        if let Some(&pid) = self.hosts.get(&(view.place, id)) {
            return pid;
        }
        let pid = self.make_up();
        self.hosts.insert((view.place, id), pid);
        pid
    }

    /// The track of a thread.
    pub(crate) fn thread(&self, view: View<'_>, id: ThreadId) -> Track {
        self.threads.get(&(view.place, id)).copied().unwrap_or_default()
    }

    /// The track of a stream.
    pub(crate) fn stream(&self, view: View<'_>, id: StreamId) -> Track {
        self.streams.get(&(view.place, id)).copied().unwrap_or_default()
    }

    /// A lane beside a track; the track itself is lane 0.
    pub(crate) fn lane(&mut self, track: Track, lane: usize) -> Track {
        if lane == 0 {
            return track;
        }
        let named = self.named.iter().find(|(known, _)| *known == track);
        let name = named.map_or("track", |(_, name)| name);
        let name = format!("{name} ({})", lane + 1);
        self.further(track, &name)
    }

    /// A further track of the same process or GPU as `beside`, with this name.
    pub(crate) fn further(&mut self, beside: Track, name: &str) -> Track {
        if let Some(&tid) = self.further.get(&(beside, name.to_owned())) {
            return (beside.0, tid);
        }
        let track = (beside.0, self.make_up());
        self.further.insert((beside, name.to_owned()), track.1);
        self.named.push((track, name.to_owned()));
        track
    }

    /// Every track that has a name.
    pub(crate) fn named(&self) -> &[(Track, String)] {
        &self.named
    }

    /// The machines that have tracks of their own, by recording.
    pub(crate) fn hosts(&self) -> Vec<(usize, HostId, i64)> {
        let mut hosts: Vec<_> =
            self.hosts.iter().map(|(&(place, id), &pid)| (place, id, pid)).collect();
        hosts.sort_unstable();
        hosts
    }
}

fn is_small(number: i64) -> bool {
    (0..MADE_UP).contains(&number)
}

/// Whether a track of the process `pid` can have this number. Perfetto takes 0 for the process's main thread, whose
/// number is that of the process: on GPU 1 the streams 0 and 1 would be one track, and what overlaps there be lost.
fn is_tid(number: i64, pid: i64) -> bool {
    is_small(number) && (number != 0 || pid == 0)
}
