//! A metric of a comparison in other runs of the same two sides.

use perfagent_regress::compare::MetricRow;
use perfagent_regress::gate::Fresh;

use super::metric::losses;
use super::run::Run;

/// The samples that stand behind a row, in these runs: of everything, not of the heaviest alone.
pub(crate) fn again(row: &MetricRow, base: &[Run], new: &[Run]) -> Fresh {
    let (base, new): (Vec<&Run>, Vec<&Run>) = (base.iter().collect(), new.iter().collect());
    // What is known of all runs together.
    let mut of_losses = losses(&base, &new, None).into_iter();
    let is_meant =
        |name: &str, subject: &Option<String>| name == row.name && *subject == row.subject;
    if let Some(metric) = of_losses.find(|metric| is_meant(&metric.name, &metric.subject)) {
        return Fresh { base: metric.base, new: metric.new };
    }
    let subject = row.subject.as_deref();
    // A kernel that has another name on each side.
    let renamed = subject.filter(|_| row.name.starts_with("kernel_"));
    let renamed = renamed.and_then(|subject| subject.split_once(" → "));
    let (of_base, of_new) =
        renamed.map_or((subject, subject), |(base, new)| (Some(base), Some(new)));
    let values = |runs: &[&Run], subject: Option<&str>| {
        let found = runs.iter().filter_map(|run| run.values(&row.name, subject));
        found.map(<[f64]>::to_vec).collect()
    };
    Fresh { base: values(&base, of_base), new: values(&new, of_new) }
}
