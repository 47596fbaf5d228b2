//! What is read from a data set, whatever it is kept in.

use crate::data::damage::Damage;

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// As text.
    Text(String),
    /// As ids of a vocabulary, each below `--vocab`.
    Tokens(Vec<u32>),
}

impl Document {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Tokens(ids) => ids.is_empty(),
        }
    }
}

/// What the documents of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, which is yet to be tokenized.
    Text,
    /// Token ids.
    Tokens,
}

/// The documents of one unit in their order. Nothing comes after a damage.
pub(crate) type Documents = Box<dyn Iterator<Item = Result<Document, Damage>> + Send>;
