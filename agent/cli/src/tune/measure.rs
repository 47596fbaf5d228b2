//! What a trial came to.

use std::fs;
use std::path::Path;

use perfagent_advisor::tune::{Candidate, Expression};
use serde_json::Value;

use super::plan::Objective;
use crate::summaries;

/// The objective's value after a trial that ended well; else why there is none, with the remedy.
pub(super) fn measure(
    objective: &Objective,
    candidate: &Candidate,
    recording: &Path,
    answer: &Path,
) -> Result<f64, String> {
    let value = match objective {
        Objective::Json { pointer } => from_json(answer, pointer.as_deref())?,
        Objective::Steps { tokens } => {
            let rate = steps_per_second(recording)?;
            let tokens = tokens.as_deref().map(Expression::parse).transpose()?;
            match tokens {
                None => rate,
                Some(tokens) => {
                    rate * tokens.value(candidate).ok_or("--tokens-per-step: is not above zero")?
                }
            }
        }
    };
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(format!("measured {value}, which cannot be compared; a value above zero is needed"))
}

fn from_json(answer: &Path, pointer: Option<&str>) -> Result<f64, String> {
    let shown = answer.display();
    let text = fs::read(answer).map_err(|error| {
        format!("{shown}: the command has not written it ({error}); {{json}} must be the name of the file that it writes")
    })?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| {
        format!("{shown}: is no JSON ({error}); the command must write one there")
    })?;
    let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_f64);
    let found = match pointer {
        Some(pointer) => number(pointer),
        // Of networks for images there are no tokens.
        None => number("/tokens_per_s").or_else(|| number("/samples_per_s")),
    };
    found.ok_or_else(|| {
        let pointer = pointer.unwrap_or("/tokens_per_s");
        format!("{shown}: has no number at {pointer}; name the one to measure with --metric")
    })
}

/// One over the median step of the first rank, the first step left out when there are others: it pays for caches.
fn steps_per_second(recording: &Path) -> Result<f64, String> {
    let shown = recording.display();
    let report = summaries::of_files(&[recording.to_owned()])
        .and_then(summaries::report)
        .map_err(|error| format!("{error:#}"))?;
    let rank = report.ranks.iter().find(|rank| !rank.steps.is_empty());
    let mut durations: Vec<i64> =
        rank.map_or_else(Vec::new, |rank| rank.steps.iter().map(|step| step.duration_ns).collect());
    if durations.len() > 1 {
        durations.remove(0);
    }
    durations.sort_unstable();
    match durations.get(durations.len() / 2) {
        Some(&median) if median > 0 => Ok(1e9 / median as f64),
        _ => Err(format!(
            "{shown}: no steps are marked, so nothing can be measured; mark each step as an NVTX range named step, or put {{json}} \
             where the command takes the name of a file for its result"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Objective, measure};

    #[test]
    fn numbers_are_read_and_their_absence_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let read = |pointer: Option<&str>| {
            let objective = Objective::Json { pointer: pointer.map(str::to_owned) };
            measure(&objective, &Candidate::default(), &folder.path().join("a.perfdb"), &file)
        };
        assert!(read(None).unwrap_err().contains("the command has not written it"));
        std::fs::write(&file, "step 1").unwrap();
        assert!(read(None).unwrap_err().contains("is no JSON"));
        std::fs::write(&file, "{\"samples_per_s\": 7.5, \"a\": {\"b\": [1, 0]}, \"s\": \"x\"}")
            .unwrap();
        assert_eq!(read(None), Ok(7.5));
        assert_eq!(read(Some("/a/b/0")), Ok(1.0));
        assert!(read(Some("/a/b/1")).unwrap_err().contains("a value above zero"));
        assert!(read(Some("/s")).unwrap_err().contains("has no number at /s"));
    }
}
