//! The rows of a file under their heading.

use super::column::{Column, Metric, columns};
use crate::moment::nanos_of_moment;

/// The columns that are in use.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// Values were seen that carry a unit; so those that lack one were cut off.
    has_units: bool,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) time_ns: i64,
    pub(super) index: Option<i64>,
    /// What tells GPUs apart, as far as it is there: the UUID, the bus, the name.
    pub(super) identity: [String; 3],
    pub(super) readings: Vec<(Metric, f64)>,
    pub(super) states: Vec<(&'static str, bool)>,
    /// What the driver says in the place of a value, when it is not that there is none.
    pub(super) complaint: Option<String>,
}

impl Heading {
    /// The heading that a line is, if it is one.
    pub(super) fn of(line: &str) -> Option<Self> {
        let columns = columns(line)?;
        let names = line.split(',').map(|name| name.trim().to_owned()).collect();
        Some(Self { names, columns, has_units: false })
    }

    /// Reads a row; `Err` says what is wrong with it.
    pub(super) fn row(&mut self, line: &str) -> Result<Row, String> {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if cells.len() != self.columns.len() {
            let (has, wanted) = (cells.len(), self.columns.len());
            return Err(format!("it has {has} cells, the heading has {wanted}"));
        }
        let mut row = Row::default();
        let mut time = None;
        for (at, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            let wrong = || {
                let short: String = cell.chars().take(40).collect();
                let name = self.names.get(at).map_or("", String::as_str);
                Err(format!("`{short}` is no value of `{name}`"))
            };
            match column {
                Column::Timestamp => match nanos_of_moment(cell) {
                    Some(moment) => time = Some(moment),
                    None => return wrong(),
                },
                Column::Index => match cell.parse() {
                    Ok(index) => row.index = Some(index),
                    Err(_) => return wrong(),
                },
                Column::Uuid => cell.clone_into(&mut row.identity[0]),
                Column::BusId => cell.clone_into(&mut row.identity[1]),
                Column::Name => cell.clone_into(&mut row.identity[2]),
                Column::State(name) => match cell {
                    "Active" => row.states.push((name, true)),
                    "Not Active" => row.states.push((name, false)),
                    _ if is_absent(cell) => {}
                    _ => return wrong(),
                },
                Column::Metric(_) if is_absent(cell) => {
                    if !is_not_offered(cell) {
                        row.complaint = Some(cell.to_owned());
                    }
                }
                Column::Metric(metric) => {
                    let Some(value) = metric.value(cell) else { return wrong() };
                    let has_unit = cell.contains(' ');
                    if metric.has_unit() && self.has_units && !has_unit {
                        return wrong();
                    }
                    self.has_units |= has_unit;
                    row.readings.push((*metric, value));
                }
                Column::Other => {}
            }
        }
        row.time_ns = time.ok_or("it has no time; query `timestamp`, too")?;
        Ok(row)
    }
}

/// Whether a cell holds words instead of a value: `[N/A]`, `[Not Supported]`, `[GPU is lost]`.
fn is_absent(cell: &str) -> bool {
    cell.starts_with('[') && cell.ends_with(']') || matches!(cell, "N/A" | "ERR!" | "Unknown Error")
}

/// Whether such words say that the GPU has no such quantity.
fn is_not_offered(cell: &str) -> bool {
    let cell = cell.trim_matches(['[', ']']);
    matches!(
        cell,
        "N/A" | "Not Supported" | "Not Found" | "Requested functionality has been deprecated"
    )
}

#[cfg(test)]
mod tests {
    use super::Heading;

    #[test]
    fn rows_are_what_their_heading_says() {
        let heading = "timestamp, index, name, power.draw [W], memory.used [MiB], clocks_throttle_reasons.sw_power_cap, pstate";
        let mut heading = Heading::of(heading).unwrap();
        let row = heading
            .row("2024/11/23 12:23:29.950, 3, NVIDIA A40, 38.74 W, 49140 MiB, Active, P8")
            .unwrap();
        assert_eq!(
            (row.time_ns, row.index, row.states),
            (1_732_364_609_950_000_000, Some(3), vec![("throttle_power_cap", true)])
        );
        let readings: Vec<_> =
            row.readings.iter().map(|(metric, value)| (metric.name, *value)).collect();
        assert_eq!(readings, [("power", 38.74), ("memory_used", 51_527_024_640.0)]);
        let row = heading
            .row("2024/11/23 12:23:30, 3, NVIDIA A40, [N/A], [Unknown Error], [N/A], P8")
            .unwrap();
        assert_eq!((row.readings.len(), row.complaint.as_deref()), (0, Some("[Unknown Error]")));
        for (row, why) in [
            ("2024/11/23 12:23:29.950, 3, NVIDIA A40, 38.7", "4 cells"),
            (
                "2024/11/23 12:23:29.950, 3, NVIDIA A40, 38.7, 1 MiB, Active, P8",
                "`38.7` is no value of `power.draw [W]`",
            ),
            ("yesterday, 3, NVIDIA A40, 38.7 W, 1 MiB, Active, P8", "`yesterday`"),
            ("2024/11/23 12:23:29.950, 3, NVIDIA A40, 38.7 mW, 1 MiB, Active, P8", "`38.7 mW`"),
        ] {
            assert!(heading.row(row).unwrap_err().contains(why), "{row}");
        }
    }
}
