//! Collectives: how fast, how much of their time was waiting, and for whom.

pub mod bandwidth;
pub mod group;
pub mod straggler;

use perfagent_analysis::{Skew, message_sizes, skew};

use super::document::Document;
use super::{ceilings, joined};

pub use bandwidth::{Measured, operations};
pub use group::Group;
pub use straggler::{Straggler, straggler};

/// Everything that the view shows of a document's collectives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Communication {
    /// By operation, element type and group, of all ranks together, greatest time first.
    pub groups: Vec<Group>,
    /// By operation, ranks and message size.
    pub sizes: Vec<Measured>,
    /// What nccl-tests measured, where the document holds its logs.
    pub tests: Vec<ceilings::Curve>,
    /// Who waited for whom.
    pub skew: Skew,
}

impl Communication {
    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.sizes.is_empty() && self.tests.is_empty()
    }
}

/// The document's collectives. Goes over all their calls: for a worker.
#[must_use]
pub fn communication(document: &Document) -> Communication {
    let report = joined::report(document);
    let recordings: Vec<_> = document.sources.iter().map(|source| &source.recording).collect();
    let sizes = recordings.iter().flat_map(|recording| message_sizes(recording)).collect();
    Communication {
        groups: group::groups(&report),
        sizes: bandwidth::measured(sizes),
        tests: bandwidth::test_curves(&report.collective_tests),
        skew: skew(&recordings),
    }
}
