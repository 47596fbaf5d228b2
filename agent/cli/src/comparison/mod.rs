//! From recordings and results to the comparison of two sets of runs, and the comparison in its forms. The statistics
//! are in `perfagent_regress`; here is which figure of a report becomes which metric.

mod again;
mod alone;
mod attribution;
mod changed;
mod detail;
mod environment;
mod github;
mod junit;
mod loss;
mod metric;
mod page;
mod part;
mod picture;
mod result;
mod run;
mod side;
mod workload;

use indexmap::IndexMap;
use perfagent_regress::compare::{Difference, Environment, Settings, differences, facts};

pub(crate) use again::again;
pub(crate) use detail::{Answer, Detail};
pub(crate) use github::{annotations, marker};
pub(crate) use junit::junit;
pub(crate) use page::{interval, page, quantity};
pub(crate) use run::Run;
pub(crate) use side::{Side, open, read};

use metric::Wanted;

/// Compares the runs of two sides, case by case where they are of suites.
pub(crate) fn compare(
    base: Side,
    new: Side,
    force: bool,
    settings: &Settings,
) -> anyhow::Result<Answer> {
    let mut cases: Vec<Option<&str>> = Vec::new();
    for run in base.runs.iter().chain(&new.runs) {
        if !cases.contains(&run.case.as_deref()) {
            cases.push(run.case.as_deref());
        }
    }
    let (mut metrics, mut details, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let mut different: Vec<Difference> = Vec::new();
    let mut counts = Vec::new();
    for &case in &cases {
        let (base, new) = (of_case(&base, case), of_case(&new, case));
        if let Some(case) = case {
            counts.push((case.to_owned(), base.len(), new.len()));
        }
        // Of a case that a side lacks there is nothing to compare.
        let found = if base.is_empty() || new.is_empty() {
            Vec::new()
        } else {
            differences(&environments(&base), &environments(&new))
        };
        for mut difference in found {
            let runs = base.iter().chain(&new).copied();
            let agrees = difference.fact == environment::CLOCK && environment::clocks_agree(runs);
            let said = different.iter().any(|known| {
                known.base == difference.base
                    && known.new == difference.new
                    && known.fact.split(" of ").next() == Some(&difference.fact)
            });
            if agrees || said {
                continue;
            }
            if let (Some(case), true) = (case, cases.len() > 1 && difference.fact == "workload") {
                difference.fact = format!("{} of {case}", difference.fact);
            }
            different.push(difference);
        }
        let detail = Detail::of(case, &base, &new);
        let mut steps = base.iter().chain(&new).map(|run| run.steps);
        let first = steps.next();
        let with_totals = steps.all(|steps| Some(steps) == first);
        if !with_totals {
            let which = case.map_or_else(String::new, |case| format!(" of {case}"));
            warnings.push(format!(
                "The runs{which} have different numbers of steps: kernels and operators are not compared, since their totals hold set-up and tear-down too. Record as many steps on both sides."
            ));
        }
        let renamed = detail.renamed();
        let wanted = Wanted { case, with_totals, renamed: &renamed };
        if !base.is_empty() && !new.is_empty() {
            metrics.extend(metric::metrics(&base, &new, &wanted));
        }
        details.push(detail);
    }
    // What forbids a comparison comes first.
    different.sort_by_key(|difference| difference.weight);
    let names = |side: &Side| side.runs.iter().map(Run::name).collect();
    let mut comparison = perfagent_regress::compare::compare(
        (names(&base), names(&new)),
        &metrics,
        different,
        force,
        settings,
    )?;
    let all = |side: &Side| environments(&side.runs.iter().collect::<Vec<_>>());
    comparison.environment.facts = facts(&all(&base), &all(&new));
    comparison.set_cases(counts);
    if comparison.environment.comparable {
        comparison.warnings.extend(warnings);
    }
    let lacking = comparison.cases.iter().filter(|case| case.base_runs == 0 || case.new_runs == 0);
    let lacking: Vec<String> = lacking
        .map(|case| {
            let side = if case.base_runs == 0 { "base" } else { "new" };
            format!("The case {} has no run on the {side} side and is not compared.", case.case)
        })
        .collect();
    comparison.warnings.extend(lacking);
    comparison.warnings.extend(base.notes.into_iter().chain(new.notes));
    comparison.warnings.extend(of_runs(base.runs.iter().chain(&new.runs)));
    let comparable = comparison.environment.comparable;
    let details = if comparable { details } else { Vec::new() };
    Ok(Answer::new(comparison, details))
}

fn environments(side: &[&Run]) -> Vec<Environment> {
    side.iter().map(|run| run.environment.clone()).collect()
}

/// What is to be known of runs, each sentence once, with the runs that it is of.
fn of_runs<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<String> {
    let mut by_sentence: IndexMap<&str, Vec<&str>> = IndexMap::new();
    for run in runs {
        for warning in &run.warnings {
            by_sentence.entry(warning).or_default().push(&run.path);
        }
    }
    let sentence = |(warning, paths): (&str, Vec<&str>)| match &paths[..] {
        [] => warning.to_owned(),
        [path] => format!("{path}: {warning}"),
        [path, other] => format!("{path} and {other}: {warning}"),
        [path, more @ ..] => format!("{path} and {} more runs: {warning}", more.len()),
    };
    by_sentence.into_iter().map(sentence).collect()
}

/// The runs of a case.
fn of_case<'a>(side: &'a Side, case: Option<&str>) -> Vec<&'a Run> {
    side.runs.iter().filter(|run| run.case.as_deref() == case).collect()
}
