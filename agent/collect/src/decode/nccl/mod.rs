//! Calls of NCCL, as its profiler plugin tells of them, become rows of `collectives`.
//!
//! NCCL says when it handed a call over to the GPU, never when it was done. A row takes its times from the call's kernel;
//! several calls of one group share one. Where there is no kernel (CUPTI was not ours, or its record was lost) the row
//! says `enqueue`, and both of its times are that instant: no reader can take a duration from it. Where CUPTI was not ours
//! NCCL times its kernels itself, and the row has those times.

mod matching;
mod size;

use std::collections::BTreeMap;

use perfagent_recording::table::{Collective, Note, Severity, Timing};
use perfagent_recording::{StreamId, StringId, Timestamp, WriteError};
use perfagent_spool::Record;
use serde::{Deserialize, Serialize};

use super::{Decoder, Tables};
use matching::{Call, Matched, Matching, Ran, by_correlation};

/// The operation that a function of NCCL's interface, such as `ncclAllReduce`, begins; `None` for the other functions.
pub(super) fn op_of_function(function: &str) -> Option<&str> {
    let name = function.strip_prefix("nccl")?;
    Some(size::op(name)).filter(|op| *op != name)
}

/// The operation that a kernel of NCCL's is named after: `ncclDevKernel_AllReduce_Sum_f16_RING_LL`, before NCCL 2.19
/// `ncclKernel_…`. The element type in the name is not that of every call: kernels are made for some types only.
fn op_of_kernel(name: &str) -> Option<&'static str> {
    let rest = name.strip_prefix("ncclDevKernel_").or_else(|| name.strip_prefix("ncclKernel_"))?;
    let word = rest.split(['_', '(']).next().unwrap_or(rest);
    // Sends and receives share a kernel, and a generic one runs what has none of its own.
    ["AllReduce", "AllGather", "ReduceScatter", "Broadcast", "Reduce"]
        .into_iter()
        .find(|known| *known == word)
        .map(size::op)
}

/// What is known of NCCL in one process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Nccl {
    /// By our number: the group's string id in the recording, and its ranks (0 when not known).
    communicators: BTreeMap<u32, (i64, i32)>,
    matching: Matching,
    /// Whether NCCL tells of its calls, by its plugin interface or by ranges of its own.
    tells: bool,
    /// Calls that went into CUDA graphs, and calls whose kernel should have come and did not.
    captured: u64,
    unmatched: u64,
}

impl Decoder {
    /// Writes a record of NCCL; other records are none of its business.
    pub(super) fn apply_nccl(
        &mut self,
        record: &Record<'_>,
        tables: &mut Tables,
    ) -> Result<(), WriteError> {
        match *record {
            Record::NcclCommunicator { communicator, hash, name, ranks, .. } => {
                let group = match (self.names.text(name), hash) {
                    ("", 0) => String::new(),
                    ("", hash) => format!("{hash:#018x}"),
                    (name, 0) => name.to_owned(),
                    // Communicators of one name are told apart; the hash is the same on every rank.
                    (name, hash) => format!("{name} ({hash:#018x})"),
                };
                let group = tables.writer.string(&group)?.0;
                self.nccl.tells = true;
                self.nccl.communicators.insert(communicator, (group, ranks));
                Ok(())
            }
            Record::NcclCall { captured: true, time, .. } => {
                let time = self.seen(time);
                self.nccl.captured += u64::from(self.source.window.holds(time));
                Ok(())
            }
            Record::NcclCall {
                time,
                tid,
                communicator,
                op,
                dtype,
                user_dtype,
                count,
                sequence,
                plan,
                correlation,
                kernel,
                ..
            } => {
                let enqueued_ns = self.seen(time).unix_nanos();
                let (group, ranks) =
                    self.nccl.communicators.get(&communicator).copied().unwrap_or_default();
                let op = size::op(self.names.text(op));
                let (dtype, user) = (self.names.text(dtype), self.names.text(user_dtype));
                let call = Call {
                    enqueued_ns,
                    tid,
                    op: tables.writer.string(op)?.0,
                    dtype: tables.writer.string(size::dtype(op, dtype, user))?.0,
                    bytes: size::bytes(op, dtype, count, ranks),
                    group,
                    size: (ranks > 0).then_some(i64::from(ranks)),
                    sequence: sequence.map(|number| number as i64),
                };
                let matched = match (kernel, correlation) {
                    (false, _) => return self.write_call(tables, &(call, None)),
                    (true, 0) => self.nccl.matching.call(plan, call),
                    (true, correlation) => {
                        self.nccl.matching.call(by_correlation(correlation), call)
                    }
                };
                self.write_calls(tables, &matched)
            }
            Record::ExternalCorrelation { correlation, id } => {
                let matched = self.nccl.matching.link(correlation, id);
                self.write_calls(tables, &matched)
            }
            // Times of a damaged ring: the call stays without any.
            Record::NcclTimes { start, end, .. } if end < start => Ok(()),
            Record::NcclTimes { plan, start, end } => {
                let (start, end) = (self.seen(start), self.seen(end));
                let (start_ns, end_ns) = (start.unix_nanos(), end.unix_nanos());
                let ran = Ran { start_ns, end_ns, stream: None, correlation: 0 };
                let matched = self.nccl.matching.times(plan, ran);
                self.write_calls(tables, &matched)
            }
            _ => Ok(()),
        }
    }

