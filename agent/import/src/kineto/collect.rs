//! Events to rows.

use std::collections::{BTreeMap, HashMap};

use super::event::{Args, Event};
use super::trace::{
    Annotation, Call, Collective, Copy, Kernel, Memory, Operator, Stream, Thread, Times, Trace,
};
use super::value::{Int, Written};
use super::vocabulary::{self, Class};
use crate::decimal::{Nanos, is_base, nanos_of_micros};
use crate::texts::Text;
use crate::warning::{Problem, Problems};
use perfagent_recording::table::CopyKind;

/// Takes the events of a trace in, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pub(crate) trace: Trace,
    pub(crate) problems: Problems,
    /// How many events were read, kept or not; names of processes and threads are none.
    pub(crate) events: u64,
    categories: Vec<Category>,
    threads: HashMap<(Box<str>, Box<str>), u32>,
    last_thread: u32,
    streams: HashMap<(i64, i64), u32>,
    shapes: String,
}

/// A category that was met.
#[derive(Debug)]
struct Category {
    name: Box<str>,
    class: Class,
    left_out: u64,
}

impl Collector {
    /// Takes an event in that stands at `offset`. False when it is no event.
    pub(crate) fn event(&mut self, event: &Event<'_>, offset: u64) -> bool {
        let phase = &*event.ph.0;
        if phase.is_empty() {
            return false;
        }
        if phase == "M" {
            self.name(event);
            return true;
        }
        self.events += 1;
        let category = self.category(&event.cat.0);
        let kept = match phase {
            "X" => self.complete(event, self.categories[category].class, offset),
            _ if event.name.0 == "[memory]" => self.memory(event, offset),
            _ => false,
        };
        if !kept {
            self.categories[category].left_out += 1;
        }
        true
    }

    /// How many events a recording has no place for, by category.
    pub(crate) fn left_out(&self) -> BTreeMap<String, u64> {
        let left_out = self.categories.iter().filter(|category| category.left_out > 0);
        left_out
            .map(|category| {
                let name = if category.name.is_empty() { "no category" } else { &category.name };
                (name.to_owned(), category.left_out)
            })
            .collect()
    }

    /// The number of a category; a trace has a dozen.
    fn category(&mut self, name: &str) -> usize {
        /// Where categories are damaged there may be any number; these share a row.
        const MOST: usize = 64;
        if let Some(known) = self.categories.iter().position(|category| &*category.name == name) {
            return known;
        }
        let name = if self.categories.len() < MOST { name } else { "further categories" };
        if let Some(known) = self.categories.iter().position(|category| &*category.name == name) {
            return known;
        }
        self.categories.push(Category { name: name.into(), class: Class::of(name), left_out: 0 });
        self.categories.len() - 1
    }

    /// A complete event. True when it was kept, or counted among the problems.
    fn complete(&mut self, event: &Event<'_>, class: Class, offset: u64) -> bool {
        let class = match class {
            // In 2021 steps were operators.
            Class::Operator | Class::Other if event.name.0.starts_with("ProfilerStep") => {
                Class::Annotation
            }
            Class::OnGpu | Class::Other => return false,
            class => class,
        };
        let Some(times) = self.times(event, offset) else { return true };
        let args = &event.args;
        match class {
            Class::Kernel => self.kernel(event, times),
            Class::Copy | Class::Memset => {
                let kind = match class {
                    Class::Memset => CopyKind::Memset,
                    _ => vocabulary::copy_kind(&event.name.0),
                };
                let copy = Copy {
                    times,
                    stream: self.stream(args),
                    kind,
                    bytes: args.bytes.0.unwrap_or(0),
                    correlation: args.correlation.0,
                    graph: not_zero(args.graph),
                    graph_node: not_zero(args.graph_node),
                };
                self.trace.copies.push(copy);
            }
            Class::Call => {
                let (thread, name) = (self.thread(event), self.text(&event.name.0));
                let correlation = args.correlation.0;
                self.trace.calls.push(Call { times, thread, name, correlation });
            }
            Class::Operator => {
                let (thread, name) = (self.thread(event), self.text(&event.name.0));
                let shapes = self.shapes(args.shapes);
                let sequence = args.sequence.0.filter(|&sequence| sequence >= 0);
                self.trace.operators.push(Operator { times, thread, name, shapes, sequence });
            }
            Class::Annotation => {
                let (thread, name) = (self.thread(event), self.text(&event.name.0));
                self.trace.annotations.push(Annotation { times, thread, name });
            }
            Class::OnGpu | Class::Other => return false,
        }
        true
    }

