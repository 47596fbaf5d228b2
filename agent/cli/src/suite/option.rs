//! The options of a case, under the names that `perfagent-bench` gives them.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

/// Options by key. `mode` and `model` are among them; `config` is `perfagent-bench`'s `--model`.
pub(crate) type Options = Map<String, Value>;

/// What the value of an option may be. Which words there are is for `perfagent-bench` to say: it knows more of them with
/// every version, and a case that it refuses is told with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One word of a few.
    Word,
    /// A whole number that is not negative.
    Count,
    /// Any number.
    Number,
    /// Any number, or infinity, which is kept as the text `inf`: JSON has no number for it.
    Rate,
    /// A whole number, or a range of them from which numbers are drawn, as the text `N..M`.
    Lengths,
    /// A file or a folder; in a suite's file relative to that file.
    Path,
}

/// One option.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its key in a suite.
    pub(crate) key: &'static str,
    /// The option of `perfagent-bench`; the mode and the model are its first words and have none.
    flag: &'static str,
    /// What its value may be.
    pub(crate) kind: Kind,
    /// What stands before its value in the name of a case.
    label: &'static str,
}

const fn known(key: &'static str, flag: &'static str, kind: Kind, label: &'static str) -> Known {
    Known { key, flag, kind, label }
}

/// What a case does: `training` unless it says otherwise.
pub(crate) const MODES: [&str; 2] = ["training", INFERENCE];
/// The mode that is a word of its own to `perfagent-bench`.
const INFERENCE: &str = "inference";

/// All options, in the order in which they are handed over.
pub(crate) const KNOWN: [Known; 36] = [
    known("mode", "", Kind::Word, ""),
    known("model", "", Kind::Word, ""),
    known("preset", "--preset", Kind::Word, ""),
    known("config", "--model", Kind::Path, ""),
    known("layers", "--layers", Kind::Count, "layers"),
    known("hidden", "--hidden", Kind::Count, "hidden"),
    known("heads", "--heads", Kind::Count, "heads"),
    known("vocab", "--vocab", Kind::Count, "vocab"),
    known("seq", "--seq", Kind::Count, "seq"),
    known("image_size", "--image-size", Kind::Count, "px"),
    known("classes", "--classes", Kind::Count, "classes"),
    known("device", "--device", Kind::Word, ""),
    known("precision", "--precision", Kind::Word, ""),
    known("micro_batch", "--micro-batch", Kind::Count, "mb"),
    known("accumulate", "--accumulate", Kind::Count, "acc"),
    known("steps", "--steps", Kind::Count, "steps"),
    known("ranks", "--nproc", Kind::Count, "r"),
    known("zero", "--zero", Kind::Count, "zero"),
    known("tp", "--tp", Kind::Count, "tp"),
    known("pp", "--pp", Kind::Count, "pp"),
    known("recompute", "--recompute", Kind::Word, "recompute-"),
    known("offload", "--offload", Kind::Word, "offload-"),
    known("batch", "--batch", Kind::Count, "b"),
    known("prompt", "--prompt", Kind::Lengths, "p"),
    known("output", "--output", Kind::Lengths, "out"),
    known("requests", "--requests", Kind::Count, "n"),
    known("rate", "--rate", Kind::Rate, "rate"),
    known("prefill_tokens", "--prefill-tokens", Kind::Count, "pt"),
    known("temperature", "--temperature", Kind::Number, "temp"),
    known("data", "--data", Kind::Path, ""),
    known("seed", "--seed", Kind::Count, "seed"),
    known("lr", "--lr", Kind::Number, "lr"),
    known("threads", "--threads", Kind::Count, "t"),
    known("bucket_bytes", "--bucket-bytes", Kind::Count, "bucket"),
    known("peak_tflops", "--peak-tflops", Kind::Number, "peak"),
    known("timeout", "--timeout", Kind::Count, "timeout"),
];

/// The option with this key.
pub(crate) fn find(key: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.key == key)
}

/// What a whole suite may say, or be given, and networks for images do not have: text and its shape.
const OF_TEXT: [&str; 6] = ["layers", "hidden", "heads", "vocab", "seq", "data"];

/// Whether `model` has the option, when it is asked of all cases of a suite.
pub(crate) fn applies(key: &str, model: Option<&Value>) -> bool {
    model.and_then(Value::as_str) != Some("resnet50") || !OF_TEXT.contains(&key)
}

/// The keys of all options, for messages.
pub(crate) fn keys() -> String {
    KNOWN.map(|known| known.key).join(", ")
}

impl Known {
    /// The option with `value` as part of a case's name.
    pub(crate) fn label(&self, value: &Value) -> String {
        let text = plain(value);
        // Of a path its last part tells enough.
        let text = match self.kind {
            Kind::Path => Path::new(&text).file_stem().unwrap_or_default().display().to_string(),
            _ => text,
        };
        let safe = text.replace(|c: char| !is_name_character(c), "_");
        format!("{}{safe}", self.label)
    }

    /// Reads a value that was typed.
    fn parse(&self, text: &str) -> anyhow::Result<Value> {
        let wrong = |wanted| format!("{} {text}: give {wanted}", self.flag);
        Ok(match self.kind {
            Kind::Word | Kind::Path => text.into(),
            Kind::Count => text.parse::<u32>().with_context(|| wrong("a whole number"))?.into(),
            Kind::Number => {
                let number: f64 = text.parse().with_context(|| wrong("a number"))?;
                ensure!(number.is_finite(), wrong("a finite number"));
                number.into()
            }
            Kind::Rate => rate(text).with_context(|| wrong("a number or inf"))?,
            Kind::Lengths => lengths(text).with_context(|| wrong("a whole number or N..M"))?,
        })
    }
}

