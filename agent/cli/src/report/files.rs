//! The recordings of a run that is in several.

use perfagent_analysis::Report;
use perfagent_analysis::report::FileFacts;
use perfagent_recording::Timestamp;

use crate::page::{Cell, Page, Table};
use crate::unit;

/// Writes one row a recording; nothing when there is only one.
pub(super) fn write(page: &mut Page, report: &Report) {
    let files = &report.recording.files;
    if files.len() < 2 {
        return;
    }
    page.section("Recordings");
    let is_one_clock = files.iter().all(|file| file.clock == files[0].clock);
    let mut headings = vec!["", "host", "ranks", "from", "length", "exit code"];
    if !is_one_clock {
        headings.push("clock");
    }
    let mut table = Table::new(headings);
    for file in files {
        let moment = |nanos| unit::moment(Timestamp::from_unix_nanos(nanos));
        let mut cells = vec![
            Cell::text(&file.path),
            Cell::text(file.hosts.join(", ")),
            Cell::text(numbers(file)),
            Cell::text(unit::known(file.start_ns, moment)),
            Cell::figure(unit::duration(file.duration_ns)),
            Cell::figure(unit::known(file.exit_code, |code| code.to_string())),
        ];
        if !is_one_clock {
            cells.push(Cell::figure((file.clock + 1).to_string()));
        }
        table.row(cells);
    }
    page.table(table);
    page.paragraph(if is_one_clock {
        "All times are of one clock."
    } else {
        "Times of different clocks are not compared with each other."
    });
}

/// `0 to 3, 7` for the ranks 0, 1, 2, 3 and 7.
fn numbers(file: &FileFacts) -> String {
    let runs = file.ranks.chunk_by(|left, right| right - left <= 1);
    let runs: Vec<_> = runs
        .filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            Some(if first == last { first.to_string() } else { format!("{first} to {last}") })
        })
        .collect();
    if runs.is_empty() { "-".to_owned() } else { runs.join(", ") }
}
