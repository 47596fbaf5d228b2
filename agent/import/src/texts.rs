//! The texts of a trace, each once: kernel names repeat thousands of times.

use std::collections::HashMap;
use std::rc::Rc;

use perfagent_recording::{StringId, WriteError, Writer};

/// A text by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text(u32);

/// Every text of a trace. Number 0 is the empty text.
#[derive(Debug)]
pub(crate) struct Texts {
    values: Vec<Rc<str>>,
    numbers: HashMap<Rc<str>, Text>,
}

impl Default for Texts {
    fn default() -> Self {
        let empty: Rc<str> = "".into();
        Self { values: vec![Rc::clone(&empty)], numbers: HashMap::from([(empty, Text(0))]) }
    }
}

impl Texts {
    /// The number of `text`, a new one at its first use.
    pub(crate) fn number(&mut self, text: &str) -> Text {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = Text(self.values.len() as u32);
        let value: Rc<str> = text.into();
        self.values.push(Rc::clone(&value));
        self.numbers.insert(value, number);
        number
    }

    /// The text with this number.
    pub(crate) fn get(&self, number: Text) -> &str {
        &self.values[number.0 as usize]
    }

    /// Stores every text in a recording.
    pub(crate) fn store(&self, writer: &mut Writer) -> Result<StoredTexts, WriteError> {
        let ids = self.values.iter().map(|value| writer.string(value));
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
