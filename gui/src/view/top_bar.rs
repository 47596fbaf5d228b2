//! The bar at the top: what is open, its main figures, what was lost, and the search.

use egui::{Align, Key, Layout, RichText, Role, TextEdit, ThemePreference, Ui, WidgetInfo};

use crate::command::Command;
use crate::palette::Palette;
use crate::session::Session;
use crate::units;

/// Shows the bar; true when the help page is asked for.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) -> bool {
    let mut help = false;
    let palette = Palette::of(ui.ctx().theme());
    ui.horizontal(|ui| {
        ui.label(RichText::new(&session.document.title).strong().size(14.0));
        figures(ui, session, palette);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            help = ui.button("Help").on_hover_text("Keys and mouse (?)").clicked();
            theme(ui);
            search(ui, session);
        });
    });
    help
}

fn theme(ui: &mut Ui) {
    ui.menu_button("Theme", |ui| {
        let mut preference = ui.ctx().options(|options| options.theme_preference);
        let before = preference;
        for (choice, label) in [
            (ThemePreference::System, "As the system"),
            (ThemePreference::Light, "Light"),
            (ThemePreference::Dark, "Dark"),
        ] {
            ui.selectable_value(&mut preference, choice, label);
        }
        if preference != before {
            ui.ctx().set_theme(preference);
            ui.close();
        }
    });
}

fn figures(ui: &mut Ui, session: &Session, palette: &Palette) {
    let summary = &session.document.summary;
    let mut figure = |text: String| {
        ui.separator();
        ui.label(text);
    };
    figure(units::counted(summary.ranks as u64, "rank"));
    figure(units::duration(summary.duration_ns));
    if summary.steps > 0 {
        let mean = summary.mean_step_ns.map_or_else(String::new, |mean| {
            format!(", {} each on average", units::duration(mean))
        });
        figure(format!("{}{mean}", units::counted(summary.steps as u64, "step")));
    }
    figure(units::counted(summary.events, "event"));
    if summary.lost > 0 {
        ui.separator();
        let text = format!("! {} lost", units::counted(summary.lost, "event"));
        let response = ui.label(RichText::new(text).strong().color(palette.warning));
        response.on_hover_text(summary.losses.join("\n"));
    }
    if !summary.warnings.is_empty() {
        ui.separator();
        let text = units::counted(summary.warnings.len() as u64, "warning");
        let response = ui.label(RichText::new(format!("! {text}")).color(palette.warning));
        response.on_hover_text(summary.warnings.join("\n"));
    }
}

/// The search field, from right to left.
fn search(ui: &mut Ui, session: &mut Session) {
    let count = session.search.matches.count();
    if !session.search.text.is_empty() {
        let position =
            session.selected.and_then(|at| session.search.matches.position(&session.document, at));
        let text = match (count, position) {
            (0, _) => "no match".to_owned(),
            (_, Some(position)) => {
                format!("{} of {}", units::count(position as u64), units::count(count as u64))
            }
            (_, None) => units::counted(count as u64, "event"),
        };
        ui.label(text);
    }
    let field = TextEdit::singleline(&mut session.search.text)
        .hint_text("Search events ( / )")
        .desired_width(180.0);
    let response = ui.add(field);
    response.widget_info(|| WidgetInfo::labeled(Role::SearchInput, true, "Search events"));
    if std::mem::take(&mut session.search.wants_focus) {
        response.request_focus();
    }
    if response.changed() {
        session.search_changed();
    }
    if response.lost_focus() {
        let (enter, escape, shift) = ui.input(|input| {
            (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape), input.modifiers.shift)
        });
        if enter {
            session.run(if shift { Command::PreviousMatch } else { Command::NextMatch });
            response.request_focus();
        } else if escape {
            session.run(Command::Clear);
        }
    }
}
