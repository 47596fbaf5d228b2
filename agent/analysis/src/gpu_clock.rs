//! The clocks of a rank's GPUs and what held them down, from samples.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use perfagent_recording::{CounterId, ProcessId, Recording};

use crate::Intervals;
use crate::gpu_identity::ordinal;
use crate::report::{ClockRow, ThrottleRow};

/// The series of states begin so.
const REASON: &str = "throttle_";
/// States that hold nothing down that the user did not ask for.
const HARMLESS: [&str; 3] = ["idle", "application_clocks", "display_clocks"];

/// The samples of one GPU.
#[derive(Default)]
struct Series {
    /// Times and MHz.
    clock: Vec<(i64, f64)>,
    /// By reason, when it began (true) and when it was over.
    reasons: BTreeMap<String, Vec<(i64, bool)>>,
}

/// One row for each GPU of the process whose clock or states were sampled, in order of its ordinal.
pub(crate) fn clocks(
    recording: &Recording,
    process: ProcessId,
    window: (i64, i64),
) -> Vec<ClockRow> {
    let mut places: BTreeMap<CounterId, (i64, Option<String>)> = BTreeMap::new();
    for (index, counter) in recording.counters.iter().enumerate() {
        let reason = counter.name.strip_prefix(REASON).map(str::to_owned);
        if (reason.is_some() || counter.name == "sm_clock")
            && let Some(ordinal) = ordinal(recording, process, counter)
        {
            places.insert(CounterId(index as i64 + 1), (ordinal, reason));
        }
    }
    if places.is_empty() {
        return Vec::new();
    }
    let mut gpus: BTreeMap<i64, Series> = BTreeMap::new();
    for sample in recording.counter_samples.iter().filter(|sample| sample.value.is_finite()) {
        let Some((ordinal, reason)) = places.get(&sample.counter_id) else { continue };
        let series = gpus.entry(*ordinal).or_default();
        let time = sample.time_ns.unix_nanos();
        match reason {
            None => series.clock.push((time, sample.value)),
            Some(reason) => {
                let states = series.reasons.entry(reason.clone()).or_default();
                states.push((time, sample.value > 0.0));
            }
        }
    }
    gpus.into_iter().map(|(ordinal, series)| series.row(ordinal, window)).collect()
}

impl Series {
    fn row(mut self, device: i64, (start, end): (i64, i64)) -> ClockRow {
        self.clock.sort_by_key(|&(time, _)| time);
        let within = |&&(time, _): &&(i64, f64)| (start..end).contains(&time);
        let inside = || self.clock.iter().filter(within).map(|&(_, clock)| clock);
        let max_mhz = self.clock.iter().map(|&(_, clock)| clock).max_by(f64::total_cmp);
        let mut throttling: Vec<ThrottleRow> = std::mem::take(&mut self.reasons)
            .into_iter()
            .filter(|(reason, _)| !HARMLESS.contains(&reason.as_str()))
            .filter_map(|(reason, states)| {
                let held = held(states).clipped(start, end);
                let longest = held.spans().iter().max_by_key(|span| span.1 - span.0)?;
                let meanwhile = self.clock.iter().filter(|(time, _)| {
                    held.spans().iter().any(|&(from, until)| (from..until).contains(time))
                });
                Some(ThrottleRow {
                    reason,
                    total_ns: held.length(),
                    mean_mhz: mean(meanwhile.map(|&(_, clock)| clock)),
                    longest_start_ns: longest.0,
                    longest_ns: longest.1 - longest.0,
                })
            })
            .collect();
        throttling.sort_by_key(|row| Reverse(row.total_ns));
        ClockRow {
            device,
            samples: inside().count() as i64,
            mean_mhz: mean(inside()),
            max_mhz,
            throttling,
        }
    }
}

/// When a state held: from each beginning to its end, or to the last that is known of it.
fn held(mut states: Vec<(i64, bool)>) -> Intervals {
    states.sort_by_key(|&(time, _)| time);
    let mut spans = Vec::new();
    let mut since = None;
    for (time, on) in states {
        if let Some(since) = since {
            spans.push((since, time));
        }
        since = on.then_some(time);
    }
    Intervals::union_of(spans)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}
