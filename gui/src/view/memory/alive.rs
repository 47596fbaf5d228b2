//! What was alive when most was allocated, by purpose and by where it was asked for.

use egui::Ui;
use perfagent_analysis::report::Memory;

use super::heading;
use crate::model::memory::alive::{Alive, alive, origin, purpose};
use crate::palette::Palette;
use crate::units;
use crate::view::bar_rows::{self, Bar};
use crate::view::grid::{self, Cell, Grid, Heading, Rows};

const HEADINGS: [Heading; 4] = [
    Heading::text(
        "Allocated in",
        0.0,
        "The line of the program that asked for it, else the operator that ran then",
    ),
    Heading::text("For", 120.0, "What it was for, as the recording tells"),
    Heading::figure("Size", 90.0, "Bytes that were alive at the peak"),
    Heading::figure("Blocks", 70.0, "How many allocations"),
];

/// Height of the table, points.
const HEIGHT: f32 = 260.0;

/// Shows the moment; the stretch around an allocation that was clicked, ns.
pub(super) fn show(ui: &mut Ui, memory: &Memory, state: &mut grid::State) -> Option<(i64, i64)> {
    let Some(alive) = alive(memory) else {
        heading(ui, "Alive at the peak", "");
        ui.label("The recording holds no single allocations. Use torch.profiler with profile_memory=True, or open a memory snapshot of PyTorch (torch.cuda.memory._record_memory_history, then _dump_snapshot).");
        return None;
    };
    heading(ui, "Alive at the peak", &units::bytes(alive.allocated_bytes as f64));
    let palette = Palette::of(ui.ctx().theme());
    let bars: Vec<Bar> = alive
        .categories
        .iter()
        .zip(palette.curves.iter().cycle())
        .map(|(category, colour)| Bar {
            name: category.label.clone(),
            figure: format!(
                "{} · {:.1} %",
                units::bytes(category.bytes as f64),
                category.share * 100.0
            ),
            share: category.share,
            colour: *colour,
            leads: "go to the peak in the timeline".to_owned(),
        })
        .collect();
    let mut stretch = bar_rows::show(ui, &bars).map(|_| around(alive.time_ns));
    ui.add_space(6.0);
    let grid = Grid::new("alive at the peak", &HEADINGS).height(HEIGHT);
    grid.copy_button(ui, state, &alive);
    let touched = grid.show(ui, state, &alive);
    let oldest = touched.clicked.and_then(|row| alive.groups.get(row)?.oldest_ns);
    if let Some(time) = oldest {
        stretch = Some(around(time));
    }
    stretch
}

/// A millisecond, with the moment in its middle.
const fn around(time: i64) -> (i64, i64) {
    (time.saturating_sub(500_000), time.saturating_add(500_000))
}

impl Rows for Alive {
    fn count(&self) -> usize {
        self.groups.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(group) = self.groups.get(row) else { return Cell::Unknown };
        match column {
            0 => Cell::Short { text: origin(group).to_owned(), whole: origin(group).to_owned() },
            1 => Cell::Text(purpose(group)),
            2 => Cell::figure(units::bytes(group.bytes as f64), group.bytes as f64),
            _ => Cell::figure(units::count(group.count.unsigned_abs()), group.count as f64),
        }
    }

    fn describe(&self, row: usize) -> String {
        format!("{}, {}", self.cell(row, 0).shown(), self.cell(row, 2).shown())
    }
}
