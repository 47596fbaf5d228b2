//! The overview: what it tells, and where its figures lead.

use egui::Theme;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::model::document::Document;
use perfagent_gui::model::overview::figures;
use perfagent_gui::model::overview::places::places;
use perfagent_gui::pane::Pane;

use crate::fixture::{cpu, gpu, settle, window, window_of};
use crate::pictures::can_draw;
use crate::real::{h200, trace};

fn opened(document: Document, theme: Theme) -> Harness<'static, App> {
    let mut harness = window(document, theme);
    harness.state_mut().dock.open(Pane::Overview);
    settle(&mut harness);
    harness
}

#[test]
fn the_page_tells_what_the_run_was_and_where_its_time_went() {
    let harness = opened(gpu(), Theme::Light);
    for text in ["Where the time goes", "Step time", "Suggestions", "Memory headroom", "The run"] {
        assert!(harness.query_by_label(text).is_some(), "{text}");
    }
    for text in
        ["2 × NVIDIA A100-SXM4-80GB", "gpu-node-1", "Matrix products, ", "Exposed communication, "]
    {
        assert!(harness.query_all_by_label_contains(text).next().is_some(), "{text}");
    }
}

#[test]
fn the_parts_of_the_time_add_up_on_every_recording() {
    let mut documents = vec![cpu(), gpu()];
    documents.extend(["profiler/bf16", "collectives/cupti", "graphs/run", "jax/run"].map(h200));
    for document in &documents {
        let figures = figures(document, None);
        let sum: i64 = figures.division.parts.iter().map(|part| part.total_ns).sum();
        assert_eq!(sum, figures.division.window_ns, "{}", document.title);
    }
}

#[test]
fn the_longest_stretches_are_within_what_the_parts_tell() {
    for document in [cpu(), gpu(), h200("collectives/cupti")] {
        for chosen in std::iter::once(None)
            .chain(figures(&document, None).ranks.iter().map(|rank| Some(rank.0)))
        {
            let (figures, places) = (figures(&document, chosen), places(&document, chosen));
            for (kind, stretch) in &places.stretches {
                let idle = |part: &perfagent_gui::model::overview::division::PartKind| {
                    use perfagent_gui::model::overview::division::PartKind::Idle;
                    part == kind || matches!((part, kind), (Idle(_), Idle(_)))
                };
                let of_kind: i64 = figures
                    .division
                    .parts
                    .iter()
                    .filter(|part| idle(&part.kind))
                    .map(|part| part.total_ns)
                    .sum();
                assert!(stretch.length_ns() <= of_kind, "{}: {kind:?} {stretch:?}", document.title);
            }
        }
    }
}

#[test]
fn a_bar_leads_to_its_greatest_instance() {
    let mut harness = opened(gpu(), Theme::Dark);
    harness.get_by_label_contains("Attention, ").click();
    settle(&mut harness);
    let session = harness.state().session().unwrap();
    let event = session.document.event(session.selected.unwrap()).unwrap();
    assert!(session.document.name(&event).contains("flash_fwd_kernel"));
    assert!(harness.state().dock.shows(Pane::Timeline));
}

#[test]
fn a_click_on_the_plot_of_steps_leads_to_a_step() {
    let mut harness = opened(gpu(), Theme::Light);
    harness.get_by_label_contains("Step time by step and rank").click();
    settle(&mut harness);
    let session = harness.state().session().unwrap();
    let marked = session.range.unwrap();
    let steps = session.document.groups.iter().flat_map(|group| &group.steps);
    assert!(steps.into_iter().any(|step| (step.start, step.end) == (marked.start(), marked.end())));
}

#[test]
fn one_rank_can_be_chosen() {
    let mut harness = opened(gpu(), Theme::Light);
    harness.get_by_role_and_label(Role::ComboBox, "Figures of").click();
    settle(&mut harness);
    harness.get_all_by_label("Rank 1").last().unwrap().click();
    settle(&mut harness);
    assert!(harness.query_all_by_label_contains("mean of the ranks").next().is_none());
}

#[test]
fn traces_of_other_tools_have_an_overview_too() {
    for name in [
        "kineto/v100_resnet50_2021.json.gz",
        "kineto/h100_bert_small.json.gz",
        "nsys/h100_2gpu_3_25.sqlite",
    ] {
        let Some(document) = trace(name) else {
            println!("skipped: {name} is not there");
            continue;
        };
        let harness = opened(document, Theme::Light);
        assert!(harness.query_by_label_contains("Slowest kernel: ").is_some(), "{name}");
    }
}

fn picture(name: &str, document: Document, theme: Theme, size: (f32, f32), scale: f32) {
    if !can_draw() {
        return;
    }
    let mut harness = window_of(document, theme, Pane::Overview, size, scale);
    settle(&mut harness);
    harness.snapshot(name);
}

#[test]
fn overview_light() {
    picture("overview_light", gpu(), Theme::Light, (1440.0, 900.0), 1.0);
}

#[test]
fn overview_dark() {
    picture("overview_dark", cpu(), Theme::Dark, (1280.0, 720.0), 1.0);
}

#[test]
fn overview_at_double_size() {
    picture("overview_double", gpu(), Theme::Light, (720.0, 450.0), 2.0);
}
