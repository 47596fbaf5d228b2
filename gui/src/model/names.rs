//! The texts of all open recordings, each once, so that events carry a number instead of a name.

use std::collections::HashMap;

/// The number of a text in [`Names`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub u32);

impl NameId {
    /// The position of the text among all texts.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Texts by number and numbers by text.
#[derive(Clone, Debug, Default)]
pub struct Names {
    texts: Vec<Box<str>>,
    by_text: HashMap<Box<str>, NameId>,
}

impl Names {
    /// The number of `text`, given at its first use.
    pub fn intern(&mut self, text: &str) -> NameId {
        if let Some(&id) = self.by_text.get(text) {
            return id;
        }
        let id = NameId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(text.into());
        self.by_text.insert(text.into(), id);
        id
    }

    /// The text behind a number; empty for a number that was never given.
    #[must_use]
    pub fn text(&self, id: NameId) -> &str {
        self.texts.get(id.index()).map_or("", |text| text)
    }

    /// The number of a text that is already known.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<NameId> {
        self.by_text.get(text).copied()
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// True before the first text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Which texts contain `needle`, without regard to case, by position.
    #[must_use]
    pub fn containing(&self, needle: &str) -> Vec<bool> {
        let needle = needle.to_lowercase();
        self.texts.iter().map(|text| text.to_lowercase().contains(&needle)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn a_text_keeps_its_number() {
        let mut names = Names::default();
        let first = names.intern("aten::mm");
        let second = names.intern("aten::add");
        assert_ne!(first, second);
        assert_eq!(names.intern("aten::mm"), first);
        assert_eq!(names.text(second), "aten::add");
        assert_eq!(names.containing("MM"), [true, false]);
    }
}
