//! How a program ended, and what it left to read.

use serde::de::DeserializeOwned;

/// How a program ended, with what it said.
#[derive(Debug, Default)]
pub struct Ended {
    /// Its exit code, 128 + signal when it was killed. In the contract of `perfagent`: 0 yes, 1 no, 2 wrong
    /// usage or input, 3 undecided, 4 environments that must not be compared.
    pub code: i32,
    /// It was asked to end by [`Child::cancel`].
    pub cancelled: bool,
    /// Standard output.
    pub answer: String,
    /// The last lines of standard error.
    pub messages: Vec<String>,
}

impl Ended {
    /// The document on standard output. The codes that `answers` names (0 is always one) come with one.
    ///
    /// # Errors
    /// One line: what the program said, or why the document is none.
    pub fn document<T: DeserializeOwned>(&self, answers: &[i32]) -> Result<T, String> {
        if self.code != 0 && !answers.contains(&self.code) {
            return Err(self.explanation());
        }
        serde_json::from_str(&self.answer).map_err(|error| {
            format!(
                "the answer of perfagent is not the document that was expected: {error}; is it of the same version \
                 as this window? (`perfagent --version`)"
            )
        })
    }

    /// One line that says why there is no answer: the program's last word, or its exit code.
    #[must_use]
    pub fn explanation(&self) -> String {
        if self.cancelled {
            return "cancelled".to_owned();
        }
        let last = self.messages.iter().rev().find(|line| !line.trim().is_empty());
        last.cloned().unwrap_or_else(|| {
            format!("perfagent ended with code {} and said nothing; run it in a shell", self.code)
        })
    }
}
