//! The document about one node.

use serde::Serialize;

use crate::gpu::GpuIdentity;
use crate::{Check, Status};

/// How one node is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// `perfagent.health/1`.
    pub schema: &'static str,
    /// The node's name.
    pub host: String,
    /// When it was examined, RFC 3339 in UTC.
    pub time: String,
    /// Which boot of which machine this was, as Linux numbers them; tells two nodes with one name apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// The worst of the checks that count: critical, then unknown, then warning. Without any check, unknown.
    pub verdict: Status,
    /// The GPUs that NVML shows.
    pub gpus: Vec<GpuIdentity>,
    /// Everything that was looked at, the host first.
    pub checks: Vec<Check>,
}

impl Health {
    pub(crate) fn new(
        host: String,
        time: String,
        gpus: Vec<GpuIdentity>,
        checks: Vec<Check>,
    ) -> Self {
        let verdict = verdict(&checks);
        Self { schema: "perfagent.health/1", host, time, boot_id: None, verdict, gpus, checks }
    }

    /// The same with further checks, and the verdict of all.
    #[must_use]
    pub fn with(mut self, checks: Vec<Check>) -> Self {
        self.checks.extend(checks);
        self.verdict = verdict(&self.checks);
        self
    }

    /// The checks that made the verdict, when it is not `ok`.
    pub fn reasons(&self) -> impl Iterator<Item = &Check> {
        let wanted = (self.verdict != Status::Ok).then_some(self.verdict);
        self.checks.iter().filter(move |check| Some(check.status) == wanted && check.counts())
    }
}

fn verdict(checks: &[Check]) -> Status {
    let statuses = checks.iter().filter(|check| check.counts()).map(|check| check.status);
    statuses.max().unwrap_or(Status::Unknown)
}

#[cfg(test)]
mod tests {
    use super::verdict;
    use crate::{Check, Severity, Status};

    #[test]
    fn what_could_not_be_checked_is_never_ok() {
        let ok = Check::ok("a", "host", "");
        let absent = Check::not_applicable("b", "host", "");
        let unknown = Check::unknown("c", "host", "", "permit it");
        let warning = Check::ok("d", "host", "").but(Status::Warning, Severity::Monitor, "wait");
        let critical = Check::ok("e", "host", "").but(Status::Critical, Severity::Reset, "reset");
        let of = |checks: &[&Check]| {
            verdict(&checks.iter().map(|check| (*check).clone()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), Status::Unknown);
        assert_eq!(of(&[&absent]), Status::Unknown);
        assert_eq!(of(&[&ok, &absent]), Status::Ok);
        assert_eq!(of(&[&ok, &unknown]), Status::Unknown);
        assert_eq!(of(&[&warning, &unknown]), Status::Unknown);
        assert_eq!(of(&[&warning, &ok, &absent]), Status::Warning);
        assert_eq!(of(&[&critical, &warning, &unknown]), Status::Critical);
    }
}
