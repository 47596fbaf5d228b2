//! How the categories of computation are drawn: the same on every picture of the page.

use perfagent_analysis::report::Rank;
use perfagent_analysis::{COMMUNICATION, OTHER, total};

use crate::picture::{COLOURS, Fill, Part};

/// What stands for the categories that have no colour of their own.
const REST: &str = "other computation";

/// The categories with a colour of their own, most time first.
pub(super) struct Categories(Vec<String>);

impl Categories {
    /// Those of the whole run.
    pub(super) fn of(ranks: &[Rank]) -> Self {
        let whole = total::breakdowns(ranks.iter().map(|rank| &rank.breakdown));
        let named = whole.categories.into_iter().filter(|share| {
            share.total_ns > 0 && ![COMMUNICATION, OTHER].contains(&share.category.as_str())
        });
        // One colour is left for the rest.
        Self(named.map(|share| share.category).take(COLOURS - 1).collect())
    }

    /// Those with a colour of their own.
    pub(super) fn named(&self) -> &[String] {
        &self.0
    }

    /// One part a colour, the rest last.
    pub(super) fn parts(&self) -> Vec<Part> {
        let names = self.0.iter().map(String::as_str).chain([REST]);
        names
            .enumerate()
            .map(|(number, name)| {
                let fill = Fill::Colour(if name == REST { COLOURS - 1 } else { number });
                Part { name: name.to_owned(), fill }
            })
            .collect()
    }

    /// Which of [`Categories::parts`] a category is drawn as.
    pub(super) fn position(&self, category: &str) -> usize {
        self.0.iter().position(|name| name == category).unwrap_or(self.0.len())
    }
}
