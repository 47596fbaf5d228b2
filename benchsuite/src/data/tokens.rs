//! The text of a folder as tokens, and the cache of its result.

use std::fs;
use std::path::Path;

use crate::data::cache;
use crate::data::encoder::{self, Encoder};
use crate::data::hash::hash;
use crate::failure::{Failure, Result};

/// Part of the cache key: raised when the meaning of a cached file changes.
const FORMAT: u64 = 1;
/// Share of the tokens kept for validation, one in this many.
const VALIDATION: usize = 20;

/// A text as token ids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// The first 95 %.
    pub train: Vec<u32>,
    /// The last 5 %.
    pub validation: Vec<u32>,
    /// A hash of all the ids: equal on every rank or something is wrong.
    pub checksum: u64,
}

impl Tokens {
    fn new(mut ids: Vec<u32>) -> Self {
        let checksum = hash(ids.iter().map(|id| u64::from(*id)));
        let validation = ids.split_off(ids.len() - ids.len() / VALIDATION);
        Self { train: ids, validation, checksum }
    }
}

/// Trains a tokenizer of at most `vocab` entries on the texts and applies it, or applies the one that is `given`; the ids
/// (and the trained tokenizer) are kept in the user's cache folder under a hash of the text.
pub(crate) fn load_or_train(
    texts: &[String],
    vocab: i64,
    folder: &Path,
    given: Option<&Encoder>,
) -> Result<Tokens> {
    let head = [FORMAT, vocab as u64].into_iter().chain(given.map(|encoder| encoder.checksum));
    let key = hash(head.chain(texts.iter().flat_map(|text| {
        std::iter::once(text.len() as u64).chain(text.as_bytes().chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        }))
    })));
    let cache = cache::folder();
    let path = cache.join(format!("{key:016x}-{vocab}.tokens"));
    if let Some(ids) = read_ids(&path, vocab) {
        return Ok(Tokens::new(ids));
    }
    let refuse = |reason: String| {
        Failure::run(format!("the text of {} cannot be tokenized: {reason}", folder.display()))
    };
    let mut ids = Vec::new();
    if let Some(given) = given {
        for text in texts {
            given.encode(text, &mut ids).map_err(refuse)?;
        }
    } else {
        let (tokenizer, trained) = train(texts, vocab).map_err(|e| refuse(e.to_string()))?;
        if let Ok(text) = tokenizer.to_string(false) {
            cache::keep(&cache.join(format!("{key:016x}-{vocab}.json")), text.as_bytes());
        }
        ids = trained;
    }
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    cache::keep(&path, &bytes);
    Ok(Tokens::new(ids))
}

fn train(texts: &[String], vocab: i64) -> tokenizers::Result<(tokenizers::Tokenizer, Vec<u32>)> {
    let tokenizer = encoder::train(texts, vocab, &[])?;
    let mut ids = Vec::new();
    for text in texts {
        ids.extend_from_slice(tokenizer.encode_fast(text.as_str(), false)?.get_ids());
    }
    Ok((tokenizer, ids))
}

/// The cached ids, unless the file is missing or damaged.
fn read_ids(path: &Path, vocab: i64) -> Option<Vec<u32>> {
    let bytes = fs::read(path).ok()?;
    let (words, rest) = bytes.as_chunks::<4>();
    let ids: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let valid = rest.is_empty() && !ids.is_empty() && ids.iter().all(|id| i64::from(*id) < vocab);
    valid.then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<String> {
        let line =
            |i: u32| format!("fn f{i}() -> u32 {{ {i} + other({}) }} // größer 漢字\n", i * 7);
        (0..4).map(|part| (0..50).map(|i| line(part * 50 + i)).collect()).collect()
    }

    #[test]
    fn training_twice_gives_the_same_ids_and_they_decode_to_the_text() {
        let texts = text();
        let (tokenizer, ids) = train(&texts, 400).unwrap();
        assert_eq!(train(&texts, 400).unwrap().1, ids);
        assert!(ids.iter().all(|id| *id < 400));
        assert_eq!(tokenizer.decode(&ids, false).unwrap(), texts.concat());
    }

    #[test]
    fn a_damaged_cache_file_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tokens");
        fs::write(&path, [1, 0, 0, 0, 2]).unwrap();
        assert_eq!(read_ids(&path, 400), None);
        fs::write(&path, [1, 0, 0, 0, 255, 255, 0, 0]).unwrap();
        assert_eq!(read_ids(&path, 400), None);
        fs::write(&path, [1, 0, 0, 0, 2, 0, 0, 0]).unwrap();
        assert_eq!(read_ids(&path, 400), Some(vec![1, 2]));
    }

    #[test]
    fn one_token_in_twenty_is_kept_for_validation() {
        let tokens = Tokens::new((0..100).collect());
        assert_eq!((tokens.train.len(), tokens.validation.len()), (95, 5));
    }
}
