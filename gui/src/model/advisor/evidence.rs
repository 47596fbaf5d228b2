//! From the evidence of a finding to a place in the timeline.

use perfagent_advisor::Evidence;
use perfagent_analysis::Report;
use perfagent_analysis::report::Rank;

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A stretch of time, ns since the Unix epoch.
    Stretch(i64, i64),
    /// All events of this name.
    Name(String),
}

/// The place of an evidence: the stretch or the names that it tells, else what its table holds most of on that rank, else the
/// rank's steps. `None` where nothing of that is known.
#[must_use]
pub fn place(report: &Report, evidence: &Evidence) -> Option<Place> {
    if let Some((start, end)) = evidence.start_ns.zip(evidence.end_ns) {
        return Some(Place::Stretch(start, end));
    }
    if let Some(name) = evidence.names.first() {
        return Some(Place::Name(name.clone()));
    }
    let is_of = |rank: &&Rank| {
        rank.process_id == evidence.process_id && rank.recording_path == evidence.recording
    };
    let rank = report.ranks.iter().find(is_of)?;
    let name = match evidence.table.as_str() {
        "collectives" => rank.collectives.first().map(|row| row.op.clone()),
        "kernels" => rank.kernels.first().map(|row| row.name.clone()),
        "copies" => rank.copies.first().map(|row| row.kind.clone()),
        "operators" => rank.operators.first().map(|row| row.name.clone()),
        _ => None,
    };
    name.map(Place::Name).or_else(|| steps(rank))
}

/// From the first step to the end of the last one.
fn steps(rank: &Rank) -> Option<Place> {
    let (first, last) = (rank.steps.first()?, rank.steps.last()?);
    Some(Place::Stretch(first.start_ns, last.start_ns.saturating_add(last.duration_ns)))
}

#[cfg(test)]
mod tests {
    use perfagent_advisor::Evidence;
    use perfagent_analysis::report::{CollectiveRow, Rank, Step};

    use super::{Place, place};

    #[test]
    fn what_an_evidence_does_not_tell_the_report_does() {
        let mut report = perfagent_analysis::report_many(&[]);
        let collectives =
            vec![CollectiveRow { op: "all_reduce".to_owned(), ..CollectiveRow::default() }];
        let step = |start_ns| Step { start_ns, duration_ns: 5, ..Step::default() };
        let steps = vec![step(10), step(20)];
        report.ranks = vec![Rank { process_id: 3, collectives, steps, ..Rank::default() }];
        let evidence = |table: &str, names: &[&str]| Evidence {
            recording: String::new(),
            rank: None,
            pid: 1,
            process_id: 3,
            table: table.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            count: 1,
            what: String::new(),
            start_ns: None,
            end_ns: None,
        };
        let name = |text: &str| Some(Place::Name(text.to_owned()));
        assert_eq!(place(&report, &evidence("collectives", &[])), name("all_reduce"));
        assert_eq!(place(&report, &evidence("kernels", &["gemm"])), name("gemm"));
        assert_eq!(place(&report, &evidence("memory", &[])), Some(Place::Stretch(10, 25)));
        let elsewhere = Evidence { process_id: 4, ..evidence("memory", &[]) };
        assert_eq!(place(&report, &elsewhere), None);
    }
}
