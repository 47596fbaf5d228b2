//! What a large recording costs in the window: opening it, memory, and the processor time of frames while the whole window
//! is zoomed and moved by its keys, without a screen. Prints one JSON document.
//!
//! `cargo run --release -p perfagent-gui --example session_cost -- 10000000` writes a recording of so many events first;
//! given a file, it opens that. `--memory 2` gives recordings 2 GiB, `--ranks 1` writes all events as those of one rank.
#![expect(clippy::print_stdout, reason = "the printed document is the purpose")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use egui::{Context, Event, Key, Modifiers, RawInput, Rect, Vec2};
use perfagent_gui::app::App;
use perfagent_gui::budget::Budget;
use perfagent_gui::heap;
use perfagent_gui::job::{self, Wanted};
use perfagent_gui::model::search::Matches;
use perfagent_gui::pane::Pane;
use perfagent_recording::table::{
    ApiCall, Device, Host, Kernel, Payload, Process, Range, Stream, Thread,
};
use perfagent_recording::{Timestamp, WriteError, Writer};
use serde_json::{Value, json};

const SIZE: Vec2 = Vec2::new(1600.0, 900.0);
/// Launches of a step.
const A_STEP: i64 = 2_000;

#[derive(Parser)]
struct Arguments {
    /// A recording, or how many events one to be written has
    #[arg(default_value = "1000000")]
    wanted: String,
    /// Ranks of the recording that is written
    #[arg(long, default_value_t = 8)]
    ranks: i64,
    /// Memory for recordings, GiB
    #[arg(long)]
    memory: Option<f64>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    heap::keep_freed();
    let Arguments { wanted, ranks, memory } = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let (path, write_s) = match wanted.parse::<i64>() {
        Ok(events) => {
            let path = folder.path().join("large.perfdb");
            let begun = Instant::now();
            write(&path, events, ranks)?;
            (path, Some(begun.elapsed().as_secs_f64()))
        }
        Err(_) => (PathBuf::from(&wanted), None),
    };
    let budget = memory.map(|gib| Budget::of_bytes((gib * (1_u64 << 30) as f64) as u64));
    let mut answer = measure(&path, budget)?;
    answer["write_s"] = json!(write_s);
    println!("{answer}");
    Ok(())
}

fn measure(path: &Path, budget: Option<Budget>) -> Result<Value, Box<dyn std::error::Error>> {
    let bytes = fs::metadata(path)?.len();
    let before = resident_bytes();
    let begun = Instant::now();
    let first = std::cell::Cell::new(None);
    let most_events = budget.map(Budget::events);
    let wanted = Wanted { most_events, ..Wanted::all(vec![path.to_owned()]) };
    let note = |_| {
        if first.get().is_none() {
            first.set(Some(begun.elapsed().as_secs_f64()));
        }
    };
    let document = job::load_wanted(wanted, &note, &|_| {})?;
    let all_events = document.portion.as_ref().map(|portion| portion.events);
    let load_s = begun.elapsed().as_secs_f64();
    let held = resident_bytes().saturating_sub(before);
    let events = document.summary.events;
    let begun = Instant::now();
    let found = Matches::of_text(&document, "gemm").count();
    let search_ms = begun.elapsed().as_secs_f64() * 1e3;
    let ctx = Context::default();
    let mut app = App::with_document(document, &ctx);
    app.open_first(Some(Pane::Timeline));
    let mut frames = Frames { ctx, app, time: 0.0, ms: Vec::new() };
    // Fonts and sizes settle.
    for _ in 0..10 {
        frames.frame(None);
    }
    frames.ms.clear();
    let mut levels = Vec::new();
    for _ in 0..24 {
        for key in [Key::D, Key::D, Key::A, Key::A, Key::D] {
            frames.frame(Some(key));
        }
        levels.push(percentile(&frames.ms[frames.ms.len() - 5..], 50.0));
        frames.frame(Some(Key::W));
        frames.frame(Some(Key::W));
    }
    for _ in 0..48 {
        frames.frame(Some(Key::S));
    }
    Ok(json!({
        "file_bytes": bytes, "events": events, "first_progress_s": first.get(), "load_s": load_s,
        "all_events": all_events, "peak_bytes": peak_bytes().saturating_sub(before),
        "bytes_an_event": held as f64 / events.max(1) as f64,
        "peak_bytes_an_event": peak_bytes().saturating_sub(before) as f64 / events.max(1) as f64,
        "search_ms": search_ms, "search_found": found,
        "frame_p50_ms": percentile(&frames.ms, 50.0), "frame_p99_ms": percentile(&frames.ms, 99.0),
        "frame_max_ms": percentile(&frames.ms, 100.0), "frames": frames.ms.len(),
        "slowest_zoom_p50_ms": levels.iter().copied().fold(0.0, f64::max),
    }))
}

