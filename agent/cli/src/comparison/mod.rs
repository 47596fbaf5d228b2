//! From recordings to the comparison of two sets of runs, and the comparison as a page. The statistics
//! are in `perfagent_regress`; here is which figure of a report becomes which metric.

mod changed;
mod environment;
mod metric;
mod page;
mod run;
mod workload;

use perfagent_regress::compare::{Settings, differences};

pub(crate) use changed::Answer;
pub(crate) use page::{interval, page, quantity};
pub(crate) use run::Run;

/// Compares the runs of two sides.
pub(crate) fn compare(
    base: Vec<Run>,
    new: Vec<Run>,
    force: bool,
    settings: &Settings,
) -> anyhow::Result<Answer> {
    let environments =
        |side: &[Run]| side.iter().map(|run| run.environment.clone()).collect::<Vec<_>>();
    let names = |side: &[Run]| side.iter().map(|run| run.path.clone()).collect();
    let differences = differences(&environments(&base), &environments(&new));
    let mut all_steps = base.iter().chain(&new).map(|run| run.steps);
    let first = all_steps.next();
    let as_many_steps = all_steps.all(|steps| Some(steps) == first);
    let metrics = metric::metrics(&base, &new, as_many_steps);
    let mut comparison = perfagent_regress::compare::compare(
        (names(&base), names(&new)),
        &metrics,
        differences,
        force,
        settings,
    )?;
    if !as_many_steps && comparison.environment.comparable {
        comparison.warnings.push(
            "The runs have different numbers of steps: kernels and operators are not compared, since their totals hold set-up and tear-down too. Record as many steps on both sides.".to_owned(),
        );
    }
    for run in base.iter().chain(&new) {
        let of_run = |warning| format!("{}: {warning}", run.path);
        comparison.warnings.extend(run.warnings.iter().map(of_run));
    }
    let comparable = comparison.environment.comparable;
    let difference = comparable.then(|| changed::difference(base, new));
    Ok(Answer { comparison, difference })
}
