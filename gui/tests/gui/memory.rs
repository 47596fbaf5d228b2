//! The memory view: levels, what was alive, and forecasts.

use egui::Theme;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::model::document::Document;
use perfagent_gui::model::memory::levels::{Level, levels};
use perfagent_gui::pane::Pane;

use crate::fixture::{cpu, gpu, settle, window, window_of};
use crate::pictures::can_draw;
use crate::real::{h200, trace};

fn opened(document: Document, theme: Theme) -> Harness<'static, App> {
    let mut harness = window(document, theme);
    harness.state_mut().dock.open(Pane::Memory);
    settle(&mut harness);
    harness
}

#[test]
fn the_levels_have_the_peaks_of_the_report() {
    for document in [gpu(), h200("memory/expandable"), h200("profiler/bf16")] {
        for source in &document.sources {
            for rank in &source.report.ranks {
                let levels = levels(&source.recording, rank.process_id);
                if let Some(bytes) = rank.memory.peak_allocated_bytes {
                    assert_eq!(
                        levels.peak(Level::Allocated),
                        Some(bytes as f64),
                        "{}",
                        document.title
                    );
                }
                if let Some(bytes) = rank.memory.peak_reserved_bytes {
                    assert_eq!(
                        levels.peak(Level::Reserved),
                        Some(bytes as f64),
                        "{}",
                        document.title
                    );
                }
            }
        }
    }
}

#[test]
fn figures_and_the_plot_are_there() {
    let harness = opened(gpu(), Theme::Light);
    for text in ["Peak allocated", "Peak reserved", "GPU memory", "Headroom", "Fragmentation"] {
        assert!(harness.query_by_label(text).is_some(), "{text}");
    }
    assert!(harness.query_by_label_contains("Memory over time").is_some());
}

#[test]
fn a_click_on_the_plot_leads_to_the_moment() {
    let mut harness = opened(gpu(), Theme::Dark);
    harness.get_by_label_contains("Memory over time").click();
    settle(&mut harness);
    let app = harness.state();
    let whole = app.session().unwrap().document.whole();
    let marked = app.session().unwrap().range.unwrap();
    assert!(app.dock.shows(Pane::Timeline));
    assert!(marked.start() >= whole.start() && marked.end() <= whole.end());
    assert!(marked.length() < whole.length() / 10);
}

#[test]
fn what_a_forecast_needs_is_asked_for_and_then_used() {
    let mut harness = opened(gpu(), Theme::Light);
    assert!(
        harness
            .query_by_label_contains("The recording does not tell the number of layers")
            .is_some()
    );
    harness.get_by_role_and_label(Role::TextInput, "Options of the job").focus();
    harness.run();
    harness
        .get_by_role_and_label(Role::TextInput, "Options of the job")
        .type_text("--num-layers 24 --hidden-size 2048 --num-attention-heads 16 --seq-length 2048 --micro-batch-size 4 --vocab-size 50304");
    settle(&mut harness);
    assert!(harness.query_by_label_contains("Micro-batch 4, as it is").is_some());
    assert!(harness.query_by_label_contains("Micro-batch 8, ").is_some());
    assert!(harness.query_by_label_contains("Beside the recorded peak").is_some());
}

#[test]
fn a_file_that_is_no_configuration_is_refused_with_its_name() {
    let mut harness = opened(gpu(), Theme::Light);
    harness.get_by_role_and_label(Role::TextInput, "Configuration of the model").focus();
    harness.run();
    harness
        .get_by_role_and_label(Role::TextInput, "Configuration of the model")
        .type_text("/nowhere/config.json");
    settle(&mut harness);
    assert!(harness.query_by_label_contains("/nowhere/config.json: cannot be read").is_some());
}

#[test]
fn a_recording_without_memory_says_what_to_record() {
    let mut harness = opened(h200("copies/run"), Theme::Light);
    settle(&mut harness);
    let told = harness.query_by_label_contains("holds no single allocations").is_some();
    let nothing = harness.query_by_label_contains("Nothing in this recording tells").is_some();
    assert!(told || nothing || harness.query_by_label("Peak device").is_some());
}

#[test]
fn a_snapshot_of_the_allocator_tells_what_was_alive() {
    let Some(document) = trace("kineto/h100_qwen_memory.json.gz") else {
        println!("skipped: the trace is not there");
        return;
    };
    let harness = opened(document, Theme::Light);
    assert!(harness.query_by_label("Alive at the peak").is_some());
    assert!(harness.query_all_by_label_contains("go to the peak in the timeline").next().is_some());
}

fn picture(name: &str, document: Document, theme: Theme, size: (f32, f32), scale: f32) {
    if !can_draw() {
        return;
    }
    let mut harness = window_of(document, theme, Pane::Memory, size, scale);
    settle(&mut harness);
    harness.snapshot(name);
}

#[test]
fn memory_light() {
    picture("memory_light", gpu(), Theme::Light, (1440.0, 900.0), 1.0);
}

#[test]
fn memory_dark() {
    picture("memory_dark", h200("memory/expandable"), Theme::Dark, (1280.0, 720.0), 1.0);
}

#[test]
fn memory_at_double_size() {
    picture("memory_double", gpu(), Theme::Light, (720.0, 450.0), 2.0);
}

#[test]
fn a_run_on_processors_shows_its_resident_memory() {
    let harness = opened(cpu(), Theme::Dark);
    assert!(harness.query_by_label("Peak resident").is_some());
}
