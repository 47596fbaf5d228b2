//! The objects one after the other, and what of them is kept.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use perfagent_recording::table::Timing;
use serde_json::Deserializer;

use super::record::{Header, Metadata, Performance, Record, instant};
use crate::decimal::nanos_of_micros;
use crate::json_error::{is_cut, plain};
use crate::nccl;
use crate::texts::{Text, Texts};
use crate::warning::{Problem, Problems};
use crate::window::{Finish, Window};

/// No object is longer: what seems to be is damage.
const LONGEST: usize = 4 << 20;

/// A process that wrote records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) host: String,
    pub(super) pid: i64,
    /// Its rank and the number of ranks in each communicator.
    pub(super) ranks: Vec<(i64, i64)>,
}

impl Writer {
    /// Its rank and the number of ranks, where all communicators agree: in that of a part of the job it has another rank.
    pub(super) fn rank(&self) -> Option<(i64, i64)> {
        let (&first, others) = self.ranks.split_first()?;
        others.iter().all(|other| *other == first).then_some(first)
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) writer: u32,
    pub(super) communicator: Text,
    pub(super) size: Option<i64>,
    pub(super) op: Text,
    pub(super) bytes: Option<i64>,
    pub(super) sequence: Option<i64>,
    pub(super) timing: Timing,
    /// When it began, ns; where only its length is known, when it had ended at the latest.
    pub(super) instant: i64,
    pub(super) length: i64,
    pub(super) called: Option<i64>,
}

/// What is kept of a file.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) texts: Texts,
    pub(super) writers: Vec<Writer>,
    pub(super) operations: Vec<Operation>,
    /// Records that a recording has no place for, by kind.
    pub(super) left_out: BTreeMap<String, u64>,
    /// Operations that the inspector itself has lost.
    pub(super) dropped: i64,
    pub(super) problems: Problems,
    numbers: HashMap<(String, i64), u32>,
    context: Option<Context>,
}

/// What the header said that stands before a record, or in it.
#[derive(Clone, Copy, Debug)]
struct Context {
    writer: u32,
    communicator: Text,
    size: Option<i64>,
    dumped: i64,
}

/// Reads a whole file.
pub(super) fn read<R: Read>(window: &mut Window<R>) -> Output {
    let mut output = Output::default();
    while let Some(first) = window.next_mark() {
        if first != b'{' {
            let offset = window.offset();
            output.problems.add(Problem::Stray, offset, || "no object begins there".to_owned());
            pass_line(window);
        } else if !object(window, &mut output) {
            break;
        }
    }
    if let Some(Finish::Failed(why)) = window.finish().cloned() {
        output.problems.add(Problem::CutOff, window.offset(), || why);
    }
    output
}

/// One object; false when the text ends in it.
fn object<R: Read>(window: &mut Window<R>, output: &mut Output) -> bool {
    loop {
        let (offset, piece) = (window.offset(), window.bytes());
        let mut records = Deserializer::from_slice(piece).into_iter::<Record<'_>>();
        let why = match records.next() {
            Some(Ok(record)) => {
                output.take(&record, offset);
                let length = records.byte_offset();
                window.consume(length);
                return true;
            }
            Some(Err(error)) if !is_cut(&error, piece) => plain(&error),
            _ if piece.len() >= LONGEST => "it has no end".to_owned(),
            _ => {
                if window.more() {
                    continue;
                }
                let why = || "the end of an object is missing".to_owned();
                output.problems.add(Problem::CutOff, offset, why);
                return false;
            }
        };
        output.problems.add(Problem::Unreadable, offset, || why);
        // What follows may belong to the header that this was.
        output.context = None;
        pass_line(window);
        return true;
    }
}

/// Goes behind the end of the line.
fn pass_line<R: Read>(window: &mut Window<R>) {
    loop {
        let piece = window.bytes();
        let end = piece.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(piece.len(), |end| end + 1);
        window.consume(used);
        if end.is_some() || !window.more() {
            return;
        }
    }
}

