//! From documents to token ids.

use std::fs;
use std::path::Path;

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, ModelWrapper, Tokenizer};

use crate::data::cache;
use crate::data::door;
use crate::data::hash::{hash, hash_bytes};
use crate::failure::{Failure, Result};

/// What tokenizers call the token between documents.
const SEPARATORS: [&str; 5] = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>"];
/// Longer texts are tokenized in pieces: a tokenizer needs tens of bytes for each of its text.
const PIECE: usize = 256 << 10;
/// Part of the cache key: raised when a cached tokenizer would be trained otherwise.
const FORMAT: u64 = 1;

/// A tokenizer, and what goes between documents.
pub(crate) struct Encoder {
    tokenizer: Tokenizer,
    separator: Option<u32>,
    /// Hash of how it is made: equal on every rank or something is wrong.
    pub checksum: u64,
}

impl Encoder {
    /// The one that the user names, which must fit the vocabulary.
    pub(crate) fn load(path: &Path, vocab: i64) -> Result<Self> {
        let refuse =
            |reason: String| Failure::input(format!("--tokenizer {}: {reason}", path.display()));
        let bytes = fs::read(path).map_err(|e| refuse(e.to_string()))?;
        let read = door::guarded(|| Tokenizer::from_bytes(&bytes).map_err(|e| e.to_string()));
        let tokenizer = read.and_then(|read| read).map_err(|e| {
            let reason = e.lines().next().unwrap_or_default();
            refuse(format!("{reason}; name the tokenizer.json of a Hugging Face model"))
        })?;
        let largest = tokenizer.get_vocab(true).into_values().max();
        let needed = largest.map_or(0, |largest| i64::from(largest) + 1);
        if needed > vocab {
            return Err(refuse(format!(
                "it has ids up to {}, and the model a vocabulary of {vocab}; give --vocab {needed}",
                needed - 1
            )));
        }
        Ok(Self::new(tokenizer, hash_bytes(std::iter::once(bytes))))
    }

    /// Byte-level BPE of at most `vocab` entries of which one goes between documents, trained on a sample, or taken from
    /// the cache of an earlier run.
    pub(crate) fn of_sample(sample: &[String], vocab: i64) -> Result<Self> {
        let key = hash([FORMAT, vocab as u64, hash_bytes(sample.iter())].into_iter());
        let path = cache::folder().join(format!("{key:016x}-{vocab}.stream.json"));
        if let Some(tokenizer) =
            fs::read(&path).ok().and_then(|bytes| Tokenizer::from_bytes(bytes).ok())
            && tokenizer.get_vocab(true).into_values().all(|id| i64::from(id) < vocab)
        {
            return Ok(Self::new(tokenizer, key));
        }
        let separator = [AddedToken::from(SEPARATORS[0], true)];
        let tokenizer = train(sample, vocab, &separator)
            .map_err(|e| Failure::run(format!("no tokenizer can be trained on the data: {e}")))?;
        if let Ok(text) = tokenizer.to_string(false) {
            cache::keep(&path, text.as_bytes());
        }
        Ok(Self::new(tokenizer, key))
    }

    fn new(mut tokenizer: Tokenizer, checksum: u64) -> Self {
        // A model's tokenizer may cut its input to what the model can take, or fill it up.
        let _ = tokenizer.with_truncation(None);
        tokenizer.with_padding(None);
        let separator = SEPARATORS.iter().find_map(|token| tokenizer.token_to_id(token));
        Self { tokenizer, separator, checksum }
    }

    /// Appends the ids of a document. The separator goes before it: what came last before may be another document.
    pub(crate) fn encode(&self, text: &str, ids: &mut Vec<u32>) -> std::result::Result<(), String> {
        ids.extend(self.separator);
        for piece in pieces(text, PIECE) {
            let encoding = door::guarded(|| self.tokenizer.encode_fast(piece, false))?
                .map_err(|e| e.to_string())?;
            ids.extend_from_slice(encoding.get_ids());
        }
        Ok(())
    }
}

/// Trains byte-level BPE.
pub(crate) fn train(
    texts: &[String],
    vocab: i64,
    special: &[AddedToken],
) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::new(ModelWrapper::BPE(BPE::default()));
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    let trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(vocab as usize)
        .special_tokens(special.to_vec())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut trainer = TrainerWrapper::BpeTrainer(trainer);
    tokenizer.train(&mut trainer, texts.iter())?;
    Ok(tokenizer)
}

/// A text in pieces of at most `longest` bytes (four or more), cut before a space where there is one.
fn pieces(mut text: &str, longest: usize) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let mut end = text.len();
        if end > longest {
            end = text.floor_char_boundary(longest);
            let space = text[..end].rfind(char::is_whitespace);
            end = space.filter(|space| *space > end / 2).unwrap_or(end);
        }
        let (piece, rest) = text.split_at(end);
        text = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_are_short_and_together_the_text(text in "[a-z ü漢]{0,200}", longest in 4..40_usize) {
            let parts: Vec<&str> = pieces(&text, longest).collect();
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= longest));
            prop_assert_eq!(parts.concat(), text);
        }
    }

    fn sample() -> Vec<String> {
        (0..40).map(|n| format!("line {n} of größer 漢字 text, number {}\n", n * 7)).collect()
    }

    #[test]
    fn documents_begin_with_the_separator_and_decode_to_their_text() {
        let special = [AddedToken::from(SEPARATORS[0], true)];
        let encoder = Encoder::new(train(&sample(), 320, &special).unwrap(), 0);
        let mut ids = Vec::new();
        for text in sample() {
            encoder.encode(&text, &mut ids).unwrap();
        }
        assert_eq!(ids.iter().filter(|id| Some(**id) == encoder.separator).count(), 40);
        assert!(ids.iter().all(|id| *id < 320));
        assert_eq!(encoder.tokenizer.decode(&ids, true).unwrap(), sample().concat());
    }

    #[test]
    fn a_tokenizer_that_is_none_or_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let refused = |vocab| {
            let text = Encoder::load(&path, vocab).err().unwrap().to_string();
            text.replace(folder.path().to_str().unwrap(), "DIR")
        };
        insta::assert_snapshot!(refused(320), @"--tokenizer DIR/tokenizer.json: No such file or directory (os error 2)");
        fs::write(&path, "{\"version\": \"1.0\"}").unwrap();
        assert!(refused(320).contains("name the tokenizer.json of a Hugging Face model"));
        train(&sample(), 320, &[]).unwrap().save(&path, false).unwrap();
        insta::assert_snapshot!(refused(300), @"--tokenizer DIR/tokenizer.json: it has ids up to 319, and the model a vocabulary of 300; give --vocab 320");
        assert!(Encoder::load(&path, 320).is_ok());
    }
}
