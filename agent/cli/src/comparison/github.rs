//! The comparison for GitHub: workflow commands that become annotations, and the line by which a comment is found again.

use anyhow::ensure;
use perfagent_regress::compare::{Comparison, Family, MetricRow, Overall, Verdict};

use super::junit::in_full;
use super::page::{overall, title};

/// GitHub shows so many annotations of a kind for a step and drops the others without a word.
const MOST: usize = 10;

/// A hidden line of Markdown that is the same for every comparison of this name, by which a workflow finds the comment that it
/// has to update. `name` tells several comparisons of one pull request apart.
pub(crate) fn marker(name: Option<&str>) -> anyhow::Result<String> {
    let Some(name) = name else { return Ok("<!-- perfagent-compare -->\n".to_owned()) };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    ensure!(
        !name.is_empty() && name.chars().all(is_plain) && !name.contains("--"),
        "--marker {name}: is hidden in a comment; use letters, digits, single dashes, dots and underscores"
    );
    Ok(format!("<!-- perfagent-compare {name} -->\n"))
}

/// One workflow command a line: an error for each regression, a warning for what is open or forbids a comparison, a notice for
/// improvements and for the whole.
pub(crate) fn annotations(comparison: &Comparison) -> Vec<String> {
    let of = |verdict, family: Option<Family>| {
        let rows = comparison.metrics.iter();
        rows.filter(move |row| row.verdict == verdict && family.is_none_or(|it| row.family == it))
            .map(metric)
            .collect::<Vec<_>>()
    };
    let mut errors = of(Verdict::Regression, None);
    let mut warnings = of(Verdict::Inconclusive, Some(Family::Headline));
    for found in &comparison.environment.differences {
        let text = format!("base {}, new {}", found.base.join("; "), found.new.join("; "));
        let title = format!("environment: {}", found.fact);
        if comparison.verdict == Overall::Incomparable {
            errors.push((title, text));
        } else {
            warnings.push((title, text));
        }
    }
    for case in comparison.cases.iter().filter(|case| case.base_runs == 0 || case.new_runs == 0) {
        let runs = format!("{} base runs, {} new runs", case.base_runs, case.new_runs);
        warnings.push((format!("case {}: not compared", case.case), runs));
    }
    let mut notices = vec![(
        format!("perfagent compare: {}", overall(comparison.verdict)),
        format!("{} base runs, {} new runs", comparison.base.len(), comparison.new.len()),
    )];
    notices.extend(of(Verdict::Improvement, None));
    let mut lines = Vec::new();
    for (command, found) in [("error", errors), ("warning", warnings), ("notice", notices)] {
        lines.extend(
            shortened(found).iter().map(|(title, text)| {
                format!("::{command} title={}::{}", property(title), data(text))
            }),
        );
    }
    lines
}

/// A title and what is said.
type Annotation = (String, String);

fn metric(row: &MetricRow) -> Annotation {
    let verdict = match row.verdict {
        Verdict::Regression => "regression",
        Verdict::Improvement => "improvement",
        Verdict::Equivalent => "equivalent",
        Verdict::Inconclusive => "inconclusive",
    };
    let name = title(row.case.as_deref(), &row.name, row.subject.as_deref());
    let reason = row.reason.as_ref().map_or_else(String::new, |reason| format!("; {reason}"));
    (format!("{verdict}: {name}"), format!("{}{reason}", in_full(row)))
}

/// As many as are shown; the last one says how many there are more.
fn shortened(mut found: Vec<Annotation>) -> Vec<Annotation> {
    if found.len() > MOST {
        let more = found.len() - (MOST - 1);
        found.truncate(MOST - 1);
        let text = "GitHub shows ten of a kind; the summary of the job has all".to_owned();
        found.push((format!("and {more} more"), text));
    }
    found
}

/// Longest text of an annotation, in characters.
const LONGEST: usize = 2_000;

/// As a message of a workflow command.
fn data(text: &str) -> String {
    let text: String = text.chars().take(LONGEST).collect();
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As a property of one, where more has a meaning.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{MOST, data, marker, property, shortened};

    #[test]
    fn nothing_in_a_name_is_a_command() {
        assert_eq!(data("100 %\r\n::error::x"), "100 %25%0D%0A::error::x");
        assert_eq!(property("a,b: 1 %"), "a%2Cb%3A 1 %25");
    }

    #[test]
    fn more_than_github_shows_are_counted() {
        let many = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(shortened(many(MOST)).len(), MOST);
        let cut = shortened(many(25));
        assert_eq!((cut.len(), cut[MOST - 1].0.as_str()), (MOST, "and 16 more"));
    }

    #[test]
    fn a_marker_cannot_end_its_comment() {
        assert_eq!(marker(Some("gpt-nano")).unwrap(), "<!-- perfagent-compare gpt-nano -->\n");
        for name in ["", "a--b", "a -->", "a\nb"] {
            assert!(marker(Some(name)).is_err(), "{name}");
        }
    }
}
