//! The analysis of one rank: worked out once, asked many times.

use std::sync::Arc;

use perfagent_recording::{ProcessId, Recording, Timestamp};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::activity::Activity;
use crate::breakdown::{Division, data_loading};
use crate::category::{Categories, Labels};
use crate::collective::Call;
use crate::copy::CopyRate;
use crate::critical::{CallOnPath, CommunicationPiece, CriticalPath, EventWait, Start};
use crate::host_work::HostWork;
use crate::launched::Launches;
use crate::operation::{Operations, operations};
use crate::own_time::Named;
use crate::process::ProcessRows;
use crate::report::{
    Basis, Breakdown, CriticalPathFigures, GpuLinks, KernelCounters, KernelRow, LaunchedRow, Rank,
    RooflineRow, SequenceRow, Step,
};
use crate::rules::Rules;
use crate::step::StepSpan;
use crate::timeline::Timeline;
use crate::{
    Intervals, clock, collective, copy, counters, critical, equipment, gaps, gpu_clock, host_cost,
    host_wait, idle, kernel, launch, memory, operator_gpu, period, process, queue, range, roofline,
    sequence, step,
};

/// Of rows with more events than this the report's critical path is that of some steps in the middle: a longer one says no more,
/// and would take more memory than all other figures together.
const LONGEST_PATH: usize = 500_000;

/// One rank of a recording with everything that windows and tables are answered from. The methods
/// that take a recording must be given the one it was made of.
#[derive(Clone, Debug, Default)]
pub struct RankAnalysis {
    rows: ProcessRows,
    operations: Operations,
    host: HostWork,
    activity: Activity,
    division: Division,
    data: (i64, Intervals),
    step_spans: Vec<StepSpan>,
    steps: Vec<Step>,
    labels: Arc<Labels>,
}

/// Analyses every rank of a recording, in the order of its processes. See [`Report`](crate::Report)
/// for what a rank is.
#[must_use]
pub fn analyse(recording: &Recording, rules: &Rules) -> Vec<RankAnalysis> {
    let categories = Categories::new(recording, rules);
    let mut ranks: Vec<RankAnalysis> = process::ranks(recording)
        .into_par_iter()
        .map(|rows| RankAnalysis::of(recording, rows, &categories))
        .collect();
    let labels = Arc::new(categories.labels());
    for rank in &mut ranks {
        rank.labels = Arc::clone(&labels);
    }
    ranks
}

/// Does something with the analysis of every rank, and gives the outcomes in the order of their processes. An analysis is
/// dropped as soon as that is done.
pub(crate) fn of_each<T: Send>(
    recording: &Recording,
    categories: &Categories<'_>,
    work: impl Fn(&RankAnalysis) -> T + Sync,
) -> Vec<T> {
    let ranks = process::ranks(recording).into_par_iter().map(|rows| {
        let mut rank = RankAnalysis::of(recording, rows, categories);
        // All names of the rank's own kernels are known by now, and it is asked for no others.
        rank.labels = Arc::new(categories.labels());
        work(&rank)
    });
    ranks.collect()
}

impl RankAnalysis {
    fn of(recording: &Recording, rows: ProcessRows, categories: &Categories<'_>) -> Self {
        let (rest, operations) = rayon::join(
            || Self::without_operations(recording, &rows, categories),
            || match rows.basis {
                Basis::Gpu => operations(recording, &rows),
                Basis::Operators | Basis::Ranges => Operations::default(),
            },
        );
        Self { rows, operations, ..rest }
    }

    fn without_operations(
        recording: &Recording,
        rows: &ProcessRows,
        categories: &Categories<'_>,
    ) -> Self {
        let step_spans = step::steps(recording, rows);
        let (host, mut activity) = if rows.basis == Basis::Gpu {
            (HostWork::default(), Activity::on_gpu(recording, rows, categories))
        } else {
            let host = HostWork::of(recording, rows, &step_spans, categories);
            let activity = Activity::on_host(&host, categories);
            (host, activity)
        };
        let data = data_loading(recording, rows, &step_spans, categories);
        let division = Division::of(&mut activity, &data.1, rows.basis);
        let mut steps = step::rows(recording, &step_spans);
        for step in &mut steps {
            let end = step.start_ns.saturating_add(step.duration_ns);
            step.lead_in_ns = division.lead_in(&activity, step.start_ns, end);
            step.breakdown = division.within(step.start_ns, end);
        }
        Self { host, activity, division, data, step_spans, steps, ..Self::default() }
    }

    /// The process.
    #[must_use]
    pub const fn process(&self) -> ProcessId {
        self.rows.process
    }

