//! A data set that is read while it is trained on.

use std::path::PathBuf;

use crate::data::args::DataArgs;
use crate::data::damage::Damage;
use crate::data::document::{Document, Kind};
use crate::data::encoder::Encoder;
use crate::data::form::Form;
use crate::data::hash::{hash, hash_bytes};
use crate::data::source::Source;
use crate::failure::{Failure, Result};

/// Text that a tokenizer is trained on, at most.
const SAMPLE_BYTES: usize = 4 << 20;
/// From so many units, spread evenly.
const SAMPLE_UNITS: usize = 16;
/// Held-out tokens that are kept for validation, at most.
const VALIDATION: usize = 32 << 10;

/// A data set, how its documents become tokens, and what of it is kept for validation.
pub(crate) struct Stream {
    /// Where documents come from.
    pub source: Source,
    /// None is needed where the data set has tokens.
    encoder: Option<Encoder>,
    /// The first held-out documents, one after the other, up to 32,768 tokens.
    pub validation: Vec<u32>,
    /// Sequences that are shuffled together.
    pub shuffle: usize,
    /// Of the data set as its files describe it, of the tokenizer and of the validation part: equal on every rank or
    /// something is wrong.
    pub checksum: u64,
}

impl Stream {
    /// Opens the files, trains or loads the tokenizer, and reads the validation part.
    pub(crate) fn open(
        form: Form,
        files: Vec<PathBuf>,
        args: &DataArgs,
        vocab: i64,
    ) -> Result<Self> {
        let source = Source::open(form, files, args.data_column.clone(), vocab)
            .map_err(Damage::before_training)?;
        let encoder = match (source.kind, &args.tokenizer) {
            (Kind::Tokens, None) => None,
            (Kind::Tokens, Some(path)) => {
                return Err(Failure::input(format!(
                    "--tokenizer {}: the data set has tokens, not text; leave --tokenizer out, or name a column of text with --data-column",
                    path.display()
                )));
            }
            (Kind::Text, Some(path)) => Some(Encoder::load(path, vocab)?),
            (Kind::Text, None) => {
                let sample = sample(&source).map_err(Damage::before_training)?;
                Some(Encoder::of_sample(&sample, vocab)?)
            }
        };
        let shuffle = args.shuffle_buffer as usize;
        let mut stream = Self { source, encoder, validation: Vec::new(), shuffle, checksum: 0 };
        stream.validation = stream.held_out().map_err(Damage::before_training)?;
        let validation = stream.validation.iter().flat_map(|id| id.to_le_bytes());
        stream.checksum = hash(
            [
                stream.source.fingerprint(),
                stream.encoder.as_ref().map_or(0, |encoder| encoder.checksum),
                shuffle as u64,
                hash_bytes(std::iter::once(validation.collect::<Vec<_>>())),
            ]
            .into_iter(),
        );
        Ok(stream)
    }

    /// Appends the tokens of a document, which is number `ordinal` of its unit.
    pub(crate) fn encode(
        &self,
        unit: usize,
        ordinal: u64,
        document: &Document,
        tokens: &mut Vec<u32>,
    ) -> std::result::Result<(), Damage> {
        match (document, &self.encoder) {
            (Document::Tokens(ids), _) => tokens.extend_from_slice(ids),
            (Document::Text(text), Some(encoder)) => {
                encoder.encode(text, tokens).map_err(|reason| {
                    let reason = format!("it cannot be tokenized: {reason}");
                    self.source.damage(unit, ordinal, &reason, "try another --tokenizer")
                })?;
            }
            (Document::Text(_), None) => {
                let reason = "text where tokens were announced";
                return Err(self.source.damage(unit, ordinal, reason, "write that file again"));
            }
        }
        Ok(())
    }

    fn held_out(&self) -> std::result::Result<Vec<u32>, Damage> {
        let mut tokens = Vec::new();
        for unit in 0..self.source.units() {
            for document in self.source.part(unit, true)? {
                let (ordinal, document) = document?;
                self.encode(unit, ordinal, &document, &mut tokens)?;
                if tokens.len() >= VALIDATION {
                    tokens.truncate(VALIDATION);
                    return Ok(tokens);
                }
            }
        }
        Ok(tokens)
    }

    /// One line for people: what is trained on.
    pub(crate) fn describe(&self) -> String {
        let source = &self.source;
        let files = source.files();
        let documents = match source.documents() {
            Some(documents) => format!("{documents} documents in "),
            None => String::new(),
        };
        let plural = if files == 1 { "" } else { "s" };
        format!("{documents}{files} {} file{plural}", source.form.name())
    }
}

/// The first documents of some units, without what is kept for validation.
fn sample(source: &Source) -> std::result::Result<Vec<String>, Damage> {
    let units = source.units();
    let taken = units.clamp(1, SAMPLE_UNITS);
    let mut texts = Vec::new();
    for part in 0..taken.min(units) {
        let mut left = SAMPLE_BYTES / taken;
        for document in source.part(part * units / taken, false)? {
            let (_, Document::Text(mut text)) = document? else { continue };
            text.truncate(text.floor_char_boundary(left));
            left -= text.len();
            texts.push(text);
            // Less is less than one character.
            if left < 4 {
                break;
            }
        }
    }
    Ok(texts)
}
