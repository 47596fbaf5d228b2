//! Collectives by the size of their message: what nccl-tests measures by its sweeps, from the calls of a run.

use std::collections::BTreeMap;

use perfagent_recording::Recording;
use perfagent_recording::table::Timing;
use rustc_hash::FxHashMap;

use crate::collective::{bus_factor, counted};
use crate::operation::clean;
use crate::process;
use crate::statistic::rate_gbps;

/// Messages of one size of one operation between so many ranks, of all ranks of a recording together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageSize {
    /// `all_reduce`, `all_gather`, …
    pub op: String,
    /// Element type; `None` when unknown.
    pub dtype: Option<String>,
    /// Ranks in the group; `None` when unknown.
    pub ranks: Option<i64>,
    /// Size as nccl-tests counts it, bytes.
    pub bytes: i64,
    /// How many messages; calls that share a kernel are one message with the sum of their sizes.
    pub count: i64,
    /// Sum of the times, ns.
    pub total_ns: i64,
    /// Median time (nearest rank), ns.
    pub median_ns: i64,
    /// Least time, ns.
    pub least_ns: i64,
    /// `bytes / median_ns` times the factor of [`bus_factor`], 1e9 bytes/s; with the waiting for other ranks in it.
    pub busbw_gbps: Option<f64>,
    /// The same of the fastest message, which waited least.
    pub best_busbw_gbps: Option<f64>,
    /// The slowest message: start and end, ns since the Unix epoch.
    pub slowest_ns: (i64, i64),
}

struct Message {
    key: Key,
    bytes: i64,
    span: (i64, i64),
}

/// Operation and element type as the recording numbers them, and the group's size.
type Key = (perfagent_recording::StringId, perfagent_recording::StringId, Option<i64>);

/// The messages of a recording whose size and time are known, by operation, element type, ranks and size, in this order.
#[must_use]
pub fn message_sizes(recording: &Recording) -> Vec<MessageSize> {
    let mut sizes: BTreeMap<(Key, i64), Vec<(i64, i64)>> = BTreeMap::new();
    for message in messages(recording) {
        sizes.entry((message.key, message.bytes)).or_default().push(message.span);
    }
    let mut rows: Vec<MessageSize> = sizes
        .into_iter()
        .map(|(((op, dtype, ranks), bytes), spans)| {
            let text = |id| recording.strings.get(id).to_owned();
            let row = MessageSize {
                op: text(op),
                dtype: Some(text(dtype)).filter(|text| !text.is_empty()),
                ranks,
                bytes,
                ..MessageSize::default()
            };
            with_times(row, spans)
        })
        .collect();
    let key = |row: &MessageSize| (row.op.clone(), row.ranks, row.dtype.clone(), row.bytes);
    rows.sort_by_cached_key(key);
    rows
}

fn with_times(mut row: MessageSize, mut spans: Vec<(i64, i64)>) -> MessageSize {
    let length = |&(start, end): &(i64, i64)| end.saturating_sub(start);
    spans.sort_unstable_by_key(length);
    row.count = spans.len() as i64;
    row.total_ns = spans.iter().map(length).fold(0, i64::saturating_add);
    row.least_ns = spans.first().map_or(0, length);
    row.median_ns = spans.get((spans.len() - 1) / 2).map_or(0, length);
    row.slowest_ns = spans.last().copied().unwrap_or_default();
    let factor = bus_factor(&row.op, row.ranks);
    let rate = |time| rate_gbps(row.bytes, time).zip(factor).map(|(rate, factor)| rate * factor);
    (row.busbw_gbps, row.best_busbw_gbps) = (rate(row.median_ns), rate(row.least_ns));
    row
}

fn messages(recording: &Recording) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for rows in process::ranks(recording) {
        let mut of_kernel: FxHashMap<(Key, i64), usize> = FxHashMap::default();
        for position in counted(recording, &rows.collectives) {
            let Some(call) = recording.collectives.get(position as usize) else { continue };
            let span = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
            let Some(bytes) = call.bytes.filter(|&bytes| bytes > 0) else { continue };
            if call.timing == Timing::Enqueue || span.1 <= span.0 {
                continue;
            }
            let key = (call.op_id, call.dtype_id, call.group_size);
            let next = messages.len();
            let place = match call.correlation {
                Some(id) => *of_kernel.entry((key, id)).or_insert(next),
                None => next,
            };
            match messages.get_mut(place) {
                Some(message) if message.span == span => {
                    message.bytes = message.bytes.saturating_add(bytes);
                }
                _ => messages.push(Message { key, bytes, span }),
            }
        }
    }
    messages
}
