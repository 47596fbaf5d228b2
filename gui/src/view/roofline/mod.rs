//! How near operators came to what the device can do: the plot over the table.

mod plot;
mod rows;

use std::sync::Arc;

use egui::{ComboBox, ScrollArea, Ui};

use super::ceilings;
use super::grid::{self, Grid};
use crate::computed::Computed;
use crate::model::ceilings::Ceilings;
use crate::model::document::Document;
use crate::model::joined::rank_name;
use crate::model::roofline::{Point, points};
use crate::session::Session;
use crate::view::lead::lead_to;

/// What the view remembers.
#[derive(Default)]
pub struct State {
    /// The ceilings, for all views that hold figures against them.
    pub ceilings: ceilings::State,
    rank: Option<usize>,
    precision: Option<String>,
    points: Computed<Asked, Arc<Vec<Point>>>,
    table: grid::State,
}

/// What the points are of.
#[derive(Clone, PartialEq)]
struct Asked {
    rank: Option<usize>,
    ceilings: Option<Arc<Ceilings>>,
}

impl State {
    /// The recording has grown: figures are worked out anew, and what was chosen stays; not the rank where there are others now.
    pub(crate) fn outdate(&mut self, same_ranks: bool) {
        self.points.outdate();
        self.table.outdate();
        self.rank = self.rank.filter(|_| same_ranks);
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    let document = Arc::clone(&session.document);
    let state = &mut session.roofline;
    let asked = Asked { rank: state.rank, ceilings: state.ceilings.current(&document, ui.ctx()) };
    let worker = {
        let (document, asked) = (Arc::clone(&document), asked.clone());
        move || {
            let ranks = document.sources.iter().flat_map(|source| &source.report.ranks);
            let ranks =
                ranks.enumerate().filter(|(at, _)| asked.rank.is_none_or(|rank| rank == *at));
            Arc::new(points(ranks.map(|(_, rank)| rank), asked.ceilings.as_deref()))
        }
    };
    let found = state.points.get(&asked, ui.ctx(), worker).cloned();
    let Some(found) = found else {
        ui.weak("Putting operators together");
        return;
    };
    if found.is_empty() && state.rank.is_none() {
        empty(ui);
        return;
    }
    let mut wanted = None;
    ScrollArea::vertical().id_salt("roofline").auto_shrink(false).show(ui, |ui| {
        let height = ui.available_height();
        controls(ui, state, &document, &found);
        let chosen: Vec<Point> = found
            .iter()
            .filter(|point| state.precision.as_ref().is_none_or(|of| *of == point.precision))
            .cloned()
            .collect();
        let height = (height * 0.5).max(190.0);
        let clicked = plot::show(ui, &chosen, asked.ceilings.as_deref(), height);
        let clicked = table(ui, state, &chosen).or(clicked);
        wanted = clicked.and_then(|at| chosen.get(at)).map(|point| point.name.clone());
    });
    if let Some(name) = wanted {
        lead_to(ui, session, &name);
    }
}

fn controls(ui: &mut Ui, state: &mut State, document: &Document, points: &[Point]) {
    ui.horizontal_wrapped(|ui| {
        let ranks: Vec<String> = document
            .sources
            .iter()
            .flat_map(|source| &source.report.ranks)
            .map(|rank| rank_name(rank.rank, rank.pid))
            .collect();
        if ranks.len() > 1 {
            let shown = state.rank.and_then(|at| ranks.get(at)).map_or("All ranks", |name| name);
            ui.name_inputs("Rank", |ui| {
                ComboBox::from_id_salt("rank").selected_text(shown).show_ui(ui, |ui| {
                    ui.selectable_value(&mut state.rank, None, "All ranks");
                    for (at, name) in ranks.iter().enumerate() {
                        ui.selectable_value(&mut state.rank, Some(at), name);
                    }
                });
            });
        }
        let mut precisions: Vec<&str> =
            points.iter().map(|point| point.precision.as_str()).collect();
        precisions.sort_unstable();
        precisions.dedup();
        let shown = state.precision.clone().unwrap_or_else(|| "All precisions".to_owned());
        ui.name_inputs("Precision", |ui| {
            ComboBox::from_id_salt("precision").selected_text(shown).show_ui(ui, |ui| {
                ui.selectable_value(&mut state.precision, None, "All precisions");
                for name in precisions {
                    let label = plot::precision_label(name);
                    ui.selectable_value(&mut state.precision, Some(name.to_owned()), label);
                }
            });
        });
        state.ceilings.show(ui, document);
    });
    state.ceilings.error(ui);
    if state.ceilings.current(document, ui.ctx()).is_none() {
        ui.horizontal_wrapped(|ui| {
            ui.weak("No ceilings are known of this device: measure them with perfagent ceilings -o ceilings.json, or choose a datasheet");
        });
    }
}

/// The table; the row that was clicked.
fn table(ui: &mut Ui, state: &mut State, points: &[Point]) -> Option<usize> {
    let unknown = points.iter().filter(|point| point.intensity.is_none()).count();
    let rows = rows::rows(points);
    let grid =
        Grid::new("Operators against ceilings", &rows::HEADINGS).version(rows::version(points));
    ui.horizontal_wrapped(|ui| {
        ui.strong("Operators against ceilings");
        grid.copy_button(ui, &state.table, &rows[..]);
        if unknown > 0 {
            ui.weak(format!("{unknown} without known bytes are in the table only"));
        }
    });
    let height = ui.available_height().max(150.0);
    grid.height(height).show(ui, &mut state.table, &rows[..]).clicked
}

fn empty(ui: &mut Ui) {
    ui.add_space(8.0);
    ui.strong("The work of no operator is known");
    ui.label(
        "A roofline needs operators with the shapes of their inputs: floating-point operations and bytes follow from them",
    );
    ui.add_space(6.0);
    for way in [
        "PyTorch: record within torch.autograd.profiler.emit_nvtx(record_shapes=True)",
        "PyTorch's own profiler: profile(record_shapes=True, with_flops=True), then open its trace here",
        "perfagent-bench records its operators with their shapes by itself",
    ] {
        ui.horizontal_wrapped(|ui| {
            ui.label("·");
            ui.label(way);
        });
    }
}