/// Whether a character may stand in a name that becomes a file's.
pub(crate) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

/// Whether a case may be called so: files and folders are called after it.
pub(crate) fn is_case_name(name: &str) -> bool {
    name.chars().all(is_name_character)
        && !name.starts_with(['.', '-'])
        && (1..=100).contains(&name.len())
}

/// A number that may be infinite.
pub(crate) fn rate(text: &str) -> Option<Value> {
    // Names of cases show it as it was written.
    if let Ok(whole) = text.parse::<u32>() {
        return Some(whole.into());
    }
    let number: f64 = text.parse().ok()?;
    if number == f64::INFINITY {
        return Some("inf".into());
    }
    number.is_finite().then(|| number.into())
}

/// A whole number, or two of them with `..` between.
pub(crate) fn lengths(text: &str) -> Option<Value> {
    if let Ok(number) = text.parse::<u32>() {
        return Some(number.into());
    }
    let (least, most) = text.split_once("..")?;
    let (_, _): (u32, u32) = (least.parse().ok()?, most.parse().ok()?);
    Some(text.into())
}

/// Whether these are the options of a case that serves and does not train.
pub(crate) fn is_inference(options: &Options) -> bool {
    options.get("mode").and_then(Value::as_str) == Some(INFERENCE)
}

/// The options as arguments of `perfagent-bench`.
pub(crate) fn words(options: &Options) -> Vec<OsString> {
    let mut words = Vec::new();
    for known in &KNOWN {
        let Some(value) = options.get(known.key) else { continue };
        if known.key == "mode" && !is_inference(options) {
            continue;
        }
        if !known.flag.is_empty() {
            words.push(known.flag.into());
        }
        words.push(plain(value).into());
    }
    words
}

/// Options that were typed after `--`, as `--name value` or `--name=value`.
pub(crate) fn parse_words(words: &[OsString]) -> anyhow::Result<Options> {
    let mut options = Options::new();
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        let (flag, inside) = match word.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let of_a_case = KNOWN.iter().find(|known| known.flag == flag && !flag.is_empty());
        let Some(known) = of_a_case else {
            let flags = KNOWN.iter().map(|known| known.flag).filter(|flag| !flag.is_empty());
            let flags: Vec<_> = flags.collect();
            bail!("{flag}: is no option of a suite's cases; they have {}", flags.join(", "));
        };
        let value = inside.or_else(|| words.next());
        let value = value.with_context(|| format!("{flag}: has no value behind it"))?;
        options.insert(known.key.to_owned(), known.parse(&value)?);
    }
    Ok(options)
}

/// The value without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{KNOWN, Options, find, parse_words, words};

    #[test]
    fn typed_options_come_back_as_they_were() {
        let typed = ["--model", "a b.json", "--precision=bf16", "--micro-batch", "4", "--lr=0.5"];
        let typed: Vec<OsString> = typed.map(OsString::from).into();
        let options = parse_words(&typed).unwrap();
        assert_eq!(
            words(&options),
            ["--model", "a b.json", "--precision", "bf16", "--micro-batch", "4", "--lr", "0.5"]
        );
    }

    #[test]
    fn inference_is_a_word_before_the_model() {
        let typed = ["--rate=inf", "--prompt", "16..64", "--output", "8", "--batch", "4"];
        let typed: Vec<OsString> = typed.map(OsString::from).into();
        let mut options = parse_words(&typed).unwrap();
        options
            .extend([("mode".to_owned(), "inference".into()), ("model".to_owned(), "moe".into())]);
        let expected = "inference moe --batch 4 --prompt 16..64 --output 8 --rate inf";
        assert_eq!(words(&options), expected.split(' ').collect::<Vec<_>>());
        let training = Options::from_iter([("mode".to_owned(), "training".into())]);
        assert_eq!(words(&training), [] as [OsString; 0]);
    }

    #[test]
    fn typed_mistakes_name_the_option() {
        for (typed, named) in [
            (&["--nice", "1"][..], "--micro-batch"),
            (&["--steps"], "no value"),
            (&["--steps", "many"], "a whole number"),
            (&["--lr=inf"], "a finite number"),
            (&["--rate", "fast"], "a number or inf"),
            (&["--rate=nan"], "a number or inf"),
            (&["--prompt", "16.."], "a whole number or N..M"),
            (&["gpt"], "is no option"),
        ] {
            let typed: Vec<OsString> = typed.iter().map(OsString::from).collect();
            let refused = parse_words(&typed).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn labels_are_file_names_and_differ() {
        let label = |key: &str, value| find(key).unwrap().label(&value);
        assert_eq!(label("micro_batch", 4.into()), "mb4");
        assert_eq!(label("precision", "bf16".into()), "bf16");
        assert_eq!(label("data", "/a b/texts".into()), "texts");
        assert_eq!(label("precision", "../x y".into()), ".._x_y");
        assert_eq!(label("prompt", "16..64".into()), "p16..64");
        assert_eq!(label("rate", "inf".into()), "rateinf");
        let mut keys: Vec<_> = KNOWN.iter().map(|known| known.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), KNOWN.len());
    }
}
