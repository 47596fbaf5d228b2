//! The events one after the other, and the operations that they tell of.
//!
//! An event begins with `ph` `b` and ends with `e`; what belongs to an operation stands between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use perfagent_recording::table::Timing;

use super::event::{Event, end_of_event};
use crate::decimal::nanos_of_micros;
use crate::nccl;
use crate::texts::{Text, Texts};
use crate::warning::{Problem, Problems};
use crate::window::{Finish, Window};

/// No event is longer: what seems to be is damage.
const LONGEST: usize = 1 << 16;

/// An operation. Times are ns since the plugin was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) pid: i64,
    pub(super) rank: Option<i64>,
    pub(super) communicator: Text,
    pub(super) op: Text,
    pub(super) dtype: Text,
    pub(super) bytes: Option<i64>,
    pub(super) sequence: Option<i64>,
    pub(super) timing: Timing,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) called: Option<i64>,
    pub(super) open: bool,
}

/// What is kept of a dump.
#[derive(Debug, Default)]
pub(super) struct Dump {
    pub(super) texts: Texts,
    pub(super) operations: Vec<Operation>,
    pub(super) communicators: BTreeSet<String>,
    /// Events that a recording has no place for, by category.
    pub(super) left_out: BTreeMap<String, u64>,
    pub(super) problems: Problems,
    current: Option<Current>,
}

/// An operation whose end has not been read.
#[derive(Debug)]
struct Current {
    operation: Operation,
    category: String,
    offset: u64,
    channels: Vec<Channel>,
    /// When the last network operation ended.
    network_end: Option<i64>,
}

/// The part of a kernel that one channel is.
#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    start: Option<i64>,
    end: Option<i64>,
    /// On the GPU's clock, ns.
    gpu_start: Option<i64>,
    gpu_end: Option<i64>,
}

/// Reads a whole dump.
pub(super) fn read<R: Read>(window: &mut Window<R>) -> Dump {
    let mut dump = Dump::default();
    // Behind the last event stands `{}]`; a dump without it was cut off, or its process was killed.
    let mut is_closed = false;
    while let Some(mark) = window.next_mark() {
        match mark {
            b'{' => {
                is_closed = false;
                object(window, &mut dump);
            }
            b'[' | b',' => window.consume(1),
            b']' => {
                is_closed = true;
                window.consume(1);
            }
            _ => {
                let offset = window.offset();
                dump.problems.add(Problem::Stray, offset, || "no event begins there".to_owned());
                while window.bytes().first().is_some_and(|byte| *byte != b'{') {
                    let piece = window.bytes();
                    let next = piece.iter().position(|byte| *byte == b'{').unwrap_or(piece.len());
                    window.consume(next);
                    if window.bytes().is_empty() && !window.more() {
                        break;
                    }
                }
            }
        }
    }
    dump.finish_operation(true);
    let offset = window.offset();
    if let Some(Finish::Failed(why)) = window.finish().cloned() {
        dump.problems.add(Problem::CutOff, offset, || why);
    } else if !is_closed {
        dump.problems.add(Problem::CutOff, offset, || "the closing `]` is missing".to_owned());
    }
    dump
}

/// One event, or what remains of it.
fn object<R: Read>(window: &mut Window<R>, dump: &mut Dump) {
    let offset = window.offset();
    let (length, whole) = loop {
        match end_of_event(window.bytes()) {
            Ok(Some(length)) => break (length, true),
            Err(length) => break (length, false),
            Ok(None) if window.bytes().len() >= LONGEST => break (LONGEST, false),
            Ok(None) => {
                if !window.more() {
                    break (window.bytes().len(), false);
                }
            }
        }
    };
    let text = String::from_utf8_lossy(&window.bytes()[..length]).into_owned();
    window.consume(length.max(1));
    let event = if whole { Event::read(&text) } else { Err("it has no end".to_owned()) };
    match event {
        Ok(event) if event.is_empty() => {}
        Ok(event) => dump.event(&event, offset),
        Err(why) => dump.problems.add(Problem::Unreadable, offset, || why),
    }
}

impl Dump {
    fn event(&mut self, event: &Event<'_>, offset: u64) {
        let category = event.text("cat");
        let is_operation = matches!(category, "COLL" | "P2P" | "CE_COLL");
        match event.text("ph") {
            "b" if is_operation => {
                self.finish_operation(true);
                self.begin(event, offset);
            }
            "e" if is_operation => self.end(event, offset),
            "b" => {
                *self.left_out.entry(category.to_owned()).or_default() += 1;
                self.begin_part(event);
            }
            "e" => self.end_part(event),
            _ => self
                .problems
                .add(Problem::Unreadable, offset, || "its `ph` is not b or e".to_owned()),
        }
    }

