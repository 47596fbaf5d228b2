//! The texts of a trace, each once: kernel names repeat thousands of times.

use indexmap::IndexSet;
use perfagent_recording::{StringId, WriteError, Writer};
use rustc_hash::FxBuildHasher;

/// A text by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text(u32);

/// Every text of a trace. Number 0 is the empty text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Texts(IndexSet<Box<str>, FxBuildHasher>);

impl Default for Texts {
    fn default() -> Self {
        let mut values = IndexSet::default();
        values.insert("".into());
        Self(values)
    }
}

impl Texts {
    /// The number of `text`, a new one at its first use.
    pub(crate) fn number(&mut self, text: &str) -> Text {
        let known = self.0.get_index_of(text);
        Text(known.unwrap_or_else(|| self.0.insert_full(text.into()).0) as u32)
    }

    /// The text with this number.
    pub(crate) fn get(&self, number: Text) -> &str {
        &self.0[number.0 as usize]
    }

    /// Takes the texts of another trace in.
    pub(crate) fn join(&mut self, other: &Self) -> JoinedTexts {
        JoinedTexts(other.0.iter().map(|text| self.number(text)).collect())
    }

    /// Stores every text in a recording.
    pub(crate) fn store(&self, writer: &mut Writer) -> Result<StoredTexts, WriteError> {
        let ids = self.0.iter().map(|text| writer.string(text));
        Ok(StoredTexts(ids.collect::<Result<_, _>>()?))
    }
}

/// The texts of a trace under their numbers in a recording.
pub(crate) struct StoredTexts(Vec<StringId>);

impl StoredTexts {
    /// The number in the recording.
    pub(crate) fn id(&self, text: Text) -> StringId {
        self.0[text.0 as usize]
    }
}

/// The texts of a trace under their numbers in another one.
pub(crate) struct JoinedTexts(Vec<Text>);

impl JoinedTexts {
    /// The number in the other one.
    pub(crate) fn of(&self, text: Text) -> Text {
        self.0[text.0 as usize]
    }
}
