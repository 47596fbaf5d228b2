//! Memory: its course over time, what was alive when most was allocated, and what other micro-batches
//! would take.

mod alive;
mod course;
mod forecast;

use std::sync::Arc;

use egui::{ComboBox, RichText, Role, ScrollArea, Ui, WidgetInfo};
use perfagent_analysis::report::Memory;

use crate::computed::Computed;
use crate::model::document::Document;
use crate::model::memory::alive::fragmentation;
use crate::model::memory::forecast::{Forecast, NoForecast, Told};
use crate::model::memory::levels::{Level, Levels, levels};
use crate::model::viewport::Viewport;
use crate::model::whose::{Process, members};
use crate::palette::Palette;
use crate::session::Session;
use crate::units;
use crate::view::grid;

/// From this width on there are two columns below the plot, points.
const TWO_COLUMNS: f32 = 860.0;

/// What the view remembers.
#[derive(Default)]
pub struct State {
    chosen: Option<Process>,
    levels: Computed<Process, Levels>,
    alive: grid::State,
    /// The plot goes up to the device's memory; by itself where a good part of that was used.
    whole_device: Option<bool>,
    /// What the user says of the job.
    pub told: Told,
    forecast: Computed<(Process, Told), Result<Forecast, NoForecast>>,
}

impl State {
    /// The recording has grown: figures are worked out anew, and what was chosen stays.
    pub(crate) fn outdate(&mut self) {
        self.levels.outdate();
        self.forecast.outdate();
        self.alive.outdate();
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    let mut state = std::mem::take(&mut session.memory);
    let stretch = content(ui, session, &mut state);
    session.memory = state;
    if let Some((start, end)) = stretch {
        session.show_in_timeline(start, end);
    }
}

/// The stretch of time that was clicked.
fn content(ui: &mut Ui, session: &Session, state: &mut State) -> Option<(i64, i64)> {
    let document = Arc::clone(&session.document);
    let found = members(&document, None);
    let of =
        |process: Option<Process>| found.iter().find(|member| Some(member.process()) == process);
    // The fullest rank, until another one is chosen.
    let fullest = || {
        found.iter().max_by_key(|member| {
            let memory = &member.rank.memory;
            memory.peak_device_bytes.or(memory.peak_reserved_bytes).or(memory.peak_allocated_bytes)
        })
    };
    let Some(member) = of(state.chosen).or_else(fullest) else {
        ui.strong("This recording holds no process that did anything");
        ui.label("Record a program with perfagent record, or open a trace or memory snapshot of PyTorch.");
        return None;
    };
    let process = member.process();
    let mut stretch = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(ui.available_width() - 12.0);
        ui.horizontal_wrapped(|ui| {
            let names = found.iter().map(|member| (member.process(), member.label()));
            whose(ui, names.collect(), process, &mut state.chosen);
            figures(ui, &member.rank.memory, state.levels.value());
        });
        let for_levels = Arc::clone(&document);
        let shown = state.levels.get(&process, ui.ctx(), move || {
            let source = for_levels.sources.get(process.0);
            source.map_or_else(Levels::default, |source| levels(&source.recording, process.1))
        });
        let key = (process, state.told.clone());
        let for_forecast = Arc::clone(&document);
        let told = state.told.clone();
        let forecast = state
            .forecast
            .get(&key, ui.ctx(), move || forecast::work(&for_forecast, process, &told));
        let points = forecast.and_then(|forecast| forecast.as_ref().ok());
        match shown {
            None => {
                ui.weak("Levels are being put together");
            }
            Some(levels) if levels.is_empty() => nothing(ui),
            Some(levels) => {
                let peak = member.rank.memory.at_peak.as_ref().map(|peak| peak.time_ns);
                let whole = in_recording(&document, process.0);
                stretch = course::show(ui, whole, levels, (peak, points), &mut state.whole_device);
            }
        }
        let at_peak = &member.rank.memory;
        if ui.available_width() >= TWO_COLUMNS {
            ui.columns(2, |columns| {
                // Columns stretch what is in them; a layout of its own leaves texts and buttons alone.
                if let [left, right] = columns {
                    left.vertical(|ui| {
                        let found = alive::show(ui, at_peak, &mut state.alive);
                        stretch = stretch.or(found);
                    });
                    right.vertical(|ui| forecast::show(ui, forecast, &mut state.told));
                }
            });
        } else {
            let found = alive::show(ui, at_peak, &mut state.alive);
            stretch = stretch.or(found);
            forecast::show(ui, forecast, &mut state.told);
        }
    });
    stretch
}

