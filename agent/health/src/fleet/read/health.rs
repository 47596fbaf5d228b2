//! Documents of `perfagent health --json`.

use serde::Deserialize;

use super::moment::moment;
use super::{Source, is_host};
use crate::Status;
use crate::fleet::merge::HEALTH;
use crate::fleet::metric::Better;
use crate::fleet::node::{Checked, Measured, Report};
use crate::gpu::GpuIdentity;

#[derive(Deserialize)]
struct Document {
    host: String,
    time: String,
    verdict: Status,
    #[serde(default)]
    gpus: Vec<GpuIdentity>,
    checks: Vec<Checked>,
}

/// Checks whose figures have a unit of time or rate and are no measure of speed.
const NO_SPEED: [&str; 1] = ["clock_sync"];

/// Reads one document; says what is wrong with it.
pub(super) fn read(source: Source<'_>, place: &str, text: &str) -> Result<Report, String> {
    let document: Document = serde_json::from_str(text)
        .map_err(|error| format!("not in the form of its schema: {error}"))?;
    if !is_host(&document.host) {
        return Err(format!("{:?} is no name of a host", document.host));
    }
    let time = moment(&document.time).ok_or_else(|| {
        format!("{:?} is no time; it should be like 2026-01-31T12:00:00Z", document.time)
    })?;
    // Without a check that counts nobody has looked.
    let verdict = if document.checks.iter().any(Checked::counts) {
        document.verdict
    } else {
        document.verdict.max(Status::Unknown)
    };
    let measured = document.checks.iter().filter_map(measured).collect();
    Ok(Report {
        node: document.host,
        source: format!("{}: {place}", source.name),
        form: HEALTH,
        time: Some(time),
        gpus: document.gpus,
        checks: document.checks,
        measured,
        verdict: Some(verdict),
    })
}

/// The figure of a check that measured how fast something is.
fn measured(check: &Checked) -> Option<Measured> {
    let unit = check.unit.as_deref()?;
    let better = Better::of_unit(unit)?;
    let value = check.value.as_f64()?;
    if check.status == Status::Unknown || NO_SPEED.contains(&check.name.as_str()) {
        return None;
    }
    let device = check.gpu();
    let metric = if device.is_some() || check.target == "host" {
        check.name.clone()
    } else {
        format!("{} {}", check.name, check.target)
    };
    Some(Measured { metric, device, value, unit: Some(unit.to_owned()), better })
}
