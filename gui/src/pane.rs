//! The views that the window can show side by side.

use serde::{Deserialize, Serialize};

/// One view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pane {
    /// What the run was and where its time went.
    Overview,
    /// Events over time.
    Timeline,
    /// What ran, by name.
    Operations,
    /// Rates of arithmetic against what the device can do.
    Roofline,
    /// Memory over time and what it was for.
    Memory,
    /// Collectives between ranks.
    Communication,
    /// Other configurations, predicted.
    Advisor,
    /// Two sets of runs against each other.
    Compare,
    /// The health of many nodes.
    Fleet,
    /// Recording a program.
    Live,
    /// What was clicked.
    Details,
}

impl Pane {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 11] = [
        Self::Overview,
        Self::Timeline,
        Self::Operations,
        Self::Details,
        Self::Memory,
        Self::Communication,
        Self::Roofline,
        Self::Advisor,
        Self::Compare,
        Self::Fleet,
        Self::Live,
    ];

    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Timeline => "Timeline",
            Self::Operations => "Operations",
            Self::Roofline => "Roofline",
            Self::Memory => "Memory",
            Self::Communication => "Communication",
            Self::Advisor => "Advisor",
            Self::Compare => "Compare",
            Self::Fleet => "Fleet",
            Self::Live => "Live",
            Self::Details => "Details",
        }
    }

    /// What it answers, for menus.
    #[must_use]
    pub const fn question(self) -> &'static str {
        match self {
            Self::Overview => "What the run was and where its time went",
            Self::Timeline => "What happened when",
            Self::Operations => "Which kernels and operators took the time",
            Self::Roofline => "How near the device came to what it can do",
            Self::Memory => "What memory was used for, and how much is left",
            Self::Communication => "How fast ranks exchanged data, and who waited for whom",
            Self::Advisor => "What another configuration would bring",
            Self::Compare => "Whether one set of runs is slower than another",
            Self::Fleet => "Which nodes are sick or slow",
            Self::Live => "Record a program, or follow one that is being recorded",
            Self::Details => "What is known about the selected event",
        }
    }

    /// True where it shows nothing without an open recording.
    #[must_use]
    pub const fn needs_document(self) -> bool {
        !matches!(self, Self::Compare | Self::Fleet | Self::Live)
    }

    /// The one with this title, whatever the case.
    #[must_use]
    pub fn named(title: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pane| pane.title().eq_ignore_ascii_case(title))
    }
}
