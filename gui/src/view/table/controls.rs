//! Which rows are shown.

use egui::{ComboBox, Label, RichText, Role, TextEdit, Ui, WidgetInfo};

use super::State;
use super::cells::{HEADINGS, Table};
use crate::model::operations::rows::{Group, Row};
use crate::session::Session;
use crate::units;
use crate::view::grid::Grid;

pub(super) fn show(ui: &mut Ui, session: &Session, state: &mut State, rows: &[Row]) {
    let wanted = &mut state.wanted;
    ui.horizontal_wrapped(|ui| {
        ui.label("By");
        let text = wanted.group.label();
        let combo =
            ComboBox::from_id_salt("group").selected_text(text).width(90.0).show_ui(ui, |ui| {
                for group in Group::ALL {
                    ui.selectable_value(&mut wanted.group, group, group.label())
                        .on_hover_text(group.hint());
                }
            });
        combo.response.widget_info(|| {
            let mut info = WidgetInfo::labeled(Role::ComboBox, true, "Group by");
            info.current_text_value = Some(text.to_owned());
            info
        });
        if matches!(wanted.group, Group::Name | Group::Category) {
            ui.selectable_value(&mut wanted.kind, None, "All");
            for &kind in state.kinds.iter().flatten() {
                ui.selectable_value(&mut wanted.kind, Some(kind), kind.label());
            }
        }
        if session.document.groups.len() > 1 {
            ui.checkbox(&mut wanted.by_rank, "Each rank")
                .on_hover_text("A row for each rank instead of one for all of them");
        }
        let filter = TextEdit::singleline(&mut wanted.filter)
            .hint_text("Filter by name or category")
            .desired_width(180.0);
        let response = ui.add(filter);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter"));
        let mut shown = !state.hide_durations;
        ui.checkbox(&mut shown, "Durations")
            .on_hover_text("How the durations of the chosen row are distributed");
        state.hide_durations = !shown;
        Grid::new("operations", &HEADINGS).copy_button(ui, &state.grid, &Table(rows));
        ui.weak(units::counted(rows.len() as u64, "row"));
        if session.search.name.is_some() {
            let matches = session.search.matches.count() as u64;
            let text =
                format!("{} marked; Enter goes to the next", units::counted(matches, "event"));
            ui.add(Label::new(RichText::new(text).weak()).extend());
        }
    });
    ui.add_space(2.0);
}
