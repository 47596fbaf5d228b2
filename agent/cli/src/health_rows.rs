//! Checks as rows of text: what is well on all GPUs alike takes one row.

use perfagent_health::Check;

/// One row.
#[derive(Debug)]
pub(crate) struct Row<'checks> {
    /// The check that it is of, or the first of them.
    pub(crate) check: &'checks Check,
    pub(crate) target: String,
    pub(crate) detail: String,
}

/// The rows in the order of the checks.
pub(crate) fn rows(checks: &[Check]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (at, check) in checks.iter().enumerate() {
        let alike: Vec<&Check> = checks.iter().filter(|other| belong(check, other)).collect();
        if alike.len() < 2 {
            rows.push(Row { check, target: check.target.clone(), detail: check.detail.clone() });
        } else if checks[..at].iter().all(|earlier| !belong(check, earlier)) {
            rows.push(together(check, &alike));
        }
    }
    rows
}

/// Whether two checks of GPUs say the same of them, but for figures.
fn belong(one: &Check, other: &Check) -> bool {
    let quiet = |check: &Check| check.action.is_none() && check.target.starts_with("GPU ");
    one.name == other.name && one.status == other.status && quiet(one) && quiet(other)
}

/// `GPU 0-6,8`, and what the first of them says.
fn together<'checks>(check: &'checks Check, alike: &[&Check]) -> Row<'checks> {
    let numbers: Option<Vec<u32>> =
        alike.iter().map(|check| check.target.strip_prefix("GPU ")?.parse().ok()).collect();
    let target = numbers.map_or_else(
        || alike.iter().map(|check| check.target.as_str()).collect::<Vec<_>>().join(", "),
        |numbers| format!("GPU {}", ranges(&numbers)),
    );
    let same = alike.iter().all(|other| other.detail == check.detail);
    let detail = if same {
        check.detail.clone()
    } else {
        format!("{}: {}; others alike", check.target, check.detail)
    };
    Row { check, target, detail }
}

/// `0-6,8`.
fn ranges(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let words = ranges.iter().map(|(first, last)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    });
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use perfagent_health::{Check, Severity, Status};

    use super::{ranges, rows};

    fn check(target: &str, status: Status, detail: &str) -> Check {
        let quiet = status == Status::Ok;
        Check {
            name: "gpu_temperature",
            target: target.to_owned(),
            status,
            severity: if quiet { Severity::None } else { Severity::Triage },
            value: None,
            expected: None,
            unit: None,
            action: (!quiet).then(|| "inspect".to_owned()),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn gpus_that_are_well_share_a_row_and_others_have_their_own() {
        let checks = [
            check("GPU 0", Status::Ok, "31 °C"),
            check("GPU 1", Status::Critical, "99 °C"),
            check("GPU 2", Status::Ok, "31 °C"),
            check("GPU 3", Status::Ok, "32 °C"),
            check("host", Status::Ok, "x"),
        ];
        let rows: Vec<_> = rows(&checks).into_iter().map(|row| (row.target, row.detail)).collect();
        let row = |target: &str, detail: &str| (target.to_owned(), detail.to_owned());
        assert_eq!(
            rows,
            [
                row("GPU 0,2-3", "GPU 0: 31 °C; others alike"),
                row("GPU 1", "99 °C"),
                row("host", "x")
            ]
        );
    }

    #[test]
    fn neighbours_are_a_range() {
        assert_eq!(ranges(&[0, 1, 2, 3, 4, 5, 6, 7]), "0-7");
        assert_eq!(ranges(&[0, 2, 3, 9]), "0,2-3,9");
        assert_eq!(ranges(&[]), "");
    }
}
