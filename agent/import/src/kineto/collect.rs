//! Takes events in: what each is, its time, its thread and stream. The rows are made in `rows`.

use std::collections::{BTreeMap, HashSet};

use rustc_hash::FxHashMap;

use super::event::Event;
use super::launches;
use super::vocabulary::Class;
use crate::decimal::{Nanos, is_base, nanos_of_micros};
use crate::texts::Text;
use crate::trace::{Joined, Stream, Thread, Times, Trace};
use crate::value::{Json, Written};
use crate::warning::{Problem, Problems};

/// Takes the events of a trace in, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pub(crate) trace: Trace,
    pub(crate) problems: Problems,
    /// How many events were read, kept or not; names of processes and threads are none.
    pub(crate) events: u64,
    /// Where the first event with hardware counters stands.
    first_measured: Option<u64>,
    categories: Vec<Category>,
    pids: FxHashMap<Box<str>, u32>,
    last_pid: u32,
    threads: FxHashMap<(Box<str>, Box<str>), u32>,
    last_thread: u32,
    streams: FxHashMap<Stream, u32>,
    /// Lists as they are written, which repeat, and their numbers.
    lists: FxHashMap<Box<str>, Text>,
    list: String,
}

/// Where categories are damaged there may be any number; further ones share a row for each thing that they can become.
const MOST_CATEGORIES: usize = 64;

/// A category that was met.
#[derive(Debug)]
struct Category {
    name: Box<str>,
    class: Class,
    left_out: u64,
}

impl Collector {
    /// Takes an event in that stands at `offset` and is `written` so. False when it is no event.
    pub(crate) fn event(&mut self, event: &Event<'_>, written: &[u8], offset: u64) -> bool {
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
        let class = self.categories[category].class;
        let kept = match phase {
            "X" if class == Class::Measured => {
                self.first_measured.get_or_insert(offset);
                self.measured(event, written, offset)
            }
            "X" => self.complete(event, class, offset),
            "i" if class == Class::Mark => self.mark(event, offset),
            "C" if class == Class::Sample => self.sample(event, offset),
            _ if event.name.0 == "[memory]" => self.memory(event, offset),
            _ => false,
        };
        if !kept {
            self.categories[category].left_out += 1;
        }
        true
    }

    /// Leaves out the readings of counters that the file does not describe, and finds the launches of measured kernels.
    pub(crate) fn finish(&mut self) {
        launches::link(&mut self.trace, &mut self.problems, self.first_measured.unwrap_or(0));
        let trace = &mut self.trace;
        let counters = trace.own.iter().flat_map(|own| &own.counters);
        let known: HashSet<_> =
            counters.map(|counter| (counter.track.to_string(), &*counter.label)).collect();
        let before = trace.samples.len();
        let (pids, texts) = (&trace.pids, &trace.texts);
        trace.samples.retain(|sample| {
            let pid = pids[sample.pid as usize].to_string();
            known.contains(&(pid, texts.get(sample.label)))
        });
        let unknown = (before - trace.samples.len()) as u64;
        if let Some(category) =
            self.categories.iter_mut().find(|category| category.class == Class::Sample)
        {
            category.left_out += unknown;
        }
    }

    /// How many events a recording has no place for, by category.
    pub(crate) fn left_out(&self) -> BTreeMap<String, u64> {
        let mut left_out = BTreeMap::new();
        for category in self.categories.iter().filter(|category| category.left_out > 0) {
            let name = if category.name.is_empty() { "no category" } else { &category.name };
            *left_out.entry(name.to_owned()).or_default() += category.left_out;
        }
        left_out
    }

    /// Takes in what another one has collected of the events that follow, as if they had been given to this one. False when
    /// that would not be the same; then nothing has changed.
    pub(crate) fn join(&mut self, other: Self) -> bool {
        if self.categories.len() + other.categories.len() > MOST_CATEGORIES {
            return false;
        }
        for Category { name, left_out, .. } in &other.categories {
            let number = self.category(name);
            self.categories[number].left_out += left_out;
        }
        let pids: Vec<u32> = other.trace.pids.iter().map(|pid| self.pid(pid)).collect();
        let threads = other.trace.threads.iter();
        let threads = threads.map(|Thread { pid, tid }| self.thread_number(pid, tid)).collect();
        let streams = other.trace.streams.iter();
        let streams = streams
            .map(|&stream| self.stream(Stream { pid: pids[stream.pid as usize], ..stream }))
            .collect();
        self.trace.join(other.trace, &Joined { pids, threads, streams });
        self.problems.join(other.problems);
        self.events += other.events;
        self.first_measured = self.first_measured.or(other.first_measured);
        true
    }

