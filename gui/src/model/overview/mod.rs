//! What a run was and where its time went, in one page: figures of the reports with the places in the
//! timeline that they come from.

pub mod division;
pub mod facts;
pub mod places;
pub mod steps;
pub mod suggestions;

use super::document::Document;
use super::whose::{Process, members};

/// Everything of the page that is figures of the reports: quick to put together.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// What the run was.
    pub facts: Vec<super::details::Fact>,
    /// The ranks that can be chosen, each with its name.
    pub ranks: Vec<(Process, String)>,
    /// Its steps.
    pub steps: steps::Steps,
    /// Where the time went.
    pub division: division::Division,
    /// What is worth to be done.
    pub suggestions: suggestions::Suggestions,
}

/// The figures of all ranks, or of the chosen one.
#[must_use]
pub fn figures(document: &Document, chosen: Option<Process>) -> Figures {
    let all = members(document, None);
    let some = members(document, chosen);
    Figures {
        facts: facts::facts(document),
        ranks: all.iter().map(|member| (member.process(), member.label())).collect(),
        steps: steps::Steps::of(&some),
        division: division::Division::of(&some),
        suggestions: suggestions::Suggestions::of(document),
    }
}
