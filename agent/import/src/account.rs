//! What a recording says of the file that it was made from: what was kept, what is wrong with it, what is missing.

use perfagent_recording::table::{Loss, Note, Severity};
use perfagent_recording::{ProcessId, WriteError, Writer};

use crate::summary::ImportedFile;

/// Writes it for `process`, the first that came from `file` if any did; `lost` of its events could not be read.
pub(crate) fn write(
    writer: &mut Writer,
    process: impl Into<Option<ProcessId>>,
    file: &ImportedFile,
    lost: u64,
) -> Result<(), WriteError> {
    let process_id = process.into();
    let note = |severity, text| Note { process_id, time_ns: None, severity, text };
    writer.append(&note(Severity::Info, file.sentence()))?;
    for warning in &file.warnings {
        let text = format!("{}: {}", file.path.display(), warning.text);
        writer.append(&note(Severity::Warning, text))?;
    }
    if lost > 0 {
        writer.append(&Loss {
            process_id,
            cause: "unreadable".to_owned(),
            count: lost as i64,
            start_ns: None,
            end_ns: None,
        })?;
    }
    Ok(())
}
