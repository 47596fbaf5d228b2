//! The data to train on: in which form it is, how it becomes tokens, which tokens make a batch.
//!
//! Text files of a folder are tokenized whole, and windows are drawn from them. Everything else is streamed: `source` reads
//! documents from `parquet_file`, `arrow_stream` or `tar_shard`, `packer` makes shuffled sequences of them, and `prefetch` does
//! so ahead of training. Networks for images are trained on `images`; `feed` is either.

mod args;
mod arrow_stream;
mod batches;
mod bookmarks;
mod cache;
mod column;
mod corpus;
mod damage;
mod document;
mod door;
mod encoder;
mod feed;
mod form;
mod hash;
mod images;
mod packer;
mod parquet_file;
mod prefetch;
mod report;
mod source;
mod stream;
mod table;
mod tar_shard;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use args::DataArgs;
pub(crate) use batches::Batches;
pub(crate) use feed::{Data, Feed};
pub(crate) use report::{LoaderReport, summary};
pub(crate) use tokens::Tokens;

use std::sync::Arc;

use crate::data::encoder::Encoder;
use crate::data::form::Form;
use crate::data::stream::Stream;
use crate::failure::Result;

/// What is trained on, ready to make batches of.
pub(crate) enum Text {
    /// Text files of a folder, tokenized.
    Whole {
        /// Their tokens.
        tokens: Tokens,
        /// How many files.
        documents: usize,
    },
    /// A data set that is read on the way.
    Stream(Arc<Stream>),
}

impl Text {
    /// Equal on every rank or something is wrong.
    pub(crate) fn checksum(&self) -> u64 {
        match self {
            Self::Whole { tokens, .. } => tokens.checksum,
            Self::Stream(stream) => stream.checksum,
        }
    }

    /// How much there is, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Whole { tokens, .. } => {
                format!("{} tokens of text", tokens.train.len() + tokens.validation.len())
            }
            Self::Stream(stream) => stream.describe(),
        }
    }

    /// Tokens that are never trained on.
    fn validation(&self) -> &[u32] {
        match self {
            Self::Whole { tokens, .. } => &tokens.validation,
            Self::Stream(stream) => &stream.validation,
        }
    }
}

/// Opens the data: reads and tokenizes a folder of text (or takes the tokens from the cache of an earlier run), of all else
/// reads what its files say of themselves, a sample and the validation part.
pub(crate) fn prepare(args: &DataArgs, vocab: i64) -> Result<Text> {
    let folder = match &args.data {
        Some(path) => {
            let (form, files) = form::detect(path)?;
            if form != Form::Text {
                return Ok(Text::Stream(Arc::new(Stream::open(form, files, args, vocab)?)));
            }
            path.clone()
        }
        None => corpus::source_tree()?,
    };
    let given = args.tokenizer.as_deref().map(|path| Encoder::load(path, vocab)).transpose()?;
    let texts = corpus::read(&folder)?;
    let tokens = tokens::load_or_train(&texts, vocab, &folder, given.as_ref())?;
    Ok(Text::Whole { tokens, documents: texts.len() })
}
