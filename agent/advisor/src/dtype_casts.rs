//! Time in kernels that convert and copy without computing.

use perfagent_analysis::report::{KernelRow, Rank};
use perfagent_analysis::{Report, brief_kernel_name};

use crate::kernel_name::{Move, moves};
use crate::told::gpu_is_missing;
use crate::{Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, stretch, worst};

/// Kernels whose names are told.
const MOST_NAMES: usize = 3;

#[derive(Default)]
struct Sum<'a> {
    casts_ns: i64,
    layouts_ns: i64,
    copies_ns: i64,
    rows: Vec<&'a KernelRow>,
}

/// Share of the time in conversions of type and layout, and in copies within a device that may be either.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| {
        let is_told = !rank.kernels.is_empty() && !gpu_is_missing(rank);
        let sum = is_told.then(|| Sum::of(rank))?;
        share_pct(sum.total(), stretch(rank).window_ns)
    });
    let found = worst.0;
    let mut fact = Fact::unknown(
        "dtype_casts",
        "pct",
        worst,
        "The recording holds neither kernels nor the operators of a run without a GPU: record a stretch in which something is \
         computed.",
    );
    let Some((rank, share)) = found else { return fact };
    let sum = Sum::of(rank);
    let window = stretch(rank).window_ns;
    fact.figures = vec![
        Figure::derived("conversions_and_copies_share_pct", Some(share)),
        Figure::measured("casts_ns", Some(sum.casts_ns as f64)),
        Figure::measured("changes_of_layout_ns", Some(sum.layouts_ns as f64)),
        Figure::measured("copies_within_the_device_ns", Some(sum.copies_ns as f64)),
        Figure::measured("window_ns", Some(window as f64)),
    ];
    let names = sum.rows.iter().take(MOST_NAMES).map(|row| brief_kernel_name(&row.name)).collect();
    let count = sum.rows.iter().map(|row| row.count).sum();
    let table = if rank.gaps.is_some() { "kernels" } else { "operators" };
    let found = evidence(
        rank,
        table,
        names,
        count,
        "kernels or operators that convert or copy, by their names",
    );
    let start = rank.gaps.as_ref().map_or(0, |gaps| gaps.start_ns);
    fact.evidence = vec![if start > 0 { found.at(start, window) } else { found }];
    fact.gain = Gain::of(
        (sum.casts_ns + sum.layouts_ns) as f64,
        sum.total() as f64,
        window,
        "at most f = (casts + changes of layout + copies) / window; likely without the copies, of which some are needed",
    );
    let who = rank_name(rank);
    if share < WORTH_ACTING_PCT {
        fact.nothing(format!(
            "Nothing to gain: conversions and copies are {share:.1} % of the time of {who}."
        ));
    } else if sum.layouts_ns >= sum.casts_ns.max(sum.copies_ns) {
        fact.act(format!(
            "Keep one layout (channels_last for models and inputs of convolutions): {share:.1} % of the time of {who} goes to \
             conversions and copies, most of it to changes of layout."
        ));
    } else if sum.casts_ns >= sum.copies_ns {
        fact.act(format!(
            "Keep one element type from end to end (weights and inputs in bf16, autocast around whole blocks, cached casts) or \
             fuse the casts with torch.compile: {share:.1} % of the time of {who} goes to conversions and copies."
        ));
    } else {
        fact.act(format!(
            "Avoid copies that change strides or types (.contiguous(), .to(), .float(), expanded keys and values), or fuse them \
             with torch.compile: {share:.1} % of the time of {who} goes to conversions and copies."
        ));
    }
    fact
}

impl<'a> Sum<'a> {
    fn of(rank: &'a Rank) -> Self {
        let mut sum = Self::default();
        for row in &rank.kernels {
            let time = match moves(&row.name) {
                Some(Move::Cast) => &mut sum.casts_ns,
                Some(Move::Layout) => &mut sum.layouts_ns,
                Some(Move::Copy) => &mut sum.copies_ns,
                None => continue,
            };
            *time = time.saturating_add(row.total_ns);
            sum.rows.push(row);
        }
        sum
    }

    fn total(&self) -> i64 {
        self.casts_ns.saturating_add(self.layouts_ns).saturating_add(self.copies_ns)
    }
}
