//! Metrics of whole GPUs that were sampled, as `nsys profile --gpu-metrics-devices` does: what SMs,
//! memory and links were busy with.

use std::collections::hash_map::Entry;

use perfagent_recording::table::{Counter, CounterSample};
use perfagent_recording::{CounterId, HostId, Timestamp, WriteError};
use rustc_hash::FxHashMap;

use super::database::Database;
use super::device::Devices;
use super::problem::Problems;
use super::row::row;
use super::target::Target;

/// The table of samples.
const SAMPLES: &str = "GPU_METRICS";

row! {
    /// Of `TARGET_INFO_GPU_METRICS`.
    Metric { kind: i64 = "typeId", id: i64 = "metricId", name: String = "metricName", }
}

row! {
    /// Of `GPU_METRICS`.
    Sample { time: i64 = "timestamp", kind: i64 = "typeId", id: i64 = "metricId", value: f64 = "value", }
}

/// A counter, and the readings that are equal to the last one written.
struct Series {
    id: CounterId,
    unit: &'static str,
    written: Option<f64>,
    /// The last of equal readings, which is written when another follows.
    held: Option<(Timestamp, f64)>,
}

/// Writes them as counters of the host's GPUs.
pub(crate) fn metrics(
    database: &Database,
    devices: &Devices,
    host: HostId,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    let mut names: FxHashMap<(Option<i64>, i64), String> = FxHashMap::default();
    database.look("TARGET_INFO_GPU_METRICS", problems, |_, _, row: Metric| {
        if let (Some(id), Some(name)) = (row.id, row.name) {
            names.insert((row.kind, id), name);
        }
    });
    let mut series: FxHashMap<(Option<i64>, i64), Series> = FxHashMap::default();
    database.each(SAMPLES, problems, |problems, number, row: Sample| {
        target.events += 1;
        let Some(time) = target.point(problems, (SAMPLES, number), row.time) else {
            return Ok(());
        };
        let (Some(id), Some(value)) = (row.id, row.value.filter(|value| value.is_finite())) else {
            target.leave_out(SAMPLES, 1);
            return Ok(());
        };
        let key = (row.kind, id);
        let series = match series.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let full = names.get(&key).or_else(|| names.get(&(None, id)));
                let full = full.cloned().unwrap_or_else(|| format!("metric {id}"));
                let (name, unit) = name_and_unit(&full);
                let id = target.writer.insert(&Counter {
                    host_id: host,
                    // The lowest byte is the GPU's number among those that are sampled.
                    gpu_index: row.kind.map(|kind| devices.of_metrics(kind & 0xff)),
                    name: name.to_owned(),
                    unit: unit.to_owned(),
                    ..Counter::default()
                })?;
                new.insert(Series { id, unit, written: None, held: None })
            }
        };
        target.kept += 1;
        // Clocks are written in Hz, whatever the name says; none runs at a terahertz.
        let value = if series.unit == "MHz" && value >= 1e6 { value / 1e6 } else { value };
        if series.written == Some(value) {
            series.held = Some((time, value));
            return Ok(());
        }
        let counter_id = series.id;
        if let Some((time_ns, value)) = series.held.take() {
            target.writer.append(&CounterSample { counter_id, time_ns, value })?;
        }
        series.written = Some(value);
        target.writer.append(&CounterSample { counter_id, time_ns: time, value })
    })?;
    let mut held: Vec<_> =
        series.values().filter_map(|series| Some((series.id, series.held?))).collect();
    held.sort_by_key(|(counter, _)| counter.0);
    for (counter_id, (time_ns, value)) in held {
        target.writer.append(&CounterSample { counter_id, time_ns, value })?;
    }
    Ok(())
}

/// `SMs Active [Throughput %]`: the name, and the recording's word for the unit; none where the export has none.
fn name_and_unit(full: &str) -> (&str, &'static str) {
    let parts = full.strip_suffix(']').and_then(|text| text.rsplit_once(" ["));
    let unit = match parts.map(|(_, unit)| unit) {
        Some("Throughput %" | "%") => "pct",
        Some("MHz") => "MHz",
        Some("Avg" | "Avg Warps per Cycle") => "count",
        _ => return (full, ""),
    };
    (parts.map_or(full, |(name, _)| name), unit)
}

#[cfg(test)]
mod tests {
    use super::name_and_unit;

    #[test]
    fn units_stand_behind_names() {
        for (full, expected) in [
            ("SMs Active [Throughput %]", ("SMs Active", "pct")),
            ("GPC Clock Frequency [MHz]", ("GPC Clock Frequency", "MHz")),
            ("NVLink RX [furlongs]", ("NVLink RX [furlongs]", "")),
            ("GPU Active", ("GPU Active", "")),
            ("]", ("]", "")),
        ] {
            assert_eq!(name_and_unit(full), expected);
        }
    }
}
