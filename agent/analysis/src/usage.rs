//! What a process took of its machine: processor load, resident memory and threads, from samples.

use std::collections::BTreeMap;

use perfagent_recording::{CounterId, ProcessId, Recording};

use crate::report::HostUsage;

#[derive(Default)]
struct Series {
    count: i64,
    sum: f64,
    peak: Option<f64>,
}

impl Series {
    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Means and peaks of the counters `cpu`, `rss` and `threads` of every process that has them.
pub(crate) fn usage(recording: &Recording) -> BTreeMap<ProcessId, HostUsage> {
    let mut series: BTreeMap<CounterId, Series> = BTreeMap::new();
    for sample in recording.counter_samples.iter().filter(|sample| sample.value.is_finite()) {
        let series = series.entry(sample.counter_id).or_default();
        series.count += 1;
        series.sum += sample.value;
        series.peak = Some(series.peak.map_or(sample.value, |peak| peak.max(sample.value)));
    }
    let mut processes: BTreeMap<ProcessId, HostUsage> = BTreeMap::new();
    for (index, counter) in recording.counters.iter().enumerate() {
        let (Some(process), None) = (counter.process_id, counter.device_id) else { continue };
        let Some(series) = series.get(&CounterId(index as i64 + 1)) else { continue };
        let usage = processes.entry(process).or_default();
        usage.samples = usage.samples.max(series.count);
        match counter.name.as_str() {
            "cpu" => (usage.cpu_mean_pct, usage.cpu_peak_pct) = (series.mean(), series.peak),
            "rss" => {
                usage.rss_mean_bytes = series.mean().map(|bytes| bytes as i64);
                usage.rss_peak_bytes = series.peak.map(|bytes| bytes as i64);
            }
            "threads" => usage.threads_peak = series.peak.map(|count| count as i64),
            _ => {}
        }
    }
    processes
}
