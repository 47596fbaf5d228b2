//! The whole way from files to a recording.

use std::io::Read;
use std::path::{Path, PathBuf};

use perfagent_recording::table::{Note, Severity};
use perfagent_recording::{Recording, Writer};

use crate::error::ImportError;
use crate::format::Format;
use crate::hosts::Hosts;
use crate::inputs::{self, Input};
use crate::nsys_csv::Reports;
use crate::output::Output;
use crate::summary::{Imported, ImportedFile, rows};
use crate::window::Window;
use crate::{
    kineto, memory_timeline, nccl_example, nccl_inspector, nccl_tests, nsys, nsys_csv, nvidia_smi,
    snapshot, source, xplane,
};

/// How much of a text is looked at to tell its format: logs begin with what is not theirs.
const HEAD: usize = 1 << 18;

/// What to import, and where to.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Files, and folders of files. Together they are the ranks of one run.
    pub inputs: Vec<PathBuf>,
    /// The recording to write.
    pub output: PathBuf,
    /// Whether an earlier file of that name gives way.
    pub force: bool,
}

/// Makes one recording of all inputs, each a process of it, in the order in which they are given.
///
/// The recording appears under its name when it is complete, or not at all. What is damaged is read as far
/// as possible, with a warning a kind of damage; an input of which nothing can be read is an error.
pub fn import(options: &ImportOptions) -> Result<Imported, ImportError> {
    let inputs = inputs(&options.inputs)?;
    let output = Output::create(&options.output, options.force, &inputs)?;
    let mut writer = Writer::create(&output.database())?;
    let Filled { files, warnings } = fill(&inputs, &mut writer, output.folder())?;
    writer.finish()?;
    let events = rows(&output.database())?;
    let path = output.finish()?;
    Ok(Imported { path, files, events, warnings })
}

/// Reads all inputs into memory, as [`import`] would into a file: for those who want the figures and no recording.
pub fn read(inputs: &[PathBuf]) -> Result<Recording, ImportError> {
    let inputs = self::inputs(inputs)?;
    let scratch = tempfile::tempdir().map_err(ImportError::io(
        &std::env::temp_dir(),
        "create a directory in it",
        "set TMPDIR to a writable place",
    ))?;
    let mut writer = Writer::in_memory();
    fill(&inputs, &mut writer, scratch.path())?;
    Ok(writer.into_recording().unwrap_or_default())
}

fn inputs(names: &[PathBuf]) -> Result<Vec<Input>, ImportError> {
    let mut inputs = inputs::expand(names)?;
    nsys_csv::order(&mut inputs);
    Ok(inputs)
}

/// What was read, and what a reader of its figures should know.
struct Filled {
    files: Vec<ImportedFile>,
    warnings: Vec<String>,
}

/// Writes everything that stands in the inputs.
fn fill(inputs: &[Input], writer: &mut Writer, scratch: &Path) -> Result<Filled, ImportError> {
    writer.set_meta("perfagent_version", env!("CARGO_PKG_VERSION"))?;
    let mut state = State::default();
    let mut files = Vec::new();
    let mut warnings = Vec::new();
    for input in inputs {
        match import_file(&input.path, writer, &mut state, scratch) {
            Ok(file) => files.push(file),
            Err(error) if input.folder.is_some() && error.is_another_file() => {
                let text = format!("passed over: {error}");
                writer.append(&Note {
                    severity: Severity::Warning,
                    text: text.clone(),
                    ..Note::default()
                })?;
                warnings.push(text);
            }
            Err(error) => return Err(error),
        }
        // Memory stays that of one trace.
        writer.commit()?;
    }
    if let Some(folder) = folder_without_traces(inputs, &files) {
        return Err(folder);
    }
    writer.set_meta("source", &source_text(&files))?;
    for file in &files {
        let of_file = |text: &str| format!("{}: {text}", file.path.display());
        warnings.extend(file.warnings.iter().map(|warning| of_file(&warning.text)));
        if file.events == 0 {
            warnings.push(of_file("holds no events; profile again, for longer"));
        }
    }
    Ok(Filled { files, warnings })
}