    fn begin(&mut self, event: &Event<'_>, offset: u64) {
        let dtype = if event.text("Datatype").is_empty() {
            event.text("datatype")
        } else {
            event.text("Datatype")
        };
        let element = nccl::element(dtype);
        let op = nccl::operation(event.text("name"));
        let count = event.number("Count").or_else(|| event.number("count"));
        let count = count.filter(|&count| count >= 0);
        // Of the others the count is one rank's share, and how many ranks there are is not told.
        let is_message = matches!(op, "all_reduce" | "broadcast" | "reduce" | "send" | "recv");
        let bytes = count.zip(element).filter(|_| is_message);
        let communicator = event
            .text("CommHash")
            .parse()
            .map(|hash: u64| format!("{hash:#x}"))
            .unwrap_or_default();
        let start = instant(event);
        self.current = Some(Current {
            operation: Operation {
                pid: event.number("pid").unwrap_or(0),
                rank: event.number("Rank"),
                communicator: self.texts.number(&communicator),
                op: self.texts.number(op),
                dtype: self.texts.number(element.map_or(dtype, |(name, _)| name)),
                bytes: bytes.and_then(|(count, (_, size))| count.checked_mul(size)),
                sequence: event.number("SeqNum"),
                timing: Timing::Enqueue,
                start: start.unwrap_or(0),
                end: 0,
                called: start,
                open: false,
            },
            category: event.text("cat").to_owned(),
            offset,
            channels: Vec::new(),
            network_end: None,
        });
        if !communicator.is_empty() {
            self.communicators.insert(communicator);
        }
    }

    fn end(&mut self, event: &Event<'_>, offset: u64) {
        let is_its_own =
            self.current.as_ref().is_some_and(|current| current.category == event.text("cat"));
        if !is_its_own {
            self.problems
                .add(Problem::Stray, offset, || "an operation ends that has not begun".to_owned());
            return;
        }
        if let Some(current) = &mut self.current {
            current.operation.end = instant(event).unwrap_or(0);
        }
        self.finish_operation(false);
    }

    /// Something within an operation begins.
    fn begin_part(&mut self, event: &Event<'_>) {
        if let Some(current) = &mut self.current
            && event.text("name") == "KernelCh"
        {
            let clock = |key| event.number(key).filter(|&clock| clock > 0);
            current.channels.push(Channel {
                start: instant(event),
                end: None,
                gpu_start: clock("StartGpuClk"),
                gpu_end: clock("StopGpuClk"),
            });
        }
    }

    /// Something within an operation ends.
    fn end_part(&mut self, event: &Event<'_>) {
        let Some(current) = &mut self.current else { return };
        match event.text("name") {
            "KernelCh" => {
                if let Some(channel) = current.channels.last_mut() {
                    channel.end = instant(event);
                }
            }
            "ProgressSend" | "ProgressRecv" => {
                current.network_end = current.network_end.max(instant(event));
            }
            _ => {}
        }
    }

    /// Decides what the times of the current operation are, and keeps it.
    fn finish_operation(&mut self, open: bool) {
        let Some(Current { mut operation, category, offset, channels, network_end }) =
            self.current.take()
        else {
            return;
        };
        operation.open = open;
        let end = (operation.end > 0).then_some(operation.end);
        if let Some((start, end)) = of_kernel(&channels) {
            (operation.timing, operation.start, operation.end) = (Timing::Kernel, start, end);
        } else if let Some(start) =
            operation.called.filter(|_| network_end.is_some() || category == "CE_COLL")
        {
            // The plugin ends an operation anew when the last of its network operations has ended.
            operation.timing = Timing::Call;
            operation.end = end.max(network_end).unwrap_or(start).max(start);
            operation.called = None;
        } else if let Some(start) = operation.called.or(end) {
            // What the plugin calls its end is that of handing it over.
            operation.start = start;
            operation.end = end.unwrap_or(start).max(start);
        } else {
            self.problems.add(Problem::NoTime, offset, || {
                "neither its beginning nor its end was set".to_owned()
            });
            return;
        }
        self.operations.push(operation);
    }
}

/// Start and end of a kernel of which every channel is known: on the GPU's clock as long as that lasted, else as the
/// processor saw it.
fn of_kernel(channels: &[Channel]) -> Option<(i64, i64)> {
    let all = |time: fn(&Channel) -> Option<i64>| -> Option<Vec<i64>> {
        (!channels.is_empty()).then(|| channels.iter().map(time).collect())?
    };
    let start = all(|channel| channel.start)?.into_iter().min()?;
    let gpu = all(|channel| channel.gpu_start).zip(all(|channel| channel.gpu_end));
    if let Some((starts, ends)) = gpu {
        let length = ends.into_iter().max()?.checked_sub(starts.into_iter().min()?)?;
        return Some((start, start.saturating_add(length.max(0))));
    }
    let end = all(|channel| channel.end)?.into_iter().max()?;
    Some((start, end.max(start)))
}

/// The time of an event, ns; `None` for 0, which is one that was never set.
fn instant(event: &Event<'_>) -> Option<i64> {
    nanos_of_micros(event.text("ts")).map(|nanos| nanos.value).filter(|&nanos| nanos > 0)
}
