//! Calls in which the host waited for the GPU.

use rustc_hash::{FxHashMap, FxHashSet};

use perfagent_recording::table::{ApiCall, CopyKind, WaitKind};
use perfagent_recording::{ProcessId, Recording, StringId};

use crate::operation::clean;
use crate::report::HostWaitRow;
use crate::statistic::Tally;

/// One call in which a thread waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostWait {
    pub(crate) start: i64,
    pub(crate) end: i64,
    how: How,
}

/// How it waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum How {
    Call(StringId),
    Copy(StringId, CopyKind),
    Unnamed(WaitKind),
}

impl How {
    fn name(self, recording: &Recording) -> String {
        match self {
            Self::Call(name) => recording.strings.get(name).to_owned(),
            Self::Copy(name, kind) => {
                format!("{} ({})", recording.strings.get(name), kind.as_str())
            }
            Self::Unnamed(kind) => format!("({})", kind.as_str()),
        }
    }
}

impl HostWait {
    /// The function, as in [`HostWaitRow::name`].
    pub(crate) fn name(&self, recording: &Recording) -> String {
        self.how.name(recording)
    }
}

/// Finds calls that wait while others read the tables.
pub(crate) struct Finder<'a> {
    recording: &'a Recording,
    /// Whether functions of each name wait; `None` of those that were not met yet.
    waits: Vec<Option<bool>>,
    found: Vec<HostWait>,
    correlations: FxHashSet<i64>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(recording: &'a Recording) -> Self {
        let waits = vec![None; recording.strings.len().max(1)];
        Self { recording, waits, found: Vec::new(), correlations: FxHashSet::default() }
    }

    /// Takes note of a call if its function waits for the GPU.
    pub(crate) fn call(&mut self, call: &ApiCall) {
        let name = call.name_id;
        let number = usize::try_from(name.0).ok().filter(|&number| number < self.waits.len());
        let Some(number) = number else { return };
        let waits = self.waits[number].unwrap_or_else(|| waits(self.recording.strings.get(name)));
        self.waits[number] = Some(waits);
        if waits {
            let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
            self.found.push(HostWait { start, end, how: How::Call(name) });
            self.correlations.extend(call.correlation);
        }
    }

    /// Takes note of the call of a copy if it returned only after the copy had ended.
    pub(crate) fn copy(&mut self, kind: CopyKind, copy_end: i64, position: u32) {
        if kind == CopyKind::Memset {
            return;
        }
        let Some(call) = self.recording.api_calls.get(position as usize) else { return };
        let (start, end) = clean(call.start_ns.unix_nanos(), call.end_ns.unix_nanos());
        let name = self.recording.strings.get(call.name_id);
        if end >= copy_end && name.to_ascii_lowercase().contains("memcpy") {
            self.found.push(HostWait { start, end, how: How::Copy(call.name_id, kind) });
        }
    }

    /// All of a process, with the waits whose call is not in the recording, in order of start.
    pub(crate) fn finish(mut self, process: ProcessId) -> Vec<HostWait> {
        for wait in &self.recording.synchronizations {
            let is_new = wait.correlation.is_none_or(|id| !self.correlations.contains(&id));
            // A stream that waits for another one holds up no thread.
            let holds_up =
                matches!(wait.kind, WaitKind::Event | WaitKind::Stream | WaitKind::Context);
            if wait.process_id == process && holds_up && is_new {
                let (start, end) = clean(wait.start_ns.unix_nanos(), wait.end_ns.unix_nanos());
                self.found.push(HostWait { start, end, how: How::Unnamed(wait.kind) });
            }
        }
        self.found.sort_unstable();
        self.found
    }
}

/// Whether a function of CUDA or HIP returns only when the GPU has done something.
fn waits(function: &str) -> bool {
    let name = function.split("_v").next().unwrap_or(function);
    let name = name.strip_suffix("_ptsz").unwrap_or(name);
    let name = ["cuda", "hip", "cu"].iter().find_map(|prefix| name.strip_prefix(prefix));
    matches!(
        name,
        Some(
            "DeviceSynchronize"
                | "StreamSynchronize"
                | "EventSynchronize"
                | "ThreadSynchronize"
                | "CtxSynchronize"
                // Both wait until nothing uses the memory any more.
                | "Free"
                | "MemFree"
        )
    )
}

/// The waits by name, greatest total first.
pub(crate) fn rows(recording: &Recording, waits: &[HostWait]) -> Vec<HostWaitRow> {
    let mut kinds: FxHashMap<How, (Tally, i64)> = FxHashMap::default();
    for wait in waits {
        let length = wait.end - wait.start;
        let (tally, longest) = kinds.entry(wait.how).or_default();
        if length > tally.max {
            *longest = wait.start;
        }
        tally.add(length);
    }
    let mut rows: Vec<_> = kinds
        .into_iter()
        .map(|(how, (tally, longest_start_ns))| HostWaitRow {
            name: how.name(recording),
            count: tally.count,
            total_ns: tally.total,
            longest_start_ns,
            longest_ns: tally.max,
        })
        .collect();
    rows.sort_by(|a, b| (-a.total_ns, &a.name).cmp(&(-b.total_ns, &b.name)));
    rows
}

#[cfg(test)]
mod tests {
    use super::waits;

    #[test]
    fn functions_that_wait_are_known_in_all_their_versions() {
        for name in [
            "cudaStreamSynchronize",
            "cudaStreamSynchronize_v3020",
            "cudaStreamSynchronize_ptsz_v7000",
            "cuCtxSynchronize",
            "cuStreamSynchronize_ptsz",
            "hipDeviceSynchronize",
            "cudaFree_v3020",
            "cuMemFree_v2",
        ] {
            assert!(waits(name), "{name}");
        }
        for name in ["cudaLaunchKernel", "cudaFreeAsync", "cudaFreeHost", "cudaEventQuery", "free"]
        {
            assert!(!waits(name), "{name}");
        }
    }
}
