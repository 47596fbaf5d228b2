//! A line of a plane: a stream, a thread, or what was derived from others.

use prost::Message as _;

use super::details::{copy_kind, number, sizes};
use super::document::Collector;
use super::plane::{Names, Of, integer};
use super::proto::{When, XEvent, XStat};
use super::wire::{Field, each};
use crate::decimal::is_base;
use crate::texts::Text;
use crate::trace::Small;
use crate::trace::{Annotation, Call, Copy, Kernel, Operator, Stream, Thread, Times};
use crate::warning::Problem;
use perfagent_recording::table::CopyKind;

/// Lines that XLA and its tools work out from the streams.
const DERIVED: [&str; 11] = [
    "Steps",
    "XLA Modules",
    "XLA Ops",
    "Async XLA Ops",
    "TensorFlow Ops",
    "TensorFlow Name Scope",
    "Framework Ops",
    "Framework Name Scope",
    "Launch Stats",
    "Source code",
    "Source",
];

/// What an event says of itself.
#[derive(Default)]
struct Facts<'a> {
    kernel: Option<&'a str>,
    copy: Option<&'a str>,
    memset: Option<&'a str>,
    correlation: Option<i64>,
    step: Option<i64>,
    is_operator: bool,
}

impl<'a> Facts<'a> {
    fn of(stats: &'a [XStat], names: &'a Names) -> Self {
        let mut facts = Self::default();
        for stat in stats {
            match names.stat(stat) {
                "kernel_details" => facts.kernel = names.text(stat),
                "memcpy_details" => facts.copy = names.text(stat),
                "memset_details" | "Memset_details" => facts.memset = names.text(stat),
                "correlation_id" => facts.correlation = integer(stat),
                "step_num" => facts.step = integer(stat),
                "hlo_op" | "tf_op" => facts.is_operator = true,
                _ => {}
            }
        }
        facts
    }
}

/// A line while it is read.
#[derive(Default)]
struct Line {
    id: i64,
    name: String,
    start_ns: i64,
    /// Its number among the threads or streams, once it has one.
    row: Option<u32>,
}

/// Reads the line in `bytes`, which stands at `offset`.
pub(super) fn read(bytes: &[u8], offset: u64, names: &Names, collector: &mut Collector) {
    let mut line = Line::default();
    // The facts of a line may stand behind its events.
    let mut events = 0;
    let damage = each(bytes, offset, |number, field, _| match (number, field) {
        (1, Field::Number(id)) => line.id = id as i64,
        (2, Field::Bytes(name)) => line.name = String::from_utf8_lossy(name).into_owned(),
        (3, Field::Number(start)) => line.start_ns = start as i64,
        (4, Field::Bytes(_)) => events += 1,
        _ => {}
    });
    if let Err((at, what)) = damage {
        let what = || format!("the rest of the line `{}`: {what}", line.name);
        collector.problems.add(Problem::Stray, at, what);
    }
    collector.events += events;
    if names.of == Of::Other {
        collector.leave_out(&names.plane, events);
        return;
    }
    if matches!(names.of, Of::Gpu(_)) && DERIVED.contains(&line.name.as_str()) {
        collector.leave_out(&line.name, events);
        return;
    }
    // What is wrong with it has been told.
    let _ = each(bytes, offset, |number, field, at| {
        let (4, Field::Bytes(event)) = (number, field) else { return };
        match XEvent::decode(event) {
            Ok(event) => line.event(&event, at, names, collector),
            Err(error) => collector.problems.add(Problem::Unreadable, at, || error.to_string()),
        }
    });
}

impl Line {
    fn event(&mut self, event: &XEvent, at: u64, names: &Names, collector: &mut Collector) {
        let offset = match event.when {
            Some(When::OffsetPs(offset)) => offset,
            Some(When::Occurrences(_)) => {
                return collector.leave_out("sums of events", 1);
            }
            None => 0,
        };
        let Some(times) = self.times(offset, event.duration_ps) else {
            collector.problems.add(Problem::NoTime, at, || {
                format!("{} ns + {offset} ps, {} ps long", self.start_ns, event.duration_ps)
            });
            return;
        };
        let picoseconds = [offset, event.duration_ps];
        if picoseconds.iter().any(|picoseconds| picoseconds % 1000 != 0) {
            let what = || format!("{offset} ps, {} ps long", event.duration_ps);
            collector.problems.add(Problem::Finer, at, what);
        }
        let name = names.events.get(&event.metadata_id).copied().unwrap_or_default();
        let facts = Facts::of(&event.stats, names);
        match names.of {
            Of::Gpu(device) => self.on_gpu(device, name, times, &facts, collector),
            Of::Host => self.on_host(name, times, &facts, collector),
            Of::Other => {}
        }
    }

