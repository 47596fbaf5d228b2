//! Checkpoints: a run that is interrupted goes on as if it had not been.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{command, end, losses, run, text, train_model};

/// Options of a small run of 12 steps that writes into `folder`.
fn options<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["--micro-batch", "4", "--steps", "12", "--checkpoint", folder];
    all.extend(more);
    all
}

/// Trains twelve steps at a stretch, and a second time with a checkpoint after seven from which another process goes on:
/// the state after the last step must be the same, bit by bit.
#[track_caller]
fn assert_continues(model: &str, more: &[&str]) {
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (whole, cut) = (whole.path().to_str().unwrap(), cut.path().to_str().unwrap());
    let at_a_stretch = train_model(model, &options(whole, more));
    // Twelve steps are planned, and the checkpoints after them removed: a run that was killed.
    let every = [&["--checkpoint-every", "7"][..], more].concat();
    train_model(model, &options(cut, &every));
    fs::remove_dir_all(Path::new(cut).join("step-00000012")).unwrap();
    let resumed = train_model(model, &options(cut, &[&["--resume"][..], more].concat()));
    assert_eq!(resumed["first_step"], 7);
    assert_eq!(losses(&resumed), losses(&at_a_stretch)[7..], "{more:?}");
    let ranks = at_a_stretch["world_size"].as_u64().unwrap();
    for rank in 0..ranks {
        let file = |folder: &str| {
            let name = format!("step-00000012/rank-{rank:05}.safetensors");
            fs::read(Path::new(folder).join(name)).unwrap()
        };
        assert!(file(whole) == file(cut), "rank {rank} of {more:?} has other weights or moments");
    }
}

#[test]
fn training_goes_on_bit_by_bit() {
    assert_continues("gpt", &[]);
    assert_continues("llama", &["--nproc", "2", "--zero", "1"]);
    assert_continues("moe", &["--nproc", "2", "--zero", "3"]);
    assert_continues("llama", &["--nproc", "4", "--tp", "2", "--pp", "2", "--accumulate", "2"]);
    assert_continues("gpt", &["--offload", "optimizer", "--precision", "fp16"]);
    assert_continues("resnet50", &["--recompute", "full"]);
    assert_continues("resnet50", &["--nproc", "2", "--zero", "3", "--precision", "bf16"]);
}

#[test]
fn whole_tensors_are_found_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    train_model("llama", &["--micro-batch", "4", "--steps", "1", "--checkpoint", path]);
    let file = fs::read(folder.path().join("step-00000001/rank-00000.safetensors")).unwrap();
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&rest[..length]).unwrap();
    let shape = &header["layers.1.feed_forward.down.weight.first_moment"]["shape"];
    assert_eq!(*shape, serde_json::json!([32, 88]));
    assert_eq!(header["embed_tokens.weight.weight"]["dtype"], "F32");
}

/// A small run.
fn long(folder: &str, ranks: &str, steps: &str) -> Command {
    let data = text();
    let mut arguments =
        vec!["llama", "--layers", "1", "--hidden", "32", "--heads", "4", "--seq", "32"];
    arguments.extend(["--vocab", "320", "--steps", steps, "--threads", "1", "--device", "cpu"]);
    arguments.extend(["--peak-tflops", "0.1", "--nproc", ranks, "--checkpoint", folder]);
    arguments.extend(["--data", data.to_str().unwrap()]);
    command(&arguments)
}

#[test]
fn sigterm_saves_and_a_run_goes_on_from_there() {
    for ranks in ["1", "2"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let mut child =
            long(path, ranks, "1000000").args(["--checkpoint-every", "5"]).spawn().unwrap();
        // The first checkpoint: training is under way.
        while !fs::exists(folder.path().join("step-00000005")).unwrap() {
            assert!(child.try_wait().unwrap().is_none(), "it has ended before");
            std::thread::yield_now();
        }
        let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(killed.success());
        let ended = end(child);
        assert_eq!(ended.code, Some(143), "{}", ended.stderr);
        let line = ended.stderr.lines().last().unwrap_or_default();
        assert!(
            line.contains("stopped by SIGTERM after step") && line.contains("--resume"),
            "{line}"
        );
        let saved: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert!(saved.len() <= 2, "{saved:?}");
        let steps = saved.iter().map(|entry| entry.file_name().into_string().unwrap());
        let last: u64 = steps.map(|name| name["step-".len()..].parse().unwrap()).max().unwrap();
        let resumed = long(path, ranks, &(last + 1).to_string()).arg("--resume").spawn().unwrap();
        let resumed = end(resumed);
        assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
        assert!(
            resumed.stderr.contains(&format!("going on after step {last}")),
            "{}",
            resumed.stderr
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_training() {
    for ranks in ["1", "2"] {
        let ended = run(&["gpt", "--checkpoint", "/proc/nowhere", "--nproc", ranks]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("--checkpoint /proc/nowhere"), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn what_cannot_be_gone_on_from_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let data = text();
    let refused = |more: &[&str], says: &[&str]| {
        let steps = if more == ["--resume"] { "3" } else { "2" };
        let mut arguments =
            vec!["gpt", "--layers", "1", "--hidden", "32", "--heads", "2", "--seq", "32"];
        arguments.extend([
            "--vocab",
            "320",
            "--steps",
            steps,
            "--threads",
            "1",
            "--device",
            "cpu",
            "--quiet",
        ]);
        arguments.extend(["--peak-tflops", "0.1", "--data", data.to_str().unwrap()]);
        arguments.extend(["--checkpoint", path]);
        arguments.extend(more);
        let ended = run(&arguments);
        assert_eq!(ended.code, Some(if says.is_empty() { 0 } else { 2 }), "{}", ended.stderr);
        for part in says {
            assert!(ended.stderr.contains(part), "{part:?} not in {}", ended.stderr);
        }
    };
    refused(&["--resume"], &["no complete checkpoint", "leave --resume out"]);
    refused(&[], &[]);
    refused(&[], &["another run's checkpoints are there", "--resume"]);
    refused(&["--resume", "--nproc", "1"], &["has all 2 steps behind it"]);
    let file = folder.path().join("step-00000002/rank-00000.safetensors");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    refused(&["--resume"], &["rank-00000.safetensors", "take the checkpoint before it"]);
    fs::write(&file, &whole).unwrap();
    let description = folder.path().join("step-00000002/checkpoint.json");
    let text = fs::read_to_string(&description).unwrap();
    fs::write(&description, &text[..50]).unwrap();
    refused(&["--resume"], &["checkpoint.json", "cannot be read"]);
    fs::write(&description, text.replacen("\"hidden\":", "\"depth\": 1, \"hidden\":", 1)).unwrap();
    refused(&["--resume"], &["depth 1", "this run has null"]);
    fs::write(&description, text.replacen("checkpoint/1", "checkpoint/9", 1)).unwrap();
    refused(&["--resume"], &["checkpoint/9"]);
    fs::write(&description, text.replacen("\"hidden\": 32", "\"hidden\": 64", 1)).unwrap();
    refused(&["--resume"], &["hidden 64", "this run has 32"]);
    fs::write(&description, text.replacen("\"world_size\": 1", "\"world_size\": 4", 1)).unwrap();
    refused(&["--resume"], &["ranks 4", "this run has 1"]);
}
