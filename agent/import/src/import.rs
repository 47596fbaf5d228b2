//! The whole way from files to a recording.

use std::path::{Path, PathBuf};

use perfagent_recording::Writer;
use perfagent_recording::table::{Note, Severity};

use crate::error::ImportError;
use crate::format::Format;
use crate::host::UnknownHost;
use crate::inputs::{self, Input};
use crate::output::Output;
use crate::summary::{Imported, ImportedFile, rows};
use crate::{kineto, source};

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
    let inputs = inputs::expand(&options.inputs)?;
    let output = Output::create(&options.output, options.force, &inputs)?;
    let mut writer = Writer::create(&output.database())?;
    writer.set_meta("perfagent_version", env!("CARGO_PKG_VERSION"))?;
    let mut host = UnknownHost::default();
    let mut files = Vec::new();
    let mut warnings = Vec::new();
    for input in &inputs {
        match import_file(&input.path, &mut writer, &mut host) {
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
    if let Some(folder) = folder_without_traces(&inputs, &files) {
        return Err(folder);
    }
    writer.set_meta("source", &source_text(&files))?;
    writer.finish()?;
    for file in &files {
        let of_file = |text: &str| format!("{}: {text}", file.path.display());
        warnings.extend(file.warnings.iter().map(|warning| of_file(&warning.text)));
        if file.events == 0 {
            warnings.push(of_file("holds no events; profile again, for longer"));
        }
    }
    let events = rows(&output.database())?;
    let path = output.finish()?;
    Ok(Imported { path, files, events, warnings })
}

fn import_file(
    path: &Path,
    writer: &mut Writer,
    host: &mut UnknownHost,
) -> Result<ImportedFile, ImportError> {
    let mut window = source::open(path)?;
    window.next_mark();
    let format = Format::detect(window.bytes())
        .map_err(|what| ImportError::NotATrace { path: path.to_owned(), what })?;
    match format {
        Format::Kineto => kineto::import(path, &mut window, writer, host),
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
