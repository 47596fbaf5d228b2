//! What can be recorded on this machine, and the remedy for what can not. Every check only looks.

mod gpu;
mod machine;
mod shared_library;

use std::path::Path;

use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is there and works.
    Ok,
    /// It is not there: that part is not recorded, the rest is.
    Missing,
    /// It is there but something is not as it should be.
    Warning,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at; stable, for scripts.
    pub name: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was found, or what its absence means.
    pub detail: String,
    /// The exact command or step that mends it.
    pub remedy: Option<String>,
    /// Whether nothing at all can be recorded without it.
    #[serde(skip)]
    pub essential: bool,
}

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Whether a program can be recorded here at all.
    pub can_record: bool,
    /// The checks, most basic first.
    pub checks: Vec<Check>,
}

/// Looks at this machine, for recordings that are written into `folder`.
#[must_use]
pub fn examine(folder: &Path) -> Diagnosis {
    let checks = vec![
        machine::library(),
        machine::nvtx(),
        machine::spool(folder),
        machine::disk_space(folder),
        machine::clock(),
        gpu::driver(),
        gpu::cuda(),
        gpu::nvml(),
        gpu::cupti(),
        gpu::profiling_permission(),
        machine::program(
            "perfagent-bench",
            "the training benchmarks are not available",
            "cargo build -p perfagent-bench",
        ),
        machine::program(
            "perfagent-gui",
            "recordings cannot be looked at in a window",
            "cargo build -p perfagent-gui",
        ),
        machine::display(),
    ];
    let can_record = checks.iter().all(|check| !check.essential || check.status != Status::Missing);
    Diagnosis { can_record, checks }
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), remedy: None, essential: false }
    }

    fn missing(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { name, status: Status::Missing, detail: detail.into(), remedy, essential: false }
    }

    fn warning(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { status: Status::Warning, ..Self::missing(name, detail, remedy) }
    }

    fn essential(self) -> Self {
        Self { essential: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_well_has_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let diagnosis = examine(folder.path());
        for check in &diagnosis.checks {
            assert!(!check.detail.is_empty(), "{check:?}");
            assert_eq!(check.remedy.is_none(), check.status == Status::Ok, "{check:?}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_cannot_be_recorded_into() {
        let folder = tempfile::tempdir().unwrap();
        let diagnosis = examine(&folder.path().join("missing"));
        let spool = diagnosis.checks.iter().find(|check| check.name == "spool").unwrap();
        assert_eq!(spool.status, Status::Missing);
        assert!(!diagnosis.can_record);
    }
}
