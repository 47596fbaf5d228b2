//! The stream of sequences: every token once an epoch, the same for every split and from every place.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parquet::basic::Compression;
use proptest::prelude::*;
use tch::{Device, Tensor};

use super::{args, fixtures, stream};
use crate::data::packer::{Bookmark, Packer};
use crate::data::stream::Stream;
use crate::data::{Batches, Text, prepare};

/// Tokens that are all different, in two files of several row groups.
fn tokens() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let lists = fixtures::tokens(300);
        fixtures::parquet_tokens(&folder.path().join("0.parquet"), "tokens", &lists[..170], 20);
        fixtures::parquet_tokens(&folder.path().join("1.parquet"), "tokens", &lists[170..], 33);
        folder
    });
    folder.path().to_owned()
}

/// The sequences of the first `epochs` passes, each pass by itself.
fn epochs(stream: &Arc<Stream>, seq: usize, epochs: u64) -> Vec<Vec<Vec<u32>>> {
    let mut packer = Packer::new(Arc::clone(stream), seq, 1, Bookmark::default());
    let mut all = vec![Vec::new(); epochs as usize];
    let mut number = 0;
    loop {
        let block = packer.block().unwrap();
        assert_eq!(block.bookmark.sequence, number, "blocks follow each other");
        let Some(epoch) = all.get_mut(block.bookmark.epoch as usize) else { return all };
        while number < block.end() {
            epoch.push(block.sequence(number).unwrap().to_vec());
            number += 1;
        }
        assert_eq!(block.sequence(number), None);
    }
}

#[test]
fn every_token_is_a_target_once_an_epoch_and_held_out_ones_never() {
    const SEQ: usize = 7;
    let stream = stream(&tokens(), 16);
    let held_out: BTreeSet<u32> = stream.validation.iter().copied().collect();
    let lists = fixtures::tokens(300);
    let expected: BTreeSet<u32> =
        lists.iter().skip(19).step_by(20).flatten().map(|id| *id as u32).collect();
    assert_eq!(held_out, expected, "every twentieth document over all files");
    let total = lists.iter().map(Vec::len).sum::<usize>() - held_out.len();
    for epoch in epochs(&stream, SEQ, 3) {
        assert_eq!(epoch.len(), (total - 1) / SEQ);
        let mut targets = BTreeSet::new();
        for sequence in &epoch {
            assert_eq!(sequence.len(), SEQ + 1);
            assert!(sequence[1..].iter().all(|id| targets.insert(*id)), "twice: {sequence:?}");
        }
        assert!(targets.is_disjoint(&held_out));
    }
}

#[test]
fn epochs_and_seeds_differ_in_order_and_blocks_are_shuffled() {
    let stream = stream(&tokens(), 16);
    let both = epochs(&stream, 7, 2);
    assert_ne!(both[0], both[1]);
    assert_eq!(both, epochs(&stream, 7, 2), "the same each time");
    let first = |seed| {
        let block = Packer::new(Arc::clone(&stream), 7, seed, Bookmark::default()).block().unwrap();
        (0..16).map(|n| block.sequence(n).unwrap().to_vec()).collect::<Vec<_>>()
    };
    assert_ne!(first(1), first(2));
    // Neighbours of the stream share a token; after a shuffle few still do.
    let neighbours = first(1).windows(2).filter(|pair| pair[0][7] == pair[1][0]).count();
    assert!(neighbours < 8, "{neighbours} of 15");
}

/// Every bookmark leads to the block that it is of.
#[test]
fn reading_on_from_any_block_gives_the_same_blocks() {
    let stream = stream(&tokens(), 5);
    let mut whole = Packer::new(Arc::clone(&stream), 9, 3, Bookmark::default());
    for _ in 0..150 {
        let block = whole.block().unwrap();
        let again = Packer::new(Arc::clone(&stream), 9, 3, block.bookmark).block().unwrap();
        assert_eq!((again.bookmark, again.end()), (block.bookmark, block.end()));
        for number in block.bookmark.sequence..block.end() {
            assert_eq!(again.sequence(number), block.sequence(number));
        }
    }
}

/// A data set in each form, with text.
fn texts() -> Vec<(&'static str, PathBuf)> {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let texts = fixtures::texts(240);
        let parquet = folder.path().join("parquet/data/train-00000-of-00001.parquet");
        fixtures::parquet(&parquet, "text", &texts, 50, Compression::SNAPPY);
        fixtures::saved_to_disk(&folder.path().join("arrow"), &texts, 2, 25);
        fixtures::tar(&folder.path().join("tar/0.tar"), &texts[..100]);
        fixtures::tar(&folder.path().join("tar/1.tar.gz"), &texts[100..]);
        folder
    });
    ["parquet", "arrow", "tar"].map(|form| (form, folder.path().join(form))).to_vec()
}

