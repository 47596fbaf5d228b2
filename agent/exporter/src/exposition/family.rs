//! Metrics by name, as both formats have them.

use std::borrow::Cow;

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A level that goes up and down.
    Gauge,
    /// A sum that only grows, and begins again at zero. The name of its samples ends in `_total`, that of its family does
    /// not.
    Counter,
    /// The same under a name of somebody else's, without `_total`, which `OpenMetrics` does not allow: there it is of
    /// unknown type.
    ForeignCounter,
    /// Labels that describe, with the value 1.
    Info,
}

/// Labels in the order in which they are written.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// What tells it from others of its family.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

/// All values of a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    /// Without `_total` and `_info`.
    pub name: Cow<'static, str>,
    /// What kind of number.
    pub kind: Kind,
    /// The base unit, with which the name ends; empty where it has none.
    pub unit: &'static str,
    /// One line of explanation.
    pub help: Cow<'static, str>,
    /// The values.
    pub samples: Vec<Sample>,
}

impl Family {
    /// Adds a value. A second one with the same labels replaces the first, as both together would make the page unreadable.
    pub(crate) fn add(&mut self, labels: Labels, value: f64) -> &mut Self {
        match self.samples.iter_mut().find(|sample| sample.labels == labels) {
            Some(sample) => sample.value = value,
            None => self.samples.push(Sample { labels, value }),
        }
        self
    }
}

/// Everything that one scrape is answered with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Page {
    /// In the order in which they are written.
    pub families: Vec<Family>,
}

impl Page {
    /// The family of this name, a new one if there is none yet.
    pub(crate) fn family(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        unit: &'static str,
        help: impl Into<Cow<'static, str>>,
    ) -> &mut Family {
        let name = name.into();
        let at = self.families.iter().position(|family| family.name == name);
        let at = at.unwrap_or_else(|| {
            let family = Family { name, kind, unit, help: help.into(), samples: Vec::new() };
            self.families.push(family);
            self.families.len() - 1
        });
        &mut self.families[at]
    }

    /// A level without a unit.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &'static str) -> &mut Family {
        self.family(name, Kind::Gauge, "", help)
    }
}
