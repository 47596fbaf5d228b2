//! Someone who has never seen the program finds, from the overview, the slowest kernel, the worst exposed
//! communication and the first suggestion, in three clicks each.

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_analysis::COMMUNICATION;
use perfagent_gui::app::App;
use perfagent_gui::model::document::Document;
use perfagent_gui::model::track::TrackKind;
use perfagent_gui::pane::Pane;

use crate::fixture::{gpu, settle, window};
use crate::real::h200;

/// The window as a stranger meets it, and how often the mouse was clicked.
struct Stranger {
    harness: Harness<'static, App>,
    clicks: usize,
}

impl Stranger {
    fn meets(document: Document) -> Self {
        let mut harness = window(document, egui::Theme::Light);
        settle(&mut harness);
        let mut stranger = Self { harness, clicks: 0 };
        stranger.click_exactly("Overview");
        stranger
    }

    fn click_exactly(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.clicks += 1;
        settle(&mut self.harness);
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label_contains(label).click();
        self.clicks += 1;
        settle(&mut self.harness);
    }

    fn document(&self) -> &Document {
        &self.harness.state().session().unwrap().document
    }

    /// Every kernel: whether it communicates, start and end.
    fn kernels(&self) -> Vec<(bool, i64, i64, usize)> {
        let document = self.document();
        let communicates = |name: &str| {
            let ranks = document.sources.iter().flat_map(|source| &source.report.ranks);
            ranks
                .flat_map(|rank| &rank.kernels)
                .any(|row| row.name == name && row.category == COMMUNICATION)
        };
        let names: Vec<bool> = (0..document.names.len() as u32)
            .map(|id| communicates(document.names.text(perfagent_gui::model::names::NameId(id))))
            .collect();
        let mut found = Vec::new();
        for track in document.tracks.iter().filter(|track| track.kind == TrackKind::Kernels) {
            for lane in &document.lanes[track.lanes.clone()] {
                for index in 0..lane.len() {
                    let event = lane.get(index).unwrap();
                    found.push((names[event.name.index()], event.start, event.end, track.group));
                }
            }
        }
        found
    }

    fn shows_the_timeline(&self) -> bool {
        self.harness.state().dock.shows(Pane::Timeline)
    }
}

fn finds_the_slowest_kernel(document: Document) {
    let mut stranger = Stranger::meets(document);
    stranger.click("Slowest kernel: ");
    assert!(stranger.clicks <= 3 && stranger.shows_the_timeline());
    let session = stranger.harness.state().session().unwrap();
    let event = session.document.event(session.selected.unwrap()).unwrap();
    let kernels = stranger.kernels();
    let longest = kernels.iter().filter(|kernel| !kernel.0).map(|kernel| kernel.2 - kernel.1).max();
    assert_eq!(Some(event.end - event.start), longest);
    assert!(session.view.start() <= event.start && session.view.end() >= event.end);
}

fn finds_the_worst_exposed_communication(document: Document) {
    let mut stranger = Stranger::meets(document);
    stranger.click("Worst exposed communication: ");
    assert!(stranger.clicks <= 3 && stranger.shows_the_timeline());
    let marked = stranger.harness.state().session().unwrap().range.unwrap();
    let kernels = stranger.kernels();
    let touches =
        |kernel: &&(bool, i64, i64, usize)| kernel.1 < marked.end() && kernel.2 > marked.start();
    let groups: std::collections::BTreeSet<usize> =
        kernels.iter().filter(touches).filter(|kernel| kernel.0).map(|kernel| kernel.3).collect();
    // On some rank there is communication all the time, and nothing but that.
    assert!(
        groups.iter().any(|group| {
            let of_rank = || kernels.iter().filter(touches).filter(|kernel| kernel.3 == *group);
            let first = of_rank().map(|kernel| kernel.1).min();
            let last = of_rank().map(|kernel| kernel.2).max();
            of_rank().all(|kernel| kernel.0)
                && first.is_some_and(|first| first <= marked.start())
                && last.is_some_and(|last| last >= marked.end())
        }),
        "{marked:?}"
    );
}

fn finds_the_first_suggestion(document: Document) {
    let mut stranger = Stranger::meets(document);
    let facts: Vec<_> = stranger
        .document()
        .sources
        .iter()
        .flat_map(|source| perfagent_advisor::advise(&source.report, None).facts)
        .collect();
    let first = facts.iter().find(|fact| fact.place == Some(1)).expect("something to act on");
    assert!(stranger.harness.query_by_label(&first.advice).is_some(), "{}", first.advice);
    stranger.click("First suggestion: ");
    assert!(stranger.clicks <= 3);
    let app = stranger.harness.state();
    let session = app.session().unwrap();
    let place = first.evidence.iter().find_map(|place| place.start_ns.zip(place.end_ns));
    match place {
        Some((start, end)) => {
            let marked = session.range.unwrap();
            assert!(stranger.shows_the_timeline());
            assert!(marked.start() <= start && marked.end() >= end, "{marked:?}");
        }
        None => assert!(app.dock.shows(Pane::Advisor) || stranger.shows_the_timeline()),
    }
}

#[test]
fn the_slowest_kernel_is_found_in_the_fixture() {
    finds_the_slowest_kernel(gpu());
}

#[test]
fn the_worst_exposed_communication_is_found_in_the_fixture() {
    finds_the_worst_exposed_communication(gpu());
}

#[test]
fn the_first_suggestion_is_found_in_the_fixture() {
    finds_the_first_suggestion(gpu());
}

#[test]
fn the_slowest_kernel_is_found_in_a_recording_of_a_real_gpu() {
    for name in ["profiler/bf16", "collectives/cupti"] {
        finds_the_slowest_kernel(h200(name));
    }
}

#[test]
fn the_worst_exposed_communication_is_found_in_a_recording_of_a_real_gpu() {
    finds_the_worst_exposed_communication(h200("collectives/cupti"));
}

#[test]
fn the_first_suggestion_is_found_in_a_recording_of_a_real_gpu() {
    for name in ["profiler/bf16", "collectives/cupti"] {
        finds_the_first_suggestion(h200(name));
    }
}
