//! How many tokens a step has, as a product of parameters and numbers.

use super::Candidate;
use super::parameter::is_name;

/// Numbers and parameters, multiplied and divided from left to right: `{micro_batch}*{accumulate}*2048`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    terms: Vec<(Operation, Term)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Times,
    Over,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Number(f64),
    Name(String),
}

impl Expression {
    /// Reads it. Fails with what is wrong in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        let mut operation = Operation::Times;
        let mut rest = text;
        loop {
            let end = rest.find(['*', '/']).unwrap_or(rest.len());
            terms.push((operation, term(text, rest[..end].trim())?));
            operation = match rest[end..].chars().next() {
                None => return Ok(Self { terms }),
                Some('*') => Operation::Times,
                Some(_) => Operation::Over,
            };
            rest = &rest[end + 1..];
        }
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().filter_map(|(_, term)| match term {
            Term::Name(name) => Some(name.as_str()),
            Term::Number(_) => None,
        })
    }

    /// Its value; `None` where a parameter has none that is a number, or where the result is not above zero.
    #[must_use]
    pub fn value(&self, candidate: &Candidate) -> Option<f64> {
        let mut value = 1.0;
        for (operation, term) in &self.terms {
            let term = match term {
                Term::Number(number) => *number,
                Term::Name(name) => candidate.get(name)?.parse().ok()?,
            };
            match operation {
                Operation::Times => value *= term,
                Operation::Over => value /= term,
            }
        }
        (value.is_finite() && value > 0.0).then_some(value)
    }
}

fn term(whole: &str, text: &str) -> Result<Term, String> {
    let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    if is_name(bare) && !matches!(bare, "inf" | "nan" | "NaN" | "infinity") {
        return Ok(Term::Name(bare.to_owned()));
    }
    match bare.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(Term::Number(number)),
        _ => Err(format!(
            "{whole}: is no product of parameters and numbers; give for example {{micro_batch}}*{{accumulate}}*2048"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Expression};

    #[test]
    fn products_are_calculated_from_left_to_right() {
        let candidate: Candidate = [("micro_batch", "8"), ("p", "bf16")].into_iter().collect();
        let value = |text: &str| Expression::parse(text).unwrap().value(&candidate);
        assert_eq!(value("{micro_batch} * 2048"), Some(16384.0));
        assert_eq!(value("micro_batch/4*3"), Some(6.0));
        assert_eq!(value("{p}*2"), None);
        assert_eq!(value("{other}"), None);
        for text in ["", "2+3", "{micro_batch", "*2", "2*", "-1", "0", "nan", "1e999"] {
            let told = Expression::parse(text).unwrap_err();
            assert!(told.contains("is no product"), "{told}");
        }
    }
}
