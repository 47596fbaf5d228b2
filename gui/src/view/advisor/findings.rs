//! What the recording itself says could be gained: each finding with its figures and the way to its evidence.

use std::sync::Arc;

use egui::{CollapsingHeader, Frame, Ui};
use perfagent_advisor::{Advice, Evidence, Fact, Verdict, advise};
use perfagent_analysis::Report;

use super::state::{Lead, ceilings};
use crate::model::advisor::evidence::{Place, place};
use crate::model::advisor::given::ceilings_of_findings;
use crate::model::advisor::part::sentence;
use crate::session::Session;
use crate::units;

/// Shows them; what was clicked.
pub(super) fn show(ui: &mut Ui, session: &mut Session) -> Option<Lead> {
    let text = ceilings(ui, session);
    let state = &mut session.advisor;
    let basis = state.basis.value().cloned()?;
    let weighed = Arc::clone(&basis);
    let asked = text.clone();
    let work = move || {
        let ceilings = asked.as_deref().and_then(ceilings_of_findings);
        Arc::new(advise(&weighed.report, ceilings.as_ref()))
    };
    let Some(advice) = state.advice.get(&text, ui.ctx(), work).cloned() else {
        ui.weak("Weighing the figures");
        return None;
    };
    let report = &basis.report;
    ui.label(&advice.summary);
    let mut lead = None;
    for fact in ordered(&advice) {
        if fact.verdict == Verdict::Act {
            lead = card(ui, report, fact).or(lead);
        }
    }
    for (verdict, title) in
        [(Verdict::NothingToGain, "Nothing to gain"), (Verdict::Unknown, "Not recorded")]
    {
        let facts: Vec<&Fact> = advice.facts.iter().filter(|of| of.verdict == verdict).collect();
        if facts.is_empty() {
            continue;
        }
        CollapsingHeader::new(format!("{title} ({})", facts.len())).id_salt(title).show(ui, |ui| {
            for fact in facts {
                lead = card(ui, report, fact).or(lead.take());
            }
        });
    }
    CollapsingHeader::new("What these findings do not say").show(ui, |ui| {
        for limit in &advice.limits {
            ui.label(limit);
        }
    });
    lead
}

/// By what acting on them is worth.
fn ordered(advice: &Advice) -> Vec<&Fact> {
    let mut facts: Vec<&Fact> = advice.facts.iter().collect();
    facts.sort_by_key(|fact| (fact.place.is_none(), fact.place));
    facts
}

fn card(ui: &mut Ui, report: &Report, fact: &Fact) -> Option<Lead> {
    let mut lead = None;
    Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            let place = fact.place.map_or_else(String::new, |place| format!("{place}. "));
            ui.strong(format!("{place}{}", sentence(&fact.name)));
            if let Some(value) = fact.value {
                ui.label(match fact.unit.as_str() {
                    "bytes" => units::bytes(value),
                    "pct" => format!("{value:.1} %"),
                    other => format!("{value:.1} {other}"),
                });
            }
            if let Some(gain) = &fact.gain {
                let share = format!(
                    "worth {:.1} % of the time, {:.1} % at most",
                    gain.likely_share_pct, gain.most_share_pct
                );
                ui.weak(share).on_hover_text(&gain.formula);
            }
        });
        ui.label(&fact.advice);
        ui.horizontal_wrapped(|ui| {
            for evidence in &fact.evidence {
                lead = button(ui, report, fact, evidence).or(lead.take());
            }
        });
        if !fact.figures.is_empty() {
            CollapsingHeader::new("Figures").id_salt(&fact.name).show(ui, |ui| figures(ui, fact));
        }
    });
    lead
}

fn figures(ui: &mut Ui, fact: &Fact) {
    egui::Grid::new(("figures", &fact.name)).num_columns(3).striped(true).show(ui, |ui| {
        for figure in &fact.figures {
            ui.label(sentence(&figure.name));
            ui.label(
                figure.value.map_or_else(|| "-".to_owned(), crate::model::advisor::part::figure),
            );
            ui.weak(sentence(&format!("{:?}", figure.source)));
            ui.end_row();
        }
    });
}

/// The way to where it was measured.
fn button(ui: &mut Ui, report: &Report, fact: &Fact, evidence: &Evidence) -> Option<Lead> {
    let rank = evidence
        .rank
        .map_or_else(|| format!("process {}", evidence.pid), |rank| format!("rank {rank}"));
    let label =
        format!("{} {} · {rank}", units::count(evidence.count.unsigned_abs()), evidence.what);
    let lead = place(report, evidence).map(|place| match place {
        Place::Stretch(start, end) => Lead::Stretch(start, end),
        Place::Name(name) => Lead::Name(name),
    });
    let response = ui.add_enabled(lead.is_some(), egui::Button::new(&label).wrap());
    response.widget_info(|| {
        let name = format!("{}: {label}", sentence(&fact.name));
        egui::WidgetInfo::labeled(egui::Role::Button, lead.is_some(), name)
    });
    let clicked = response.clicked();
    let names = evidence.names.join(", ");
    response.on_hover_text(format!("Shows them in the timeline\n{names}").trim_end().to_owned());
    lead.filter(|_| clicked)
}
