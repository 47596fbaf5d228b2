//! What may be changed, and the values that are tried.

use serde::{Deserialize, Serialize};

/// A name that stands in the command, and its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Without braces.
    pub name: String,
    /// The first is where the search begins.
    pub values: Vec<String>,
}

/// What a machine has, for the values that are tried where the user names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Logical processors.
    pub cores: u64,
    /// GPUs.
    pub gpus: u64,
}

impl Surroundings {
    /// Ranks that can have a device of their own.
    #[must_use]
    pub const fn devices(self) -> u64 {
        let devices = if self.gpus > 0 { self.gpus } else { self.cores };
        if devices == 0 { 1 } else { devices }
    }
}

impl Parameter {
    /// Reads `NAME=V1,V2,…`. Fails with what is wrong in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let example = "give for example micro_batch=1,2,4";
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| format!("{text}: is not NAME=V1,V2,…; {example}"))?;
        if !is_name(name) {
            return Err(format!(
                "{name}: is no name (letters, digits and underscores, not a digit first); {example}"
            ));
        }
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        if values.iter().any(String::is_empty) {
            return Err(format!("{name}: has an empty value; {example}"));
        }
        if let Some((_, twice)) =
            values.iter().enumerate().find(|(index, value)| values[..*index].contains(value))
        {
            return Err(format!("{name}: names {twice} twice; name each value once"));
        }
        Ok(Self { name: name.to_owned(), values })
    }

    /// The values that are tried of a name that `perfagent-bench` and most programs know, smallest first; `None` of other
    /// names.
    #[must_use]
    pub fn built_in(name: &str, surroundings: Surroundings) -> Option<Self> {
        let devices = surroundings.devices();
        let values: Vec<String> = match name {
            "micro_batch" => powers(32),
            "accumulate" => powers(8),
            "nproc" => powers(devices),
            "threads" => powers(surroundings.cores.max(1)),
            "tp" | "pp" => powers(devices.min(8)),
            "zero" => (0..=3).map(|stage| stage.to_string()).collect(),
            "precision" if surroundings.gpus > 0 => words(&["fp32", "tf32", "bf16", "fp16"]),
            "precision" => words(&["fp32", "bf16"]),
            "recompute" => words(&["none", "selective", "full"]),
            "offload" => words(&["none", "optimizer"]),
            _ => return None,
        };
        Some(Self { name: name.to_owned(), values })
    }
}

/// Whether a text can be a parameter's name.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn powers(most: u64) -> Vec<String> {
    std::iter::successors(Some(1_u64), |power| power.checked_mul(2))
        .take_while(|power| *power <= most)
        .map(|power| power.to_string())
        .collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Parameter, Surroundings};

    #[test]
    fn lists_are_read_and_mistakes_told() {
        let read = Parameter::parse("lr=0.1, 0.01").unwrap();
        assert_eq!((read.name.as_str(), read.values), ("lr", vec!["0.1".into(), "0.01".into()]));
        for (text, says) in [
            ("micro_batch", "is not NAME=V1,V2"),
            ("1x=2", "is no name"),
            ("=2", "is no name"),
            ("x=1,,2", "an empty value"),
            ("x=", "an empty value"),
            ("x=1,2,1", "names 1 twice"),
        ] {
            let told = Parameter::parse(text).unwrap_err();
            assert!(told.contains(says) && told.contains("; "), "{told}");
        }
    }

    #[test]
    fn built_in_values_fit_the_machine() {
        let values = |name, cores, gpus| {
            Parameter::built_in(name, Surroundings { cores, gpus }).unwrap().values
        };
        assert_eq!(values("nproc", 64, 4), ["1", "2", "4"]);
        assert_eq!(values("nproc", 2, 0), ["1", "2"]);
        assert_eq!(values("threads", 6, 0), ["1", "2", "4"]);
        assert_eq!(values("precision", 2, 0), ["fp32", "bf16"]);
        assert_eq!(Parameter::built_in("seq", Surroundings { cores: 1, gpus: 0 }), None);
    }
}