/// All of the axis of time, in times of a recording, which may be moved on it.
fn in_recording(document: &Document, source: usize) -> Viewport {
    let moved = document.moves.iter().find(|moved| moved.source == source);
    let (whole, shift) = (document.whole(), moved.map_or(0, |moved| moved.shift));
    Viewport::new(whole.start().saturating_sub(shift), whole.end().saturating_sub(shift))
}

fn whose(
    ui: &mut Ui,
    names: Vec<(Process, String)>,
    process: Process,
    chosen: &mut Option<Process>,
) {
    let text = names.iter().find(|(known, _)| *known == process).map(|(_, name)| name.clone());
    let text = text.unwrap_or_default();
    if names.len() < 2 {
        ui.strong(text);
        return;
    }
    ui.label("Memory of");
    let combo = ComboBox::from_id_salt("whose").selected_text(&text).show_ui(ui, |ui| {
        for (known, name) in names {
            if ui.selectable_label(known == process, name).clicked() {
                *chosen = Some(known);
            }
        }
    });
    combo.response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ComboBox, true, "Memory of");
        info.current_text_value = Some(text.clone());
        info
    });
}

/// Peaks, headroom, fragmentation.
fn figures(ui: &mut Ui, memory: &Memory, levels: Option<&Levels>) {
    let size = |bytes: i64| units::bytes(bytes as f64);
    let device = levels.and_then(|levels| levels.device_bytes);
    let resident = levels.and_then(|levels| levels.peak(Level::Resident));
    let used =
        memory.peak_device_bytes.or(memory.peak_reserved_bytes).or(memory.peak_allocated_bytes);
    let headroom = device.zip(used).map(|(device, used)| {
        let free = device.saturating_sub(used);
        format!("{} ({:.0} %)", size(free), free as f64 / device.max(1) as f64 * 100.0)
    });
    let unused = fragmentation(memory)
        .map(|(bytes, share)| format!("{} ({:.0} % of reserved)", size(bytes), share * 100.0));
    let figures = [
        ("Peak allocated", memory.peak_allocated_bytes.map(size), Level::Allocated.hint()),
        ("Peak reserved", memory.peak_reserved_bytes.map(size), Level::Reserved.hint()),
        ("Peak device", memory.peak_device_bytes.map(size), Level::Device.hint()),
        ("Peak resident", resident.map(units::bytes), Level::Resident.hint()),
        ("GPU memory", device.map(size), "What the device has in all"),
        ("Headroom", headroom, "What was free of the device when most was in use"),
        (
            "Fragmentation",
            unused,
            "What the allocator held at its peak beyond the most that it had handed out",
        ),
    ];
    for (name, value, hint) in figures {
        let Some(value) = value else { continue };
        ui.separator();
        ui.label(RichText::new(name).color(Palette::of(ui.ctx().theme()).weak)).on_hover_text(hint);
        ui.strong(value).on_hover_text(hint);
    }
}

fn nothing(ui: &mut Ui) {
    ui.add_space(8.0);
    ui.strong("Nothing in this recording tells how much memory the process used");
    ui.label("Record with perfagent record on a machine with NVML for device memory, use torch.profiler with profile_memory=True for the allocator, or open a memory snapshot of PyTorch (torch.cuda.memory._dump_snapshot).");
}

/// A heading of a part of the view.
fn heading(ui: &mut Ui, text: &str, note: &str) {
    ui.add_space(8.0);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(text).strong().size(15.0));
        if !note.is_empty() {
            ui.label(RichText::new(note).color(Palette::of(ui.ctx().theme()).weak));
        }
    });
    ui.add_space(2.0);
}
