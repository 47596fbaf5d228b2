//! Kernels that are new, gone, renamed or took another time, and metrics of one side only.

use egui::{ScrollArea, Ui};
use perfagent_analysis::brief_kernel_name;

use super::answer::Answer;
use super::choose_case;
use crate::model::compare::kernels::Changed;
use crate::model::compare::quantity::{change, significant};
use crate::units;
use crate::view::grid::{Cell, Grid, Heading};
use crate::view::sideways::sideways;
use crate::window::Window;

/// The least height of a table, points: below this, rows cannot be read in their context.
const LEAST: f32 = 200.0;
/// Height of its headings, points.
const HEAD: f32 = 28.0;

const HEADINGS: [Heading; 8] = [
    Heading::text("Kernel", 0.0, "Its name on the new side, or on the base side where it is gone"),
    Heading::text("What", 70.0, "New, gone, renamed, or another time"),
    Heading::figure("Runs, base", 80.0, "How often it ran a step on the base side"),
    Heading::figure("Runs, new", 80.0, "How often it ran a step on the new side"),
    Heading::figure("Base", 84.0, "Its time a step on the base side"),
    Heading::figure("New", 84.0, "Its time a step on the new side"),
    Heading::figure("Change", 80.0, "Change of its time a step"),
    Heading::text("Was", 180.0, "What it was called on the base side"),
];

const UNPAIRED: [Heading; 4] = [
    Heading::text("Of", 0.0, "The kernel, operator or collective"),
    Heading::text("Metric", 160.0, ""),
    Heading::text("Side", 80.0, "The side that has it"),
    Heading::figure("Median", 90.0, "Median of the runs' medians there"),
];

pub(super) fn rows(changed: &[Changed]) -> Vec<Vec<Cell>> {
    let rows = changed.iter().map(|row| {
        let kernel = &row.kernel;
        let time = |ns: f64| Cell::figure(units::duration(ns.round() as i64), ns);
        let percent = (kernel.base_ns > 0.0).then(|| 100.0 * row.change_ns() / kernel.base_ns);
        let short =
            |name: &String| Cell::Short { text: brief_kernel_name(name), whole: name.clone() };
        vec![
            short(&kernel.name),
            Cell::Text(row.note.to_owned()),
            Cell::figure(significant(kernel.base_count), kernel.base_count),
            Cell::figure(significant(kernel.new_count), kernel.new_count),
            time(kernel.base_ns),
            time(kernel.new_ns),
            Cell::optional(percent, change),
            row.was.as_ref().map_or_else(|| Cell::Text(String::new()), short),
        ]
    });
    rows.collect()
}

pub(super) fn show(ui: &mut Ui, answer: &mut Answer, chosen: &mut usize, window: &mut Window) {
    choose_case(ui, answer, chosen);
    // Two tables that keep a useful height each: below one another they may be more than there is room for.
    let room = ui.available_height();
    let below = !answer.unpaired.rows.is_empty();
    let height = if below { (room * 0.5 - 50.0).max(LEAST) } else { (room - 50.0).max(LEAST) };
    ScrollArea::vertical().id_salt("kernels").auto_shrink(false).show(ui, |ui| {
        if let Some(shown) = answer.details.get_mut(*chosen) {
            let grid = Grid::new("kernels that changed", &HEADINGS).version(*chosen as u64);
            ui.horizontal_wrapped(|ui| {
                ui.strong("Kernels that changed");
                ui.weak(format!(
                    "{} of a step are the same in the same order",
                    units::counted(shown.common as u64, "kernel")
                ));
                grid.copy_button(ui, &shown.kernels.state, &shown.kernels.rows[..]);
            });
            let table = &mut shown.kernels;
            let touched = placed(ui, "changed", height, |ui| {
                grid.height(height).show(ui, &mut table.state, &table.rows[..])
            });
            let kernel = touched.double_clicked.and_then(|row| shown.changed.get(row));
            if let Some(changed) = kernel {
                window.show_name(&changed.kernel.name);
            }
        }
        if below {
            ui.add_space(4.0);
            let grid = Grid::new("metrics of one side", &UNPAIRED);
            ui.horizontal_wrapped(|ui| {
                ui.strong("On one side only");
                grid.copy_button(ui, &answer.unpaired.state, &answer.unpaired.rows[..]);
            });
            let table = &mut answer.unpaired;
            placed(ui, "unpaired", height, |ui| {
                grid.height(height).show(ui, &mut table.state, &table.rows[..])
            });
        }
    });
}

/// A table of this height, with its headings, that is scrolled from side to side where it is too wide.
fn placed<R>(ui: &mut Ui, id: &str, height: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    let size = egui::vec2(ui.available_width(), height + HEAD);
    ui.allocate_ui(size, |ui| sideways(ui, id, add)).inner
}
