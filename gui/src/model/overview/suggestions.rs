//! What is worth to be done, as cards: the advice of every recording that is open.

use perfagent_advisor::{Advice, Evidence, Fact, Verdict, advise};

use crate::model::document::Document;

/// What the advisor says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suggestions {
    /// What is to be acted on, most worth first.
    pub cards: Vec<Card>,
    /// Facts with nothing to gain.
    pub nothing_to_gain: usize,
    /// Facts of which the recording does not say enough.
    pub unknown: Vec<String>,
    /// The tightest memory.
    pub headroom: Option<Headroom>,
}

/// One suggestion.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What it is about, in words: `Exposed communication`.
    pub title: String,
    /// What to do, in one sentence.
    pub sentence: String,
    /// What it is worth, in words; empty where it gains no time.
    pub gain: String,
    /// Share of the time that can be expected to vanish, percent.
    pub share_pct: Option<f64>,
    /// The file, where several are open.
    pub file: String,
    /// Where it was measured: first what has a place in time.
    pub evidence: Vec<Place>,
}

/// Where something was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it stands for.
    pub what: String,
    /// Start and end, ns.
    pub stretch: Option<(i64, i64)>,
    /// The name of the events.
    pub name: Option<String>,
}

/// Memory that was free when most was in use.
#[derive(Clone, Debug, PartialEq)]
pub struct Headroom {
    /// Bytes in use at the peak.
    pub peak_bytes: f64,
    /// Bytes that there are.
    pub total_bytes: f64,
    /// What that means.
    pub sentence: String,
}

impl Headroom {
    /// The part that was in use, 0 to 1.
    #[must_use]
    pub fn used(&self) -> f64 {
        self.peak_bytes / self.total_bytes
    }
}

impl Suggestions {
    /// The advice on all recordings.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let mut all = Self::default();
        let several = document.sources.len() > 1;
        for source in &document.sources {
            let file = source.path.file_name().filter(|_| several);
            let file = file.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            all.add(&advise(&source.report, None), &file);
        }
        all.cards.sort_by(|a, b| {
            let worth = |card: &Card| card.share_pct.unwrap_or(-1.0);
            worth(b).total_cmp(&worth(a))
        });
        all
    }

    fn add(&mut self, advice: &Advice, file: &str) {
        let mut facts: Vec<&Fact> = advice.facts.iter().collect();
        facts.sort_by_key(|fact| fact.place.unwrap_or(i64::MAX));
        for fact in facts {
            match fact.verdict {
                Verdict::Act => self.cards.push(card(fact, file)),
                Verdict::NothingToGain => self.nothing_to_gain += 1,
                Verdict::Unknown => self.unknown.push(title(&fact.name)),
            }
            if fact.name == "memory_headroom"
                && let Some(headroom) = headroom(fact)
                && self.headroom.as_ref().is_none_or(|known| headroom.used() > known.used())
            {
                self.headroom = Some(headroom);
            }
        }
    }
}

fn card(fact: &Fact, file: &str) -> Card {
    let mut evidence: Vec<Place> = fact.evidence.iter().map(place).collect();
    evidence.sort_by_key(|place| (place.stretch.is_none(), place.name.is_none()));
    Card {
        title: title(&fact.name),
        sentence: fact.advice.clone(),
        gain: fact.gain.as_ref().map_or_else(String::new, perfagent_advisor::Gain::words),
        share_pct: fact.gain.as_ref().map(|gain| gain.likely_share_pct),
        file: file.to_owned(),
        evidence,
    }
}

fn place(evidence: &Evidence) -> Place {
    Place {
        what: evidence.what.clone(),
        stretch: evidence.start_ns.zip(evidence.end_ns),
        name: evidence.names.first().cloned(),
    }
}

/// `data_stall` as `Data stall`.
fn title(name: &str) -> String {
    if name == "communication" {
        return "Exposed communication".to_owned();
    }
    let mut title = name.replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

fn headroom(fact: &Fact) -> Option<Headroom> {
    let figure = |name: &str| {
        fact.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value)
    };
    let total_bytes = figure("total_bytes").filter(|&bytes| bytes > 0.0)?;
    Some(Headroom { peak_bytes: figure("peak_bytes")?, total_bytes, sentence: fact.advice.clone() })
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn names_of_facts_become_titles() {
        assert_eq!(title("memory_headroom"), "Memory headroom");
        assert_eq!(title(""), "");
    }
}
