//! Why arrangements are not suggested.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::job::{Job, Run};

/// A reason with how many arrangements it rules out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    /// In short.
    pub reason: String,
    /// How many.
    pub count: usize,
    /// One of them.
    pub example: Run,
    /// The reason for that one, in a sentence.
    pub why: String,
}

#[derive(Default)]
pub(super) struct Rejections(BTreeMap<String, Rejected>);

impl Rejections {
    pub(super) fn add(&mut self, reason: &str, job: &Job, why: &str) {
        if let Some(rejected) = self.0.get_mut(reason) {
            rejected.count += 1;
            return;
        }
        let rejected = Rejected {
            reason: reason.to_owned(),
            count: 1,
            example: job.run.clone(),
            why: why.to_owned(),
        };
        self.0.insert(reason.to_owned(), rejected);
    }

    /// The most frequent first.
    pub(super) fn finish(self) -> Vec<Rejected> {
        let mut all: Vec<Rejected> = self.0.into_values().collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        all
    }
}

/// A refusal without the numbers of the job.
pub(super) fn kind(why: &str) -> String {
    if why.contains("outside of the measured jobs") {
        return "outside of what was measured".to_owned();
    }
    why.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}
