//! The table: waiting and transfer of every operation, type and group.

use egui::Ui;

use super::Lead;
use super::bandwidth::gbps;
use crate::model::communication::Group;
use crate::units;
use crate::view::grid::{self, Cell, Grid, Heading};

const HEADINGS: [Heading; 11] = [
    Heading::text("Operation", 0.0, "Click a row to see its events in the timeline"),
    Heading::text("Type", 70.0, "Element type"),
    Heading::text("Group", 90.0, "Process group"),
    Heading::figure("Ranks", 50.0, "Ranks in the group"),
    Heading::figure("Calls", 64.0, "Calls of all ranks"),
    Heading::figure("Bytes", 84.0, "Message sizes of all calls"),
    Heading::figure("Time", 84.0, "Time of all calls, waiting included"),
    Heading::figure("Waiting", 84.0, "Until the last rank of the group had begun"),
    Heading::figure("Transfer", 84.0, "From the last start to the last end"),
    Heading::figure("Waited", 76.0, "Waiting by waiting and transfer"),
    Heading::figure(
        "Transfer bus",
        90.0,
        "Bus bandwidth without the waiting; with it where waits are not known",
    ),
];

/// Shows the table; the row that was clicked.
pub(super) fn show(ui: &mut Ui, state: &mut grid::State, groups: &[Group]) -> Option<Lead> {
    let rows: Vec<Vec<Cell>> = groups.iter().map(row).collect();
    let grid = Grid::new("Collectives", &HEADINGS).version(groups.as_ptr() as u64);
    ui.horizontal_wrapped(|ui| {
        ui.strong("Waiting and transfer");
        grid.copy_button(ui, state, &rows[..]);
    });
    let height = ui.available_height().max(140.0);
    let touched = grid.height(height).show(ui, state, &rows[..]);
    touched.clicked.and_then(|at| groups.get(at)).map(|group| Lead::Name(group.op.clone()))
}

fn row(group: &Group) -> Vec<Cell> {
    let time = |value: Option<i64>| {
        value.map_or(Cell::Unknown, |value| Cell::figure(units::duration(value), value as f64))
    };
    let known = |text: &str| {
        if text.is_empty() { Cell::Unknown } else { Cell::Text(text.to_owned()) }
    };
    vec![
        Cell::Text(group.op.clone()),
        known(&group.dtype),
        known(&group.name),
        Cell::optional(group.size.map(|size| size as f64), |size| format!("{size:.0}")),
        Cell::figure(units::count(group.calls.unsigned_abs()), group.calls as f64),
        Cell::optional(group.bytes.map(|bytes| bytes as f64), units::bytes),
        time(Some(group.total_ns)),
        time(group.wait_ns),
        time(group.transfer_ns),
        group.wait_share().map_or(Cell::Unknown, Cell::Share),
        Cell::optional(group.transfer_busbw_gbps.or(group.busbw_gbps), gbps),
    ]
}