    /// What the busy times and the kernel table are made of.
    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.rows.basis
    }

    /// First start and last end of what counts as busy; `None` when nothing does.
    #[must_use]
    pub fn extent(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = self.activity.extent?;
        Some((Timestamp::from_unix_nanos(first), Timestamp::from_unix_nanos(last)))
    }

    /// Where its rows are.
    pub(crate) const fn rows(&self) -> &ProcessRows {
        &self.rows
    }

    /// Its GPU operations.
    pub(crate) const fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The steps as they were marked, in the order of [`RankAnalysis::steps`].
    pub(crate) fn step_spans(&self) -> &[StepSpan] {
        &self.step_spans
    }

    /// The instants in which data was loaded.
    #[must_use]
    pub const fn data(&self) -> &Intervals {
        &self.data.1
    }

    /// The training steps in order of time.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The instants of computation.
    #[must_use]
    pub const fn compute(&self) -> &Intervals {
        &self.activity.compute
    }

    /// The instants of communication.
    #[must_use]
    pub const fn communication(&self) -> &Intervals {
        &self.activity.comm
    }

    /// The instants of copies and memsets.
    #[must_use]
    pub const fn copies(&self) -> &Intervals {
        &self.activity.copy
    }

    /// What `[start, end)` went to, in logarithmic time.
    #[must_use]
    pub fn breakdown(&self, start: Timestamp, end: Timestamp) -> Breakdown {
        self.division.within(start.unix_nanos(), end.unix_nanos())
    }

    /// The kernel table (operators or ranges on a run without a GPU), greatest total first, of the
    /// whole recording or of a window, where each time counts as far as it lies within.
    #[must_use]
    pub fn kernel_table(
        &self,
        recording: &Recording,
        window: Option<(Timestamp, Timestamp)>,
    ) -> Vec<KernelRow> {
        let window = window.map(|(start, end)| (start.unix_nanos(), end.unix_nanos()));
        if self.rows.basis == Basis::Gpu {
            kernel::of_gpu(recording, &self.operations, &self.labels, window)
        } else {
            kernel::of_host(recording, &self.host, &self.labels, window)
        }
    }

    /// The critical path of the whole recording or of a window, for example of a step.
    #[must_use]
    pub fn critical_path(
        &self,
        recording: &Recording,
        window: Option<(Timestamp, Timestamp)>,
    ) -> CriticalPath {
        let window = window.map(|(start, end)| (start.unix_nanos(), end.unix_nanos()));
        self.path(recording, (&self.rows, &Launches::of(recording, &self.rows)), window)
    }

    /// The rows that are looked at one by one, and a stretch of time that they fill: all from the first to the last step, or the
    /// whole recording where there are no steps; of a long recording, as many steps in its middle as hold [`LONGEST_PATH`]
    /// events.
    fn middle(&self, recording: &Recording) -> (ProcessRows, Option<(i64, i64)>) {
        let window = self.first_to_last_step();
        let events = self.rows.len();
        let whole = window.or(self.activity.extent).filter(|_| events > LONGEST_PATH);
        let Some((first, last)) = whole else { return (self.rows.clone(), window) };
        let share = LONGEST_PATH as f64 / events as f64;
        let count = ((self.step_spans.len() as f64 * share) as usize).max(1);
        let begin = (self.step_spans.len().saturating_sub(count)) / 2;
        let middle = self.step_spans.get(begin..).unwrap_or_default().iter().take(count);
        let ends = middle.clone().map(|step| step.end).max();
        let window = middle.map(|step| step.start).min().zip(ends).unwrap_or_else(|| {
            let length = ((last - first) as f64 * share) as i64;
            let start = first + (last - first - length) / 2;
            (start, start + length)
        });
        (self.rows.within(recording, window), Some(window))
    }

    /// How the rate of copies and memsets changes over time, kind after kind.
    #[must_use]
    pub fn copy_rates(&self, recording: &Recording) -> Vec<CopyRate> {
        copy::rates(recording, &self.rows)
    }

    /// Which operations of the GPU waited for those of other streams, by the events that their streams were told to wait for.
    #[must_use]
    pub fn event_waits(&self, recording: &Recording) -> Vec<EventWait> {
        critical::event_waits(recording, &self.rows, &Launches::of(recording, &self.rows))
    }

    fn path(
        &self,
        recording: &Recording,
        (rows, launches): (&ProcessRows, &Launches),
        window: Option<(i64, i64)>,
    ) -> CriticalPath {
        // A step ends where the thread that marked it says so.
        let is_marked = |step: &&StepSpan| window.is_some_and(|(_, end)| step.end == end);
        let thread = self.step_spans.iter().find(is_marked).map(|step| step.thread);
        critical::path(recording, rows, launches, &self.labels, Start { window, thread })
    }

    fn first_to_last_step(&self) -> Option<(i64, i64)> {
        let end = self.step_spans.iter().map(|step| step.end).max()?;
        Some((self.step_spans.first()?.start, end))
    }

    /// The categories of the names that the analysis met.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// How many of its collectives never ended within the recording.
    pub(crate) fn unfinished_collectives(&self, recording: &Recording) -> usize {
        collective::unfinished(recording, &self.rows)
    }

    /// All figures of the rank but those that come from outside its rows (losses, samples, other ranks), and its collectives
    /// that can be matched with those of other ranks, also those on its critical path.
    pub(crate) fn figures(
        &self,
        recording: &Recording,
        categories: &Categories<'_>,
    ) -> (Rank, Vec<Call>, Vec<CallOnPath>) {
        let mut collectives = collective::collectives(recording, &self.rows);
        let process = recording.process(self.rows.process);
        // What threads did and launched, beside what the GPU and its streams did.
        let of_gpu = || Rank {
            rank: process.and_then(|process| process.rank),
            world_size: process.and_then(|process| process.world_size),
            pid: process.map_or(0, |process| process.pid),
            host: process
                .map_or_else(String::new, |process| clock::name(recording, process.host_id)),
            devices: equipment::devices(recording, self.rows.process),
            libraries: equipment::libraries(recording, self.rows.process),
            idle_causes: idle::idle_causes(&self.operations),
            kernels: self.kernel_table(recording, None),
            copies: copy::copies(recording, &self.rows),
            launch: launch::launch(&self.operations),
            collectives: std::mem::take(&mut collectives.rows),
            memory: memory::memory(recording, &self.rows),
            steps: self.steps.clone(),
            step: step::summary(&self.step_spans),
            basis: self.rows.basis,
            process_id: self.rows.process.0,
            program: process.map_or_else(String::new, |process| process.name.clone()),
            data_range_ns: self.data.1.length(),
            data_range_count: self.data.0,
            ranges: range::ranges(recording, &self.rows),
            synchronizations: host_cost::synchronizations(recording, self.rows.process),
            overheads: host_cost::overheads(recording, self.rows.process),
            ..Rank::default()
        };
        let (mut rank, launching) = rayon::join(of_gpu, || Launching::of(recording, self));
        self.activity.fill(&mut rank);
        rank.operators = kernel::operators(recording, &launching.names, categories);
        (rank.operator_gpu, rank.range_gpu) = (launching.operators, launching.ranges);
        (rank.critical_path, rank.roofline) = (launching.critical_path, launching.roofline);
        rank.kernel_counters = launching.counters;
        if self.rows.basis == Basis::Gpu {
            rank.gpu_links = launching.links;
            rank.kernel_sequences = launching.sequences;
            if self.step_spans.is_empty() {
                rank.detected_steps = period::detected(recording, &self.operations);
            }
            rank.queue = queue::queues(&self.operations);
            rank.launch_statistics = queue::statistics(recording, &self.operations);
            let window = self.first_to_last_step().or(self.activity.extent);
            if let Some(window) = window.filter(|_| self.operations.len() > 0) {
                let waits = self.operations.waits();
                rank.gaps = Some(gaps::gaps(&self.operations, &self.data.1, waits, window));
                rank.host_waits = host_wait::rows(recording, waits);
                rank.clocks = gpu_clock::clocks(recording, self.rows.process, window);
            }
        }
        if let Some((first, last)) = self.activity.extent {
            rank.breakdown = self.division.within(first, last);
        }
        if let Some((start, end)) = self.first_to_last_step() {
            rank.training = self.division.within(start, end);
        }
        let on_path = critical::calls_on_path(&launching.communication, &collectives);
        (rank, collectives.calls, on_path)
    }
}