/// A step's global batch, put together from what ranks ask for in micro-batches.
fn split(batches: &Batches<'_>, step: u64, ranks: i64, accumulate: i64, micro: i64) -> Tensor {
    let mut parts = Vec::new();
    for first in (0..ranks * accumulate).map(|part| part * micro) {
        let (inputs, targets) = batches.train(step, first as u64, micro).unwrap();
        parts.push(Tensor::stack(&[inputs, targets], 0));
    }
    Tensor::cat(&parts, 1)
}

fn batches(text: &Text, per_step: i64) -> Batches<'_> {
    Batches::new(text, 16, 1, per_step, Device::Cpu).unwrap()
}

#[test]
fn every_form_gives_the_same_batches_however_they_are_split() {
    for (form, path) in texts() {
        let text = prepare(&args(&path, 32), 320).unwrap();
        let (one, many) = (batches(&text, 12), batches(&text, 12));
        assert!(text.checksum() != 0 && text.describe().contains("file"), "{}", text.describe());
        for step in 0..40 {
            let whole = split(&one, step, 1, 1, 12);
            assert_eq!(split(&many, step, 2, 3, 2), whole, "{form}, step {step}");
            assert_eq!(whole.size(), [2, 12, 16]);
        }
        let report = many.report();
        assert!(report.documents > 0 && report.tokens_per_s > Some(0.0), "{report:?}");
        let (inputs, targets) = one.validation(3).unwrap();
        assert_eq!((inputs.size(), targets.size()), (vec![3, 16], vec![3, 16]));
    }
}

/// Each rank by itself, as in training: it never asks for what is another's.
#[test]
fn the_ranks_batches_together_are_the_global_batch() {
    let text = prepare(&args(&tokens(), 8), 20_000).unwrap();
    let whole = batches(&text, 6);
    let ranks = [batches(&text, 6), batches(&text, 6), batches(&text, 6)];
    for step in 0..60 {
        let of_rank = |rank: usize| ranks[rank].train(step, rank as u64 * 2, 2).unwrap().0;
        let together = Tensor::cat(&[of_rank(0), of_rank(1), of_rank(2)], 0);
        assert_eq!(together, whole.train(step, 0, 6).unwrap().0, "step {step}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_step_can_be_asked_for_at_any_time(
        steps in prop::collection::vec(0..120_u64, 1..12),
        shuffle in 1..40_u32,
        per_step in 1..9_i64,
    ) {
        let text = prepare(&args(&tokens(), shuffle), 20_000).unwrap();
        let (straight, jumping) = (batches(&text, per_step), batches(&text, per_step));
        let all: Vec<Tensor> =
            (0..120).map(|step| straight.train(step, 0, per_step).unwrap().0).collect();
        for step in steps {
            prop_assert_eq!(&jumping.train(step, 0, per_step).unwrap().0, &all[step as usize]);
        }
    }
}

/// A run that goes on at a later step reads from a place that an earlier run has passed.
#[test]
fn a_later_run_begins_near_its_step() {
    let text = prepare(&args(&tokens(), 4), 20_000).unwrap();
    let first = batches(&text, 4);
    let expected: Vec<Tensor> = (0..400).map(|step| first.train(step, 0, 4).unwrap().0).collect();
    let read = first.report().documents;
    let later = batches(&text, 4);
    assert_eq!(later.train(395, 0, 4).unwrap().0, expected[395]);
    let report = later.report();
    assert!(report.documents * 10 < read, "{} of {read} documents", report.documents);
    assert_eq!(later.train(396, 0, 4).unwrap().0, expected[396]);
}

#[test]
fn too_little_data_is_refused_with_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    fixtures::parquet_tokens(&path, "tokens", &fixtures::tokens(3), 3);
    let text = prepare(&args(&path, 4), 20_000).unwrap();
    let refused = Batches::new(&text, 64, 1, 1, Device::Cpu).err().unwrap().to_string();
    insta::assert_snapshot!(refused, @"the data is too short: 18 tokens to train on and 0 to validate on, and --seq 64 needs 66 of each; give more documents (one in twenty is for validation) or a smaller --seq");
    let refused = Batches::new(&text, 4, 1, 1, Device::Cpu).err().unwrap().to_string();
    insta::assert_snapshot!(refused, @"the data is too short: 0 tokens to validate on, and --seq 4 needs 6; give more documents (one in twenty is for validation) or a smaller --seq");
}
