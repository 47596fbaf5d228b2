//! Kernels and stretches of time with their hardware counters.

use std::io;

use perfagent_recording::table::KernelCounter;
use rustc_hash::FxHashMap;

use super::file::File;
use super::json::real;
use super::tracks::Track;
use crate::lanes::{Lanes, nesting, order};
use crate::scene::View;

/// Writes the ranges, on a track beside the streams of their GPU, as events of Kineto's with what those do not tell.
pub(crate) fn write(file: &mut File<'_>, view: View<'_>) -> io::Result<()> {
    let mut numbers = FxHashMap::default();
    let mut ranges: Vec<Vec<KernelCounter>> = Vec::new();
    for row in view.recording.kernel_counters.iter().filter(|row| view.has(row.process_id)) {
        // What a range has in common tells it from one of a file that numbers two alike.
        let key = (row.process_id, row.range_index, row.device_id, row.name_id, row.correlation);
        let number = *numbers.entry((key, row.start_ns, row.end_ns)).or_insert_with(|| {
            ranges.push(Vec::new());
            ranges.len() - 1
        });
        ranges[number].push(row);
    }
    let first = |number: usize| ranges.get(number)?.first();
    let order = order(ranges.len(), |number| {
        let row = first(number)?;
        let times = nesting(row.start_ns.unix_nanos(), row.end_ns.unix_nanos());
        Some((row.process_id, row.device_id, times, row.range_index))
    });
    let mut lanes: FxHashMap<Track, Lanes> = FxHashMap::default();
    for number in order {
        let Some(row) = first(number as usize) else { continue };
        let pid = match row.device_id {
            Some(device) => file.tracks.device(view, device),
            None => file.tracks.process(view, row.process_id),
        };
        let (start, end) = (row.start_ns.unix_nanos(), row.end_ns.unix_nanos());
        let own = file.tracks.further((pid, 0), "hardware counters");
        let lane = lanes.entry(own).or_default().place(start, end);
        let track = file.tracks.lane(own, lane);
        let text = |id| view.recording.strings.get(id);
        let mut event =
            file.events.span("cuda_profiler_range", text(row.name_id), track, start, end);
        event.arguments();
        event.int("range index", row.range_index);
        event.some("device", row.device_id.map(|device| view.ordinal(device)));
        event.some("correlation", row.correlation);
        for row in &ranges[number as usize] {
            event.named(text(row.metric_id), &real(row.value));
        }
        event.end()?;
    }
    Ok(())
}
