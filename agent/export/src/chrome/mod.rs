//! Chrome trace JSON in the dialect of PyTorch's profiler (Kineto), which Perfetto, `chrome://tracing`, `TensorBoard`,
//! Holistic Trace Analysis and `perfagent import` read.
//!
//! | rows | become |
//! |---|---|
//! | kernels; copies | `kernel`; `gpu_memcpy`, `gpu_memset`, on a track per stream |
//! | API calls | `cuda_runtime`, `cuda_driver`, with arrows (`ac2g`) to what they launched |
//! | synchronizations | `cuda_sync`, on tracks beside the streams |
//! | operators; ranges | `cpu_op`; `user_annotation` |
//! | marks | `nvtx_mark`, phase `i` |
//! | collectives | arguments of their kernels; else `perfagent_collective` |
//! | memory | `[memory]` instants |
//! | counters and samples | `perfagent_counter`, phase `C` |
//! | overheads | `overhead` |
//! | hardware counters of kernels | `cuda_profiler_range`, one event a range |
//!
//! Events are written one by one, thread by thread and stream by stream, in the order in which they nest. Those that
//! overlap others of their track without nesting lie on a further track beside it.

mod collectives;
mod counters;
mod file;
mod gpu;
mod header;
mod host;
mod json;
mod links;
mod lists;
mod measured;
mod metadata;
mod tracks;

use std::io::{self, Write};

use perfagent_recording::{Recording, Timestamp};
use rustc_hash::FxHashMap;

use self::collectives::OfKernels;
use self::file::File;
use self::json::Events;
use self::links::Links;
use self::lists::Lists;
use self::tracks::Tracks;
use crate::scene::{Scene, View};

/// Writes `scene` to `out`.
pub(crate) fn write(scene: &Scene<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut tracks = Tracks::new(scene);
    let counters = counters::tracks_of(scene, &mut tracks);
    let base = base(scene);
    header::begin(scene, &tracks, &counters, base, out)?;
    let mut events = Events::new(out, base);
    let (mut first_external, mut first_flow) = (0, 0);
    for view in scene.views() {
        let mut file = File {
            events,
            tracks,
            lists: Lists::default(),
            links: Links::new(view.recording),
            of_kernels: OfKernels::new(view.recording),
            first_external,
            first_flow,
            contexts: contexts(view),
        };
        host::write_spans(&mut file, view)?;
        host::write_marks(&mut file, view)?;
        host::write_memory(&mut file, view)?;
        gpu::write_operations(&mut file, view)?;
        gpu::write_waits(&mut file, view)?;
        gpu::write_overheads(&mut file, view)?;
        measured::write(&mut file, view)?;
        collectives::write_rest(&mut file, view)?;
        counters::write(view, &counters, &mut file.events)?;
        (events, tracks) = (file.events, file.tracks);
        first_external += view.recording.operators.len() as i64;
        first_flow += view.recording.api_calls.len() as i64;
    }
    metadata::write(scene, &tracks, &mut events)?;
    header::end(out)
}

/// What times are relative to: the whole millisecond before the first event, so that numbers are short. Where there
/// are times before 1970, times are absolute.
fn base(scene: &Scene<'_>) -> i64 {
    const MILLISECOND: i64 = 1_000_000;
    let first = scene.views().filter_map(|view| first(view.recording)).min();
    let first = first.map_or(0, Timestamp::unix_nanos).max(0);
    first - first % MILLISECOND
}

fn first(recording: &Recording) -> Option<Timestamp> {
    let starts = [
        recording.kernels.iter().map(|row| row.start_ns).min(),
        recording.copies.iter().map(|row| row.start_ns).min(),
        recording.api_calls.iter().map(|row| row.start_ns).min(),
        recording.synchronizations.iter().map(|row| row.start_ns).min(),
        recording.ranges.iter().map(|row| row.start_ns).min(),
        recording.marks.iter().map(|row| row.time_ns).min(),
        recording.operators.iter().map(|row| row.start_ns).min(),
        recording.collectives.iter().map(|row| row.start_ns).min(),
        recording.memory.iter().map(|row| row.time_ns).min(),
        recording.counter_samples.iter().map(|row| row.time_ns).min(),
        recording.overheads.iter().map(|row| row.start_ns).min(),
        recording.kernel_counters.iter().map(|row| row.start_ns).min(),
    ];
    starts.into_iter().flatten().min()
}

/// The device of each context of each process; of a process with one device that of any context.
fn contexts(view: View<'_>) -> FxHashMap<(i64, i64), i64> {
    let recording = view.recording;
    let mut devices: FxHashMap<i64, Vec<i64>> = FxHashMap::default();
    for (index, device) in recording.devices.iter().enumerate() {
        devices.entry(device.process_id.0).or_default().push(index as i64 + 1);
    }
    let mut contexts = FxHashMap::default();
    contexts.extend(recording.synchronizations.iter().filter_map(|wait| {
        match devices.get(&wait.process_id.0)?[..] {
            [only] => Some(((wait.process_id.0, wait.context), only)),
            _ => None,
        }
    }));
    contexts.extend(
        recording.streams.iter().filter_map(|stream| {
            Some(((stream.process_id.0, stream.context?), stream.device_id.0))
        }),
    );
    contexts.extend(
        recording
            .contexts
            .iter()
            .map(|context| ((context.process_id.0, context.context), context.device_id.0)),
    );
    contexts
}
