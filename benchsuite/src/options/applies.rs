//! Options that models of one family have and those of the other do not.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::failure::{Failure, Result};
use crate::model::LossKind;

/// An option, as clap calls it, and what is said where it does not apply.
type Option = (&'static str, &'static str);

const SHAPE: &str =
    "is of language models: the shape of resnet50 is --preset, --image-size and --classes";
const DATA: &str = "is of language models: resnet50 draws its images itself";

const NOT_OF_IMAGES: [Option; 19] = [
    ("model", "reads configurations of language models: choose a --preset of resnet50"),
    ("layers", SHAPE),
    ("hidden", SHAPE),
    ("heads", SHAPE),
    ("kv_heads", SHAPE),
    ("head_dim", SHAPE),
    ("ffn", SHAPE),
    ("seq", SHAPE),
    ("vocab", SHAPE),
    ("experts", SHAPE),
    ("top_k", SHAPE),
    ("fp8_scaling", "is of language models: resnet50 has no products in 8 bits"),
    ("tp", TP),
    ("sequence_parallel", "is of language models: images have no sequences"),
    ("loss", "chunked is of language models: the few logits of an image are computed at once"),
    ("data", DATA),
    ("data_column", DATA),
    ("tokenizer", DATA),
    ("shuffle_buffer", DATA),
];

const TP: &str = "is of language models: resnet50 is divided by --pp and --zero";
const IMAGES: &str = "is of resnet50: the shape of a language model is --seq and --vocab";
const NOT_OF_LANGUAGE: [Option; 2] = [("image_size", IMAGES), ("classes", IMAGES)];

const LANGUAGE: [&str; 3] = ["gpt", "llama", "moe"];
const OF_IMAGES: &str = "resnet50";

fn missing(model: &str) -> &'static [Option] {
    match model {
        OF_IMAGES => &NOT_OF_IMAGES,
        _ if LANGUAGE.contains(&model) => &NOT_OF_LANGUAGE,
        _ => &[],
    }
}

/// Leaves out of each model's help what does not apply to it.
pub(super) fn hide(command: Command) -> Command {
    LANGUAGE.into_iter().chain([OF_IMAGES]).fold(command, |command, model| {
        command.mut_subcommand(model, |of_model| {
            let hide = |all: Command, (id, _): &Option| all.mut_arg(*id, |arg| arg.hide(true));
            missing(model).iter().fold(of_model, hide)
        })
    })
}

/// Refuses options that were given and do not apply. One that says what is so anyway is none.
pub(super) fn check(matches: &ArgMatches) -> Result<()> {
    let Some((model, given)) = matches.subcommand() else { return Ok(()) };
    for (id, remedy) in missing(model) {
        let is_so_anyway = match *id {
            "tp" => given.get_one("tp") == Some(&1_usize),
            "loss" => given.get_one("loss") == Some(&LossKind::Full),
            _ => false,
        };
        if given.value_source(id) == Some(ValueSource::CommandLine) && !is_so_anyway {
            return Err(Failure::input(format!("--{} {remedy}", id.replace('_', "-"))));
        }
    }
    Ok(())
}
