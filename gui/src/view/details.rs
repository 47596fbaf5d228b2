//! The panel at the right: what was clicked, and what happened in the marked stretch of time.

use egui::{Grid, Label, RichText, Role, ScrollArea, Sense, TextWrapMode, Ui, WidgetInfo};
use perfagent_analysis::brief_kernel_name;

use crate::model::details::details;
use crate::model::track::TrackKind;
use crate::model::viewport::Viewport;
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Events that the selected one launched and that are listed.
const MOST_EFFECTS: usize = 6;

/// Shows the panel.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    ScrollArea::vertical().id_salt("details").auto_shrink(false).show(ui, |ui| {
        let mut nothing = true;
        if let Some(at) = session.selected {
            nothing = false;
            event(ui, session, at);
        }
        if let Some(range) = session.range {
            if !nothing {
                ui.separator();
            }
            nothing = false;
            stretch(ui, session, range);
        }
        if nothing {
            ui.weak("Click an event to see what is known about it");
            ui.weak("Drag over the timeline to sum up a stretch of time");
            ui.add_space(8.0);
            legend(ui, session);
        }
    });
}

fn event(ui: &mut Ui, session: &mut Session, at: crate::model::document::EventRef) {
    let Some(details) = details(&session.document, at) else { return };
    ui.add(Label::new(RichText::new(&details.title).size(15.0)).wrap());
    ui.weak(&details.kind);
    ui.add_space(4.0);
    let room = (ui.available_width() - 130.0).max(80.0);
    Grid::new("facts").num_columns(2).spacing([10.0, 4.0]).striped(true).show(ui, |ui| {
        for fact in &details.facts {
            ui.weak(fact.label);
            ui.scope(|ui| {
                ui.set_max_width(room);
                ui.add(Label::new(&fact.text).wrap());
            });
            ui.end_row();
        }
    });
    ui.add_space(6.0);
    links(ui, session);
    ui.horizontal_wrapped(|ui| {
        if ui.button("Zoom to it").clicked() {
            session.zoom_to(at);
        }
        if let Some(event) = session.document.event(at)
            && ui.button("Mark all of this name").clicked()
        {
            session.look_for(event.name);
        }
    });
}

/// Operator, call and kernel that belong together, each a click away.
fn links(ui: &mut Ui, session: &mut Session) {
    let Some(flow) = session.flow(ui.ctx()).cloned() else { return };
    let document = std::sync::Arc::clone(&session.document);
    let mut wanted = None;
    let mut link = |ui: &mut Ui, what: &str, at| {
        let Some(event) = document.event(at) else { return };
        let name = document.name(&event);
        ui.horizontal(|ui| {
            ui.weak(what);
            let shown = Label::new(RichText::new(brief_kernel_name(name)).underline());
            let label = ui.add(shown.truncate().sense(Sense::click()).selectable(false));
            label.widget_info(|| WidgetInfo::labeled(Role::Link, true, format!("{what} {name}")));
            if label.on_hover_text(name).clicked() {
                wanted = Some(at);
            }
        });
    };
    for cause in &flow.causes {
        let what = match document.track_of(cause.from).map(|track| track.kind) {
            Some(TrackKind::Api) => "Launched by",
            _ => "Within",
        };
        link(ui, what, cause.from);
    }
    for effect in flow.effects.iter().take(MOST_EFFECTS) {
        link(ui, "Launched", effect.to);
    }
    if flow.effect_count > MOST_EFFECTS {
        let more = flow.effect_count - MOST_EFFECTS;
        ui.weak(format!("and {} more", units::counted(more as u64, "event")));
    }
    if flow != crate::model::flow::Flow::default() {
        ui.add_space(6.0);
    }
    if let Some(at) = wanted {
        session.go_to_event(at);
    }
}

fn stretch(ui: &mut Ui, session: &mut Session, range: Viewport) {
    ui.label(RichText::new("Marked time").strong());
    ui.label(RichText::new(units::duration(range.length())).size(15.0));
    let origin = session.document.whole().start();
    let from = units::duration(range.start() - origin);
    let to = units::duration(range.end() - origin);
    ui.weak(format!("from {from} to {to}"));
    if ui.button("Zoom to the marked time").clicked() {
        session.go_to(range);
    }
    ui.add_space(4.0);
    let Some(found) = session.aggregate(ui.ctx()).cloned() else {
        ui.weak("Adding up…");
        return;
    };
    Grid::new("kinds").num_columns(3).spacing([10.0, 3.0]).striped(true).show(ui, |ui| {
        for total in &found.kinds {
            ui.label(total.kind.label());
            ui.weak(units::counted(total.events, "event"));
            ui.label(total.busy_ns.map_or_else(String::new, units::duration));
            ui.end_row();
        }
    });
    if let Some(kind) = found.top_kind {
        ui.add_space(6.0);
        ui.weak(format!("Most time among {}", kind.label().to_lowercase()));
        let mut wanted = None;
        for top in &found.top {
            ui.horizontal(|ui| {
                ui.set_max_width(ui.available_width());
                ui.label(units::duration(top.total_ns));
                ui.weak(format!("× {}", units::count(top.count)));
                let name = session.document.names.text(top.name);
                let (shown, hint) = if kind == TrackKind::Kernels {
                    (brief_kernel_name(name), format!("{name}\nClick to mark all of this name"))
                } else {
                    (name.to_owned(), "Click to mark all of this name".to_owned())
                };
                let label = Label::new(shown).truncate().sense(Sense::click()).selectable(false);
                if ui.add(label).on_hover_text(hint).clicked() {
                    wanted = Some(top.name);
                }
            });
        }
        if let Some(name) = wanted {
            session.look_for(name);
        }
    }
}

/// What the colours mean, for those categories that occur.
fn legend(ui: &mut Ui, session: &Session) {
    use crate::model::tint::{Category, Tint};
    let palette = Palette::of(ui.ctx().theme());
    let present = |category: Category| session.document.categories.contains(&category);
    ui.label(RichText::new("Colours").strong());
    ui.horizontal_wrapped(|ui| {
        for category in Category::ALL.into_iter().filter(|&category| present(category)) {
            let colour = palette.tint(Tint::plain(category));
            let text = RichText::new(format!(" {} ", category.label()))
                .small()
                .color(Palette::text_on(colour))
                .background_color(colour);
            // Whole on the next line where it does not fit on this one.
            ui.add(Label::new(text).wrap_mode(TextWrapMode::Extend));
        }
    });
}
