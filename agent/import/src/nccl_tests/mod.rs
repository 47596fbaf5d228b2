//! What NVIDIA's nccl-tests and AMD's rccl-tests print, and what nccl-tests writes with `-J`.
//!
//! Each row of the table is two measurements, out of place and in place, and each becomes a row of `collective_tests`. Each
//! rank that is listed becomes a process with its GPU, also where several ranks are threads of one. A log may hold several
//! runs.
//!
//! * Columns are found by the table's heading: `redop`, `root`, `#wrong` and the columns of `-I`, `-R` and `-T` come and
//!   go with the version. The column `error` of 2021 and before is a greatest deviation, not a count, and is not kept.
//! * Bandwidths are as printed, of two decimals. Times become nanoseconds, exactly; of `-J`, which has six decimals of a
//!   microsecond, the nearest ones.
//! * The operation is the program's, else the file's name as far as the figures agree with it, else what the figures alone
//!   can be of; else it is `unknown`, with a warning.
//! * Of a document of `-J` neither arguments nor the environment, which may hold secrets, are kept.

mod json;
mod layout;
mod log;
mod operation;
mod prefix;
mod run;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use perfagent_recording::Writer;

use self::layout::Layout;
use self::run::Run;
use crate::account;
use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::summary::ImportedFile;
use crate::warning::Problems;
use crate::window::Window;

/// Whether a text that begins with `head` is such a log.
pub(crate) fn recognises(head: &str) -> bool {
    head.lines().any(|line| {
        let line = prefix::without_label(line).trim();
        let Some(words) = line.strip_prefix('#').map(str::trim_start) else { return false };
        ["nccl-tests version", "rccl-tests", "nThread "]
            .iter()
            .any(|begin| words.starts_with(begin))
            || Layout::of_heading(line, "").is_some()
    })
}

/// Whether a JSON document that begins with `head` is of `-J`.
pub(crate) fn recognises_json(head: &str) -> bool {
    // Its keys stand in this order.
    let first = head.trim_start().trim_start_matches('{').trim_start();
    first.starts_with("\"version\"")
        && ["\"start_time\"", "\"args\""].iter().all(|key| head.contains(key))
        && (head.contains("\"nccl_version\"") || head.contains("_perf"))
}

/// Reads the file at `path`, whose text is `window`.
pub(crate) fn import<R: Read>(
    path: &Path,
    window: &mut Window<R>,
    writer: &mut Writer,
    hosts: &mut Hosts,
) -> Result<ImportedFile, ImportError> {
    let mut problems = Problems::default();
    let runs = read(window, &mut problems);
    let kept: usize = runs.iter().map(|run| run.measurements.len()).sum();
    if kept == 0 {
        let why = problems.warnings().into_iter().next();
        let why = why.map_or_else(
            || "the benchmark printed no measurement".to_owned(),
            |warning| warning.text,
        );
        let offset = runs.first().map_or(0, |run| run.offset);
        return Err(ImportError::Damaged { path: path.to_owned(), offset, what: why });
    }
    doubts(&runs, &mut problems);
    let process = write::write(path, &runs, &mut problems, writer, hosts)?;
    let file = ImportedFile {
        path: path.to_owned(),
        format: Format::NcclTests,
        rank: None,
        world_size: runs.iter().find_map(Run::world_size),
        text_bytes: window.offset(),
        events: kept as u64 + problems.events_lost(),
        kept: kept as u64,
        left_out: BTreeMap::new(),
        warnings: problems.warnings(),
    };
    account::write(writer, process, &file, problems.events_lost())?;
    Ok(file)
}

fn read<R: Read>(window: &mut Window<R>, problems: &mut Problems) -> Vec<Run> {
    if window.next_mark() == Some(b'{') {
        json::read(window, problems)
    } else {
        log::read(window, problems)
    }
}

/// What a reader of the figures should know.
fn doubts(runs: &[Run], problems: &mut Problems) {
    for run in runs {
        if run.of_cpu {
            problems.doubt(
                run.first,
                "times are those of the calls on the processor (-C), not of the operations",
            );
        }
        if run.ranks.is_empty() && !run.measurements.is_empty() {
            problems.doubt(run.first, "no ranks are listed; how many took part is not known");
        }
        let wrong =
            run.measurements.iter().filter_map(|row| row.wrong).fold(0, i64::saturating_add);
        if wrong > 0 {
            problems.doubt(run.first, format!("{wrong} elements of results were wrong"));
        }
        if let Some((mean, printed)) = run.other_average() {
            problems.doubt(
                run.first,
                format!(
                    "the mean bus bandwidth of the rows is {mean:.2} GB/s, but {printed:.2} GB/s is printed below them: \
                     rows are missing"
                ),
            );
        }
    }
}
