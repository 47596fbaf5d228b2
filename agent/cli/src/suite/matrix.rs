//! Counts the cases of a `[[case]]` out: every combination of its matrix, every repetition.

use std::ops::Range;

use serde_json::Value;

use super::case::{self, Case};
use super::file::RunKeys;
use super::option::{Known, Options};
use super::place::Surroundings;
use super::range;

/// A suite of more has a slip of the pen in a range.
pub(super) const MOST_CASES: usize = 10_000;

/// A `[[case]]` as it was read.
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) options: Options,
    /// The last varies fastest.
    pub(super) axes: Vec<Axis>,
    pub(super) run: RunKeys,
}

/// An option that takes several values.
pub(super) struct Axis {
    pub(super) known: &'static Known,
    pub(super) values: Values,
    pub(super) at: Range<usize>,
}

/// The values of an axis.
pub(super) enum Values {
    These(Vec<Value>),
    /// To be counted out when it is known what the machine has.
    Range(String),
}

/// What is wrong, and where unless with the case as a whole.
type Problem = (Option<Range<usize>>, String);

/// What is said of more than [`MOST_CASES`].
pub(super) fn too_many() -> String {
    format!("these are more than {MOST_CASES} cases; vary less")
}

/// All cases of a frame, in order.
pub(super) fn cases(frame: &Frame, surroundings: Surroundings) -> Result<Vec<Case>, Problem> {
    let first = Case {
        name: frame.name.clone(),
        options: frame.options.clone(),
        time_limit: frame.run.time_limit,
        must_run: frame.run.must_run,
        open: false,
    };
    let mut cases = vec![first];
    for axis in &frame.axes {
        let mut varied = Vec::new();
        for case in &cases {
            let (values, open) = axis.values(&case.options, surroundings)?;
            if varied.len() + values.len() > MOST_CASES {
                return Err((Some(axis.at.clone()), too_many()));
            }
            for value in values {
                let mut case = case.clone();
                case.name = format!("{}-{}", case.name, axis.known.label(&value));
                case.options.insert(axis.known.key.to_owned(), value);
                case.open |= open;
                varied.push(case);
            }
        }
        cases = varied;
    }
    if frame.options.get("model").is_none()
        && cases.iter().any(|case| !case.options.contains_key("model"))
    {
        let problem = "no model is named; write model = \"gpt\" here or in [defaults]";
        return Err((None, problem.to_owned()));
    }
    if frame.run.repeat > 1 {
        let again = |case: Case| {
            (1..=frame.run.repeat)
                .map(move |time| Case { name: format!("{}-{time}", case.name), ..case.clone() })
        };
        cases = cases.into_iter().flat_map(again).collect();
    }
    Ok(cases)
}

impl Axis {
    /// The values for a case with these other options, and whether they end where the memory ends.
    fn values(
        &self,
        options: &Options,
        surroundings: Surroundings,
    ) -> Result<(Vec<Value>, bool), Problem> {
        let text = match &self.values {
            Values::These(values) => return Ok((values.clone(), false)),
            Values::Range(text) => text,
        };
        let problem =
            |problem: String| (Some(self.at.clone()), format!("{}: {problem}", self.known.key));
        let device = options.get("device").and_then(Value::as_str);
        let of_devices = ["ranks", "tp", "pp"].contains(&self.known.key);
        let n = of_devices.then(|| surroundings.devices(device));
        let range = range::parse(text, n).map_err(|error| problem(error.to_string()))?;
        if range.open && !case::GROWING.contains(&self.known.key) {
            let growing = case::GROWING.join(" and ");
            return Err(problem(format!(
                "only {growing} grow to the memory limit; give the range an end"
            )));
        }
        Ok((range.values.into_iter().map(Value::from).collect(), range.open))
    }
}
