//! Products on tensor cores whose rows begin where those cannot read them at full width.

use std::cmp::Reverse;

use perfagent_analysis::report::{Basis, KernelRow, Rank};
use perfagent_analysis::{Report, brief_kernel_name};

use crate::idle::without_gpu;
use crate::kernel_name::{Unit, is_unaligned, unit};
use crate::{Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, stretch, worst};

/// How much faster aligned products are at most: in the head of a GPT-2 124M in bf16 on an H200 the three products with 50,257
/// columns take 25.6 ms a step, those with 50,304 take 3.4 ms (`data/h200/aligned`).
const FASTER_AT_MOST: f64 = 7.5;
/// The same where they are smaller or older GPUs compute them.
const FASTER_LIKELY: f64 = 2.0;
/// Kernels whose names are told.
const MOST_NAMES: usize = 3;

/// Share of the time in such products.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| {
        let has_kernels = rank.basis == Basis::Gpu && !rank.kernels.is_empty();
        let time_ns = has_kernels.then(|| time_ns(&found_in(rank)))?;
        share_pct(time_ns, stretch(rank).window_ns)
    });
    let found = worst.0;
    let mut fact = Fact::unknown(
        "unaligned_products",
        "pct",
        worst,
        "The recording holds no kernels: record a stretch in which the GPU computes.",
    );
    let Some((rank, share)) = found else { return without_gpu(fact, report) };
    let rows = found_in(rank);
    let (time_ns, window) = (time_ns(&rows), stretch(rank).window_ns);
    fact.figures = vec![
        Figure::derived("unaligned_products_share_pct", Some(share)),
        Figure::measured("unaligned_products_ns", Some(time_ns as f64)),
        Figure::modelled("aligned_faster_at_most", FASTER_AT_MOST),
        Figure::modelled("aligned_faster_likely", FASTER_LIKELY),
        Figure::measured("window_ns", Some(window as f64)),
    ];
    let names = rows.iter().take(MOST_NAMES).map(|row| brief_kernel_name(&row.name)).collect();
    let count = rows.iter().map(|row| row.count).sum();
    let what = "products on tensor cores that read one or two numbers at a time, by their names";
    let start = rank.gaps.as_ref().map_or(0, |gaps| gaps.start_ns);
    fact.evidence = vec![evidence(rank, "kernels", names, count, what).at(start, window)];
    let time = time_ns as f64;
    fact.gain = Gain::of(
        time * (1.0 - 1.0 / FASTER_LIKELY),
        time * (1.0 - 1.0 / FASTER_AT_MOST),
        window,
        format!(
            "f = time of unaligned products / window * (1 - 1 / r), where aligned ones are r = {FASTER_AT_MOST} times as fast at \
             most, and likely {FASTER_LIKELY} times"
        ),
    );
    let who = rank_name(rank);
    if share >= WORTH_ACTING_PCT {
        fact.act(format!(
            "Make the widths of products multiples of 8 (64 is better): pad the vocabulary, 50,257 to 50,304 say, and heads: \
             {share:.1} % of the time of {who} goes to products whose rows tensor cores cannot read at full width."
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: products of unaligned rows are {share:.1} % of the time of {who}."
        ));
    }
    fact
}

/// The rank's kernels of that kind, the longest first.
fn found_in(rank: &Rank) -> Vec<&KernelRow> {
    let on_tensor_cores = |row: &&KernelRow| unit(&row.category, &row.name) == Some(Unit::Tensor);
    let unaligned = |row: &&KernelRow| is_unaligned(&row.name);
    let mut rows: Vec<_> = rank.kernels.iter().filter(on_tensor_cores).filter(unaligned).collect();
    rows.sort_by_key(|row| Reverse(row.total_ns));
    rows
}

fn time_ns(rows: &[&KernelRow]) -> i64 {
    rows.iter().map(|row| row.total_ns).sum()
}
