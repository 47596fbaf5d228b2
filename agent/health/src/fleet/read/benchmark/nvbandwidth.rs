//! nvbandwidth's text: below `Running NAME.` a line that says what row and column are, and a matrix in GB/s with `N/A` where
//! nothing was measured.

use super::{matrix, rate};
use crate::fleet::metric::Better;
use crate::fleet::node::Measured;

/// A matrix that is being read.
#[derive(Default)]
struct Test {
    name: String,
    /// Whether rows are processors, so that a column is a GPU.
    of_host: bool,
    columns: Vec<u32>,
    cells: Vec<(u32, u32, f64)>,
}

pub(super) fn figures(text: &str) -> Vec<Measured> {
    let (mut figures, mut open, mut failed) = (Vec::new(), Test::default(), 0);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Running ") {
            finish(std::mem::take(&mut open), &mut figures);
            name.trim().trim_end_matches('.').clone_into(&mut open.name);
        } else if line.contains("(row)") {
            open.of_host = line.contains("CPU(row)") || line.contains("CPU(column)");
            open.columns.clear();
        } else if line.contains("ERROR") || line.contains("FAILED") {
            failed += 1;
        } else if !open.name.is_empty() {
            row(line, &mut open);
        }
    }
    finish(open, &mut figures);
    if failed > 0 {
        let metric = "nvbandwidth/errors".to_owned();
        figures.push(Measured {
            metric,
            device: None,
            value: f64::from(failed),
            unit: None,
            better: Better::Zero,
        });
    }
    figures
}

/// The numbers of the columns, or a row: its number, then a figure or `N/A` a column.
fn row(line: &str, test: &mut Test) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(first) = words.first().and_then(|word| word.parse::<u32>().ok()) else { return };
    if test.columns.is_empty() {
        test.columns = words.iter().map_while(|word| word.parse().ok()).collect();
        return;
    }
    for (column, word) in test.columns.iter().zip(&words[1..]) {
        if let Ok(value) = word.parse::<f64>() {
            test.cells.push((first, *column, value));
        }
    }
}

fn finish(test: Test, figures: &mut Vec<Measured>) {
    let name = format!("nvbandwidth/{}", test.name);
    if !test.of_host {
        figures.extend(matrix(&name, &test.cells));
        return;
    }
    for (row, column, value) in test.cells {
        // Usually there is one row; several are memory nodes of the host.
        let metric = if row == 0 { name.clone() } else { format!("{name}, row {row}") };
        figures.push(rate(metric, Some(column), value));
    }
}
