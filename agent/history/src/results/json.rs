//! Small questions to JSON values; whatever is wrong names the place.

use perfagent_regress::compare::{Better, Family};
use serde_json::Value;

use crate::run::Measurement;

/// The field of this name as a text.
pub(super) fn text<'a>(value: &'a Value, field: &str, place: &str) -> Result<&'a str, String> {
    value
        .get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{place}: \"{field}\" is no text, but {}", shown(value.get(field))))
}

/// The field of this name as a number.
pub(super) fn number(value: &Value, field: &str, place: &str) -> Result<f64, String> {
    finite(value.get(field)).ok_or_else(|| {
        format!("{place}: \"{field}\" is no number, but {}", shown(value.get(field)))
    })
}

/// The field of this name as a number; `None` where it is absent or null.
pub(super) fn optional(value: &Value, field: &str, place: &str) -> Result<Option<f64>, String> {
    match value.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => number(value, field, place).map(Some),
    }
}

/// The field of this name as numbers; `None` where it is absent, null or empty.
pub(super) fn numbers(value: &Value, field: &str, place: &str) -> Result<Option<Vec<f64>>, String> {
    let list = match value.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(list) => list.as_array(),
    };
    let list = list.ok_or_else(|| format!("{place}: \"{field}\" is no array"))?;
    let numbers = list.iter().enumerate().map(|(index, entry)| {
        finite(Some(entry)).ok_or_else(|| {
            format!("{place}: \"{field}\"[{index}] is no number, but {}", shown(Some(entry)))
        })
    });
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    Ok((!numbers.is_empty()).then_some(numbers))
}

fn finite(value: Option<&Value>) -> Option<f64> {
    value.and_then(Value::as_f64).filter(|number| number.is_finite())
}

/// A value in a message: short.
pub(super) fn shown(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::Array(_)) => "an array".to_owned(),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(value) => {
            let text = value.to_string();
            if text.chars().count() > 40 {
                text.chars().take(39).chain(['…']).collect()
            } else {
                text
            }
        }
    }
}

/// Why a document is none of those that are known.
pub(super) fn description(document: &Value) -> String {
    match document.get("schema") {
        Some(schema) => format!("its schema is {}, which holds no results", shown(Some(schema))),
        None => match document {
            Value::Array(rows) if rows.is_empty() => "is an empty array".to_owned(),
            Value::Array(_) => {
                "is an array whose first entry has no \"name\" and \"value\"".to_owned()
            }
            Value::Object(fields) if fields.is_empty() => "is an empty object".to_owned(),
            Value::Object(_) => "is JSON of no known form".to_owned(),
            other => format!("is {}, not an object or array", shown(Some(other))),
        },
    }
}

/// A measurement by which a run is judged.
pub(super) fn headline(
    name: &str,
    subject: Option<&str>,
    unit: &str,
    better: Better,
    samples: Vec<f64>,
) -> Measurement {
    Measurement {
        name: name.to_owned(),
        subject: subject.map(str::to_owned),
        unit: unit.to_owned(),
        better,
        family: Family::Headline,
        samples,
        bounds: None,
    }
}
