//! The table of what ran, by name: the same figures as the report, filtered and in any order.

use egui::{Align, Label, Layout, RichText, Role, Sense, TextEdit, TextWrapMode, Ui, WidgetInfo};
use egui_extras::{Column as Width, TableBuilder};
use perfagent_analysis::brief_kernel_name;

use crate::model::names::NameId;
use crate::model::operations::{Column, Operation};
use crate::model::track::TrackKind;
use crate::session::Session;
use crate::units;

/// Height of a row, points.
const ROW_HEIGHT: f32 = 18.0;

/// Shows the table in all the room there is.
pub(crate) fn show(ui: &mut Ui, session: &mut Session) {
    controls(ui, session);
    ui.add_space(2.0);
    let count = session.rows().len();
    let marked = session.search.name;
    let mut clicked: Option<NameId> = None;
    let mut sorted: Option<Column> = None;
    ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
    let mut table = TableBuilder::new(ui)
        .id_salt("operations")
        .striped(true)
        .sense(Sense::click())
        .auto_shrink(false)
        .cell_layout(Layout::left_to_right(Align::Center))
        .column(Width::remainder().at_least(160.0).clip(true))
        .column(Width::initial(110.0).at_least(60.0).clip(true));
    for _ in 2..Column::ALL.len() {
        table = table.column(Width::initial(82.0).at_least(50.0));
    }
    let choice = session.table.choice.clone();
    let document = std::sync::Arc::clone(&session.document);
    table
        .header(20.0, |mut header| {
            for column in Column::ALL {
                header.col(|ui| {
                    let chosen = choice.column == column;
                    if heading(ui, column, chosen, choice.descending).clicked() {
                        sorted = Some(column);
                    }
                });
            }
        })
        .body(|body| {
            let rows = session.rows();
            body.rows(ROW_HEIGHT, count, |mut row| {
                let Some(operation) = rows.get(row.index()) else { return };
                row.set_selected(marked == Some(operation.name));
                for column in Column::ALL {
                    row.col(|ui| cell(ui, operation, column, document.names.text(operation.name)));
                }
                let response = row.response();
                response.widget_info(|| {
                    let name = document.names.text(operation.name);
                    WidgetInfo::labeled(
                        Role::Row,
                        true,
                        format!("{name}, {}", units::duration(operation.total_ns)),
                    )
                });
                if response.clicked() {
                    clicked = Some(operation.name);
                }
            });
        });
    if let Some(column) = sorted {
        let choice = &mut session.table.choice;
        choice.descending =
            if choice.column == column { !choice.descending } else { !column.is_text() };
        choice.column = column;
    }
    if let Some(name) = clicked {
        session.look_for(name);
    }
}

fn controls(ui: &mut Ui, session: &mut Session) {
    let mut kinds: Vec<TrackKind> =
        session.document.operations.iter().map(|row| row.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    ui.horizontal(|ui| {
        ui.label(RichText::new("What ran").strong());
        ui.selectable_value(&mut session.table.choice.kind, None, "All");
        for kind in kinds {
            ui.selectable_value(&mut session.table.choice.kind, Some(kind), kind.label());
        }
        let filter = TextEdit::singleline(&mut session.table.choice.filter)
            .hint_text("Filter by name or category")
            .desired_width(220.0);
        let response = ui.add(filter);
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter"));
        let count = session.rows().len() as u64;
        ui.weak(units::counted(count, "name"));
        if session.search.name.is_some() {
            let matches = session.search.matches.count() as u64;
            ui.weak(format!("{} marked; Enter goes to the next", units::counted(matches, "event")));
        }
    });
}

fn heading(ui: &mut Ui, column: Column, chosen: bool, descending: bool) -> egui::Response {
    let layout = if column.is_text() {
        Layout::left_to_right(Align::Center)
    } else {
        Layout::right_to_left(Align::Center)
    };
    ui.with_layout(layout, |ui| {
        let text = RichText::new(column.label()).strong();
        let response = ui.add(Label::new(text).sense(Sense::click()).selectable(false));
        let order = match (chosen, descending) {
            (false, _) => "",
            (true, true) => ", greatest first",
            (true, false) => ", least first",
        };
        response.widget_info(|| {
            WidgetInfo::labeled(Role::ColumnHeader, true, format!("{}{order}", column.label()))
        });
        if chosen {
            arrow(ui, descending);
        }
        response.on_hover_text("Click to order by this column")
    })
    .inner
}

fn arrow(ui: &mut Ui, descending: bool) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(9.0, 9.0), Sense::hover());
    let centre = rect.center();
    let tip = if descending { 3.0 } else { -3.0 };
    let points = vec![
        centre + egui::vec2(-4.0, -tip),
        centre + egui::vec2(4.0, -tip),
        centre + egui::vec2(0.0, tip),
    ];
    let colour = ui.visuals().text_color();
    ui.painter().add(egui::Shape::convex_polygon(points, colour, egui::Stroke::NONE));
}

fn cell(ui: &mut Ui, operation: &Operation, column: Column, name: &str) {
    let text = match column {
        Column::Name => {
            let label = |text| Label::new(text).selectable(false).truncate();
            if operation.kind == TrackKind::Kernels {
                ui.add(label(brief_kernel_name(name))).on_hover_text(name);
            } else {
                ui.add(label(name.to_owned()));
            }
            return;
        }
        Column::Category => {
            let text = if operation.category.is_empty() {
                operation.kind.singular()
            } else {
                &operation.category
            };
            ui.add(Label::new(text).selectable(false).truncate());
            return;
        }
        Column::Count => units::count(operation.count.unsigned_abs()),
        Column::Total => units::duration(operation.total_ns),
        Column::Mean => units::duration(operation.mean_ns()),
        Column::Min => operation.min_ns.map_or_else(|| "-".to_owned(), units::duration),
        Column::Max => operation.max_ns.map_or_else(|| "-".to_owned(), units::duration),
        Column::Share => {
            share(ui, operation.share);
            return;
        }
    };
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add(Label::new(text).selectable(false));
    });
}

/// The share as a bar behind its figure.
fn share(ui: &mut Ui, share: f64) {
    let rect = ui.max_rect().shrink2(egui::vec2(1.0, 3.0));
    let filled = rect.with_min_x(rect.right() - rect.width() * share.clamp(0.0, 1.0) as f32);
    ui.painter().rect_filled(filled, 0.0, ui.visuals().selection.bg_fill.gamma_multiply(0.55));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add(Label::new(format!("{:.1} %", share * 100.0)).selectable(false));
    });
}
