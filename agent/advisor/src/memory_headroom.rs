//! Memory that was free at the peak.

use std::collections::BTreeMap;

use perfagent_analysis::Report;
use perfagent_analysis::report::{Basis, Rank};

use crate::{Evidence, Fact, Figure, RankFigure, evidence, rank_name, share_pct};

/// With more than this free a larger micro-batch is worth a try, percent.
const ROOMY_PCT: f64 = 20.0;
/// With less than this free the next fluctuation may fail, percent.
const TIGHT_PCT: f64 = 5.0;

/// One place that memory is in: the GPUs of a rank, or a machine.
struct Place<'a> {
    name: String,
    rank: Option<&'a Rank>,
    total: i64,
    peak: i64,
    evidence: Vec<Evidence>,
}

impl Place<'_> {
    fn free(&self) -> i64 {
        self.total.saturating_sub(self.peak)
    }
}

/// Bytes that were still free when most was in use: on a rank's GPUs, or on its machine.
pub(crate) fn fact(report: &Report) -> Fact {
    let on_gpu = report.ranks.iter().any(|rank| rank.basis == Basis::Gpu);
    let places = if on_gpu { gpus(report) } else { machines(report) };
    let ranks = places
        .iter()
        .filter_map(|place| {
            let rank = place.rank?;
            let value = Some(place.free() as f64);
            Some(RankFigure { rank: rank.rank, host: rank.host.clone(), pid: rank.pid, value })
        })
        .collect();
    let tightest = places.into_iter().min_by(|a, b| {
        let share = |place: &Place<'_>| place.free() as f64 / place.total as f64;
        share(a).total_cmp(&share(b))
    });
    let missing = if on_gpu {
        "The recording holds no peak of GPU memory, or not the size of the GPU: record with NVML present, or with \
             the framework's memory profiling on."
    } else {
        "The recording holds no resident memory of its processes, or not the size of the machine's memory: record \
             with sampling on."
    };
    let mut fact = Fact::unknown("memory_headroom", "bytes", (None, ranks), missing);
    fact.value = tightest.as_ref().map(|place| place.free() as f64);
    fact.rank = tightest.as_ref().and_then(|place| place.rank?.rank);
    let Some(place) = tightest else { return fact };
    let free_pct = share_pct(place.free(), place.total).unwrap_or(0.0);
    fact.figures = vec![
        Figure::derived("free_at_peak_bytes", Some(place.free() as f64)),
        Figure::derived("free_at_peak_pct", Some(free_pct)),
        Figure::measured("peak_bytes", Some(place.peak as f64)),
        Figure::measured("total_bytes", Some(place.total as f64)),
    ];
    let (name, free) = (&place.name, gibibytes(place.free()));
    if free_pct >= ROOMY_PCT {
        fact.act(format!(
            "Try a larger micro-batch: {free} ({free_pct:.0} %) of {name} were free when most was in use."
        ));
    } else if free_pct < TIGHT_PCT {
        fact.act(format!(
            "Reduce the micro-batch, recompute activations or shard the optimizer: only {free} ({free_pct:.1} %) of {name} \
             were free when most was in use."
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: {free} ({free_pct:.0} %) of {name} were free when most was in use."
        ));
    }
    fact.evidence = place.evidence;
    fact
}

/// The GPUs that each rank used.
fn gpus(report: &Report) -> Vec<Place<'_>> {
    report
        .ranks
        .iter()
        .filter_map(|rank| {
            let used = |id: i64| rank.idle_causes.iter().any(|row| row.device == id);
            let devices: Vec<_> = rank.devices.iter().filter(|device| used(device.id)).collect();
            let total =
                devices.iter().try_fold(0_i64, |sum, device| Some(sum + device.total_bytes?))?;
            let (peak, what) = peak(rank)?;
            let names = devices.iter().map(|device| device.name.clone()).collect();
            let evidence = vec![
                evidence(rank, "devices", names, devices.len() as i64, "GPUs that the rank used"),
                evidence(rank, "memory", Vec::new(), devices.len() as i64, what),
            ];
            let name = format!("the GPU memory of {}", rank_name(rank));
            (total > 0).then_some(Place { name, rank: Some(rank), total, peak, evidence })
        })
        .collect()
}

/// The most complete peak that the recording has: the driver's counts what the allocator does not see.
fn peak(rank: &Rank) -> Option<(i64, &'static str)> {
    let memory = &rank.memory;
    memory
        .peak_device_bytes
        .map(|bytes| (bytes, "peak that the driver accounts to the process"))
        .or(memory
            .peak_reserved_bytes
            .map(|bytes| (bytes, "peak held by the allocator, without the CUDA context")))
        .or(memory.peak_allocated_bytes.map(|bytes| (bytes, "peak handed out by the allocator")))
}

/// Machines whose size and whose ranks' resident memory are known.
fn machines(report: &Report) -> Vec<Place<'_>> {
    let mut ranks_of: BTreeMap<&str, Vec<&Rank>> = BTreeMap::new();
    for rank in &report.ranks {
        ranks_of.entry(&rank.host).or_default().push(rank);
    }
    ranks_of
        .into_iter()
        .filter_map(|(name, ranks)| {
            let host = report.recording.hosts.iter().find(|host| host.name == name)?;
            let total = host.memory_bytes.filter(|&bytes| bytes > 0)?;
            let mut peak = 0_i64;
            let mut evidences = Vec::new();
            for rank in ranks {
                peak = peak.saturating_add(rank.host_usage.rss_peak_bytes?);
                let (names, samples) = (vec!["rss".to_owned()], rank.host_usage.samples);
                let what = "samples of resident memory; pages that processes share count in each";
                evidences.push(evidence(rank, "counter_samples", names, samples, what));
            }
            let name = format!("the memory of {name}");
            Some(Place { name, rank: None, total, peak, evidence: evidences })
        })
        .collect()
}

fn gibibytes(bytes: i64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
