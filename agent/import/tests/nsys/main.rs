//! Exports of Nsight Systems of every schema, whole and damaged, through the importer into a recording.

mod csv;
mod damage;
mod dump;
mod export;
mod refusal;
mod schema;

use std::fmt::Write as _;
use std::path::Path;

use perfagent_import::{ImportError, ImportOptions, Imported, import};

/// Imports the file `input` of `folder` into `run.perfdb` there.
fn import_into(folder: &Path, input: &str) -> Result<Imported, ImportError> {
    let output = folder.join("run.perfdb");
    import(&ImportOptions { inputs: vec![folder.join(input)], output, force: true })
}

/// What a reader finds after importing: the summary of the file, its warnings, and every row.
fn imported(folder: &Path, input: &str) -> String {
    let imported = import_into(folder, input).unwrap();
    let file = &imported.files[0];
    let mut text = format!(
        "{} of {} events kept, rank {:?} of {:?}, left out {:?}\n",
        file.kept, file.events, file.rank, file.world_size, file.left_out
    );
    for warning in &file.warnings {
        writeln!(text, "warning ({}x, first {}): {}", warning.count, warning.offset, warning.text)
            .unwrap();
    }
    text.push_str(&dump::rows(&folder.join("run.perfdb")));
    text.replace(&folder.display().to_string(), "")
}
