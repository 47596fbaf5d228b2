//! The bar at the top: menus, what is open, its main figures, what was lost, and the search.

use egui::{
    Align, Key, Layout, RichText, Role, ScrollArea, TextEdit, ThemePreference, Ui, WidgetInfo,
};

use super::pages::{self, Asked};
use super::panes::Contents;
use super::portion;
use crate::budget::Budget;
use crate::command::Command;
use crate::dock::Dock;
use crate::model::alignment::Alignment;
use crate::palette::Palette;
use crate::pane::Pane;
use crate::recent::Recent;
use crate::session::Session;
use crate::units;

/// What the bar tells of the window.
pub(crate) struct Bar<'a> {
    pub(crate) dock: &'a Dock,
    pub(crate) recent: &'a Recent,
    pub(crate) budget: Budget,
}

/// Shows the bar.
pub(crate) fn show(ui: &mut Ui, contents: &mut Contents<'_>, bar: &Bar<'_>) {
    let palette = Palette::of(ui.ctx().theme());
    ui.horizontal(|ui| {
        file_menu(ui, contents.asked, bar);
        view_menu(ui, contents.asked, bar.dock);
        if ui.button("Help").on_hover_text("Keys and mouse (?)").clicked() {
            contents.asked.push(Asked::Run(Command::Help));
        }
        if let Some(session) = contents.session.as_deref() {
            align_menu(ui, contents.asked, session);
        }
        ui.separator();
        let Some(session) = contents.session.as_deref_mut() else {
            ui.weak("No recording is open");
            return;
        };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            search(ui, session);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ScrollArea::horizontal().id_salt("figures").auto_shrink(false).show(ui, |ui| {
                    ui.horizontal_centered(|ui| {
                        ui.label(RichText::new(&session.document.title).strong().size(14.0));
                        figures(ui, session, palette);
                    });
                });
            });
        });
    });
}

fn file_menu(ui: &mut Ui, asked: &mut Vec<Asked>, &Bar { recent, budget, .. }: &Bar<'_>) {
    ui.menu_button("File", |ui| {
        if ui.button("Open…").on_hover_text("Ctrl+O").clicked() {
            asked.push(Asked::Run(Command::OpenFile));
            ui.close();
        }
        ui.add_enabled_ui(!recent.is_empty(), |ui| {
            ui.menu_button("Open recent", |ui| {
                for entry in recent.entries() {
                    if ui.button(pages::names(entry)).clicked() {
                        asked.push(Asked::Open(entry.to_vec()));
                        ui.close();
                    }
                }
                ui.separator();
                if ui.button("Forget these").clicked() {
                    asked.push(Asked::ForgetRecent);
                    ui.close();
                }
            });
        });
        ui.separator();
        ui.horizontal(|ui| {
            ui.label("Memory for recordings").on_hover_text(portion::WHY);
            asked.extend(portion::memory(ui, budget).map(Asked::Memory));
        });
        ui.separator();
        if ui.button("Quit").clicked() {
            ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
        }
    });
}

fn view_menu(ui: &mut Ui, asked: &mut Vec<Asked>, dock: &Dock) {
    ui.menu_button("View", |ui| {
        for pane in Pane::ALL {
            let response = ui.selectable_label(dock.has(pane), pane.title());
            if response.on_hover_text(pane.question()).clicked() {
                asked.push(if dock.shows(pane) { Asked::Toggle(pane) } else { Asked::Show(pane) });
                ui.close();
            }
        }
        ui.separator();
        for (text, what) in [
            ("Bring back the closed view", Asked::Run(Command::Reopen)),
            ("Standard arrangement", Asked::Reset),
            ("Find a command…", Asked::Run(Command::Finder)),
        ] {
            if ui.button(text).clicked() {
                asked.push(what);
                ui.close();
            }
        }
        ui.separator();
        theme(ui);
        ui.horizontal(|ui| {
            ui.label("Size");
            egui::gui_zoom::zoom_menu_buttons(ui);
        });
    });
}

/// How ranks and runs stand to each other; nothing to choose where there is one rank.
fn align_menu(ui: &mut Ui, asked: &mut Vec<Asked>, session: &Session) {
    let document = &session.document;
    if document.groups.len() < 2 {
        return;
    }
    // The step in the middle of what is shown, of the first rank that has steps.
    let middle = session.view.start() + session.view.length() / 2;
    let steps = document.groups.iter().map(|group| &group.steps).find(|steps| !steps.is_empty());
    let step = steps.map(|steps| {
        let at = steps.partition_point(|step| step.end < middle).min(steps.len() - 1);
        (at, steps[at].label.clone())
    });
    ui.menu_button("Align", |ui| {
        let mut choices = vec![
            (
                Alignment::Automatic,
                "Automatic".to_owned(),
                "Runs of different times begin together",
            ),
            (Alignment::Recorded, "As recorded".to_owned(), "Every event when it was"),
            (
                Alignment::Step(0),
                "First steps".to_owned(),
                "The first step of every rank begins at once",
            ),
        ];
        if let Some((at, label)) = step.filter(|&(at, _)| at > 0) {
            let text = format!("{label}, in the middle");
            choices.push((Alignment::Step(at), text, "This step of every rank begins at once"));
        }
        for (alignment, text, hint) in choices {
            let chosen = document.alignment == alignment;
            if ui.selectable_label(chosen, text).on_hover_text(hint).clicked() {
                asked.push(Asked::Align(alignment));
                ui.close();
            }
        }
    });
}

fn theme(ui: &mut Ui) {
    let mut preference = ui.ctx().options(|options| options.theme_preference);
    let before = preference;
    for (choice, label) in [
        (ThemePreference::System, "Colours of the system"),
        (ThemePreference::Light, "Light"),
        (ThemePreference::Dark, "Dark"),
    ] {
        ui.selectable_value(&mut preference, choice, label);
    }
    if preference != before {
        ui.ctx().set_theme(preference);
        ui.close();
    }
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
            _ if session.is_searching() => "searching…".to_owned(),
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
