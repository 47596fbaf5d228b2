//! Busy, compute, communication and copy times of a rank as sets of instants.

use perfagent_recording::Recording;

use crate::Intervals;
use crate::category::Categories;
use crate::host_work::{HostWork, Kind};
use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::Rank;

/// When a rank did what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    /// First start and last end; `None` when nothing happened.
    pub(crate) extent: Option<(i64, i64)>,
    pub(crate) compute: Intervals,
    pub(crate) comm: Intervals,
    pub(crate) copy: Intervals,
    /// Parts of `compute` that do not overlap, one a category, greatest first.
    pub(crate) categories: Vec<(String, Intervals)>,
    /// How long communication was that no computation hid, and copies that nothing hid, ns.
    pub(crate) exposed_ns: (i64, i64),
}

impl Activity {
    /// From the GPU operations of a rank.
    pub(crate) fn on_gpu(
        recording: &Recording,
        rows: &ProcessRows,
        categories: &Categories<'_>,
    ) -> Self {
        let mut compute = vec![Vec::new(); categories.count()];
        let mut comm = Vec::new();
        for kernel in pick(&recording.kernels, &rows.kernels) {
            let span = clean(kernel.start_ns.unix_nanos(), kernel.end_ns.unix_nanos());
            let category = categories.of(kernel.name_id);
            if Some(category) == categories.communication() {
                comm.push(span);
            } else {
                compute[usize::from(category)].push(span);
            }
        }
        let copies: Vec<_> = pick(&recording.copies, &rows.copies)
            .map(|copy| clean(copy.start_ns.unix_nanos(), copy.end_ns.unix_nanos()))
            .collect();
        let all = compute.iter().flatten().chain(&comm).chain(&copies);
        let extent = extent(all.copied());
        Self { extent, comm: Intervals::union_of(comm), ..Self::default() }
            .with_copies(copies)
            .with_compute(compute, categories)
    }

    /// From the operators or ranges of a rank on a run without a GPU.
    pub(crate) fn on_host(work: &HostWork, categories: &Categories<'_>) -> Self {
        let mut compute = vec![Vec::new(); categories.count()];
        for slice in &work.nesting.slices {
            let index = slice.item as usize;
            if work.kinds[index] == Kind::Compute {
                let category = categories.of(work.nesting.items[index].name);
                compute[usize::from(category)].push((slice.start, slice.end));
            }
        }
        let items = || work.nesting.items.iter().zip(&work.kinds);
        let mut comm = work.collectives.clone();
        comm.extend(
            items()
                .filter(|(_, kind)| **kind == Kind::Communication)
                .map(|(item, _)| (item.start, item.end)),
        );
        let counted = items()
            .filter(|(_, kind)| **kind != Kind::Frame)
            .map(|(item, _)| (item.start, item.end))
            .chain(work.collectives.iter().copied());
        Self { extent: extent(counted), comm: Intervals::union_of(comm), ..Self::default() }
            .with_compute(compute, categories)
    }

    fn with_copies(mut self, copies: Vec<(i64, i64)>) -> Self {
        self.copy = Intervals::union_of(copies);
        self
    }

    /// Where two categories ran at once the instant goes to the one with more time.
    fn with_compute(mut self, spans: Vec<Vec<(i64, i64)>>, categories: &Categories<'_>) -> Self {
        let mut sets: Vec<(String, Intervals)> = spans
            .into_iter()
            .enumerate()
            .filter(|(_, spans)| !spans.is_empty())
            .map(|(category, spans)| {
                (categories.name(category as u16).to_owned(), Intervals::union_of(spans))
            })
            .collect();
        sets.sort_by_key(|(_, set)| -set.length());
        for (name, set) in sets {
            self.categories.push((name, set.difference(&self.compute)));
            // Most of the time is of the first.
            self.compute = if self.compute.is_empty() { set } else { self.compute.union(&set) };
        }
        self
    }

    /// The instants of a set in which nothing ran.
    pub(crate) fn idle_of(&self, set: &Intervals) -> Intervals {
        set.difference(&self.compute).difference(&self.comm).difference(&self.copy)
    }

    /// Communication that no computation hid.
    pub(crate) fn exposed_comm(&self) -> Intervals {
        self.comm.difference(&self.compute)
    }

    /// Copies that nothing hid.
    pub(crate) fn exposed_copy(&self) -> Intervals {
        self.copy.difference(&self.compute).difference(&self.comm)
    }

    /// Fills in the times of the report.
    pub(crate) fn fill(&self, rank: &mut Rank) {
        rank.span_ns = self.extent.map_or(0, |(first, last)| last.saturating_sub(first));
        (rank.exposed_comm_ns, rank.exposed_copy_ns) = self.exposed_ns;
        rank.busy_ns = (self.compute.length())
            .saturating_add(rank.exposed_comm_ns)
            .saturating_add(rank.exposed_copy_ns);
        rank.idle_ns = rank.span_ns - rank.busy_ns;
        rank.compute_ns = self.compute.length();
        rank.comm_ns = self.comm.length();
        rank.copy_ns = self.copy.length();
        rank.overlap_pct = (rank.comm_ns > 0)
            .then(|| 100.0 * (rank.comm_ns - rank.exposed_comm_ns) as f64 / rank.comm_ns as f64);
    }
}

fn extent(spans: impl Iterator<Item = (i64, i64)>) -> Option<(i64, i64)> {
    spans.fold(None, |extent, (start, end)| {
        Some(
            extent.map_or((start, end), |(first, last): (i64, i64)| {
                (first.min(start), last.max(end))
            }),
        )
    })
}
