//! The whole way from recordings to a file or folder of another format.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use perfagent_recording::{Reader, Recording};

use crate::error::ExportError;
use crate::output::Target;
use crate::scene::Scene;
use crate::{chrome, csv, parquet, speedscope, tables};

/// A format that recordings can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Chrome trace JSON as PyTorch writes it; one file.
    Chrome,
    /// A folder with one file a table.
    Csv,
    /// A folder with one Parquet file a table, in it a row group a process.
    Parquet,
    /// speedscope's JSON; one file.
    Speedscope,
}

/// Where an export goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    StandardOutput,
    /// A file, or a folder of files. JSON is compressed when the name ends in `.gz`.
    Path(PathBuf),
}

/// What to export, and where to.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The recordings; together they are one run.
    pub inputs: Vec<PathBuf>,
    /// In which format.
    pub format: Format,
    /// Where to.
    pub output: Destination,
    /// Whether what stands there gives way.
    pub force: bool,
    /// Only this rank.
    pub rank: Option<i64>,
}

/// Exports recordings. `standard_output` is written only when it is the destination.
pub fn export(options: &ExportOptions, standard_output: &mut dyn Write) -> Result<(), ExportError> {
    let readers = open(options)?;
    match options.format {
        Format::Csv => return export_tables(options, &readers, "csv", csv::write),
        Format::Parquet => return export_tables(options, &readers, "parquet", parquet::write),
        Format::Chrome | Format::Speedscope => {}
    }
    let mut recordings = Vec::with_capacity(readers.len());
    for reader in &readers {
        recordings.push((reader.path().to_owned(), Recording::load(reader, &mut |_| {})?));
    }
    let scene = Scene::new(&recordings, options.rank)?;
    let write = |out: &mut dyn Write| match options.format {
        Format::Speedscope => speedscope::write(&scene, out),
        _ => chrome::write(&scene, out),
    };
    match &options.output {
        Destination::StandardOutput => {
            let mut out = BufWriter::new(standard_output);
            write(&mut out).and_then(|()| out.flush()).map_err(ExportError::StandardOutput)
        }
        Destination::Path(path) => Target { path, force: options.force }.file(write),
    }
}

/// The formats that are a folder of tables.
fn export_tables(
    options: &ExportOptions,
    readers: &[Reader],
    format: &'static str,
    write: impl FnOnce(&[Reader], &[String], Option<i64>, Target<'_>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let Destination::Path(path) = &options.output else {
        return Err(ExportError::NotOneFile { format });
    };
    if let Some(rank) = options.rank {
        check_rank(rank, readers)?;
    }
    let name = |reader: &Reader| {
        let path = reader.path();
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    };
    let names: Vec<_> = readers.iter().map(name).collect();
    write(readers, &names, options.rank, Target { path, force: options.force })
}

fn check_rank(rank: i64, readers: &[Reader]) -> Result<(), ExportError> {
    let mut present = BTreeSet::new();
    for reader in readers {
        present.extend(tables::ranks(reader)?);
    }
    if present.contains(&rank) {
        return Ok(());
    }
    let path = readers.first().map(|reader| reader.path().to_owned()).unwrap_or_default();
    Err(ExportError::no_such_rank(path, rank, &present))
}

/// Opens every recording before the first is read.
fn open(options: &ExportOptions) -> Result<Vec<Reader>, ExportError> {
    for (place, path) in options.inputs.iter().enumerate() {
        if options.inputs[..place].iter().any(|earlier| is_same(earlier, path)) {
            return Err(ExportError::NamedTwice { path: path.clone() });
        }
    }
    if let Destination::Path(output) = &options.output
        && options.inputs.iter().any(|input| is_same(input, output))
    {
        return Err(ExportError::OutputIsInput { path: output.clone() });
    }
    let readers = options.inputs.iter().map(|path| Reader::open(path));
    Ok(readers.collect::<Result<_, _>>()?)
}

/// Whether two names are those of one file.
fn is_same(first: &Path, second: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(first).is_some_and(|path| Some(path) == real(second))
}
