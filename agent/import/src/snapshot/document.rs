//! What is in a snapshot, as it stands there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::pickle::{Id, Pickle, Value};
use super::site::Sites;
use crate::decimal::is_base;
use crate::texts::{Text, Texts};
use crate::warning::{Problem, Problems};

/// More than any machine has; what is greater is damage.
const MOST_BYTES: i64 = 1 << 48;

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Allocate,
    Free,
    Reserve,
    Release,
}

/// An event of the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) action: Action,
    pub(super) address: i64,
    pub(super) size: i64,
    /// ns since the Unix epoch.
    pub(super) time: i64,
    pub(super) site: Text,
    pub(super) kind: Text,
    /// Where it stands in the file.
    pub(super) offset: u64,
}

/// A block that was in use when the snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) address: i64,
    /// As the program asked for it.
    pub(super) size: i64,
    pub(super) site: Text,
    pub(super) offset: u64,
}

/// The allocator ran out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfMemory {
    pub(super) device: i64,
    pub(super) time: i64,
    pub(super) size: i64,
    /// What the device had left.
    pub(super) free: Option<i64>,
    pub(super) site: Text,
}

/// A range that PyTorch marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Annotation {
    pub(super) name: Text,
    pub(super) start: i64,
    /// `None` where it had not ended.
    pub(super) end: Option<i64>,
}

/// The trace of a device and its state at the end of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct DeviceTrace {
    pub(super) changes: Vec<Change>,
    /// Blocks that are in use at the end.
    pub(super) blocks: Vec<Block>,
    /// Bytes of its segments at the end.
    pub(super) reserved: i64,
    /// Bytes of its blocks that are in use at the end: those that were asked for, rounded up.
    pub(super) rounded: i64,
}

/// What a snapshot holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Snapshot {
    /// By ordinal.
    pub(super) devices: BTreeMap<i64, DeviceTrace>,
    /// Whether it lists segments, so that one knows what is there at the end.
    pub(super) has_segments: bool,
    pub(super) out_of_memory: Vec<OutOfMemory>,
    pub(super) annotations: Vec<Annotation>,
    /// How many events it holds, kept or not.
    pub(super) events: u64,
    /// Marks of which a range was made.
    pub(super) marks: u64,
    pub(super) left_out: BTreeMap<String, u64>,
}

impl Snapshot {
    /// The first time that it tells; 0 where it tells none.
    pub(super) fn start(&self) -> i64 {
        let changes = self.devices.values().filter_map(|trace| trace.changes.first());
        let marks = self.annotations.iter().map(|annotation| annotation.start);
        let out = self.out_of_memory.iter().map(|event| event.time);
        changes.map(|change| change.time).chain(marks).chain(out).min().unwrap_or(0)
    }

    /// The last time that it tells.
    pub(super) fn end(&self) -> i64 {
        let changes = self.devices.values().filter_map(|trace| trace.changes.last());
        let marks = self.annotations.iter().map(|mark| mark.end.unwrap_or(mark.start));
        let out = self.out_of_memory.iter().map(|event| event.time);
        changes.map(|change| change.time).chain(marks).chain(out).max().unwrap_or(0)
    }
}

/// Takes a snapshot out of a pickle; `Err` with what it is instead.
pub(super) fn read(
    pickle: &Pickle,
    texts: &mut Texts,
    problems: &mut Problems,
) -> Result<Snapshot, String> {
    let root = pickle.root();
    let traces = pickle.get(root, "device_traces");
    let segments = pickle.get(root, "segments");
    if traces.is_none() && segments.is_none() {
        return Err(format!(
            "is a pickle of {} (byte 0), but no memory snapshot, which has `device_traces` and `segments`",
            root.name()
        ));
    }
    let mut reader = Reader {
        pickle,
        texts,
        problems,
        sites: Sites::default(),
        seen: HashSet::new(),
        snapshot: Snapshot { has_segments: segments.is_some(), ..Snapshot::default() },
    };
    let traces = pickle.items(traces.unwrap_or_default());
    let is_timed = reader.is_timed(traces);
    for (ordinal, &trace) in traces.iter().enumerate() {
        reader.trace(ordinal as i64, trace, is_timed);
    }
    for &segment in pickle.items(segments.unwrap_or_default()) {
        reader.segment(segment);
    }
    if let Some(annotations) = pickle.get(root, "external_annotations") {
        reader.annotations(annotations);
    }
    Ok(reader.snapshot)
}

