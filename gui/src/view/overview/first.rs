//! What to look at first: the greatest of each kind, as large buttons.

use egui::{Align2, Color32, FontId, Pos2, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};
use perfagent_analysis::brief_kernel_name;

use super::lead::Lead;
use crate::model::overview::Figures;
use crate::model::overview::division::PartKind;
use crate::model::overview::places::Places;
use crate::model::track::TrackKind;
use crate::palette::Palette;
use crate::pane::Pane;
use crate::session::Session;
use crate::units;

/// Room of a button at least, points.
const LEAST_WIDTH: f32 = 210.0;
const HEIGHT: f32 = 66.0;

/// One button.
struct Card {
    title: String,
    figure: String,
    note: String,
    lead: Option<Lead>,
}

/// Shows the buttons in rows; those of which nothing is known yet say so.
pub(super) fn show(
    ui: &mut Ui,
    session: &Session,
    shown: &Figures,
    found: Option<&Places>,
    lead: &mut Option<Lead>,
) {
    let cards = cards(session, shown, found);
    let width = ui.available_width();
    let gap = ui.spacing().item_spacing.x;
    let columns = ((width + gap) / (LEAST_WIDTH + gap)).floor().clamp(1.0, cards.len() as f32);
    let each = ((width + gap) / columns - gap).floor();
    for row in cards.chunks(columns as usize) {
        ui.horizontal(|ui| {
            for card in row {
                if button(ui, card, each) {
                    lead.clone_from(&card.lead);
                }
            }
        });
    }
}

fn cards(session: &Session, shown: &Figures, found: Option<&Places>) -> Vec<Card> {
    let kind = found.and_then(|found| found.kind);
    let noun = kind.map_or("kernel", |kind| match kind {
        TrackKind::Operators => "operator",
        TrackKind::Ranges => "range",
        _ => "kernel",
    });
    let pending = found.is_none();
    let none = |title: String, why: &str| Card {
        title,
        figure: if pending { "…" } else { "None" }.to_owned(),
        note: if pending { "Being looked for" } else { why }.to_owned(),
        lead: None,
    };
    let slowest = format!("Slowest {noun}");
    let slowest = match found.and_then(Places::slowest_of_all) {
        Some(instance) => Card {
            title: slowest,
            figure: units::duration(instance.length_ns),
            note: format!("{} · {}", brief_kernel_name(&instance.name), instance.who),
            lead: instance.event.map(Lead::Event).or(Some(Lead::Name(instance.name.clone()))),
        },
        None => none(slowest, "Nothing was computed"),
    };
    let most = format!("Most time in one {noun}");
    let most = match found.and_then(|found| found.dominant.as_ref()) {
        Some(dominant) => Card {
            title: most,
            figure: format!(
                "{} · {:.0} %",
                units::duration(dominant.total_ns),
                dominant.share * 100.0
            ),
            note: format!(
                "{} · {} runs",
                brief_kernel_name(&dominant.name),
                units::count(dominant.count.unsigned_abs())
            ),
            lead: Some(Lead::Name(dominant.name.clone())),
        },
        None => none(most, "Nothing was computed"),
    };
    let stretch = |title: &str, kind: &PartKind, why: &str| match found
        .and_then(|found| found.stretches.get(kind))
    {
        Some(stretch) => Card {
            title: title.to_owned(),
            figure: units::duration(stretch.length_ns()),
            note: format!(
                "{} · at {}",
                stretch.who,
                units::duration(
                    session
                        .document
                        .on_axis(stretch.start_ns)
                        .saturating_sub(session.document.whole().start())
                )
            ),
            lead: Some(Lead::Stretch(stretch.start_ns, stretch.end_ns)),
        },
        None => none(title.to_owned(), why),
    };
    let communication = stretch(
        "Worst exposed communication",
        &PartKind::ExposedCommunication,
        "No communication is exposed",
    );
    let idle = stretch("Longest idle time", &PartKind::Idle(None), "Always busy");
    let suggestion = shown.suggestions.cards.first().map_or_else(
        || Card {
            title: "First suggestion".to_owned(),
            figure: "None".to_owned(),
            note: "Nothing to act on was found".to_owned(),
            lead: Some(Lead::View(Pane::Advisor)),
        },
        |card| Card {
            title: "First suggestion".to_owned(),
            figure: card.title.clone(),
            note: if card.gain.is_empty() { card.sentence.clone() } else { card.gain.clone() },
            lead: card
                .evidence
                .first()
                .and_then(Lead::of_evidence)
                .or(Some(Lead::View(Pane::Advisor))),
        },
    );
    vec![slowest, most, communication, idle, suggestion]
}

/// Whether it was clicked.
fn button(ui: &mut Ui, card: &Card, width: f32) -> bool {
    let palette = Palette::of(ui.ctx().theme());
    let enabled = card.lead.is_some();
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), sense);
    let pointed = response.hovered() || response.has_focus();
    let line = if pointed && enabled { palette.selection } else { palette.line };
    ui.painter().rect(rect, 4.0, palette.header, Stroke::new(1.0, line), StrokeKind::Inside);
    let inside = rect.shrink2(vec2(10.0, 7.0));
    let weight = if enabled { palette.text } else { palette.weak };
    let texts = [
        (&card.title, 12.0, palette.weak, Align2::LEFT_TOP, inside.top()),
        (&card.figure, 17.0, weight, Align2::LEFT_CENTER, inside.center().y),
        (&card.note, 12.0, palette.weak, Align2::LEFT_BOTTOM, inside.bottom()),
    ];
    for (text, size, colour, align, y) in texts {
        cut(ui, text, (size, colour), align, Pos2::new(inside.left(), y), inside.width());
    }
    let said = format!("{}: {}, {}", card.title, card.figure, card.note);
    let role = if enabled { Role::Button } else { Role::Label };
    response.widget_info(|| WidgetInfo::labeled(role, true, &said));
    let hint = if enabled { "\nClick to go there" } else { "" };
    let clicked = response.clicked();
    response.on_hover_text(format!("{}\n{}{hint}", card.figure, card.note));
    clicked
}

/// A text that is cut to a width.
fn cut(ui: &Ui, text: &str, (size, colour): (f32, Color32), align: Align2, at: Pos2, width: f32) {
    let mut job = egui::text::LayoutJob::simple_singleline(
        text.to_owned(),
        FontId::proportional(size),
        colour,
    );
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    let galley = ui.painter().layout_job(job);
    let rect = align.anchor_size(at, galley.size());
    ui.painter().galley(rect.min, galley, colour);
}
