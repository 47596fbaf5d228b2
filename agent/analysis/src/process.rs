//! The rows of each process, found once, and which processes are ranks.

use perfagent_recording::{Event, ProcessId, Recording, Rows};

use crate::Basis;
use crate::positions::{Iter, Positions};

/// Work is launched at most so long before it runs; what is found to be older is taken for work without a call.
const LAUNCHED_BEFORE_NS: i64 = 1_000_000_000;

/// Where the rows of one process are: positions in the tables of its recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessRows {
    /// The process.
    pub(crate) process: ProcessId,
    /// What its busy times and its kernel table are made of.
    pub(crate) basis: Basis,
    pub(crate) kernels: Positions,
    pub(crate) copies: Positions,
    pub(crate) api_calls: Positions,
    pub(crate) ranges: Positions,
    pub(crate) operators: Positions,
    pub(crate) collectives: Positions,
    pub(crate) memory: Positions,
    pub(crate) kernel_counters: Positions,
}

impl ProcessRows {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.kernels.len()
            + self.copies.len()
            + self.api_calls.len()
            + self.ranges.len()
            + self.operators.len()
            + self.collectives.len()
            + self.memory.len()
    }

    /// Those that lie in `[from, until)` or reach into it, and the calls that launched them: they begin up to
    /// [`LAUNCHED_BEFORE_NS`] before.
    pub(crate) fn within(&self, recording: &Recording, (from, until): (i64, i64)) -> Self {
        let mut within = Self { process: self.process, basis: self.basis, ..Self::default() };
        macro_rules! pick_from {
            ($from:expr; $($table:ident),+) => {$(
                let rows = self.$table.iter().zip(pick(&recording.$table, &self.$table));
                within.$table = rows
                    .filter(|(_, row)| {
                        row.start_ns.unix_nanos() < until && row.end_ns.unix_nanos() >= $from
                    })
                    .map(|(position, _)| position)
                    .collect();
            )+};
        }
        pick_from!(from; kernels, copies, ranges, operators, collectives);
        pick_from!(from.saturating_sub(LAUNCHED_BEFORE_NS); api_calls);
        within
    }

    fn has_gpu_operations(&self) -> bool {
        !self.kernels.is_empty() || !self.copies.is_empty()
    }

    fn has_host_events(&self) -> bool {
        !self.operators.is_empty()
            || !self.ranges.is_empty()
            || !self.collectives.is_empty()
            || self.has_counters()
    }

    /// Whether hardware counters of its kernels were read, which leaves the kernels themselves out of most recordings.
    const fn has_counters(&self) -> bool {
        !self.kernel_counters.is_empty()
    }

    /// Whether there is a framework's memory on a GPU, and of what ran no more than ranges.
    fn is_memory_only(&self, recording: &Recording) -> bool {
        let of_others = [&self.kernels, &self.copies, &self.api_calls, &self.operators];
        of_others.iter().all(|positions| positions.is_empty())
            && self.collectives.is_empty()
            && !self.has_counters()
            && pick(&recording.memory, &self.memory).any(|row| {
                row.device_id.is_some() && row.allocated_bytes.is_some() && row.bytes.is_some()
            })
    }
}

/// The rows of every rank: of each process with GPU operations or, when the recording holds none at
/// all, of each process with operators, ranges or collectives; of each with hardware counters; and of each that is nothing but the
/// allocator of a framework told about a GPU, as memory snapshots are. In order of process.
pub(crate) fn ranks(recording: &Recording) -> Vec<ProcessRows> {
    let processes = all(recording);
    let on_gpu = processes.iter().any(ProcessRows::has_gpu_operations);
    processes
        .into_iter()
        .filter_map(|rows| {
            let is_memory = rows.is_memory_only(recording);
            let has_events = if on_gpu {
                rows.has_gpu_operations() || rows.has_counters()
            } else {
                rows.has_host_events()
            };
            (is_memory || has_events).then_some((rows, is_memory))
        })
        .map(|(mut rows, is_memory)| {
            rows.basis = match (rows.has_gpu_operations() || is_memory, rows.operators.is_empty()) {
                (true, _) => Basis::Gpu,
                (false, false) => Basis::Operators,
                (false, true) => Basis::Ranges,
            };
            rows
        })
        .collect()
}

fn all(recording: &Recording) -> Vec<ProcessRows> {
    let mut processes: Vec<ProcessRows> = (1..=recording.processes.len())
        .map(|id| ProcessRows { process: ProcessId(id as i64), ..ProcessRows::default() })
        .collect();
    macro_rules! distribute {
        ($($table:ident),+) => {$(
            for (position, row) in recording.$table.iter().enumerate() {
                // Rows of a process that the recording does not define belong to nobody.
                if let Some(rows) = row
                    .process_id
                    .0
                    .checked_sub(1)
                    .and_then(|index| usize::try_from(index).ok())
                    .and_then(|index| processes.get_mut(index))
                {
                    rows.$table.push(position as u32);
                }
            }
        )+};
    }
    distribute!(
        kernels,
        copies,
        api_calls,
        ranges,
        operators,
        collectives,
        memory,
        kernel_counters
    );
    processes
}

/// The rows of `table` at `positions`.
pub(crate) const fn pick<'a, R: Event>(
    table: &'a Rows<R>,
    positions: &'a Positions,
) -> Picked<'a, R> {
    Picked { table, positions: positions.iter() }
}

/// See [`pick`].
pub(crate) struct Picked<'a, R: Event> {
    table: &'a Rows<R>,
    positions: Iter<'a>,
}

impl<R: Event> Iterator for Picked<'_, R> {
    type Item = R;

    #[expect(clippy::inline_always, reason = "what of a row is not used must not be read")]
    #[inline(always)]
    fn next(&mut self) -> Option<R> {
        // Positions are of rows that there are.
        self.table.get(self.positions.next()? as usize)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.positions.size_hint()
    }
}
