//! Where the time went, as bars; each leads to its greatest instance.

use egui::{Color32, Ui};

use super::heading;
use super::lead::Lead;
use crate::model::overview::Figures;
use crate::model::overview::division::{Part, PartKind};
use crate::model::overview::places::Places;
use crate::model::tint::{Category, Tint};
use crate::palette::Palette;
use crate::units;
use crate::view::bar_rows::{self, Bar};

pub(super) fn show(ui: &mut Ui, shown: &Figures, found: Option<&Places>, lead: &mut Option<Lead>) {
    let division = &shown.division;
    let window = units::duration(division.window_ns / division.ranks.max(1) as i64);
    let stretch = if division.of_steps {
        "from the first step to the last"
    } else {
        "of the whole recording"
    };
    let mean = if division.ranks > 1 { ", mean of the ranks" } else { "" };
    heading(ui, "Where the time goes", &format!("{window} {stretch}{mean}"));
    if division.parts.is_empty() {
        ui.weak("The recording holds nothing that took time");
        return;
    }
    let bars: Vec<Bar> = division
        .parts
        .iter()
        .map(|part| {
            let mean = part.total_ns / division.ranks.max(1) as i64;
            Bar {
                name: part.kind.label(),
                figure: format!("{} · {:.1} %", units::duration(mean), part.share * 100.0),
                share: part.share,
                colour: colour(ui, &part.kind),
                leads: place(part, found).map_or_else(String::new, |(_, says)| says),
            }
        })
        .collect();
    if let Some(part) = bar_rows::show(ui, &bars).and_then(|bar| division.parts.get(bar)) {
        *lead = place(part, found).map(|(to, _)| to);
    }
}

fn colour(ui: &Ui, kind: &PartKind) -> Color32 {
    let palette = Palette::of(ui.ctx().theme());
    let category = match kind {
        PartKind::Compute(category) => Category::of_rule(category),
        PartKind::ExposedCommunication => Category::Communication,
        PartKind::ExposedCopy => Category::Copy,
        PartKind::Data => Category::Input,
        PartKind::Idle(_) => return palette.step,
    };
    palette.tint(Tint::plain(category))
}

/// The greatest instance of a part, and what a click is said to do.
fn place(part: &Part, found: Option<&Places>) -> Option<(Lead, String)> {
    if let Some((start, end)) = part.longest {
        let length = units::duration(end.saturating_sub(start));
        return Some((Lead::Stretch(start, end), format!("go to the longest, {length}")));
    }
    if let PartKind::Compute(category) = &part.kind {
        let instance = found?.slowest.get(category)?;
        let lead = instance.event.map_or_else(|| Lead::Name(instance.name.clone()), Lead::Event);
        return Some((lead, format!("go to the slowest, {}", units::duration(instance.length_ns))));
    }
    let stretch = found?.stretches.get(&part.kind)?;
    let says = format!("go to the longest, {}", units::duration(stretch.length_ns()));
    Some((Lead::Stretch(stretch.start_ns, stretch.end_ns), says))
}
