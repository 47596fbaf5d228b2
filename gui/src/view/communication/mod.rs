//! Collectives: bandwidth by message size, waiting and transfer, who waited for whom.

mod bandwidth;
mod groups;
mod matrix;

use std::sync::Arc;

use egui::{ScrollArea, Ui};

use super::grid;
use crate::computed::Computed;
use crate::model::communication::{Communication, communication, straggler};
use crate::model::joined::rank_name;
use crate::pane::Pane;
use crate::session::Session;
use crate::units;
use crate::view::lead::lead_to;

/// From this width on the plot and the matrix stand side by side, points.
const WIDE: f32 = 900.0;

/// What the view remembers.
#[derive(Default)]
pub struct State {
    found: Computed<(), Arc<Communication>>,
    op: Option<String>,
    groups: grid::State,
    ranks: grid::State,
}

/// What a click leads to.
enum Lead {
    Stretch(i64, i64),
    Name(String),
}

impl State {
    /// The recording has grown: figures are worked out anew, and what was chosen stays.
    pub(crate) fn outdate(&mut self) {
        self.found.outdate();
    }
}

/// Shows the view.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    let document = Arc::clone(&session.document);
    let worker = {
        let document = Arc::clone(&document);
        move || Arc::new(communication(&document))
    };
    let Some(found) = session.communication.found.get(&(), ui.ctx(), worker).cloned() else {
        ui.weak("Going over the collectives");
        return;
    };
    if found.is_empty() {
        empty(ui, session);
        return;
    }
    let mut lead = None;
    ScrollArea::vertical().id_salt("communication").auto_shrink(false).show(ui, |ui| {
        lead = told(ui, &found);
        let height = (ui.available_height() * 0.55).max(230.0);
        if ui.available_width() >= WIDE && !found.skew.cells.is_empty() {
            let width = ui.available_width();
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| {
                    ui.set_width(width * 0.6);
                    lead = bandwidth::show(ui, session, &document, &found, height).or(lead.take());
                });
                ui.vertical(|ui| {
                    ui.set_width(ui.available_width());
                    lead = waits(ui, session, &found, (height - 190.0).max(120.0)).or(lead.take());
                });
            });
        } else {
            lead = bandwidth::show(ui, session, &document, &found, height).or(lead.take());
            if !found.skew.cells.is_empty() {
                lead = waits(ui, session, &found, height).or(lead.take());
            }
        }
        if !found.groups.is_empty() {
            lead =
                groups::show(ui, &mut session.communication.groups, &found.groups).or(lead.take());
        }
    });
    match lead {
        Some(Lead::Stretch(start, end)) => session.show_in_timeline(start, end),
        Some(Lead::Name(name)) => lead_to(ui, session, &name),
        None => {}
    }
}

/// The matrix of waits over their table.
fn waits(ui: &mut Ui, session: &mut Session, found: &Communication, height: f32) -> Option<Lead> {
    let clicked = matrix::show(ui, &found.skew, height);
    matrix::ranks(ui, &mut session.communication.ranks, &found.skew).or(clicked)
}

/// The straggler, in a sentence that leads to the longest wait for it.
fn told(ui: &mut Ui, found: &Communication) -> Option<Lead> {
    let skew = &found.skew;
    let mut lead = None;
    let name = |at: usize| {
        skew.ranks.get(at).map_or_else(String::new, |rank| rank_name(rank.rank, rank.pid))
    };
    ui.horizontal_wrapped(|ui| match straggler(skew) {
        Some(straggler) => {
            let Some(rank) = skew.ranks.get(straggler.rank) else { return };
            ui.strong(format!("Straggler: {}", name(straggler.rank)));
            ui.label(format!(
                "It came last in {} of {} collectives; the others waited {} for it, {:.0} % of all waiting",
                units::count(rank.last.unsigned_abs()),
                units::count(rank.met.unsigned_abs()),
                units::duration(rank.held_up_ns),
                100.0 * straggler.share
            ));
            let longest = &straggler.longest;
            let label = format!("Longest wait: {}", units::duration(longest.longest_ns));
            let hint = format!(
                "{} waited in {}; shows it in the timeline",
                name(longest.waiter),
                longest.longest_op
            );
            if ui.button(label).on_hover_text(hint).clicked() {
                let start = longest.longest_start_ns;
                lead = Some(Lead::Stretch(start, start.saturating_add(longest.longest_ns)));
            }
        }
        None if skew.collectives > 0 => {
            ui.label(format!(
                "No straggler: in {} no rank held the others up much more than its due",
                units::counted(skew.collectives.unsigned_abs(), "collective")
            ));
        }
        None if skew.apart > 0 => {
            ui.label(format!(
                "{} met on every rank, but their clocks cannot be compared: who waited for whom is not known",
                units::counted(skew.apart.unsigned_abs(), "collective")
            ));
        }
        None if found.groups.is_empty() => {
            ui.label("The recording itself holds no collectives: what nccl-tests measured is shown");
        }
        None => {
            ui.weak("Who waited for whom is not known: open the recordings of all ranks together, with numbered collectives");
        }
    });
    lead
}

fn empty(ui: &mut Ui, session: &mut Session) {
    ui.add_space(8.0);
    ui.strong("No collectives were recorded");
    ui.label("A run of one rank has none; of several ranks, perfagent record sees those of NCCL and Gloo");
    ui.label(
        "Opened together with the recordings, logs of nccl-tests show what the network can do",
    );
    ui.add_space(6.0);
    if ui.button("Open the timeline").clicked() {
        session.open(Pane::Timeline);
    }
}
