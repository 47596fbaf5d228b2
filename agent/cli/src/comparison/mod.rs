//! From recordings to the comparison of two sets of runs, and the comparison as a page. The statistics
//! are in `perfagent_regress`; here is which figure of a report becomes which metric.

mod environment;
mod metric;
mod page;
mod run;
mod workload;

use perfagent_regress::compare::{Comparison, Settings, differences};

pub(crate) use page::page;
pub(crate) use run::Run;

/// Compares the runs of two sides.
pub(crate) fn compare(
    base: &[Run],
    new: &[Run],
    force: bool,
    settings: &Settings,
) -> anyhow::Result<Comparison> {
    let environments =
        |side: &[Run]| side.iter().map(|run| run.environment.clone()).collect::<Vec<_>>();
    let names = |side: &[Run]| side.iter().map(|run| run.path.clone()).collect();
    let differences = differences(&environments(base), &environments(new));
    let metrics = metric::metrics(base, new);
    let mut comparison = perfagent_regress::compare::compare(
        (names(base), names(new)),
        &metrics,
        differences,
        force,
        settings,
    )?;
    for run in base.iter().chain(new) {
        let of_run = |warning| format!("{}: {warning}", run.path);
        comparison.warnings.extend(run.warnings.iter().map(of_run));
    }
    let steps = |side: &[Run]| side.iter().map(|run| run.steps).collect::<Vec<_>>();
    let all: Vec<_> = steps(base).into_iter().chain(steps(new)).collect();
    if all.windows(2).any(|pair| pair[0] != pair[1]) {
        comparison.warnings.push(
            "The runs have different numbers of steps: times and counts of kernels are shown per step, with set-up and tear-down spread over more or fewer of them.".to_owned(),
        );
    }
    Ok(comparison)
}
