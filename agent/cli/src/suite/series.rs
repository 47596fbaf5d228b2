//! Cases that differ in nothing but the size of their batch: where one does not fit, larger ones will not either.

use super::case::Case;
use super::option::{Options, is_inference};
use super::result::{CaseResult, Status};

/// What is known of all series so far.
#[derive(Debug, Default)]
pub(super) struct Series {
    ends: Vec<End>,
}

/// Where a series ended.
#[derive(Debug)]
struct End {
    series: Options,
    batch: u64,
    case: String,
    status: Status,
    needed_bytes: Option<u64>,
    available_bytes: Option<u64>,
    reason: String,
}

/// What to do with a case.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Run,
    /// A range that is open above has ended before it.
    Leave,
    /// It need not be tried.
    Known {
        status: Status,
        reason: String,
        needed_bytes: Option<u64>,
        available_bytes: Option<u64>,
    },
}

impl Series {
    /// Learns from a case that has ended. `timed_out`: it ran into its time limit.
    pub(super) fn learn(&mut self, case: &Case, result: &CaseResult, timed_out: bool) {
        let Some(batch) = case.batch() else { return };
        let ends = match result.status {
            Status::Ok => false,
            Status::DoesNotFit | Status::Skipped => true,
            // More sequences at once serve faster: that few ran out of time tells nothing of more.
            Status::Failed => (timed_out && !is_inference(&case.options)) || case.open,
            // A range without an end must not be refused for ever.
            Status::Refused => case.open,
        };
        let series = case.series();
        let known = self.ends.iter().any(|end| end.series == series && end.batch <= batch);
        if ends && !known {
            self.ends.push(End {
                series,
                batch,
                case: case.name.clone(),
                status: result.status,
                needed_bytes: result.needed_bytes,
                available_bytes: result.available_bytes,
                reason: result.reason.clone().unwrap_or_default(),
            });
        }
    }

    /// What to do with the next case.
    pub(super) fn next(&self, case: &Case) -> Next {
        let Some(batch) = case.batch() else { return Next::Run };
        let series = case.series();
        // The same size again, as a repetition, is tried.
        let is_before = |end: &&End| end.series == series && end.batch < batch;
        let Some(end) = self.ends.iter().find(is_before) else { return Next::Run };
        if case.open {
            return Next::Leave;
        }
        Next::Known {
            status: if end.status == Status::DoesNotFit {
                Status::DoesNotFit
            } else {
                Status::Skipped
            },
            reason: format!("not tried, as {} was smaller: {}", end.case, end.reason),
            needed_bytes: end.needed_bytes,
            available_bytes: end.available_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::suite::case::Suite;
    use crate::suite::file;
    use crate::suite::place::{Machine, Surroundings};

    fn suite(micro_batch: &str) -> Suite {
        let text = format!(
            "[suite]\nname = \"s\"\n[[case]]\nname = \"a\"\nmodel = \"gpt\"\n[case.matrix]\nprecision = [\"fp32\", \
             \"bf16\"]\nmicro_batch = {micro_batch}\n"
        );
        let here = Surroundings { cores: 2, gpus: 0 };
        file::parse("s.toml", Path::new(""), &text, here, &Options::new()).unwrap()
    }

    fn result(case: &Case, status: Status) -> CaseResult {
        CaseResult {
            schema: String::new(),
            suite: String::new(),
            suite_hash: String::new(),
            case: case.name.clone(),
            options: case.options.clone(),
            status,
            reason: Some("too large".to_owned()),
            needed_bytes: Some(9),
            available_bytes: Some(4),
            exit_code: Some(2),
            duration_ns: 0,
            started: String::new(),
            result: None,
            recording: None,
            recording_bytes: None,
            log: None,
            environment: Machine::this(),
        }
    }

    /// The cases of a suite that are run where a micro-batch from `limit` on ends with `status`.
    fn run(suite: &Suite, limit: u64, status: Status, timed_out: bool) -> Vec<(String, Next)> {
        let mut series = Series::default();
        let mut seen = Vec::new();
        for case in &suite.cases {
            let next = series.next(case);
            if next == Next::Run {
                let large = case.batch().unwrap() >= limit;
                let status = if large { status } else { Status::Ok };
                series.learn(case, &result(case, status), large && timed_out);
            }
            if next != Next::Leave {
                seen.push((case.name.clone(), next));
            }
        }
        seen
    }

    #[test]
    fn an_open_range_ends_with_the_first_that_does_not_run() {
        for status in [Status::DoesNotFit, Status::Refused, Status::Failed] {
            let seen = run(&suite("\"1.. x2\""), 4, status, false);
            let names: Vec<_> = seen.iter().map(|(name, _)| name.as_str()).collect();
            let expected = [
                "a-fp32-mb1",
                "a-fp32-mb2",
                "a-fp32-mb4",
                "a-bf16-mb1",
                "a-bf16-mb2",
                "a-bf16-mb4",
            ];
            assert_eq!(names, expected, "{status:?}");
        }
    }

    #[test]
    fn larger_ones_of_a_list_do_not_fit_either() {
        let seen = run(&suite("[1, 4, 16]"), 4, Status::DoesNotFit, false);
        assert_eq!(seen.len(), 6);
        let known = Next::Known {
            status: Status::DoesNotFit,
            reason: "not tried, as a-fp32-mb4 was smaller: too large".to_owned(),
            needed_bytes: Some(9),
            available_bytes: Some(4),
        };
        assert_eq!((&seen[1].1, &seen[2].1), (&Next::Run, &known));
    }

    #[test]
    fn what_ran_out_of_time_need_not_be_tried_larger() {
        let seen = run(&suite("[1, 4, 16]"), 4, Status::Failed, true);
        assert!(matches!(&seen[2].1, Next::Known { status: Status::Skipped, .. }), "{seen:?}");
        let seen = run(&suite("[1, 4, 16]"), 4, Status::Failed, false);
        assert!(seen.iter().all(|(_, next)| *next == Next::Run), "a failure says nothing of size");
    }

    #[test]
    fn a_larger_batch_may_serve_in_time() {
        let text = "[suite]\nname = \"s\"\n[[case]]\nname = \"a\"\nmode = \"inference\"\nmodel = \"gpt\"\n[case.matrix]\n\
                    batch = [1, 4, 16]\n";
        let here = Surroundings { cores: 2, gpus: 0 };
        let suite = file::parse("s.toml", Path::new(""), text, here, &Options::new()).unwrap();
        let seen = run(&suite, 1, Status::Failed, true);
        assert!(seen.iter().all(|(_, next)| *next == Next::Run), "{seen:?}");
        let seen = run(&suite, 4, Status::DoesNotFit, false);
        assert!(matches!(&seen[2].1, Next::Known { status: Status::DoesNotFit, .. }), "{seen:?}");
    }
}
