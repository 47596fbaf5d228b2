//! The text to train on: which files, how they become tokens, which tokens make a batch.

mod batches;
mod corpus;
mod tokens;

pub(crate) use batches::Batches;
pub(crate) use tokens::Tokens;

use std::path::Path;

use crate::failure::Result;

/// Reads and tokenizes the folder, or takes the tokens from the cache of an earlier run.
pub(crate) fn prepare(folder: Option<&Path>, vocab: i64) -> Result<Tokens> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => corpus::source_tree()?,
    };
    let texts = corpus::read(&folder)?;
    tokens::load_or_train(&texts, vocab, &folder)
}
