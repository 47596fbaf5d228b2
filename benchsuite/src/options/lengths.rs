//! Lengths that requests are drawn from.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use serde::Serialize;

/// Numbers of tokens, each of `least` to `most` equally likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Lengths {
    /// The shortest.
    pub least: i64,
    /// The longest.
    pub most: i64,
}

/// Nobody has a model for longer sequences.
const LONGEST: i64 = 1 << 24;

impl FromStr for Lengths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<i64>().ok().filter(|n| (1..=LONGEST).contains(n));
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        match (number(least), number(most)) {
            (Some(least), Some(most)) if least <= most => Ok(Self { least, most }),
            _ => Err(format!("write 64 or 16..64, of 1 to {LONGEST} tokens")),
        }
    }
}

impl Display for Lengths {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if self.least == self.most {
            write!(f, "{}", self.least)
        } else {
            write!(f, "{}..{}", self.least, self.most)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lengths;

    #[test]
    fn lengths_are_read_as_they_are_shown() {
        for text in ["1", "64", "16..64"] {
            assert_eq!(text.parse::<Lengths>().unwrap().to_string(), text);
        }
        assert_eq!("7..7".parse::<Lengths>().unwrap(), Lengths { least: 7, most: 7 });
        for text in ["", "0", "-1", "8..4", "0..4", "4..", "..4", "1..2..3", "x", "99999999"] {
            assert!(text.parse::<Lengths>().unwrap_err().contains("16..64"), "{text}");
        }
    }
}