impl Output {
    fn take(&mut self, record: &Record<'_>, offset: u64) {
        if let Some(header) = &record.header {
            self.context = record.metadata.as_ref().and_then(|about| self.context(header, about));
        }
        if let Some(lost) = &record.dump_stats {
            let lost = [lost.coll_dropped_since_last_dump, lost.p2p_dropped_since_last_dump];
            let lost = lost.iter().filter_map(|count| count.0).filter(|&count| count > 0);
            self.dropped = lost.fold(self.dropped, i64::saturating_add);
        }
        let performance = match (&record.coll_perf, &record.p2p_perf) {
            (Some(collective), _) => Some((collective, true)),
            (None, Some(transfer)) => Some((transfer, false)),
            (None, None) => None,
        };
        if let Some((performance, is_collective)) = performance {
            let Some(context) = self.context else {
                let why =
                    || "neither it nor a record before it says which process it is of".to_owned();
                self.problems.add(Problem::Unreadable, offset, why);
                return;
            };
            match self.operation(performance, is_collective, context) {
                Some(operation) => self.operations.push(operation),
                None => self
                    .problems
                    .add(Problem::NoTime, offset, || "it has no `exec_time_us`".to_owned()),
            }
        } else if record.proxy_trace.is_some() {
            *self.left_out.entry("proxy_trace".to_owned()).or_default() += 1;
        } else if record.dump_stats.is_none() {
            *self.left_out.entry("other records".to_owned()).or_default() += 1;
        }
    }

    fn context(&mut self, header: &Header<'_>, about: &Metadata<'_>) -> Option<Context> {
        let (host, pid) = (about.hostname.0.to_string(), about.pid.0.unwrap_or(0));
        let writers = &mut self.writers;
        let writer = *self.numbers.entry((host.clone(), pid)).or_insert_with(|| {
            writers.push(Writer { host, pid, ranks: Vec::new() });
            writers.len() as u32 - 1
        });
        if let (Some(rank), Some(of)) = (header.rank.0, header.n_ranks.0) {
            let ranks = &mut self.writers.get_mut(writer as usize)?.ranks;
            if !ranks.contains(&(rank, of)) {
                ranks.push((rank, of));
            }
        }
        Some(Context {
            writer,
            communicator: self.texts.number(&header.id.0),
            size: header.n_ranks.0,
            dumped: instant(about.dump_timestamp_us)?,
        })
    }

    fn operation(
        &mut self,
        performance: &Performance<'_>,
        is_collective: bool,
        context: Context,
    ) -> Option<Operation> {
        let length = nanos_of_micros(performance.coll_exec_time_us.0).map(|length| length.value);
        let length = length.filter(|&length| length >= 0)?;
        let instants = performance.event_trace_ts.as_ref();
        let called = instants.and_then(super::record::Instants::call);
        let of_call = performance.coll_timing_source.0 == "collective_cpu";
        let began =
            if of_call { called } else { instants.and_then(super::record::Instants::kernel) };
        let op = nccl::operation(&performance.coll.0);
        Some(Operation {
            writer: context.writer,
            communicator: context.communicator,
            size: context.size,
            bytes: bytes(op, performance, context.size, length),
            op: self.texts.number(op),
            // Transfers are counted by each rank for itself.
            sequence: performance.coll_sn.0.filter(|_| is_collective),
            timing: match began {
                None => Timing::Length,
                Some(_) if of_call => Timing::Call,
                Some(_) => Timing::Kernel,
            },
            instant: began.unwrap_or(context.dumped),
            length,
            called: called.filter(|_| began.is_some() && !of_call),
        })
    }
}

/// The size of an operation as nccl-tests counts it. Of some operations the inspector tells only one rank's share: then its
/// bandwidth is that of as many shares as there are ranks.
fn bytes(op: &str, performance: &Performance<'_>, ranks: Option<i64>, length: i64) -> Option<i64> {
    let told = performance.coll_msg_size_bytes.0.filter(|&bytes| bytes >= 0)?;
    let ranks = ranks.filter(|&ranks| ranks > 1);
    let shares = performance.coll_algobw_gbs.0.parse::<f64>().ok().filter(|rate| *rate > 0.0);
    let shares =
        shares.filter(|_| told > 0 && length > 0).map(|rate| rate * length as f64 / told as f64);
    let is_share = match (shares, ranks) {
        (_, None) => false,
        (Some(shares), Some(ranks)) => (shares - ranks as f64).abs() < (shares - 1.0).abs(),
        (None, Some(_)) => matches!(op, "all_gather" | "reduce_scatter"),
    };
    if is_share { told.checked_mul(ranks?) } else { Some(told) }
}
