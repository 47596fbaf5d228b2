//! Commands and views by their names: a few letters, then Enter.

use egui::{
    Align2, Area, Context, Frame, Id, Key, Order, RichText, Role, TextEdit, WidgetInfo, vec2,
};

use crate::command::{BINDINGS, Command};
use crate::pane::Pane;

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A command.
    Command(Command),
    /// A view.
    Pane(Pane),
}

/// What the finder remembers while it is open.
#[derive(Default)]
pub struct State {
    /// It is open.
    pub open: bool,
    text: String,
    chosen: usize,
}

impl State {
    /// Opens it, empty, or closes it.
    pub fn toggle(&mut self) {
        *self = Self { open: !self.open, ..Self::default() };
    }
}

/// Names with their keys, those that begin with the text first.
#[must_use]
pub fn matches(text: &str) -> Vec<(Found, &'static str, &'static str)> {
    let text = text.trim().to_lowercase();
    let panes =
        Pane::ALL.into_iter().map(|pane| (Found::Pane(pane), pane.title(), pane.question()));
    let commands = BINDINGS
        .iter()
        .map(|binding| (Found::Command(binding.command), binding.help, binding.keys));
    let mut found: Vec<_> = panes
        .chain(commands)
        .filter(|(_, name, note)| {
            let all = format!("{name} {note}").to_lowercase();
            text.split_whitespace().all(|word| all.contains(word))
        })
        .collect();
    found.sort_by_key(|(_, name, _)| !name.to_lowercase().starts_with(&text));
    found
}

/// Shows the finder while it is open and returns what was chosen.
pub(crate) fn show(ctx: &Context, state: &mut State) -> Option<Found> {
    if !state.open {
        return None;
    }
    let (up, down, enter, escape) = ctx.input_mut(|input| {
        let mut pressed = |key| input.consume_key(egui::Modifiers::NONE, key);
        (pressed(Key::ArrowUp), pressed(Key::ArrowDown), pressed(Key::Enter), pressed(Key::Escape))
    });
    let mut picked = None;
    let area = Area::new(Id::unique("perfagent finder"))
        .anchor(Align2::CENTER_TOP, vec2(0.0, 80.0))
        .order(Order::Foreground);
    area.show(ctx, |ui| {
        Frame::popup(ui.style()).show(ui, |ui| {
            ui.set_width(440.0);
            let field = ui.add(
                TextEdit::singleline(&mut state.text)
                    .hint_text("A command or a view")
                    .desired_width(f32::INFINITY),
            );
            field.widget_info(|| WidgetInfo::labeled(Role::SearchInput, true, "Find a command"));
            field.request_focus();
            if field.changed() {
                state.chosen = 0;
            }
            let found = matches(&state.text);
            let last = found.len().saturating_sub(1);
            state.chosen =
                (state.chosen + usize::from(down)).saturating_sub(usize::from(up)).min(last);
            for (index, (what, name, note)) in found.iter().take(14).enumerate() {
                ui.horizontal(|ui| {
                    if ui.selectable_label(index == state.chosen, *name).clicked()
                        || (enter && index == state.chosen)
                    {
                        picked = Some(*what);
                    }
                    ui.add(egui::Label::new(RichText::new(*note).weak().small()).truncate());
                });
            }
            if found.is_empty() {
                ui.weak("Nothing has this name");
            }
        });
    });
    if picked.is_some() || escape {
        state.open = false;
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::{Found, matches};
    use crate::command::Command;
    use crate::pane::Pane;

    #[test]
    fn a_few_letters_find_a_view_and_a_command() {
        assert_eq!(matches("mem")[0].0, Found::Pane(Pane::Memory));
        assert_eq!(matches("zoom in")[0].0, Found::Command(Command::ZoomIn));
        assert!(matches("no such thing").is_empty());
    }
}
