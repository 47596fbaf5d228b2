//! Any stretch of a rank's time divided into computation, communication, copies, data and idle.

use perfagent_recording::{Recording, ThreadId};

use crate::activity::Activity;
use crate::category::Categories;
use crate::operation::clean;
use crate::process::{ProcessRows, pick};
use crate::report::{Basis, Breakdown, CategoryShare};
use crate::step::StepSpan;
use crate::{Coverage, Intervals};

/// Sets of instants that do not overlap, ready for windows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Division {
    categories: Vec<(String, Coverage)>,
    exposed_comm: Coverage,
    exposed_copy: Coverage,
    data: Coverage,
    comm: Coverage,
}

impl Division {
    /// Divides the time of a rank. Without a GPU, loading of data is itself made of operators, so
    /// what ran in a `data` range is data; with one, data counts only while the GPU had nothing.
    ///
    /// The sets of the categories are taken out of the activity, which learns what was exposed.
    pub(crate) fn of(activity: &mut Activity, data: &Intervals, basis: Basis) -> Self {
        let (outside, data) = match basis {
            Basis::Gpu => (Intervals::default(), activity.idle_of(data)),
            Basis::Operators | Basis::Ranges => (data.clone(), data.clone()),
        };
        let without = |set: Intervals| {
            Coverage::new(if outside.is_empty() { set } else { set.difference(&outside) })
        };
        let (exposed_comm, exposed_copy) = (activity.exposed_comm(), activity.exposed_copy());
        activity.exposed_ns = (exposed_comm.length(), exposed_copy.length());
        let categories = std::mem::take(&mut activity.categories);
        Self {
            categories: categories.into_iter().map(|(name, set)| (name, without(set))).collect(),
            exposed_comm: without(exposed_comm),
            exposed_copy: without(exposed_copy),
            data: Coverage::new(data),
            comm: Coverage::new(activity.comm.clone()),
        }
    }

    /// The parts of `[start, end)`.
    pub(crate) fn within(&self, start: i64, end: i64) -> Breakdown {
        let mut categories: Vec<CategoryShare> = self
            .categories
            .iter()
            .map(|(name, set)| CategoryShare {
                category: name.clone(),
                total_ns: set.within(start, end),
            })
            .filter(|share| share.total_ns > 0)
            .collect();
        categories.sort_by_key(|share| -share.total_ns);
        let mut breakdown = Breakdown {
            window_ns: end.saturating_sub(start).max(0),
            compute_ns: categories.iter().map(|share| share.total_ns).sum(),
            categories,
            exposed_comm_ns: self.exposed_comm.within(start, end),
            exposed_copy_ns: self.exposed_copy.within(start, end),
            data_ns: self.data.within(start, end),
            idle_ns: 0,
            comm_ns: self.comm.within(start, end),
        };
        breakdown.idle_ns = breakdown.window_ns
            - breakdown.compute_ns
            - breakdown.exposed_comm_ns
            - breakdown.exposed_copy_ns
            - breakdown.data_ns;
        breakdown
    }

    /// Time from `start` until something of `activity` ran, without loading of data; `None` when nothing ran
    /// before `end`.
    pub(crate) fn lead_in(&self, activity: &Activity, start: i64, end: i64) -> Option<i64> {
        let sets = [&activity.compute, &activity.comm, &activity.copy];
        let next = sets.into_iter().filter_map(|set| {
            let spans = set.spans();
            spans.get(spans.partition_point(|&(_, busy_end)| busy_end <= start))
        });
        let first = next.map(|next| next.0.max(start)).min()?;
        (first < end).then(|| (first - start) - self.data.within(start, first))
    }
}

/// How many ranges and operators load data, and when. With steps, only those of the threads that run
/// the steps: a loader thread that works ahead delays nobody.
pub(crate) fn data_loading(
    recording: &Recording,
    rows: &ProcessRows,
    steps: &[StepSpan],
    categories: &Categories<'_>,
) -> (i64, Intervals) {
    let mut threads: Vec<ThreadId> = steps.iter().map(|step| step.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    let concerned = |thread| threads.is_empty() || threads.binary_search(&thread).is_ok();
    let mut spans = Vec::new();
    macro_rules! add {
        ($($table:ident),+) => {$(
            for row in pick(&recording.$table, &rows.$table) {
                if concerned(row.thread_id) && categories.is_data(row.name_id) {
                    spans.push(clean(row.start_ns.unix_nanos(), row.end_ns.unix_nanos()));
                }
            }
        )+};
    }
    add!(ranges, operators);
    (spans.len() as i64, Intervals::union_of(spans))
}