    /// A kernel ran whose name may be one of NCCL's.
    pub(super) fn nccl_kernel(
        &mut self,
        tables: &mut Tables,
        name: u32,
        (start, end): (Timestamp, Timestamp),
        stream: StreamId,
        correlation: u32,
    ) -> Result<(), WriteError> {
        let name = self.names.text(name);
        if !name.starts_with("nccl") {
            return Ok(());
        }
        if !self.nccl.tells {
            return match op_of_kernel(name) {
                Some(op) => self.write_kernel(tables, op, (start, end), stream, correlation),
                None => Ok(()),
            };
        }
        let (start_ns, end_ns) = (start.unix_nanos(), end.unix_nanos());
        let ran = Ran { start_ns, end_ns, stream: Some(stream.0), correlation };
        let matched = self.nccl.matching.kernel(ran);
        self.write_calls(tables, &matched)
    }

    /// NCCL has begun a call, as one of its own ranges says.
    pub(super) fn nccl_range(&mut self) {
        self.nccl.tells = true;
    }

    /// A collective of which there is only the kernel: what it moved, and between whom, is not known.
    fn write_kernel(
        &self,
        tables: &mut Tables,
        op: &'static str,
        (start_ns, end_ns): (Timestamp, Timestamp),
        stream: StreamId,
        correlation: u32,
    ) -> Result<(), WriteError> {
        let (op_id, source_id) = (tables.writer.string(op)?, tables.writer.string("kernel")?);
        tables.writer.append(&Collective {
            process_id: self.source.process,
            stream_id: Some(stream),
            start_ns,
            end_ns,
            op_id,
            source_id,
            timing: Timing::Kernel,
            correlation: Some(i64::from(correlation)),
            ..Collective::default()
        })
    }

    /// Nothing more will be read.
    pub(super) fn finish_nccl(&mut self, tables: &mut Tables) -> Result<(), WriteError> {
        let waiting = self.nccl.matching.give_up();
        self.write_calls(tables, &waiting)?;
        let (captured, unmatched) = (self.nccl.captured, self.nccl.unmatched);
        if captured > 0 {
            self.note(
                tables,
                format!(
                    "{captured} NCCL calls were captured into CUDA graphs: when a graph is launched their kernels are in \
                     the recording, but NCCL tells nothing of them, so they are not among the collectives"
                ),
            )?;
        }
        if unmatched > 0 {
            self.note(
                tables,
                format!(
                    "of {unmatched} NCCL calls neither a kernel nor NCCL's own timers told when they ran: they are counted \
                     without a time"
                ),
            )?;
        }
        Ok(())
    }

    fn note(&mut self, tables: &mut Tables, text: String) -> Result<(), WriteError> {
        tables.writer.append(&Note {
            process_id: Some(self.source.process),
            time_ns: None,
            severity: Severity::Warning,
            text,
        })
    }

    fn write_calls(&mut self, tables: &mut Tables, calls: &[Matched]) -> Result<(), WriteError> {
        for call in calls {
            self.nccl.unmatched += u64::from(call.1.is_none());
            self.write_call(tables, call)?;
        }
        Ok(())
    }

    fn write_call(&mut self, tables: &mut Tables, (call, ran): &Matched) -> Result<(), WriteError> {
        let enqueued = Timestamp::from_unix_nanos(call.enqueued_ns);
        let (start, end) =
            ran.map_or((call.enqueued_ns, call.enqueued_ns), |ran| (ran.start_ns, ran.end_ns));
        let start_ns = Timestamp::from_unix_nanos(start);
        if !self.source.window.holds(start_ns) {
            return Ok(());
        }
        let process_id = self.source.process;
        let source_id = tables.writer.string("nccl")?;
        let row = Collective {
            process_id,
            thread_id: Some(tables.thread(process_id, self.source.pid, call.tid)?),
            stream_id: ran.and_then(|ran| ran.stream).map(StreamId),
            start_ns,
            end_ns: Timestamp::from_unix_nanos(end),
            op_id: StringId(call.op),
            dtype_id: StringId(call.dtype),
            bytes: call.bytes,
            group_id: StringId(call.group),
            group_size: call.size,
            sequence: call.sequence,
            source_id,
            open: false,
            timing: if ran.is_some() { Timing::Kernel } else { Timing::Enqueue },
            enqueued_ns: Some(enqueued),
            correlation: ran.map(|ran| i64::from(ran.correlation)).filter(|id| *id != 0),
        };
        tables.writer.append(&row)
    }
}

#[cfg(test)]
mod tests {
    use super::op_of_kernel;

    #[test]
    fn kernels_are_named_after_their_operation() {
        assert_eq!(op_of_kernel("ncclDevKernel_AllReduce_Sum_f16_RING_LL()"), Some("all_reduce"));
        assert_eq!(
            op_of_kernel("ncclKernel_ReduceScatter_TREE_LL_Sum_float"),
            Some("reduce_scatter")
        );
        for other in
            ["ncclDevKernel_SendRecv(x)", "ncclDevKernel_Generic_1", "ncclDevKernel_", "gemm"]
        {
            assert_eq!(op_of_kernel(other), None);
        }
    }
}
