//! What was lost while recording, and what else the reader of the figures should know.

use egui::{Label, RichText, Ui};

use super::heading;
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Lines that are shown at most.
const MOST: usize = 12;

pub(super) fn show(ui: &mut Ui, session: &Session) {
    let summary = &session.document.summary;
    let note = if summary.lost == 0 { "nothing" } else { "" };
    heading(ui, "Lost while recording", note);
    let warning = Palette::of(ui.ctx().theme()).warning;
    if summary.lost > 0 {
        let text = format!("! {} could not be kept", units::counted(summary.lost, "event"));
        ui.label(RichText::new(text).color(warning));
        lines(ui, &summary.losses);
    }
    if !summary.warnings.is_empty() {
        heading(ui, "Warnings", "");
        let marked: Vec<String> = summary.warnings.iter().map(|text| format!("! {text}")).collect();
        lines(ui, &marked);
    }
}

fn lines(ui: &mut Ui, texts: &[String]) {
    for text in texts.iter().take(MOST) {
        ui.add(Label::new(text).wrap());
    }
    let rest = texts.len().saturating_sub(MOST);
    if rest > 0 {
        ui.weak(format!("and {rest} more"));
    }
}
