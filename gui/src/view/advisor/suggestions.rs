//! The arrangements that are worth trying, each with what it changes and why.

use egui::{CollapsingHeader, Frame, Ui};
use perfagent_predictor::Run;
use perfagent_predictor::plan::{Plan, Suggestion};

use super::figures::{probability, rounded};
use super::state::arrangements;
use crate::model::advisor::arrangement::changes;
use crate::model::advisor::part::sentence;
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Shows them; a click sets the sliders.
pub(super) fn show(ui: &mut Ui, session: &mut Session) {
    let plan = match arrangements(ui, session) {
        Some(Ok(landscape)) => landscape,
        Some(Err(why)) => {
            let colour = Palette::of(ui.ctx().theme()).warning;
            ui.colored_label(colour, format!("No suggestions: {why}"));
            return;
        }
        None if session.advisor.arrangement.is_none() => {
            ui.label(
                "Say which model was trained on which GPU, then other arrangements are predicted",
            );
            return;
        }
        None => {
            ui.weak("Predicting the other arrangements");
            return;
        }
    };
    let plan = &plan.plan;
    if plan.suggestions.is_empty() {
        ui.strong("No other arrangement is expected to be faster");
        ui.label(format!(
            "{} were predicted with the same global batch",
            units::counted(plan.considered as u64, "arrangement")
        ));
    }
    let mut taken = None;
    for (number, suggestion) in plan.suggestions.iter().enumerate() {
        let now = session.advisor.job().is_some_and(|job| job.run == suggestion.job.run);
        if card(ui, number + 1, suggestion, &plan.base.run, now) {
            taken = Some(suggestion.job.run.clone());
        }
    }
    if let (Some(run), Some(arrangement), Some(known)) =
        (taken, &mut session.advisor.arrangement, &session.advisor.known)
    {
        arrangement.take(&run, &known.job.cluster);
    }
    for beyond in &plan.beyond {
        ui.label(beyond);
    }
    rejected(ui, plan);
}

/// True when the suggestion is to be taken over.
fn card(ui: &mut Ui, number: usize, suggestion: &Suggestion, own: &Run, now: bool) -> bool {
    let mut taken = false;
    Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let change = suggestion.tokens_per_s_change_pct;
        ui.horizontal_wrapped(|ui| {
            ui.strong(format!("{number}. {:+.1} % throughput", change.p50));
            ui.weak(format!("{:+.1} to {:+.1} %", change.p05, change.p95));
            let prediction = &suggestion.prediction;
            if let Some((tokens, peak)) = prediction.tokens_per_s.zip(prediction.peak_mem_bytes) {
                ui.label(format!(
                    "{} a second, peak {}, out of memory {}",
                    rounded(tokens.p50),
                    units::bytes(peak.p50),
                    probability(suggestion.oom_probability)
                ));
            }
        });
        let changes: Vec<String> = changes(own, &suggestion.job.run)
            .into_iter()
            .map(|(label, from, to)| format!("{label} {from} to {to}"))
            .collect();
        ui.label(changes.join(" · "));
        let why: Vec<String> = suggestion
            .why
            .iter()
            .map(|why| {
                let seconds = |value: f64| units::duration((value * 1e9) as i64);
                let name = why.part.strip_suffix("_s").unwrap_or(&why.part);
                format!("{} {} to {}", sentence(name), seconds(why.from_s), seconds(why.to_s))
            })
            .collect();
        if !why.is_empty() {
            ui.weak(format!("Of a step: {}", why.join(", ")));
        }
        let label = if now { "In the sliders" } else { "Set the sliders" };
        let button = ui.add_enabled(!now, egui::Button::new(label));
        let name = format!("{label} to suggestion {number}");
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, !now, &name));
        taken = button.clicked();
    });
    taken
}

fn rejected(ui: &mut Ui, plan: &Plan) {
    if plan.rejected.is_empty() {
        return;
    }
    CollapsingHeader::new("Why others are not suggested").show(ui, |ui| {
        for rejected in &plan.rejected {
            let count = units::counted(rejected.count as u64, "arrangement");
            ui.label(format!(
                "{}: {count}. One of them: {}",
                sentence(&rejected.reason),
                rejected.why
            ));
        }
    });
}
