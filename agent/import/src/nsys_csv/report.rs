//! Which traces are of one report, by their names: the file itself does not tell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perfagent_recording::{DeviceId, ProcessId, StreamId, ThreadId};

use super::header::Kind;
use crate::inputs::Input;

/// What a process of a report has so far.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) id: ProcessId,
    pub(crate) end: i64,
    pub(crate) threads: BTreeMap<i64, ThreadId>,
    pub(crate) devices: BTreeMap<i64, DeviceId>,
    pub(crate) streams: BTreeMap<(i64, i64), StreamId>,
}

/// The processes of a report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By number; operations of a GPU do not tell theirs.
    pub(crate) processes: BTreeMap<Option<i64>, Process>,
    /// Whose calls followed operations: it is taken for their process.
    pub(crate) adopted: Option<i64>,
}

/// The reports of one import, by folder and name.
#[derive(Debug, Default)]
pub(crate) struct Reports(BTreeMap<PathBuf, Report>);

impl Reports {
    /// The report that the file at `path` is a trace of.
    pub(crate) fn of(&mut self, path: &Path) -> &mut Report {
        let key = part(path).map_or_else(|| path.to_owned(), |(report, _)| report);
        self.0.entry(key).or_default()
    }
}

/// Puts traces of calls before traces of operations of the same report, because only calls tell their process.
pub(crate) fn order(inputs: &mut [Input]) {
    for operations in 0..inputs.len() {
        let Some((report, Kind::Gpu)) = part(&inputs[operations].path) else { continue };
        let calls = |input: &Input| part(&input.path) == Some((report.clone(), Kind::Api));
        if let Some(distance) = inputs[operations..].iter().position(calls) {
            inputs[operations..=operations + distance].rotate_right(1);
        }
    }
}

/// The report, and which of its traces a file is, by its name.
fn part(path: &Path) -> Option<(PathBuf, Kind)> {
    let name = path.file_name()?.to_string_lossy();
    [("_cuda_gpu_trace", Kind::Gpu), ("_cuda_api_trace", Kind::Api)].iter().find_map(
        |&(trace, kind)| {
            let (report, _) = name.rsplit_once(trace)?;
            // With a mark that no file's own name has.
            Some((path.with_file_name(format!("{report}/")), kind))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::order;
    use crate::inputs::Input;

    #[test]
    fn calls_come_before_operations_of_the_same_report() {
        let names = |names: &[&str]| -> Vec<Input> {
            names.iter().map(|name| Input { path: name.into(), folder: None }).collect()
        };
        let mut inputs = names(&[
            "a_cuda_gpu_trace.csv",
            "x.json",
            "b/a_cuda_api_trace.csv",
            "a_cuda_api_trace_base.csv",
        ]);
        order(&mut inputs);
        assert_eq!(
            inputs,
            names(&[
                "a_cuda_api_trace_base.csv",
                "a_cuda_gpu_trace.csv",
                "x.json",
                "b/a_cuda_api_trace.csv"
            ])
        );
    }
}
