//! Names and order of processes and tracks, which viewers show at their left edge.

use std::io;

use super::json::Events;
use super::tracks::Tracks;
use crate::scene::Scene;

/// Where PyTorch puts GPUs: behind all processes.
const BEHIND_PROCESSES: i64 = 5_000_000;

/// Writes them; after all other events, when every track is known.
pub(crate) fn write(scene: &Scene<'_>, tracks: &Tracks, events: &mut Events<'_>) -> io::Result<()> {
    let mut order = 0;
    for view in scene.views() {
        for id in view.processes() {
            order += 1;
            let pid = tracks.process(view, id);
            process(events, pid, &view.title(id), "CPU", order)?;
        }
        for (index, device) in view.recording.devices.iter().enumerate() {
            if !view.has(device.process_id) {
                continue;
            }
            order += 1;
            let pid = tracks.device(view, (index as i64 + 1).into());
            let label = format!("GPU {}", device.ordinal);
            let title = format!("{}: {label} {}", view.title(device.process_id), device.name);
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
