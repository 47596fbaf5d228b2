//! The new side's headline figures as `OpenMetrics` text, for reports of metrics such as GitLab's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use perfagent_regress::compare::{Family, Unit};

use super::document::Document;

/// Writes it: medians over the runs of the first look, in seconds, bytes and the like.
pub(crate) fn openmetrics(gate: &Document<'_>) -> String {
    let mut families: BTreeMap<String, Vec<(&str, f64)>> = BTreeMap::new();
    for case in &gate.cases {
        let Some(answer) = case.comparison.filter(|_| case.broken.is_none()) else { continue };
        let rows = answer.comparison.metrics.iter();
        for row in rows.filter(|row| row.family == Family::Headline && row.subject.is_none()) {
            let (unit, scale) = match row.unit {
                Unit::Nanoseconds => ("_seconds", 1e-9),
                Unit::Bytes => ("_bytes", 1.0),
                Unit::GigabytesPerSecond => ("_bytes_per_second", 1e9),
                Unit::TokensPerSecond => ("_tokens_per_second", 1.0),
                Unit::SamplesPerSecond => ("_samples_per_second", 1.0),
                Unit::Nats => ("_nats", 1.0),
                Unit::Count => ("", 1.0),
            };
            let name = format!("perfagent_{}{unit}", row.name);
            families.entry(name).or_default().push((case.name, row.new.median * scale));
        }
    }
    let mut text = String::new();
    for (name, values) in &families {
        // Writing to a String cannot fail. Names of cases hold nothing that would have to be quoted.
        let _ = writeln!(text, "# TYPE {name} gauge");
        for (case, value) in values {
            let _ = writeln!(text, "{name}{{case=\"{case}\"}} {value}");
        }
    }
    text.push_str("# EOF\n");
    text
}
