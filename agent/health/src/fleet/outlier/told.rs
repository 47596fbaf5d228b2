//! What stands out, in words: a finding a GPU or node and family, however many metrics show it.

use std::collections::BTreeMap;

use super::{Of, Test};
use crate::fleet::family::Family;
use crate::fleet::finding::{Finding, Kind};
use crate::fleet::group::Group;
use crate::fleet::merge::Node;
use crate::fleet::plan::Suspect;
use crate::fleet::settings::Settings;
use crate::{Severity, Status};

/// Metrics that are named in a sentence.
const NAMED: usize = 3;

type Told = BTreeMap<(usize, Option<u32>, Family), Vec<(Test, f64)>>;

/// Writes findings for what is named, and suspects for both.
pub(super) fn write(
    named: Vec<(Test, f64)>,
    doubtful: Vec<(Test, f64)>,
    groups: &[Group],
    nodes: &mut [Node],
    settings: &Settings,
    suspects: &mut Vec<Suspect>,
) {
    for ((number, gpu, family), tests) in collect(named) {
        let finding = finding(gpu, &family, tests, groups, settings);
        suspects.push(Suspect {
            node: nodes[number].name.clone(),
            gpu,
            why: finding.detail.clone(),
            named: true,
            is_pair: false,
        });
        nodes[number].findings.push(finding);
    }
    for ((number, gpu, _), tests) in collect(doubtful) {
        let name = &nodes[number].name;
        if suspects
            .iter()
            .any(|suspect| suspect.node == *name && (suspect.gpu == gpu || suspect.gpu.is_none()))
        {
            continue;
        }
        let Some((worst, q_value)) = tests.first() else { continue };
        suspects.push(Suspect {
            node: name.clone(),
            gpu,
            why: format!(
                "{}, which chance alone may have done (q = {q_value:.2})",
                sentence(worst, groups)
            ),
            named: false,
            is_pair: false,
        });
    }
}

/// By node, GPU and family, the surest first.
fn collect(tests: Vec<(Test, f64)>) -> Told {
    let mut told: Told = BTreeMap::new();
    for (test, q_value) in tests {
        told.entry((test.node, test.gpu, test.family.clone())).or_default().push((test, q_value));
    }
    for tests in told.values_mut() {
        tests.sort_by(|a, b| {
            let single = |test: &Test| matches!(test.of, Of::Family(_));
            // A figure with a unit says more than a mean of shares.
            single(&a.0).cmp(&single(&b.0)).then(b.0.worse.total_cmp(&a.0.worse))
        });
    }
    told
}

fn finding(
    gpu: Option<u32>,
    family: &Family,
    tests: Vec<(Test, f64)>,
    groups: &[Group],
    settings: &Settings,
) -> Finding {
    let worst = tests.iter().map(|(test, _)| test.worse).fold(0.0, f64::max);
    let q_value = tests.iter().map(|(_, q_value)| *q_value).fold(1.0, f64::min);
    let is_odd = tests.iter().all(|(test, _)| test.is_odd);
    let (status, severity) = if is_odd {
        (Status::Warning, Severity::Monitor)
    } else if worst * 100.0 >= settings.critical_pct {
        (Status::Critical, Severity::Isolate)
    } else {
        (Status::Warning, Severity::Triage)
    };
    let mut tests = tests.into_iter().map(|(test, _)| test);
    // There is one: this was collected by its tests.
    let first = tests.next();
    let mut detail = first.as_ref().map(|test| sentence(test, groups)).unwrap_or_default();
    let others: Vec<Test> = tests.collect();
    if !others.is_empty() {
        let shown: Vec<String> = others.iter().take(NAMED).map(brief).collect();
        let more = match others.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        detail = format!("{detail}; also {}{more}", shown.join(", "));
    }
    let name = match first.as_ref().map(|test| &test.of) {
        Some(Of::Metric(metric)) => metric.clone(),
        _ => family.to_string(),
    };
    let mut finding = Finding::new(
        if gpu.is_some() { Kind::Gpu } else { Kind::Node },
        gpu.map_or("host".to_owned(), |gpu| format!("GPU {gpu}")),
        name,
        status,
        severity,
        detail,
        family.action(gpu),
    );
    finding.worse_pct = Some(100.0 * worst);
    finding.q_value = Some(q_value);
    if let Some(Test { value: Some((value, middle, unit)), .. }) = first {
        finding.value = Some(value.into());
        finding.expected = Some(middle.into());
        finding.unit = unit;
    }
    finding
}

/// `gemm_bf16 is 655.0 TFLOP/s, 7.1 % below the median of 8000 GPUs`.
fn sentence(test: &Test, groups: &[Group]) -> String {
    let kind = groups[test.group].name();
    match (&test.of, &test.value) {
        (Of::Metric(metric), Some((value, middle, unit))) => {
            let unit = unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
            format!(
                "{metric} is {}{unit}, {} the median {} of {kind}",
                figure(*value),
                way(test, *value > *middle),
                figure(*middle)
            )
        }
        (of, _) => {
            let count = if let Of::Family(count) = of { *count } else { 1 };
            format!(
                "{} is {:.1} % worse than the median of {kind}, over its {count} metrics together",
                test.family,
                100.0 * test.worse
            )
        }
    }
}

fn brief(test: &Test) -> String {
    match (&test.of, &test.value) {
        (Of::Metric(metric), Some((value, middle, _))) => {
            format!("{metric} {}", way(test, *value > *middle))
        }
        _ => format!("{} together {:.1} % worse", test.family, 100.0 * test.worse),
    }
}

/// `7.1 % below`, or `16.8 times` where percents say little.
fn way(test: &Test, is_above: bool) -> String {
    match (is_above, test.worse) {
        (true, worse) if worse >= 2.0 => format!("{:.1} times", 1.0 + worse),
        (true, worse) => format!("{:.1} % above", 100.0 * worse),
        (false, worse) => format!("{:.1} % below", 100.0 * worse),
    }
}

/// Four significant digits.
pub(in crate::fleet) fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_have_four_digits() {
        let shown = [0.0, 0.005_963, 24.31, 4012.34, 655_000.2].map(figure);
        assert_eq!(shown, ["0", "0.005963", "24.31", "4012", "655000"]);
    }
}
