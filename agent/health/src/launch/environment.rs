//! Environment variables, and what is said when they make no sense.

/// Variables that contradict each other, or flags that do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; start it with one launcher, unset what is left of another, or say --nnodes and --node-rank"
)]
pub struct Contradiction(String);

impl Contradiction {
    pub(super) fn new(what: String) -> Self {
        Self(what)
    }
}

/// Looks variables up.
#[derive(Clone, Copy)]
pub(super) struct Environment<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// Its text; an empty one is none.
    pub(super) fn text(self, name: &str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Its number.
    pub(super) fn number(self, name: &str) -> Result<Option<usize>, Contradiction> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Contradiction::new(format!("{name}={text} is no number of ranks"))),
        }
    }
}
