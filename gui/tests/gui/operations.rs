//! The table of what ran: groupings, ranks, rates and distributions.

use egui::Theme;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use perfagent_gui::app::App;
use perfagent_gui::model::document::Document;
use perfagent_gui::model::operations::percentiles::percentiles;
use perfagent_gui::model::operations::rows::{Group, Row, Wanted, rows};
use perfagent_gui::model::track::TrackKind;
use perfagent_gui::pane::Pane;

use crate::fixture::{cpu, gpu, settle, window, window_of};
use crate::pictures::can_draw;
use crate::real::h200;

fn opened(document: Document, theme: Theme) -> Harness<'static, App> {
    let mut harness = window(document, theme);
    harness.state_mut().dock.open(Pane::Operations);
    settle(&mut harness);
    harness
}

fn of(document: &Document, group: Group, kind: Option<TrackKind>, by_rank: bool) -> Vec<Row> {
    let wanted = Wanted { group, kind, by_rank, ..Wanted::default() };
    rows(document, &wanted, Some(&percentiles(document)))
}

#[test]
fn rows_of_all_ranks_add_up_to_those_of_each() {
    for document in [cpu(), gpu(), h200("collectives/cupti")] {
        for group in Group::ALL {
            let sum = |by_rank| -> (i64, i64) {
                let rows = of(&document, group, None, by_rank);
                rows.iter().fold((0, 0), |sum, row| (sum.0 + row.count, sum.1 + row.total_ns))
            };
            assert_eq!(sum(false), sum(true), "{group:?} of {}", document.title);
        }
        let kernels = |group| -> i64 {
            of(&document, group, Some(TrackKind::Kernels), false)
                .iter()
                .map(|row| row.total_ns)
                .sum()
        };
        assert_eq!(kernels(Group::Name), kernels(Group::Category), "{}", document.title);
    }
}

#[test]
fn percentiles_of_one_rank_are_those_of_the_report() {
    let document = h200("profiler/bf16");
    let known = percentiles(&document);
    let rank = &document.sources[0].report.ranks[0];
    assert!(!rank.kernels.is_empty());
    for row in &rank.kernels {
        let name = document.names.find(&row.name).unwrap();
        let (median, late) = known[&(TrackKind::Kernels, name)];
        assert_eq!((Some(median), Some(late)), (row.p50_ns, row.p99_ns), "{}", row.name);
    }
}

#[test]
fn products_of_matrices_have_a_rate_of_arithmetic_where_shapes_are_known() {
    let document = h200("traces/fp8");
    let known = document.sources[0].report.ranks[0].roofline.iter().any(|row| row.flops > 0);
    let found = of(&document, Group::Operator, None, false);
    assert_eq!(found.iter().any(|row| row.work.flops_per_s().is_some()), known);
    let copies = of(&document, Group::Name, Some(TrackKind::Copies), false);
    assert!(copies.iter().any(|row| row.work.bytes_per_s().is_some()));
}

#[test]
fn a_row_shows_the_distribution_of_its_durations() {
    let mut harness = opened(gpu(), Theme::Light);
    harness.get_by_label("Filter").focus();
    harness.run();
    harness.get_by_label("Filter").type_text("flash");
    settle(&mut harness);
    harness.get_all_by_label_contains("flash_fwd_kernel").next().unwrap().click();
    settle(&mut harness);
    assert!(harness.query_by_label_contains("Distribution of durations").is_some());
    assert!(harness.query_by_label_contains("192 runs").is_some());
    harness.get_by_label("Next in the timeline").click();
    settle(&mut harness);
    assert!(harness.state().dock.shows(Pane::Timeline));
}

#[test]
fn categories_open_into_their_names() {
    let mut harness = opened(gpu(), Theme::Dark);
    harness.get_by_role_and_label(Role::ComboBox, "Group by").click();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Button, "Category").click();
    settle(&mut harness);
    harness.get_by_label_contains("matmul, ").click();
    settle(&mut harness);
    harness.get_by_label("List its 3 names").click();
    settle(&mut harness);
    let products = harness.query_all_by_label_contains("ampere_bf16_s16816gemm_bf16_128x128");
    assert!(products.count() > 0);
    assert!(harness.query_by_label_contains("flash_fwd_kernel").is_none());
}

#[test]
fn a_filter_that_finds_nothing_says_so_and_can_be_cleared() {
    let mut harness = opened(gpu(), Theme::Light);
    harness.get_by_label("Filter").focus();
    harness.run();
    harness.get_by_label("Filter").type_text("no such thing");
    settle(&mut harness);
    harness.get_by_label("Clear the filter").click();
    settle(&mut harness);
    assert!(harness.query_all_by_label_contains("flash_fwd_kernel").next().is_some());
}

#[test]
fn a_hundred_thousand_names_are_filtered_beside_the_window() {
    let mut document = gpu();
    let template = document.operations[0].clone();
    for number in 0..100_000 {
        let name = document.names.intern(&format!("kernel {number}"));
        document
            .operations
            .push(perfagent_gui::model::operations::Operation { name, ..template.clone() });
    }
    let mut harness = opened(document, Theme::Light);
    harness.get_by_label("Filter").focus();
    harness.run();
    harness.get_by_label("Filter").type_text("kernel 99999");
    settle(&mut harness);
    assert!(harness.query_by_label_contains("kernel 99999, ").is_some());
}

fn picture(name: &str, theme: Theme, size: (f32, f32), scale: f32) {
    if !can_draw() {
        return;
    }
    let mut harness = window_of(gpu(), theme, Pane::Operations, size, scale);
    settle(&mut harness);
    harness.get_all_by_label_contains("ncclDevKernel_AllReduce").next().unwrap().click();
    settle(&mut harness);
    harness.snapshot(name);
}

#[test]
fn operations_light() {
    picture("operations_light", Theme::Light, (1440.0, 900.0), 1.0);
}

#[test]
fn operations_dark() {
    picture("operations_dark", Theme::Dark, (1280.0, 720.0), 1.0);
}

/// The table alone, in all of the window.
#[test]
fn operations_at_double_size() {
    if !can_draw() {
        return;
    }
    let mut harness = window_of(gpu(), Theme::Light, Pane::Operations, (720.0, 450.0), 2.0);
    for pane in [Pane::Timeline, Pane::Details] {
        harness.state_mut().dock.close(pane);
    }
    settle(&mut harness);
    harness.get_all_by_label_contains("ampere_bf16_s16816gemm").next().unwrap().click();
    settle(&mut harness);
    harness.snapshot("operations_double");
}