struct Reader<'a> {
    pickle: &'a Pickle,
    texts: &'a mut Texts,
    problems: &'a mut Problems,
    sites: Sites,
    /// What has been read: each event, segment and block is one, however often it is referred to.
    seen: HashSet<Id>,
    snapshot: Snapshot,
}

impl<'a> Reader<'a> {
    /// Whether the events have times, which PyTorch writes since version 2.1.
    fn is_timed(&mut self, traces: &[Value]) -> bool {
        let mut seen = HashSet::new();
        let fresh = traces.iter().filter(|trace| trace.id().is_some_and(|id| seen.insert(id)));
        let mut events = fresh.flat_map(|&trace| self.pickle.items(trace)).peekable();
        let first = events.peek().map(|event| self.pickle.offset(**event));
        let is_timed = events.any(|&event| self.int(event, "time_us").is_some());
        if let Some(offset) = first.filter(|_| !is_timed) {
            let detail = || "they stand 1 µs apart from the year 1970 on".to_owned();
            self.problems.add(Problem::NoClock, offset, detail);
        }
        is_timed
    }

    fn trace(&mut self, ordinal: i64, trace: Value, is_timed: bool) {
        if !self.is_new(trace, self.pickle.root()) {
            return;
        }
        let events = self.pickle.items(trace);
        let action = |event| self.text(event, "action").unwrap_or_default();
        let completed = events.iter().any(|&event| action(event) == "free_completed");
        let free = if completed { "free_completed" } else { "free_requested" };
        let (mut changes, mut latest) = (Vec::with_capacity(events.len()), 0);
        for (number, &event) in events.iter().enumerate() {
            self.snapshot.events += 1;
            if !self.is_new(event, trace) {
                continue;
            }
            let name = self.text(event, "action").unwrap_or_default();
            let action = match name {
                "alloc" => Some(Action::Allocate),
                "segment_alloc" | "segment_map" => Some(Action::Reserve),
                "segment_free" | "segment_unmap" => Some(Action::Release),
                name if name == free => Some(Action::Free),
                "oom" => None,
                "" => {
                    self.unreadable(event, "it has no `action`");
                    continue;
                }
                name => {
                    self.leave_out(name);
                    continue;
                }
            };
            let time = if is_timed { self.time(event) } else { Some(number as i64 * 1000) };
            let Some(time) = time else { continue };
            if time < latest {
                let detail = || format!("by {} µs", (latest - time) / 1000);
                self.problems.add(Problem::OutOfOrder, self.pickle.offset(event), detail);
            }
            latest = latest.max(time);
            match action {
                Some(action) => changes.extend(self.change(action, event, latest)),
                None => self.out_of_memory(ordinal, event, latest),
            }
        }
        if !events.is_empty() {
            self.snapshot.devices.entry(ordinal).or_default().changes = changes;
        }
    }

    fn change(&mut self, action: Action, event: Value, time: i64) -> Option<Change> {
        let Some(address) = self.int(event, "addr") else {
            self.unreadable(event, "it has no `addr`");
            return None;
        };
        let size = self.size(event, "size")?;
        let frames = self.pickle.get(event, "frames").unwrap_or_default();
        // Only torch's own viewer writes it.
        let kind = self.text(event, "category").unwrap_or_default().to_ascii_lowercase();
        Some(Change {
            action,
            address,
            size,
            time,
            site: self.sites.of(self.pickle, frames, self.texts),
            kind: self.texts.number(&kind),
            offset: self.pickle.offset(event),
        })
    }

    fn out_of_memory(&mut self, device: i64, event: Value, time: i64) {
        let Some(size) = self.size(event, "size") else { return };
        let frames = self.pickle.get(event, "frames").unwrap_or_default();
        self.snapshot.out_of_memory.push(OutOfMemory {
            device,
            time,
            size,
            free: self.int(event, "device_free"),
            site: self.sites.of(self.pickle, frames, self.texts),
        });
    }

    fn segment(&mut self, segment: Value) {
        if !self.is_new(segment, self.pickle.root()) {
            return;
        }
        let Some(total) = self.size(segment, "total_size") else { return };
        let device = self.int(segment, "device").unwrap_or(0);
        let mut blocks = Vec::new();
        // Before version 2.1 blocks had no addresses, and stand one behind the other.
        let mut next = self.int(segment, "address").unwrap_or(0);
        for &block in self.pickle.items(self.pickle.get(segment, "blocks").unwrap_or_default()) {
            if !self.is_new(block, segment) {
                continue;
            }
            let Some(size) = self.size(block, "size") else { continue };
            let address = self.int(block, "address").unwrap_or(next);
            next = address.saturating_add(size);
            if self.text(block, "state").unwrap_or("inactive") != "inactive" {
                blocks.push((size, self.block(block, address, size)));
            }
        }
        let known = self.snapshot.devices.entry(device).or_default();
        known.reserved = known.reserved.saturating_add(total);
        for (size, block) in blocks {
            known.rounded = known.rounded.saturating_add(size);
            known.blocks.push(block);
        }
    }

