//! Classification of interned names: each text is matched against the rules once, whichever thread asks for it.

use std::sync::atomic::{AtomicU16, Ordering};

use perfagent_recording::{Recording, StringId};

use crate::rules::{COMMUNICATION, DATA, OTHER, Rules};

/// A category by its position in [`Categories::names`].
pub(crate) type CategoryIndex = u16;

/// A rule by its number; the last number is that of no rule.
type RuleIndex = u16;

/// The categories of the names that an analysis met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    /// Of each rule its category and its text.
    rules: Vec<(String, Option<String>)>,
    of_text: Vec<RuleIndex>,
}

impl Labels {
    fn get(&self, id: StringId) -> Option<&(String, Option<String>)> {
        let index = usize::try_from(id.0).ok()?;
        self.rules.get(usize::from(*self.of_text.get(index)?))
    }

    /// The category of the text behind `id`; `other` for one that the analysis did not meet.
    pub(crate) fn of(&self, id: StringId) -> &str {
        self.get(id).map_or(OTHER, |(category, _)| category)
    }

    /// The category with the rule that decided it; without one for `other`.
    pub(crate) fn decision(&self, id: StringId) -> Decision {
        self.get(id).cloned().unwrap_or_else(|| (OTHER.to_owned(), None))
    }
}

/// A category, and the rule by which something is of it.
pub(crate) type Decision = (String, Option<String>);

const UNKNOWN: RuleIndex = RuleIndex::MAX;

/// The category of every name that was asked for.
pub(crate) struct Categories<'a> {
    recording: &'a Recording,
    rules: &'a Rules,
    names: Vec<&'a str>,
    /// The categories of communication and of data, where the rules have them.
    communication: Option<CategoryIndex>,
    data: Option<CategoryIndex>,
    /// The category of each rule, and of no rule.
    of_rule: Vec<CategoryIndex>,
    /// Two threads that ask at once find the same.
    of_text: Vec<AtomicU16>,
}

impl<'a> Categories<'a> {
    pub(crate) fn new(recording: &'a Recording, rules: &'a Rules) -> Self {
        let names: Vec<&str> = rules.categories().collect();
        let position = |category| {
            let position = names.iter().position(|&name| name == category);
            position.map(|position| position as CategoryIndex)
        };
        let of_rule = rules.all().map(|(category, _)| category).chain([OTHER]);
        let of_rule = of_rule.map(|category| position(category).unwrap_or(0)).collect();
        let (communication, data) = (position(COMMUNICATION), position(DATA));
        let unknown = || AtomicU16::new(UNKNOWN);
        let of_text = std::iter::repeat_with(unknown).take(recording.strings.len()).collect();
        Self { recording, rules, names, communication, data, of_rule, of_text }
    }

    fn rule(&self, id: StringId) -> RuleIndex {
        let known = usize::try_from(id.0).ok().and_then(|index| self.of_text.get(index));
        let rule = known.map_or(UNKNOWN, |known| known.load(Ordering::Relaxed));
        if rule != UNKNOWN {
            return rule;
        }
        let rule = self.rules.decide(self.recording.strings.get(id));
        let rule = rule.unwrap_or(self.of_rule.len() - 1) as RuleIndex;
        if let Some(known) = known {
            known.store(rule, Ordering::Relaxed);
        }
        rule
    }

    /// The category of the text behind `id`.
    pub(crate) fn of(&self, id: StringId) -> CategoryIndex {
        let rule = self.rule(id);
        self.of_rule.get(usize::from(rule)).copied().unwrap_or(0)
    }

    /// The category of the text behind `id` with the rule that decided it; without one for `other`.
    pub(crate) fn decision(&self, id: StringId) -> Decision {
        let rule = usize::from(self.rule(id));
        let (category, text) =
            self.rules.all().nth(rule).map_or((OTHER, None), |(label, text)| (label, Some(text)));
        (category.to_owned(), text.map(str::to_owned))
    }

    /// What is known so far, for later use without the rules.
    pub(crate) fn labels(&self) -> Labels {
        let rules = self.rules.all();
        let rules = rules.map(|(category, text)| (category.to_owned(), Some(text.to_owned())));
        let rules = rules.chain([(OTHER.to_owned(), None)]).collect();
        Labels {
            rules,
            of_text: self.of_text.iter().map(|rule| rule.load(Ordering::Relaxed)).collect(),
        }
    }

    /// Continues where `labels`, of the same recording and rules, stopped.
    pub(crate) fn resume(recording: &'a Recording, rules: &'a Rules, labels: &Labels) -> Self {
        let mut categories = Self::new(recording, rules);
        let is_same = labels.rules.len() == categories.of_rule.len();
        if is_same && labels.of_text.len() == categories.of_text.len() {
            categories.of_text = labels.of_text.iter().copied().map(AtomicU16::new).collect();
        }
        categories
    }

    pub(crate) fn is_communication(&self, id: StringId) -> bool {
        Some(self.of(id)) == self.communication
    }

    pub(crate) fn is_data(&self, id: StringId) -> bool {
        Some(self.of(id)) == self.data
    }

    /// The category of communication.
    pub(crate) const fn communication(&self) -> Option<CategoryIndex> {
        self.communication
    }

    /// The name of a category.
    pub(crate) fn name(&self, category: CategoryIndex) -> &'a str {
        self.names.get(usize::from(category)).copied().unwrap_or(OTHER)
    }

    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }
}
