//! One thing that was looked at, and how it came out.

use serde::Serialize;

/// How a check came out, in the order in which it weighs on the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Not as it should be; work can go on.
    Warning,
    /// Could not be checked, or is not there to be checked. Heavier than a warning, so that what nobody looked at never
    /// hides behind one.
    Unknown,
    /// No work should be put on this node.
    Critical,
}

/// What kind of attention is due, in the vocabulary of DCGM's diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// None.
    None,
    /// Watch whether it repeats or grows.
    Monitor,
    /// Take the device or the node out of use.
    Isolate,
    /// Somebody has to find the cause.
    Triage,
    /// A setting, a package or a permission has to be changed.
    Config,
    /// A reset or a reboot mends it.
    Reset,
}

/// A value that was found or expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A count or a size.
    Count(u64),
    /// A measure.
    Number(f64),
    /// A state with a name.
    Text(String),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Count(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at; stable, for scripts.
    pub name: &'static str,
    /// Where: `host`, a mount point, a network port, `GPU 0`.
    pub target: String,
    /// How it came out.
    pub status: Status,
    /// What kind of attention is due.
    pub severity: Severity,
    /// What was found.
    pub value: Option<Value>,
    /// What a healthy node shows.
    pub expected: Option<Value>,
    /// The unit of both.
    pub unit: Option<&'static str>,
    /// What to do.
    pub action: Option<String>,
    /// What was found, in words.
    pub detail: String,
}

impl Check {
    /// It is as it should be.
    #[must_use]
    pub fn ok(name: &'static str, target: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name,
            target: target.into(),
            status: Status::Ok,
            severity: Severity::None,
            value: None,
            expected: None,
            unit: None,
            action: None,
            detail: detail.into(),
        }
    }

    /// There is nothing of this kind here: unknown, without weight.
    pub(crate) fn not_applicable(
        name: &'static str,
        target: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self { status: Status::Unknown, ..Self::ok(name, target, detail) }
    }

    /// It is, or may be, there but could not be checked.
    #[must_use]
    pub fn unknown(
        name: &'static str,
        target: impl Into<String>,
        detail: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Config,
            action: Some(action.into()),
            ..Self::not_applicable(name, target, detail)
        }
    }

    /// The same, found wanting.
    pub(crate) fn but(self, status: Status, severity: Severity, action: impl Into<String>) -> Self {
        Self { status, severity, action: Some(action.into()), ..self }
    }

    /// The same with what was found and its unit.
    pub(crate) fn found(
        self,
        value: impl Into<Value>,
        unit: impl Into<Option<&'static str>>,
    ) -> Self {
        Self { value: Some(value.into()), unit: unit.into(), ..self }
    }

    /// The same with what was expected.
    pub(crate) fn expected(self, value: impl Into<Value>) -> Self {
        Self { expected: Some(value.into()), ..self }
    }

    /// Whether it has a say in the verdict: what is not there at all has none.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.status != Status::Unknown || self.severity != Severity::None
    }
}