    fn block(&mut self, block: Value, address: i64, size: i64) -> Block {
        // Until version 2.0 the newest entry of a history said who had it.
        let history = self.pickle.get(block, "history").unwrap_or_default();
        let newest = self.pickle.items(history).first().copied().unwrap_or_default();
        let asked_for = self.int(block, "requested_size").or(self.int(newest, "real_size"));
        let frames = self.pickle.get(block, "frames").or(self.pickle.get(newest, "frames"));
        Block {
            address,
            size: asked_for.filter(|asked_for| (0..=size).contains(asked_for)).unwrap_or(size),
            site: self.sites.of(self.pickle, frames.unwrap_or_default(), self.texts),
            offset: self.pickle.offset(block),
        }
    }

    fn annotations(&mut self, annotations: Value) {
        if !self.is_new(annotations, self.pickle.root()) {
            return;
        }
        let mut open: HashMap<Text, Vec<usize>> = HashMap::new();
        for &mark in self.pickle.items(annotations) {
            self.snapshot.events += 1;
            if !self.is_new(mark, annotations) {
                continue;
            }
            let Some(time) = self.time(mark) else { continue };
            let name = self.text(mark, "name").unwrap_or_default();
            let name = self.texts.number(name);
            let stage = self.text(mark, "stage").unwrap_or_default();
            let open = open.entry(name).or_default();
            match stage {
                "START" => {
                    open.push(self.snapshot.annotations.len());
                    let annotation = Annotation { name, start: time, end: None };
                    self.snapshot.annotations.push(annotation);
                }
                "END" if !open.is_empty() => {
                    if let Some(begun) =
                        open.pop().and_then(|at| self.snapshot.annotations.get_mut(at))
                    {
                        begun.end = Some(time.max(begun.start));
                    }
                }
                _ => {
                    self.leave_out("annotations without a start");
                    continue;
                }
            }
            self.snapshot.marks += 1;
        }
    }

    /// Whether a list or dict has not been read yet. What is no list or dict is told as an event that is unreadable.
    fn is_new(&mut self, value: Value, within: Value) -> bool {
        let Some(id) = value.id() else {
            let what = format!("it is {}", value.name());
            self.problems.add(Problem::Unreadable, self.pickle.offset(within), || what);
            return false;
        };
        if !self.seen.insert(id) {
            self.unreadable(value, "it is in the file once and listed twice");
            return false;
        }
        true
    }

    fn time(&mut self, event: Value) -> Option<i64> {
        let micros = self.int(event, "time_us");
        let time = micros.and_then(|micros| micros.checked_mul(1000)).filter(|time| is_base(*time));
        if time.is_none() {
            let detail = || micros.map_or("none".to_owned(), |micros| format!("{micros} µs"));
            self.problems.add(Problem::NoTime, self.pickle.offset(event), || {
                format!("its `time_us` is {}", detail())
            });
        }
        time
    }

    fn size(&mut self, of: Value, key: &str) -> Option<i64> {
        let size = self.int(of, key);
        let usable = size.filter(|size| (0..=MOST_BYTES).contains(size));
        if usable.is_none() {
            let size = size.map_or("missing".to_owned(), |size| size.to_string());
            self.unreadable(of, &format!("its `{key}` is {size}"));
        }
        usable
    }

    fn int(&self, of: Value, key: &str) -> Option<i64> {
        self.pickle.get(of, key).and_then(Value::int)
    }

    fn text(&self, of: Value, key: &str) -> Option<&'a str> {
        self.pickle.get(of, key).and_then(|value| self.pickle.text(value))
    }

    fn unreadable(&mut self, what: Value, why: &str) {
        self.problems.add(Problem::Unreadable, self.pickle.offset(what), || why.to_owned());
    }

    fn leave_out(&mut self, name: &str) {
        /// Where a file is damaged there may be any number of names; these share a row.
        const MOST: usize = 64;
        let left_out = &mut self.snapshot.left_out;
        let known = left_out.len() < MOST || left_out.contains_key(name);
        *left_out.entry(if known { name } else { "further actions" }.to_owned()).or_default() += 1;
    }
}
