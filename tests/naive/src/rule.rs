//! The rule tables of `data/`, read as their heads describe them.

use regex::Regex;

/// Both tables, line by line.
pub(crate) struct Rules {
    communication: Vec<(String, Regex)>,
    categories: Vec<(String, Regex)>,
}

impl Rules {
    pub(crate) fn read() -> Self {
        Self {
            communication: lines(include_str!("../../../data/communication_kernels.txt")),
            categories: lines(include_str!("../../../data/kernel_categories.txt")),
        }
    }

    pub(crate) fn category(&self, name: &str) -> &str {
        if self.is_communication(name) {
            return "communication";
        }
        let rule = self.categories.iter().find(|(_, expression)| expression.is_match(name));
        rule.map_or("other", |(label, _)| label)
    }

    pub(crate) fn is_communication(&self, name: &str) -> bool {
        let matching =
            self.communication.iter().filter(|(_, expression)| expression.is_match(name));
        let (exceptions, others): (Vec<_>, Vec<_>) =
            matching.partition(|(label, _)| label.starts_with('!'));
        exceptions.is_empty() && !others.is_empty()
    }
}

fn lines(text: &str) -> Vec<(String, Regex)> {
    let rules = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rules
        .map(|line| {
            let (label, expression) = line.split_once(" = ").expect(line);
            (label.to_owned(), Regex::new(expression).expect(line))
        })
        .collect()
}
