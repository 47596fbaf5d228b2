//! Counters as tracks with a value over time.

use std::collections::HashSet;
use std::io;

use perfagent_recording::table::Counter;

use super::json::{Events, real};
use super::tracks::Tracks;
use crate::scene::{Scene, View};

/// A counter and the track of its samples.
#[derive(Debug)]
pub(crate) struct CounterTrack {
    /// Its recording.
    pub(crate) place: usize,
    /// Its place among the counters of the recording.
    pub(crate) index: usize,
    pub(crate) pid: i64,
    pub(crate) label: String,
}

/// Every counter of `scene`: those of the exported processes and of whole machines.
pub(crate) fn tracks_of(scene: &Scene<'_>, tracks: &mut Tracks) -> Vec<CounterTrack> {
    let mut taken = HashSet::new();
    let mut counters = Vec::new();
    for view in scene.views() {
        if view.processes().next().is_none() {
            continue;
        }
        for (index, counter) in view.recording.counters.iter().enumerate() {
            if counter.process_id.is_some_and(|process| !view.has(process)) {
                continue;
            }
            let pid = match (counter.device_id, counter.process_id) {
                (Some(device), Some(_)) => tracks.device(view, device),
                (None, Some(process)) => tracks.process(view, process),
                _ => tracks.host(view, counter.host_id),
            };
            let mut label = label(view, counter);
            // Samples find their counter by process and label.
            let plain = label.clone();
            let mut further = 1;
            while !taken.insert((pid, label.clone())) {
                further += 1;
                label = format!("{plain} #{further}");
            }
            counters.push(CounterTrack { place: view.place, index, pid, label });
        }
    }
    counters
}

fn label(view: View<'_>, counter: &Counter) -> String {
    let gpu = match (counter.process_id, counter.device_id, counter.gpu_index) {
        (None, Some(device), _) => format!("GPU {} ", view.ordinal(device)),
        (_, None, Some(index)) => format!("GPU {index} "),
        _ => String::new(),
    };
    format!("{gpu}{} ({})", counter.name, counter.unit)
}

/// Writes the samples.
pub(crate) fn write(
    view: View<'_>,
    counters: &[CounterTrack],
    events: &mut Events<'_>,
) -> io::Result<()> {
    let mut by_index: Vec<Option<&CounterTrack>> = vec![None; view.recording.counters.len()];
    for counter in counters.iter().filter(|counter| counter.place == view.place) {
        by_index[counter.index] = Some(counter);
    }
    let samples = view.recording.counter_samples.iter().filter_map(|sample| {
        let index = usize::try_from(sample.counter_id.0 - 1).ok()?;
        Some((by_index.get(index).copied().flatten()?, sample))
    });
    for (counter, sample) in samples {
        let mut event = events.begin("C", "perfagent_counter", &counter.label, (counter.pid, 0));
        event.time("ts", sample.time_ns.unix_nanos());
        event.arguments();
        event.raw("value", &real(sample.value));
        event.end()?;
    }
    Ok(())
}