/// The format of the file at `path`, by its content.
pub fn recognise(path: &Path) -> Result<Format, ImportError> {
    let mut window = source::open(path)?;
    format_of(path, &mut window).map(|(format, _)| format)
}

/// The format of a text, and the line on which it begins.
fn format_of<R: Read>(path: &Path, window: &mut Window<R>) -> Result<(Format, u64), ImportError> {
    while window.bytes().len() < HEAD && window.more() {}
    if let Some(format) = Format::binary(window.bytes()) {
        return Ok((format, 1));
    }
    let blank = window.bytes().iter().take_while(|byte| byte.is_ascii_whitespace());
    let line = 1 + blank.filter(|&&byte| byte == b'\n').count() as u64;
    window.next_mark();
    let format = Format::detect(window.bytes());
    let format = format.map_err(|what| ImportError::NotATrace { path: path.to_owned(), what })?;
    Ok((format, line))
}

/// What the files of one import have in common.
#[derive(Debug, Default)]
struct State {
    hosts: Hosts,
    reports: Reports,
}

fn import_file(
    path: &Path,
    writer: &mut Writer,
    state: &mut State,
    scratch: &Path,
) -> Result<ImportedFile, ImportError> {
    let mut window = source::open(path)?;
    let (format, line) = format_of(path, &mut window)?;
    state.hosts.turn_to(None);
    match format {
        Format::Kineto => kineto::import(path, &mut window, writer, &mut state.hosts),
        Format::NcclExamplePlugin => {
            let host = state.hosts.unknown(writer)?;
            nccl_example::import(path, &mut window, writer, host)
        }
        Format::NcclInspector => {
            nccl_inspector::import(path, &mut window, writer, &mut state.hosts)
        }
        Format::NcclTests => nccl_tests::import(path, &mut window, writer, &mut state.hosts),
        Format::NvidiaSmi => {
            let host = state.hosts.unknown(writer)?;
            nvidia_smi::import(path, &mut window, writer, host)
        }
        Format::NsysSqlite => nsys::import(path, &mut window, writer, &mut state.hosts, scratch),
        Format::NsysCsv => {
            let host = state.hosts.unknown(writer)?;
            nsys_csv::import(path, &mut window, line, writer, host, &mut state.reports)
        }
        Format::MemoryTimeline => {
            let host = state.hosts.unknown(writer)?;
            memory_timeline::import(path, &mut window, writer, host)
        }
        Format::TorchSnapshot => {
            let host = state.hosts.unknown(writer)?;
            snapshot::import(path, &mut window, writer, host)
        }
        Format::Xplane => xplane::import(path, &mut window, writer, &mut state.hosts),
    }
}

/// The first folder in which every file was passed over.
fn folder_without_traces(inputs: &[Input], files: &[ImportedFile]) -> Option<ImportError> {
    let is_imported = |input: &Input| files.iter().any(|file| file.path == input.path);
    let mut folders = inputs.chunk_by(|a, b| a.folder == b.folder);
    let inputs = folders.find(|inputs| !inputs.iter().any(is_imported))?;
    let path = inputs.first()?.folder.clone()?;
    Some(ImportError::NoTraces { path, files: inputs.len() })
}

/// What the report names as its source: the formats, and the files by name.
fn source_text(files: &[ImportedFile]) -> String {
    const MOST_NAMES: usize = 8;
    let name = |file: &ImportedFile| {
        file.path.file_name().unwrap_or(file.path.as_os_str()).to_string_lossy().into_owned()
    };
    let mut formats: Vec<&str> = files.iter().map(|file| file.format.name()).collect();
    formats.dedup();
    let mut names: Vec<String> = files.iter().take(MOST_NAMES).map(name).collect();
    if files.len() > MOST_NAMES {
        names.push(format!("and {} more", files.len() - MOST_NAMES));
    }
    format!("import of {} {}", formats.join(", "), names.join(", "))
}