    /// Start and end, each rounded down; `None` where they are none.
    fn times(&self, offset_ps: i64, duration_ps: i64) -> Option<Times> {
        if duration_ps < 0 {
            return None;
        }
        let at = |ps: i64| self.start_ns.checked_add(ps.div_euclid(1000));
        let start = at(offset_ps)?;
        let end = at(offset_ps.checked_add(duration_ps)?)?;
        (is_base(start) && is_base(end)).then_some(Times { start, end })
    }

    fn on_gpu(
        &mut self,
        device: i64,
        name: Text,
        times: Times,
        facts: &Facts<'_>,
        collector: &mut Collector,
    ) {
        let correlation = facts.correlation.filter(|correlation| *correlation != 0);
        let moved = facts.copy.map(|details| (false, details));
        if let Some((is_set, details)) = moved.or(facts.memset.map(|details| (true, details))) {
            let kind =
                if is_set { CopyKind::Memset } else { copy_kind(collector.trace.texts.get(name)) };
            let copy = Copy {
                times,
                stream: self.stream(device, collector),
                kind,
                bytes: number(details, "size").unwrap_or(0),
                correlation,
                graph: None,
                graph_node: None,
            };
            collector.trace.copies.push(copy);
        } else if let Some(details) = facts.kernel {
            let kernel = Kernel {
                times,
                stream: self.stream(device, collector),
                name,
                correlation,
                grid: sizes(details, "grid").map(Small::new),
                block: sizes(details, "block").map(Small::new),
                registers: Small::new(number(details, "regs")),
                static_shared: Small::new(number(details, "static_shared")),
                dynamic_shared: Small::new(number(details, "dynamic_shared")),
                graph: None,
                graph_node: None,
            };
            collector.trace.kernels.push(kernel);
        } else {
            collector.leave_out("on a GPU, but no operation", 1);
        }
    }

    fn on_host(&mut self, name: Text, times: Times, facts: &Facts<'_>, collector: &mut Collector) {
        let text = collector.trace.texts.get(name);
        if text.starts_with('$') {
            return collector.leave_out("Python frames", 1);
        }
        let name = match facts.step {
            Some(step) => collector.trace.texts.number(&format!("step {step}")),
            None => name,
        };
        if facts.correlation.is_some() {
            let thread = self.thread(collector);
            let correlation = facts.correlation;
            collector.trace.calls.push(Call { times, thread, name, correlation });
        } else if times.start == times.end {
            collector.leave_out("instants", 1);
        } else if facts.is_operator {
            let (thread, shapes) = (self.thread(collector), Text::default());
            let operator = Operator {
                times,
                thread,
                name,
                shapes,
                types: Text::default(),
                depth: Small::new(None),
                sequence: -1,
            };
            collector.trace.operators.push(operator);
        } else {
            let thread = self.thread(collector);
            collector.trace.annotations.push(Annotation { times, thread, name });
        }
    }

    /// The number of the thread that the line is.
    fn thread(&mut self, collector: &mut Collector) -> u32 {
        *self.row.get_or_insert_with(|| {
            let trace = &mut collector.trace;
            let (pid, tid): (Box<str>, Box<str>) =
                (trace.pid.unwrap_or(0).to_string().into(), self.id.to_string().into());
            let same = |thread: &Thread| thread.pid == pid && thread.tid == tid;
            if let Some(known) = trace.threads.iter().position(same) {
                return known as u32;
            }
            trace.names.insert((pid.clone(), tid.clone()), self.name.clone());
            trace.threads.push(Thread { pid, tid });
            trace.threads.len() as u32 - 1
        })
    }

    /// The number of the stream that the line is.
    fn stream(&mut self, device: i64, collector: &mut Collector) -> u32 {
        let number = self.id;
        *self.row.get_or_insert_with(|| {
            let streams = &mut collector.trace.streams;
            *collector.streams.entry((device, number)).or_insert_with(|| {
                streams.push(Stream { pid: 0, device, number, context: None });
                streams.len() as u32 - 1
            })
        })
    }
}
