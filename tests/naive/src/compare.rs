//! What is in a report and differs from what was expected.

use serde_json::Value;

/// One line for each figure of `expected` that `report` does not have. What only the report has is not looked at. Rows of
/// tables may stand in any order, numbers of a series may not.
#[must_use]
pub fn differences(report: &Value, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", report, expected, &mut found);
    found
}

fn compare(place: &str, report: &Value, expected: &Value, found: &mut Vec<String>) {
    match (report, expected) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, expected) in theirs {
                let place = format!("{place}.{key}");
                match ours.get(key) {
                    Some(report) => compare(&place, report, expected, found),
                    None => found.push(format!("{place}: missing")),
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if theirs.iter().any(Value::is_number) => {
            series(place, ours, theirs, found);
        }
        (Value::Array(ours), Value::Array(theirs)) => rows(place, ours, theirs, found),
        (Value::Number(ours), Value::Number(theirs)) if ours.is_f64() || theirs.is_f64() => {
            let (ours, theirs) =
                (ours.as_f64().unwrap_or(f64::NAN), theirs.as_f64().unwrap_or(f64::NAN));
            if (ours - theirs).abs() > 1e-9 * theirs.abs() || ours.is_nan() {
                found.push(format!("{place}: {ours}, expected {theirs}"));
            }
        }
        _ if report == expected => {}
        _ => found.push(format!("{place}: {report}, expected {expected}")),
    }
}

/// Numbers have their order.
fn series(place: &str, ours: &[Value], theirs: &[Value], found: &mut Vec<String>) {
    if ours.len() != theirs.len() {
        found.push(format!("{place}: {} numbers, expected {}", ours.len(), theirs.len()));
    }
    for (position, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        compare(&format!("{place}[{position}]"), ours, theirs, found);
    }
}

fn rows(place: &str, ours: &[Value], theirs: &[Value], found: &mut Vec<String>) {
    if ours.len() != theirs.len() {
        found.push(format!("{place}: {} rows, expected {}", ours.len(), theirs.len()));
    }
    let mut left: Vec<&Value> = ours.iter().collect();
    for row in theirs {
        let same = |ours: &&Value| {
            if ours["name"] != row["name"] {
                return false;
            }
            let mut different = Vec::new();
            compare("", ours, row, &mut different);
            different.is_empty()
        };
        match left.iter().position(same) {
            Some(position) => drop(left.remove(position)),
            None => found.push(format!("{place}: no row {row}")),
        }
    }
    for row in left {
        found.push(format!("{place}: row {row} was not expected"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differences;

    #[test]
    fn every_kind_of_difference_is_found() {
        let expected = json!({"a_ns": 5, "share": 0.5, "rows": [{"name": "x", "n": 1}, {"name": "y", "n": 2}], "none": null, "series": [1, 2]});
        let same = json!({"a_ns": 5, "share": 0.5, "rows": [{"name": "y", "n": 2}, {"name": "x", "n": 1}], "none": null, "b": 1, "series": [1, 2]});
        assert_eq!(differences(&same, &expected), [] as [&str; 0]);
        for (key, other) in [
            ("a_ns", json!(6)),
            ("share", json!(0.500_001)),
            ("none", json!(0)),
            ("series", json!([2, 1])),
            ("series", json!([1, 2, 3])),
            ("rows", json!([{"name": "x", "n": 1}])),
            ("rows", json!([{"name": "x", "n": 1}, {"name": "y", "n": 3}])),
            ("rows", json!([{"name": "x", "n": 1}, {"name": "y", "n": 2}, {"name": "y", "n": 2}])),
        ] {
            let mut different = same.clone();
            different[key] = other;
            assert_ne!(differences(&different, &expected), [] as [&str; 0], "{different}");
        }
        let mut missing = same;
        missing.as_object_mut().unwrap().remove("share");
        assert_eq!(differences(&missing, &expected), [".share: missing"]);
    }
}
