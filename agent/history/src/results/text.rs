//! Files with a document a line: messages of cargo-criterion, cases of a suite.

use serde_json::Value;

use super::{Format, Results, bench, criterion, json};

/// Schema of a line of `results.jsonl`.
const SUITE: &str = "perfagent.bench-suite/1";

/// What the first line says the file is, and what it holds; `None` where the first line is nothing known.
pub(super) fn lines(text: &str) -> Option<(Format, Result<Results, String>)> {
    let first: Value = serde_json::from_str(text.lines().next()?).ok()?;
    if first.get("reason").is_some_and(Value::is_string) {
        return Some((Format::CargoCriterion, messages(text)));
    }
    let is_suite = first.get("schema").and_then(Value::as_str) == Some(SUITE);
    is_suite.then(|| (Format::Suite, cases(text)))
}

fn documents(text: &str) -> impl Iterator<Item = Result<(String, Value), String>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| {
        let place = format!("line {}", index + 1);
        let document =
            serde_json::from_str(line).map_err(|error| format!("{place}: is not JSON: {error}"))?;
        Ok((place, document))
    })
}

fn messages(text: &str) -> Result<Results, String> {
    let mut results = Results::default();
    for document in documents(text) {
        let (place, document) = document?;
        results.measurements.extend(criterion::message(&document, &place)?);
    }
    Ok(results)
}

/// Each case that ended well, by its name. Of a case that was run again the last line counts.
fn cases(text: &str) -> Result<Results, String> {
    let mut results = Results::default();
    for document in documents(text) {
        let (place, document) = document?;
        let case = json::text(&document, "case", &place)?;
        results.measurements.retain(|measured| measured.subject.as_deref() != Some(case));
        if document.get("status").and_then(Value::as_str) != Some("ok") {
            let status = json::shown(document.get("status"));
            results.warnings.push(format!("{case}: did not end well ({status})"));
            continue;
        }
        let result = document.get("result").unwrap_or(&Value::Null);
        let read = bench::read(result, Some(case))
            .map_err(|problem| format!("{place}: case {case}: {problem}"))?;
        results.measurements.extend(read.measurements);
        if results.environment.is_empty() {
            results.environment = read.environment;
        }
        if results.suite.is_none() {
            results.suite = document.get("suite").and_then(Value::as_str).map(str::to_owned);
        }
    }
    Ok(results)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Format, lines};

    #[test]
    fn the_last_line_of_a_case_counts() {
        let line = |case: &str, status: &str, step: u64| {
            let ranks = json!([{"step_ns": [step]}]);
            json!({"schema": "perfagent.bench-suite/1", "suite": "ci", "case": case, "status": status,
                   "result": {"schema": "perfagent.bench/1", "ranks": ranks}})
            .to_string()
        };
        let text = [line("a", "ok", 5), line("b", "failed", 0), line("a", "ok", 6)].join("\n");
        let (format, read) = lines(&text).unwrap();
        let read = read.unwrap();
        assert_eq!(format, Format::Suite);
        let shown: Vec<_> =
            read.measurements.iter().map(|m| (m.title(), m.samples.clone())).collect();
        assert_eq!(shown, [("step_time of a".to_owned(), vec![6.0])]);
        assert_eq!((read.suite.as_deref(), read.warnings.len()), (Some("ci"), 1));
    }

    #[test]
    fn the_line_of_a_mistake_is_told() {
        let text = "{\"reason\": \"group-complete\"}\n{\"reason\": \"benchmark-complete\"}";
        let problem = lines(text).unwrap().1.unwrap_err();
        assert!(problem.starts_with("line 2: \"id\""), "{problem}");
        assert!(lines("{\"a\": 1}\n").is_none());
    }
}