    fn kernel(&mut self, event: &Event<'_>, times: Times) {
        let args = &event.args;
        let stream = self.stream(args);
        let small = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        let kernel = Kernel {
            times,
            stream,
            name: self.text(&event.name.0),
            correlation: args.correlation.0,
            grid: args.grid.0.map(small),
            block: args.block.0.map(small),
            registers: small(args.registers.0),
            graph: not_zero(args.graph),
            graph_node: not_zero(args.graph_node),
        };
        self.trace.kernels.push(kernel);
        if args.collective.0.is_empty() {
            return;
        }
        let elements = args.in_elements.0.max(args.out_elements.0);
        let size = vocabulary::size_of(&args.dtype.0);
        let collective = Collective {
            times,
            stream,
            op: self.text(vocabulary::collective(&args.collective.0)),
            dtype: self.text(&args.dtype.0),
            bytes: elements.zip(size).and_then(|(elements, size)| elements.checked_mul(size)),
            group: self.text(&args.group.0),
            group_size: args.group_size.0,
            sequence: args.group_sequence.0,
        };
        self.trace.collectives.push(collective);
    }

    /// A change of memory. True when it was kept, or counted among the problems.
    fn memory(&mut self, event: &Event<'_>, offset: u64) -> bool {
        let Some(Times { start: time, .. }) = self.times(event, offset) else { return true };
        let args = &event.args;
        let on_device = args.device_type.0.is_some_and(|kind| kind != 0);
        self.trace.memory.push(Memory {
            time,
            device: on_device.then(|| args.device_id.0.unwrap_or(0)),
            bytes: args.allocation.0,
            address: args.address.0,
            allocated: args.total_allocated.0,
            reserved: args.total_reserved.0,
        });
        true
    }

    /// The name of a process or a thread.
    fn name(&mut self, event: &Event<'_>) {
        let tid = match &*event.name.0 {
            "process_name" => "",
            "thread_name" => event.tid.0,
            _ => return,
        };
        let name = event.args.name.0.clone().into_owned();
        self.trace.names.insert((event.pid.0.into(), tid.into()), name);
    }

    /// Start and end of an event. An end is never before its start; no length is none.
    fn times(&mut self, event: &Event<'_>, offset: u64) -> Option<Times> {
        let Some(Written(ts)) = event.ts else {
            self.problems.add(Problem::NoTime, offset, || "it has no `ts`".to_owned());
            return None;
        };
        let start = self.nanos("ts", ts, offset)?;
        let length = match event.dur {
            Some(Written(dur)) => self.nanos("dur", dur, offset)?.max(0),
            None => 0,
        };
        let end = start.checked_add(length).filter(|&end| end < 0 || is_base(end));
        if end.is_none() {
            self.problems.add(Problem::NoTime, offset, || {
                format!("it ends after the year 2116: {ts} + {length} ns")
            });
        }
        Some(Times { start, end: end? })
    }

    fn nanos(&mut self, key: &str, text: &str, offset: u64) -> Option<i64> {
        let read = nanos_of_micros(text);
        let problem = match read {
            None => Some(Problem::NoTime),
            Some(Nanos { rounded: true, .. }) => Some(Problem::Finer),
            Some(_) => None,
        };
        if let Some(problem) = problem {
            self.problems.add(problem, offset, || format!("`{key}` is {}", shown(text)));
        }
        read.map(|nanos| nanos.value)
    }

    fn text(&mut self, text: &str) -> Text {
        self.trace.texts.number(text)
    }

    /// Shapes as PyTorch writes them, `[[8, 128], [128]]`, whatever the file's own spacing.
    fn shapes(&mut self, Written(written): Written<'_>) -> Text {
        self.shapes.clear();
        for mark in written.chars().filter(|mark| !mark.is_whitespace()) {
            self.shapes.push(mark);
            if mark == ',' {
                self.shapes.push(' ');
            }
        }
        self.trace.texts.number(&self.shapes)
    }

    fn thread(&mut self, event: &Event<'_>) -> u32 {
        let (pid, tid) = (event.pid.0, event.tid.0);
        let last = self.trace.threads.get(self.last_thread as usize);
        if last.is_some_and(|last| &*last.pid == pid && &*last.tid == tid) {
            return self.last_thread;
        }
        if self.trace.pid.is_none() {
            self.trace.pid = pid.parse().ok();
        }
        let threads = &mut self.trace.threads;
        self.last_thread = *self.threads.entry((pid.into(), tid.into())).or_insert_with(|| {
            threads.push(Thread { pid: pid.into(), tid: tid.into() });
            threads.len() as u32 - 1
        });
        self.last_thread
    }

    fn stream(&mut self, args: &Args<'_>) -> u32 {
        let (device, stream) = (args.device.0.unwrap_or(0), args.stream.0.unwrap_or(0));
        let streams = &mut self.trace.streams;
        *self.streams.entry((device, stream)).or_insert_with(|| {
            streams.push(Stream { device, number: stream, context: args.context.0 });
            streams.len() as u32 - 1
        })
    }
}

/// Writers put 0 where there is no graph.
fn not_zero(Int(value): Int) -> Option<i64> {
    value.filter(|&value| value != 0)
}

/// A value for a message, shortened.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("`{short}`")
}
