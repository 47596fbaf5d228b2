//! The verdict as a whole: sign, word, and the sentence that it rests on.

use egui::{Label, RichText, Ui};

use super::answer::Answer;
use super::{State, colour};
use crate::model::compare::document::Verdict;
use crate::model::compare::summary::runs;
use crate::palette::Palette;

/// Shows it; true when the runs are to be compared all the same.
pub(super) fn show(ui: &mut Ui, answer: &Answer, state: &State) -> bool {
    let palette = Palette::of(ui.ctx().theme());
    let comparison = &answer.comparison;
    let verdict = comparison.verdict;
    ui.horizontal_wrapped(|ui| {
        let back = colour(palette, verdict);
        let text = RichText::new(format!(" {} {} ", verdict.sign(), verdict.word()))
            .size(16.0)
            .strong()
            .color(Palette::text_on(back))
            .background_color(back);
        ui.label(text);
        ui.add(Label::new(RichText::new(&answer.sentence).size(14.0)).wrap());
    });
    let mut force = false;
    ui.horizontal_wrapped(|ui| {
        ui.add(Label::new(RichText::new(format!("Base {}", runs(&comparison.base))).weak()).wrap());
        ui.weak("·");
        ui.add(Label::new(RichText::new(format!("New {}", runs(&comparison.new))).weak()).wrap());
    });
    if verdict == Verdict::Incomparable {
        ui.horizontal_wrapped(|ui| {
            ui.label("Record both sides on the same machine with the same settings, or");
            let ready = state.sides.missing().is_none();
            let button = egui::Button::new("Compare all the same");
            let hint = "A change may then come from the environment, not from the program";
            force = ui.add_enabled(ready, button).on_hover_text(hint).clicked();
        });
    } else if comparison.environment.forced {
        let text = "! Compared in spite of different environments: a change may come from them";
        ui.add(Label::new(RichText::new(text).color(palette.warning)).wrap());
    }
    for case in &comparison.cases {
        let verdict = case.verdict.map_or("not compared", Verdict::word);
        let sign = case.verdict.map_or("?", Verdict::sign);
        ui.weak(format!(
            "{sign} {}: {verdict}, {} base and {} new runs",
            case.case, case.base_runs, case.new_runs
        ));
    }
    force
}