/// What the threads of a rank did and launched.
struct Launching {
    /// The times of each operator name.
    names: Vec<Named>,
    operators: Vec<LaunchedRow>,
    ranges: Vec<LaunchedRow>,
    links: GpuLinks,
    critical_path: Option<CriticalPathFigures>,
    communication: Vec<CommunicationPiece>,
    roofline: Vec<RooflineRow>,
    sequences: Vec<SequenceRow>,
    counters: Option<KernelCounters>,
}

impl Launching {
    fn of(recording: &Recording, rank: &RankAnalysis) -> Self {
        let timeline = Timeline::of(recording, &rank.operations);
        let sums = operator_gpu::of_operators(recording, &rank.rows, &timeline);
        let operators = operator_gpu::operator_rows(recording, &sums);
        let (ranges, in_ranges) = operator_gpu::range_rows(recording, &rank.rows, &timeline);
        let (operations, launched) = (rank.operations.len() as i64, timeline.len() as i64);
        let links = GpuLinks {
            operations,
            without_call: operations - launched,
            without_operator: launched - sums.found,
            without_range: launched - in_ranges,
        };
        let roofline = roofline::points(recording, &rank.rows, &timeline);
        drop(timeline);
        let (rows, window) = rank.middle(recording);
        let linked = Launches::of(recording, &rows);
        let path = rank.path(recording, (&rows, &linked), window);
        let critical_path = critical::summary(recording, &path);
        let communication = critical::communication(recording, &path);
        let sequences = match rank.rows.basis {
            Basis::Gpu => sequence::sequences(recording, &rows, &linked),
            Basis::Operators | Basis::Ranges => Vec::new(),
        };
        Self {
            names: sums.names,
            operators,
            ranges,
            links,
            critical_path,
            communication,
            roofline,
            sequences,
            counters: counters::counters(recording, &rank.rows),
        }
    }
}
