//! Each panel says what it shows, to people and to screen readers alike.

use egui_kittest::kittest::Queryable as _;
use perfagent_gui::model::track::TrackKind;
use perfagent_gui::pane::Pane;

use crate::fixture::{cpu, gpu, settle, window, window_of};

#[test]
fn the_top_bar_names_the_file_its_figures_and_its_losses() {
    let harness = window(cpu(), egui::Theme::Light);
    for text in ["training.perfdb", "2 ranks", "! 12 events lost"] {
        assert!(harness.query_by_label(text).is_some(), "{text}");
    }
    assert!(harness.query_by_label_contains("6 steps, 98").is_some());
}

#[test]
fn the_timeline_has_a_row_for_every_rank_thread_and_stream() {
    let harness = window(gpu(), egui::Theme::Dark);
    assert!(harness.query_by_label("Rank 0, unfolded").is_some());
    assert!(harness.query_by_label("Rank 1, unfolded").is_some());
    assert!(harness.query_by_label_contains("Timeline, 10 rows").is_some());
    for text in ["GPU 0, stream 7", "GPU 0, stream 20"] {
        assert!(harness.query_all_by_label(text).next().is_some(), "{text}");
    }
}

#[test]
fn folding_a_rank_hides_its_rows() {
    let mut harness = window(gpu(), egui::Theme::Dark);
    harness.get_by_label("Rank 0, unfolded").click();
    harness.run();
    assert!(harness.query_by_label("Rank 0, folded").is_some());
    assert!(harness.query_all_by_label("GPU 0, stream 20").next().is_none());
}

#[test]
fn the_table_filters_and_orders() {
    let mut harness = window(cpu(), egui::Theme::Light);
    assert!(harness.query_by_label("Total, greatest first").is_some());
    harness.get_by_label("Name").click();
    harness.run();
    assert!(harness.query_by_label("Name, least first").is_some());
    harness.get_by_label("Filter").focus();
    harness.run();
    harness.get_by_label("Filter").type_text("gelu");
    settle(&mut harness);
    assert!(harness.query_all_by_label_contains("aten::gelu, ").next().is_some());
    assert!(harness.query_all_by_label_contains("aten::addmm, ").next().is_none());
}

#[test]
fn a_row_of_the_table_marks_its_events_and_goes_to_the_first() {
    let mut harness = window(gpu(), egui::Theme::Dark);
    let session = harness.state_mut().session_mut().unwrap();
    session.table.wanted.kind = Some(TrackKind::Kernels);
    session.table.wanted.filter = "AllReduce".into();
    settle(&mut harness);
    harness.get_all_by_label_contains("AllReduce").next().unwrap().click();
    harness.run();
    let session = harness.state().session().unwrap();
    assert_eq!(session.search.matches.count(), 48);
    let event = session.document.event(session.selected.unwrap()).unwrap();
    assert!(session.document.name(&event).contains("AllReduce"));
    assert!(harness.query_by_label_contains("48 events marked").is_some());
}

#[test]
fn the_plots_name_their_curves_and_hide_them_on_a_click() {
    let mut harness = window(cpu(), egui::Theme::Light);
    assert!(harness.query_by_label_contains("Memory over time").is_some());
    assert!(harness.query_by_label_contains("Utilisation over time").is_some());
    harness.get_by_label_contains("Rank 0 resident max").click();
    harness.run();
    assert!(harness.state().session().unwrap().hidden_curves.contains("Rank 0 resident"));
}

#[test]
fn help_lists_every_key() {
    let mut harness = window(cpu(), egui::Theme::Light);
    harness.get_by_label("Help").click();
    harness.run();
    for binding in perfagent_gui::command::BINDINGS {
        assert!(harness.query_by_label(binding.help).is_some(), "{}", binding.help);
    }
}

#[test]
fn nothing_moves_while_nothing_happens() {
    let places = |harness: &egui_kittest::Harness<'_, perfagent_gui::app::App>| {
        ["Memory over time", "Utilisation over time", "Timeline, "]
            .map(|name| harness.get_by_label_contains(name).rect())
    };
    for (size, scale) in [((1440.0, 900.0), 1.0), ((960.0, 600.0), 2.0), ((1280.0, 720.0), 1.5)] {
        let mut harness = window_of(cpu(), egui::Theme::Light, Pane::Timeline, size, scale);
        // Sizes of panels come to rest within some frames, on whole points.
        for _ in 0..20 {
            harness.step();
        }
        let before = places(&harness);
        for _ in 0..10 {
            harness.step();
        }
        assert_eq!(places(&harness), before, "{size:?} at {scale}");
    }
}
