//! What `perfagent tune` has tried: its journal, `tune.jsonl`, or its answer to `--json`.

use std::path::Path;

use perfagent_advisor::tune::Trial;
use perfagent_predictor::Interval;
use serde_json::Value;

/// The schema of a line of the journal, and of the answer.
const SCHEMA: &str = "perfagent.tune/1";
/// The journal in its folder.
const JOURNAL: &str = "tune.jsonl";
const REMEDY: &str =
    "give the folder of perfagent tune, its tune.jsonl, or what --json has printed";

/// Trials of one search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trials {
    /// Unit of what is measured.
    pub unit: String,
    /// In their order.
    pub rows: Vec<Row>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Counted from 1.
    pub number: u32,
    /// Its values, in words.
    pub configuration: String,
    /// What was expected, with its 90 % interval.
    pub predicted: Option<Interval>,
    /// What was measured.
    pub measured: Option<f64>,
    /// How it ended: `ok`, `out of memory`, …
    pub status: &'static str,
    /// Why nothing was measured; empty when something was.
    pub reason: String,
}

impl Row {
    /// Predicted by measured, percent more.
    #[must_use]
    pub fn error_pct(&self) -> Option<f64> {
        let (predicted, measured) = self.predicted.zip(self.measured)?;
        Some(100.0 * (predicted.p50 / measured - 1.0))
    }

    /// Whether what was measured lies in the interval.
    #[must_use]
    pub fn is_held(&self) -> Option<bool> {
        let (predicted, measured) = self.predicted.zip(self.measured)?;
        Some((predicted.p05..=predicted.p95).contains(&measured))
    }
}

impl Trials {
    /// Reads a journal, the folder that holds one, or an answer.
    ///
    /// # Errors
    /// What is wrong with it, in one line with its path and the remedy.
    pub fn read(path: &Path) -> Result<Self, String> {
        let file = if path.is_dir() { path.join(JOURNAL) } else { path.to_owned() };
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}; {REMEDY}", file.display()))?;
        Self::parse(&text).map_err(|why| format!("{}: {why}; {REMEDY}", file.display()))
    }

    /// Reads the text of one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(Value::Object(whole)) = serde_json::from_str::<Value>(text) {
            let whole = Value::Object(whole);
            check(&whole)?;
            if whole.get("kind").and_then(Value::as_str) == Some("result") {
                let unit = whole.get("unit").and_then(Value::as_str).unwrap_or_default().to_owned();
                let rows = whole.get("trials").and_then(Value::as_array).into_iter().flatten();
                return Ok(Self { unit, rows: rows.map(row).collect::<Result<_, _>>()? });
            }
        }
        let mut trials = Self::default();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let Ok(value) = serde_json::from_str::<Value>(line) else {
                // What is being written at this moment is read the next time.
                if number + 1 == lines.len() && number > 0 {
                    break;
                }
                return Err(format!("line {} is no JSON", number + 1));
            };
            check(&value).map_err(|why| format!("line {} {why}", number + 1))?;
            match value.get("kind").and_then(Value::as_str) {
                Some("search") => trials.unit = unit(&value),
                Some("trial") => trials
                    .rows
                    .push(row(&value).map_err(|why| format!("line {}: {why}", number + 1))?),
                _ => return Err(format!("line {} is neither a search nor a trial", number + 1)),
            }
        }
        Ok(trials)
    }

    /// The median of the errors without their sign, percent, and how many of the intervals held.
    #[must_use]
    pub fn errors(&self) -> Option<(f64, usize, usize)> {
        let mut errors: Vec<f64> =
            self.rows.iter().filter_map(|row| row.error_pct().map(f64::abs)).collect();
        errors.sort_by(f64::total_cmp);
        let held = self.rows.iter().filter(|row| row.is_held() == Some(true)).count();
        Some((*errors.get(errors.len().checked_sub(1)? / 2)?, held, errors.len()))
    }
}

fn check(value: &Value) -> Result<(), String> {
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => Ok(()),
        Some(other) => Err(format!("is {other}, not {SCHEMA}")),
        None => Err("has no \"schema\"".to_owned()),
    }
}

/// What is measured, from the line that says what is searched.
fn unit(search: &Value) -> String {
    let objective = search.get("objective");
    let text = |field: &str| objective.and_then(|of| of.get(field)).and_then(Value::as_str);
    match (text("from"), text("pointer"), text("tokens")) {
        (Some("json"), Some(pointer), _) => pointer.trim_start_matches('/').to_owned(),
        (Some("steps"), _, None) => "steps/s".to_owned(),
        _ => "tokens/s".to_owned(),
    }
}

fn row(value: &Value) -> Result<Row, String> {
    let trial: Trial = serde_json::from_value(value.clone())
        .map_err(|error| format!("does not hold a trial ({error})"))?;
    Ok(Row {
        number: trial.number,
        configuration: trial.candidate.sentence(),
        predicted: trial.predicted,
        measured: trial.outcome.value(),
        status: trial.outcome.name(),
        reason: trial.outcome.reason().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::Trials;

    const JOURNAL: &str = concat!(
        r#"{"schema":"perfagent.tune/1","kind":"search","command":["run"],"parameters":[],"objective":{"from":"steps","tokens":"8*128"}}"#,
        "\n",
        r#"{"schema":"perfagent.tune/1","kind":"trial","number":1,"candidate":{"micro_batch":"1"},"predicted":null,"status":"ok","value":100.0,"exit_code":0,"log":"l"}"#,
        "\n",
        r#"{"schema":"perfagent.tune/1","kind":"trial","number":2,"candidate":{"micro_batch":"2"},"predicted":{"p05":150.0,"p50":180.0,"p95":220.0},"status":"ok","value":200.0}"#,
        "\n",
        r#"{"schema":"perfagent.tune/1","kind":"trial","number":3,"candidate":{"micro_batch":"4"},"predicted":{"p05":1.0,"p50":2.0,"p95":3.0},"status":"out_of_memory","reason":"CUDA out of memory"}"#,
        "\n"
    );

    #[test]
    fn a_journal_is_read_up_to_what_is_being_written() {
        let trials = Trials::parse(JOURNAL).unwrap();
        assert_eq!((trials.unit.as_str(), trials.rows.len()), ("tokens/s", 3));
        assert_eq!(trials.rows[1].configuration, "micro_batch 2");
        assert_eq!(trials.rows[2].status, "out of memory");
        assert_eq!(trials.rows[2].reason, "CUDA out of memory");
        let (error, held, of) = trials.errors().unwrap();
        assert!((error - 10.0).abs() < 1e-9);
        assert_eq!((held, of), (1, 1));
        let cut = &JOURNAL[..JOURNAL.len() - 20];
        assert_eq!(Trials::parse(cut).unwrap().rows.len(), 2);
    }

    #[test]
    fn an_answer_is_read_too() {
        let answer = r#"{"schema":"perfagent.tune/1","kind":"result","unit":"steps/s","trials":[
            {"number":1,"candidate":{},"predicted":null,"status":"ok","value":3.0,"refitted":null}]}"#;
        let trials = Trials::parse(answer).unwrap();
        assert_eq!((trials.unit.as_str(), trials.rows[0].measured), ("steps/s", Some(3.0)));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["x", "{}", "{\"schema\":\"perfagent.report/1\"}", "[]\n[]"] {
            assert!(Trials::parse(text).is_err(), "{text}");
        }
        assert!(Trials::parse("").unwrap().rows.is_empty());
    }
}
