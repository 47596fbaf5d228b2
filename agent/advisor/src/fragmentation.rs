//! Memory that the allocator holds and nobody uses.

use perfagent_analysis::Report;
use perfagent_analysis::report::Rank;

use crate::idle::without_gpu;
use crate::{Fact, Figure, evidence, rank_name, share_pct, worst};

/// With less than this of what is reserved unused there is little to win, percent.
const MUCH_PCT: f64 = 20.0;
/// Nor with less than this share of the GPU's memory, percent.
const OF_DEVICE_PCT: f64 = 5.0;
/// Nor, where the size of the GPU is unknown, with less than this: blocks are rounded to megabytes.
const LEAST_BYTES: i64 = 1 << 30;

/// Bytes that the allocator held at its peak beyond the most that was handed out.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| {
        let (reserved, allocated) = peaks(rank)?;
        Some((reserved - allocated) as f64)
    });
    let found = worst.0;
    let mut fact = Fact::unknown(
        "memory_fragmentation",
        "bytes",
        worst,
        "The recording does not tell what the allocator held and handed out: record with the framework's memory profiling on \
         (torch.profiler with profile_memory=True).",
    );
    let Some((rank, _)) = found else { return without_gpu(fact, report) };
    let Some((reserved, allocated)) = peaks(rank) else { return fact };
    let unused = reserved - allocated;
    let share = share_pct(unused, reserved).unwrap_or(0.0);
    let total = device_bytes(rank);
    fact.figures = vec![
        Figure::derived("reserved_beyond_allocated_bytes", Some(unused as f64)),
        Figure::derived("reserved_beyond_allocated_pct", Some(share)),
        Figure::measured("peak_reserved_bytes", Some(reserved as f64)),
        Figure::measured("peak_allocated_bytes", Some(allocated as f64)),
        Figure::measured("total_bytes", total.map(|total| total as f64)),
    ];
    fact.evidence = vec![evidence(rank, "memory", Vec::new(), 2, "peaks of the allocator")];
    let who = rank_name(rank);
    let matters = match total {
        Some(total) => share_pct(unused, total).is_some_and(|pct| pct >= OF_DEVICE_PCT),
        None => unused >= LEAST_BYTES,
    };
    let free = format!("{:.2} GiB ({share:.0} %)", unused as f64 / f64::from(1 << 30));
    if share >= MUCH_PCT && matters {
        fact.act(format!(
            "Let the allocator grow its blocks (PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True), pad sequences to few lengths, \
             or free large tensors before the peak: {free} of what {who} held was in no tensor."
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: {free} of what the allocator of {who} held was in no tensor."
        ));
    }
    fact
}

fn peaks(rank: &Rank) -> Option<(i64, i64)> {
    let (reserved, allocated) =
        (rank.memory.peak_reserved_bytes?, rank.memory.peak_allocated_bytes?);
    (reserved > 0).then_some((reserved, allocated.min(reserved)))
}

/// Memory of the GPUs that the rank used.
fn device_bytes(rank: &Rank) -> Option<i64> {
    let used = |id: i64| rank.idle_causes.iter().any(|row| row.device == id);
    let devices = rank.devices.iter().filter(|device| used(device.id));
    let total = devices.map(|device| device.total_bytes).sum::<Option<i64>>()?;
    (total > 0).then_some(total)
}
