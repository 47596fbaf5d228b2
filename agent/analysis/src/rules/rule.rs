//! One line of a table.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;

use super::literal::{complete, required};

/// A rule. Its expression is prepared when a name comes that it may match: few of the rules meet one.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) label: String,
    /// The line as it is written.
    pub(super) text: String,
    /// The number of the line in its table, from 1 on.
    pub(super) line: usize,
    /// A name that matches contains one of these, in any case; `None` when it may contain anything.
    pub(super) literals: Option<Vec<String>>,
    /// A name that contains one of them matches, whatever else stands in it.
    pub(super) is_told_by_literals: bool,
    expression: String,
    prepared: OnceLock<Option<Regex>>,
}

impl Rule {
    /// Reads a line; says what is wrong with it.
    pub(super) fn read(text: &str, line: usize) -> Result<Self, String> {
        let (label, expression) =
            text.split_once(" = ").ok_or("no ` = ` between label and expression")?;
        let expression = expression.trim();
        let mut parser = ParserBuilder::new();
        // As `prepare` does it.
        let parsed = parser.unicode(false).utf8(false).build().parse(expression);
        let parsed = parsed.map_err(|error| last_line(&error))?;
        // An empty text is in every name.
        let whole = complete(&parsed).filter(|texts| !texts.iter().any(String::is_empty));
        Ok(Self {
            is_told_by_literals: whole.is_some(),
            literals: whole.or_else(|| required(&parsed)),
            label: label.trim().to_owned(),
            text: text.to_owned(),
            line,
            expression: expression.to_owned(),
            prepared: OnceLock::new(),
        })
    }

    /// What matches is never communication.
    pub(super) fn is_exception(&self) -> bool {
        self.label.starts_with('!')
    }

    /// Whether the expression is found in a name.
    pub(super) fn matches(&self, name: &str) -> bool {
        let prepared = self.prepared.get_or_init(|| self.prepare().ok());
        prepared.as_ref().is_some_and(|prepared| prepared.is_match(name.as_bytes()))
    }

    /// Says what is wrong with an expression that can be read but is too large.
    pub(super) fn check(&self) -> Result<(), String> {
        self.prepare().map(drop).map_err(|error| last_line(&error))
    }

    /// Names of code are ASCII: `\b`, `\w` and `(?i)` mean that, unless an expression begins with `(?u)`.
    fn prepare(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.expression).unicode(false).build()
    }
}

fn last_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or("not a regular expression").to_owned()
}