struct Frames {
    ctx: Context,
    app: App,
    time: f64,
    ms: Vec<f64>,
}

impl Frames {
    /// One frame of the whole window: layout, timeline, curves, tables, tessellation.
    fn frame(&mut self, key: Option<Key>) {
        self.time += 1.0 / 60.0;
        let event = |key, pressed| Event::Key {
            key,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers: Modifiers::NONE,
        };
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, SIZE)),
            time: Some(self.time),
            events: key.map_or_else(Vec::new, |key| vec![event(key, true), event(key, false)]),
            ..RawInput::default()
        };
        let begun = Instant::now();
        let mut output = self.ctx.run_ui(input, |ui| self.app.content(ui));
        output.textures_delta.clear();
        let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        self.ms.push(begun.elapsed().as_secs_f64() * 1e3);
        assert!(!primitives.is_empty());
    }
}

fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() - 1) as f64 * percent / 100.0).round() as usize;
    (sorted[at] * 1000.0).round() / 1000.0
}

/// A field of `/proc/self/status`, bytes.
fn status(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn resident_bytes() -> u64 {
    status("VmRSS:")
}

fn peak_bytes() -> u64 {
    status("VmHWM:")
}

/// Ranks that launch kernels without a pause: half of the events are launches, half kernels, and a range a step.
fn write(path: &Path, events: i64, ranks: i64) -> Result<(), WriteError> {
    let mut writer = Writer::create(path)?;
    writer.set_meta("source", "perfagent record")?;
    let host = writer.insert(&Host { name: "node-1".into(), ..Host::default() })?;
    let names = (0..200)
        .map(|number| {
            writer.string(&format!("sm90_xmma_gemm_bf16_tile{}x{}_tn", 64 + number, number))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (launch, step) = (writer.string("cudaLaunchKernel")?, writer.string("step")?);
    let mut state = 1_u64;
    let mut chance = move |from: i64, to: i64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + ((state >> 33) as i64) % (to - from)
    };
    let at = |ns: i64| Timestamp::from_unix_nanos(1_760_000_000_000_000_000 + ns);
    for rank in 0..ranks {
        let process = writer.insert(&Process {
            host_id: host,
            pid: 100 + rank,
            rank: Some(rank),
            world_size: Some(ranks),
            name: "python3".into(),
            start_ns: at(0),
            ..Process::default()
        })?;
        let thread =
            writer.insert(&Thread { process_id: process, tid: 100 + rank, name: "main".into() })?;
        let device = writer.insert(&Device {
            process_id: process,
            ordinal: rank,
            name: "NVIDIA H200".into(),
            ..Device::default()
        })?;
        let mut streams = Vec::new();
        for stream in [7, 20] {
            streams.push(writer.insert(&Stream {
                process_id: process,
                device_id: device,
                stream,
                ..Stream::default()
            })?);
        }
        let (mut now, mut begun) = (0, 0);
        for number in 0..events / ranks / 2 {
            let launched = now - 30_000;
            writer.append(&ApiCall {
                process_id: process,
                thread_id: thread,
                start_ns: at(launched),
                end_ns: at(launched + chance(1_500, 4_000)),
                name_id: launch,
                correlation: Some(number),
                ..ApiCall::default()
            })?;
            let end = now + chance(2_000, 60_000);
            writer.append(&Kernel {
                process_id: process,
                device_id: device,
                stream_id: streams[usize::from(number % 20 == 0)],
                start_ns: at(now),
                end_ns: at(end),
                name_id: names[chance(0, 200) as usize],
                correlation: Some(number),
                grid_x: Some(132),
                block_x: Some(256),
                ..Kernel::default()
            })?;
            now = end + chance(200, 3_000);
            if number % A_STEP == A_STEP - 1 {
                writer.append(&Range {
                    process_id: process,
                    thread_id: thread,
                    start_ns: at(begun),
                    end_ns: at(now),
                    name_id: step,
                    depth: Some(0),
                    payload: Payload::Integer(number / A_STEP),
                    ..Range::default()
                })?;
                begun = now;
            }
        }
    }
    writer.finish()
}
