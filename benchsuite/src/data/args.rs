//! What can be asked of the data on the command line.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

const DATA: &str = "Folder of UTF-8 text files to train on, or of Parquet files or WebDataset tar shards, one such file, or what Hugging Face Datasets saved to disk [default: the source tree this program is run in]";
const COLUMN: &str = "Column that holds the documents (of tar shards: the key in JSON entries) [default: text, else tokens or input_ids]";

/// The data to train on.
#[derive(Args, Clone, Debug, Serialize)]
pub(crate) struct DataArgs {
    #[arg(long, value_name = "PATH", help = DATA)]
    #[serde(skip)]
    pub data: Option<PathBuf>,
    #[arg(long, value_name = "NAME", help = COLUMN)]
    #[serde(rename = "column")]
    pub data_column: Option<String>,
    /// A Hugging Face tokenizer.json [default: one trained on the data]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub tokenizer: Option<PathBuf>,
    /// Sequences that are shuffled together when data is streamed
    #[arg(long, default_value_t = 1024, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub shuffle_buffer: u32,
}
