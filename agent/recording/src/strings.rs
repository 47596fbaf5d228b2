//! The interned texts of a recording: kernel names, range names, shapes.

use crate::StringId;

/// Every text of a recording, by id. Id 0, and any id that the file does not define, is the empty text.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    values: Vec<Box<str>>,
}

impl Strings {
    /// The text behind `id`.
    #[must_use]
    pub fn get(&self, id: StringId) -> &str {
        usize::try_from(id.0).ok().and_then(|index| self.values.get(index)).map_or("", |text| text)
    }

    /// The id of `text`, when the recording has it. Looks at every text: meant for set-up, not for loops.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<StringId> {
        self.values.iter().position(|value| &**value == text).map(|index| StringId(index as i64))
    }

    /// All ids with their texts, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (StringId, &str)> {
        self.values.iter().enumerate().map(|(index, text)| (StringId(index as i64), &**text))
    }

    /// One more than the greatest id.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True when the recording holds no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Stores `text` under a new id, for recordings that are built in memory.
    pub fn intern(&mut self, text: &str) -> StringId {
        if self.values.is_empty() {
            self.values.push("".into());
        }
        if let Some(id) = self.find(text) {
            return id;
        }
        self.values.push(text.into());
        StringId(self.values.len() as i64 - 1)
    }

    /// Stores `text` under the id that the file gives it. Ids are dense; a far-off one is not believed.
    pub(crate) fn define(&mut self, id: StringId, text: &str) {
        const FURTHEST_JUMP: usize = 1 << 20;
        let Ok(index) = usize::try_from(id.0) else { return };
        if index > self.values.len() + FURTHEST_JUMP {
            return;
        }
        if index >= self.values.len() {
            self.values.resize_with(index + 1, || "".into());
        }
        self.values[index] = text.into();
    }
}
