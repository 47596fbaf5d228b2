//! Classification of interned names: each text is matched against the rules once.

use perfagent_recording::{Recording, StringId};

use crate::rules::{COMMUNICATION, DATA, Rules};

/// A category by its position in [`Categories::names`].
pub(crate) type CategoryIndex = u16;

/// The categories of the names that an analysis met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    names: Vec<String>,
    of_text: Vec<CategoryIndex>,
}

impl Labels {
    /// The category of the text behind `id`; `other` for one that the analysis did not meet.
    pub(crate) fn of(&self, id: StringId) -> &str {
        usize::try_from(id.0)
            .ok()
            .and_then(|index| self.of_text.get(index))
            .and_then(|&category| self.names.get(usize::from(category)))
            .map_or(crate::rules::OTHER, String::as_str)
    }
}

const UNKNOWN: CategoryIndex = CategoryIndex::MAX;

/// The category of every name that was asked for.
pub(crate) struct Categories<'a> {
    recording: &'a Recording,
    rules: &'a Rules,
    names: Vec<&'a str>,
    of_text: Vec<CategoryIndex>,
}

impl<'a> Categories<'a> {
    pub(crate) fn new(recording: &'a Recording, rules: &'a Rules) -> Self {
        let names: Vec<&str> = rules.categories().collect();
        Self { recording, rules, names, of_text: vec![UNKNOWN; recording.strings.len()] }
    }

    /// The category of the text behind `id`.
    pub(crate) fn of(&mut self, id: StringId) -> CategoryIndex {
        let known = usize::try_from(id.0).ok().and_then(|index| self.of_text.get_mut(index));
        if let Some(category) = &known
            && **category != UNKNOWN
        {
            return **category;
        }
        let label = self.rules.category(self.recording.strings.get(id));
        let category = self.names.iter().position(|name| *name == label).unwrap_or(0) as u16;
        if let Some(slot) = known {
            *slot = category;
        }
        category
    }

    /// What is known so far, for later use without the rules.
    pub(crate) fn labels(&self) -> Labels {
        Labels {
            names: self.names.iter().map(|&name| name.to_owned()).collect(),
            of_text: self.of_text.clone(),
        }
    }

    /// Continues where `labels`, of the same recording and rules, stopped.
    pub(crate) fn resume(recording: &'a Recording, rules: &'a Rules, labels: &Labels) -> Self {
        let mut categories = Self::new(recording, rules);
        if labels.of_text.len() == categories.of_text.len() && labels.names == categories.names {
            categories.of_text.clone_from(&labels.of_text);
        }
        categories
    }

    pub(crate) fn is_communication(&mut self, id: StringId) -> bool {
        let category = self.of(id);
        self.name(category) == COMMUNICATION
    }

    pub(crate) fn is_data(&mut self, id: StringId) -> bool {
        let category = self.of(id);
        self.name(category) == DATA
    }

    /// The name of a category.
    pub(crate) fn name(&self, category: CategoryIndex) -> &'a str {
        self.names.get(usize::from(category)).copied().unwrap_or(crate::rules::OTHER)
    }

    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }
}
