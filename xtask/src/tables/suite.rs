//! The suite `ci`.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Bench, list, markdown, number, text};
use crate::shell;

pub(super) fn measure(bench: &Bench) -> Result<Value> {
    let arguments = ["bench", "run", "ci", "--quiet", "--json", "-o", "ci.perfdb-results", "--"];
    let mut command = bench.program("perfagent");
    command.args(arguments).arg("--data").arg(shell::workspace().join("agent"));
    let answer = shell::read(&mut command)?;
    let mut result: Value = serde_json::from_str(&answer).context("the suite's answer")?;
    // Paths and names of this machine are nobody's concern.
    result["folder"] = "ci.perfdb-results".into();
    for case in result["cases"].as_array_mut().into_iter().flatten() {
        case["environment"]["host"] = "vm".into();
        if let Some(options) = case["options"].as_object_mut() {
            options.remove("data");
        }
        case["result"]["config"]["data"] = Value::Null;
    }
    Ok(result)
}

pub(super) fn render(result: &Value) -> Result<String> {
    let row = |case: &Value| -> Result<Vec<String>> {
        let outcome = &case["result"];
        let peak =
            list(outcome, "ranks")?.iter().filter_map(|rank| rank["peak_resident_bytes"].as_f64());
        let losses = list(outcome, "losses")?;
        let loss = |place: Option<&Value>| place.and_then(Value::as_f64).unwrap_or(f64::NAN);
        Ok(vec![
            text(case, "case")?.to_owned(),
            format!("{:.1} ms", number(outcome, "step_p50_ns")? / 1e6),
            match outcome["tokens_per_s"].as_f64() {
                Some(tokens) => format!("{tokens:.0}"),
                None => format!("{:.0} images", number(outcome, "samples_per_s")?),
            },
            format!("{:.1} %", number(outcome, "mfu_pct")?),
            format!("{:.0} MiB", peak.fold(0.0, f64::max) / 1_048_576.0),
            format!("{:.4} → {:.4}", loss(losses.first()), loss(losses.last())),
            format!("{:.1} s", number(case, "duration_ns")? / 1e9),
            format!("{:.0} KiB", number(case, "recording_bytes")? / 1024.0),
        ])
    };
    let rows = list(result, "cases")?.iter().map(row).collect::<Result<Vec<_>>>()?;
    let head = ["case", "step", "tokens/s", "MFU", "peak memory", "loss", "took", "recording"];
    Ok(markdown(&head, &rows))
}
