//! Names and order of processes and tracks, which viewers show at their left edge.

use std::io;

use perfagent_recording::ProcessId;

use super::json::Events;
use super::tracks::Tracks;
use crate::scene::{Scene, View};

/// Where PyTorch puts GPUs: behind all processes.
const BEHIND_PROCESSES: i64 = 5_000_000;

/// Writes them; after all other events, when every track is known.
pub(crate) fn write(scene: &Scene<'_>, tracks: &Tracks, events: &mut Events<'_>) -> io::Result<()> {
    let mut order = 0;
    for (view, id) in by_rank(scene) {
        order += 1;
        process(events, tracks.process(view, id), &view.title(id), "CPU", order)?;
        for (index, device) in view.recording.devices.iter().enumerate() {
            if device.process_id != id {
                continue;
            }
            order += 1;
            let pid = tracks.device(view, (index as i64 + 1).into());
            let label = format!("GPU {}", device.ordinal);
            let title = format!("{}: {label} {}", owner(view, id), device.name);
            process(events, pid, &title, &label, BEHIND_PROCESSES + order)?;
        }
    }
    for (place, id, pid) in tracks.hosts() {
        order += 1;
        let view = scene.views().nth(place);
        let index = usize::try_from(id.0 - 1).unwrap_or(usize::MAX);
        let host =
            view.and_then(|view| view.recording.hosts.get(index).map(|host| host.name.clone()));
        let title = format!("host {}", host.unwrap_or_default());
        process(events, pid, &title, "machine", 2 * BEHIND_PROCESSES + order)?;
    }
    for (order, (track, name)) in tracks.named().iter().enumerate() {
        for (kind, key) in [("thread_name", "name"), ("thread_sort_index", "sort_index")] {
            let mut event = events.begin("M", "", kind, *track);
            event.raw("ts", "0.000");
            event.arguments();
            if key == "name" {
                event.text(key, name);
            } else {
                event.int(key, order as i64);
            }
            event.end()?;
        }
    }
    Ok(())
}

/// The exported processes: the ranks of the job by their number, then all others, as they were recorded.
fn by_rank<'a>(scene: &Scene<'a>) -> Vec<(View<'a>, ProcessId)> {
    let of_view = |view: View<'a>| view.processes().map(move |id| (view, id));
    let mut processes: Vec<_> = scene.views().flat_map(of_view).collect();
    processes.sort_by_key(|&(view, id)| {
        let rank = rank(view, id);
        (rank.is_none(), rank)
    });
    processes
}

/// Whose GPU it is. Short, as viewers cut titles in the middle, where the number of the GPU is.
fn owner(view: View<'_>, id: ProcessId) -> String {
    rank(view, id).map_or_else(|| view.title(id), |rank| format!("rank {rank}"))
}

fn rank(view: View<'_>, id: ProcessId) -> Option<i64> {
    view.recording.process(id)?.rank
}

fn process(
    events: &mut Events<'_>,
    pid: i64,
    title: &str,
    label: &str,
    order: i64,
) -> io::Result<()> {
    for kind in ["process_name", "process_labels", "process_sort_index"] {
        let mut event = events.begin("M", "", kind, (pid, 0));
        event.raw("ts", "0.000");
        event.arguments();
        match kind {
            "process_name" => event.text("name", title),
            "process_labels" => event.text("labels", label),
            _ => event.int("sort_index", order),
        }
        event.end()?;
    }
    Ok(())
}
