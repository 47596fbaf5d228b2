//! Where a figure leads.

use crate::model::document::EventRef;
use crate::model::overview::suggestions::Place;
use crate::pane::Pane;
use crate::session::Session;

/// A place that a click leads to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lead {
    /// A stretch of the timeline, ns.
    Stretch(i64, i64),
    /// An event of the timeline.
    Event(EventRef),
    /// All events of a name.
    Name(String),
    /// Another view.
    View(Pane),
}

impl Lead {
    /// The place that some evidence is of.
    pub(super) fn of_evidence(place: &Place) -> Option<Self> {
        let stretch = place.stretch.map(|(start, end)| Self::Stretch(start, end));
        stretch.or_else(|| place.name.clone().map(Self::Name))
    }

    /// Goes there.
    pub(super) fn follow(self, session: &mut Session) {
        match self {
            Self::Stretch(start, end) => session.show_in_timeline(start, end),
            Self::Event(event) => {
                session.zoom_to(event);
                session.reveal = true;
                let group = session.document.track_of(event).map(|track| track.group);
                if let Some(group) = group {
                    session.folded.remove(&group);
                }
                session.open(Pane::Timeline);
            }
            Self::Name(name) => {
                if !session.show_name(&name) {
                    session.open(Pane::Timeline);
                }
            }
            Self::View(pane) => session.open(pane),
        }
    }
}
