//! nvbandwidth's text: below `Running NAME.` a line that says what row and column are, and a matrix in GB/s with `N/A` where
//! nothing was measured. With `-j` it writes the same as JSON.

use serde::Deserialize;
use serde_json::Value;

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
        figures.push(errors(failed));
    }
    figures
}

#[derive(Deserialize)]
struct Document {
    nvbandwidth: Body,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    bandwidth_description: String,
    /// Figures as texts, `N/A` where nothing was measured.
    #[serde(default)]
    bandwidth_matrix: Vec<Vec<Value>>,
}

/// The figures of what `nvbandwidth -j` writes: the same matrices as in its text.
pub(super) fn of_json(json: &str) -> Result<Vec<Measured>, String> {
    let document: Document = serde_json::from_str(json)
        .map_err(|error| format!("not in the form that nvbandwidth writes: {error}"))?;
    let (mut figures, mut failed) = (Vec::new(), 0);
    for case in document.nvbandwidth.testcases {
        // Tests that the machine cannot do are waived, which is no failure.
        if case.status.eq_ignore_ascii_case("waived") {
            continue;
        }
        if !case.status.is_empty() && !case.status.eq_ignore_ascii_case("passed") {
            failed += 1;
        }
        let number = |value: &Value| match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        let mut test = Test {
            name: case.name,
            of_host: case.bandwidth_description.contains("CPU("),
            ..Test::default()
        };
        for (row, values) in (0..).zip(&case.bandwidth_matrix) {
            for (column, value) in (0..).zip(values) {
                if let Some(value) = number(value).filter(|value: &f64| value.is_finite()) {
                    test.cells.push((row, column, value));
                }
            }
        }
        finish(test, &mut figures);
    }
    if failed > 0 {
        figures.push(errors(failed));
    }
    if figures.is_empty() {
        return Err(
            "a document of nvbandwidth without a result: every test failed or was left out"
                .to_owned(),
        );
    }
    Ok(figures)
}

fn errors(count: u32) -> Measured {
    Measured {
        metric: "nvbandwidth/errors".to_owned(),
        device: None,
        value: f64::from(count),
        unit: None,
        better: Better::Zero,
    }
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