    /// The number of a category; a trace has a dozen.
    fn category(&mut self, name: &str) -> usize {
        if let Some(known) = self.categories.iter().position(|category| &*category.name == name) {
            return known;
        }
        let class = Class::of(name);
        let mut name = name;
        if self.categories.len() >= MOST_CATEGORIES {
            name = "further categories";
            let is_shared = |known: &Category| &*known.name == name && known.class == class;
            if let Some(known) = self.categories.iter().position(is_shared) {
                return known;
            }
        }
        self.categories.push(Category { name: name.into(), class, left_out: 0 });
        self.categories.len() - 1
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
    pub(super) fn times(&mut self, event: &Event<'_>, offset: u64) -> Option<Times> {
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

    pub(super) fn nanos(&mut self, key: &str, text: &str, offset: u64) -> Option<i64> {
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

    pub(super) fn text(&mut self, text: &str) -> Text {
        self.trace.texts.number(text)
    }

    /// A list as PyTorch writes it, `[[8, 128], [128]]`, whatever the file's own spacing; a text as it is.
    pub(super) fn list(&mut self, Json(written): Json<'_>) -> Text {
        if let Some(&known) = self.lists.get(written) {
            return known;
        }
        let number = self.new_list(written);
        self.lists.insert(written.into(), number);
        number
    }

    fn new_list(&mut self, written: &str) -> Text {
        if written.starts_with('"') {
            let text: String = serde_json::from_str(written).unwrap_or_default();
            return self.text(&text);
        }
        self.list.clear();
        let (mut in_text, mut escaped) = (false, false);
        for mark in written.chars() {
            if in_text {
                (in_text, escaped) = (escaped || mark != '"', !escaped && mark == '\\');
                self.list.push(mark);
            } else if !mark.is_whitespace() {
                in_text = mark == '"';
                self.list.push(mark);
                if mark == ',' {
                    self.list.push(' ');
                }
            }
        }
        self.trace.texts.number(&self.list)
    }

    /// The number of a `pid`.
    pub(super) fn pid(&mut self, pid: &str) -> u32 {
        if self.trace.pids.get(self.last_pid as usize).is_some_and(|last| &**last == pid) {
            return self.last_pid;
        }
        let pids = &mut self.trace.pids;
        self.last_pid = *self.pids.entry(pid.into()).or_insert_with(|| {
            pids.push(pid.into());
            pids.len() as u32 - 1
        });
        self.last_pid
    }

    /// The thread of an event. Where events overlap without nesting our own files put some of them on a further
    /// track, and name the thread in the arguments.
    pub(super) fn thread(&mut self, event: &Event<'_>) -> u32 {
        match event.args.host_thread.0 {
            Some(number) => self.thread_of(event.pid.0, &number.to_string()),
            None => self.thread_of(event.pid.0, event.tid.0),
        }
    }

    fn thread_of(&mut self, pid: &str, tid: &str) -> u32 {
        let last = self.trace.threads.get(self.last_thread as usize);
        if last.is_some_and(|last| &*last.pid == pid && &*last.tid == tid) {
            return self.last_thread;
        }
        if self.trace.pid.is_none() {
            self.trace.pid = pid.parse().ok();
        }
        self.last_thread = self.thread_number(pid, tid);
        self.last_thread
    }

    fn thread_number(&mut self, pid: &str, tid: &str) -> u32 {
        let threads = &mut self.trace.threads;
        *self.threads.entry((pid.into(), tid.into())).or_insert_with(|| {
            threads.push(Thread { pid: pid.into(), tid: tid.into() });
            threads.len() as u32 - 1
        })
    }

    /// The number of a stream that is met.
    pub(super) fn stream(&mut self, stream: Stream) -> u32 {
        let streams = &mut self.trace.streams;
        *self.streams.entry(stream).or_insert_with(|| {
            streams.push(stream);
            streams.len() as u32 - 1
        })
    }
}

/// A value for a message, shortened.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use crate::kineto::document::read;
    use crate::window::Window;

    /// However many categories come before it, a kernel is one.
    #[test]
    fn a_kernel_behind_a_hundred_categories_is_kept() {
        let mut events: Vec<String> = (0..100)
            .map(|number| {
                format!(r#"{{"ph": "X", "cat": "c{number}", "name": "x", "ts": 1, "dur": 1}}"#)
            })
            .collect();
        for category in ["kernel", "cpu_op", "KERNEL"] {
            events.push(format!(
                r#"{{"ph": "X", "cat": "{category}", "name": "k", "pid": 0, "tid": 7, "ts": 2, "dur": 3, "args": {{"stream": 7}}}}"#
            ));
        }
        events.push(r#"{"ph": "I", "cat": "kernel", "name": "k", "ts": 2}"#.to_owned());
        let text = format!(r#"{{"traceEvents": [{}]}}"#, events.join(", "));
        let collector =
            read(&mut Window::new(text.as_bytes())).unwrap_or_else(|_| panic!("no trace"));
        assert_eq!((collector.trace.kernels.len(), collector.trace.operators.len()), (2, 1));
        let left_out = collector.left_out();
        assert_eq!(left_out.len(), 65, "{left_out:?}");
        assert_eq!(left_out["further categories"], 37);
        let kept = collector.trace.kept() as u64;
        assert_eq!(collector.events, kept + left_out.values().sum::<u64>());
    }
}
