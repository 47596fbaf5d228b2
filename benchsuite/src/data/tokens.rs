//! Byte-level BPE over the folder's text, and the cache of its result.

use std::fs;
use std::hash::Hasher;
use std::io::Write;
use std::path::{Path, PathBuf};

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{ModelWrapper, Tokenizer};

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

/// Trains a tokenizer of at most `vocab` entries on the texts and applies it; both the tokenizer and
/// the ids are kept in the user's cache folder under a hash of the text.
pub(crate) fn load_or_train(texts: &[String], vocab: i64, folder: &Path) -> Result<Tokens> {
    let key = hash([FORMAT, vocab as u64].into_iter().chain(texts.iter().flat_map(|text| {
        std::iter::once(text.len() as u64).chain(text.as_bytes().chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        }))
    })));
    let cache = cache_folder();
    let path = cache.join(format!("{key:016x}-{vocab}.tokens"));
    if let Some(ids) = read_ids(&path, vocab) {
        return Ok(Tokens::new(ids));
    }
    let (tokenizer, ids) = train(texts, vocab).map_err(|e| {
        Failure::run(format!("the text of {} cannot be tokenized: {e}", folder.display()))
    })?;
    // Without a cache the run still works, only slower to start the next time.
    let _ = fs::create_dir_all(&cache);
    if let Ok(text) = tokenizer.to_string(false) {
        let _ = replace(&cache.join(format!("{key:016x}-{vocab}.json")), text.as_bytes());
    }
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let _ = replace(&path, &bytes);
    Ok(Tokens::new(ids))
}

fn train(texts: &[String], vocab: i64) -> tokenizers::Result<(Tokenizer, Vec<u32>)> {
    let mut tokenizer = Tokenizer::new(ModelWrapper::BPE(BPE::default()));
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    let trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(vocab as usize)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut trainer = TrainerWrapper::BpeTrainer(trainer);
    tokenizer.train(&mut trainer, texts.iter())?;
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

/// Writes a file under its final name in one step: other ranks may be doing the same.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension(format!("part{}", std::process::id()));
    let written = fs::File::create(&part).and_then(|mut file| file.write_all(bytes));
    let moved = written.and_then(|()| fs::rename(&part, path));
    if moved.is_err() {
        let _ = fs::remove_file(&part);
    }
    moved
}

fn cache_folder() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    from("XDG_CACHE_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("perfagent/tokens")
}

fn hash(words: impl Iterator<Item = u64>) -> u64 {
    // SipHash with its fixed default key: the same on every rank and in every run of one build.
    let mut hasher = std::hash::DefaultHasher::new();
    words.for_each(|word| hasher.write_u64(word));
    hasher.finish()
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
