//! Runs the program on a small text of the tests' own.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A folder of text large enough for every test, the same in every test process.
pub(crate) fn text() -> PathBuf {
    static TEXT: OnceLock<PathBuf> = OnceLock::new();
    let write = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("text");
        fs::create_dir_all(&folder).unwrap();
        let mut lines = String::new();
        for n in 0..1600 {
            let (cost, weight, count) = (n * 7 % 97, n * n % 1013, n / 3);
            writeln!(lines, "item {n} costs {cost} and weighs {weight} grams; ask for {count}")
                .unwrap();
        }
        // Other test processes may be reading it already: no moment with half a file.
        let part = folder.join(format!(".part{}", std::process::id()));
        fs::write(&part, lines).unwrap();
        fs::rename(part, folder.join("items.txt")).unwrap();
        folder
    };
    TEXT.get_or_init(write).clone()
}

/// What a finished run left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program with these arguments, none of the variables that a launcher sets, and a cache of its
/// own.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfagent-bench"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"] {
        command.env_remove(name);
    }
    command.env("XDG_CACHE_HOME", text().with_extension("cache"));
    command
}

pub(crate) fn end(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    end(command(arguments).spawn().unwrap())
}

/// Trains a very small GPT quietly; `extra` comes last. Returns the result document.
pub(crate) fn train(extra: &[&str]) -> serde_json::Value {
    train_model("gpt", extra)
}

/// Trains a very small `model`; resnet50 on images, in its smallest preset.
pub(crate) fn train_model(model: &str, extra: &[&str]) -> serde_json::Value {
    train_on(model, &text(), extra)
}

/// The same on other data.
pub(crate) fn train_on(model: &str, data: &Path, extra: &[&str]) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let losses = folder.path().join("run.loss");
    let shape =
        ["--layers", "2", "--hidden", "32", "--heads", "4", "--seq", "32", "--vocab", "320"];
    let mut arguments = vec![model];
    // A configuration file has them all.
    if model == "resnet50" {
        arguments.extend(["--preset", "nano"]);
    } else if !extra.contains(&"--model") {
        arguments.extend(shape);
    }
    if !extra.contains(&"--steps") {
        arguments.extend(["--steps", "20"]);
    }
    arguments.extend(["--threads", "1", "--quiet", "--device", "cpu", "--peak-tflops", "0.1"]);
    let paths = [data.to_str().unwrap(), json.to_str().unwrap(), losses.to_str().unwrap()];
    if model != "resnet50" {
        arguments.extend(["--data", paths[0]]);
    }
    arguments.extend(["--json", paths[1], "--loss-out", paths[2]]);
    arguments.extend(extra);
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stderr, "", "--quiet says nothing");
    let document: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();

    // The loss file holds the same numbers, unrounded.
    let first = document["first_step"].as_u64().unwrap();
    let lines = fs::read_to_string(&losses).unwrap();
    let written: Vec<f64> = lines
        .lines()
        .enumerate()
        .map(|(step, line)| {
            let (index, loss) = line.split_once(' ').unwrap();
            assert_eq!(index, (step as u64 + first).to_string());
            loss.parse().unwrap()
        })
        .collect();
    let losses = self::losses(&document);
    assert_eq!(written.len(), losses.len());
    // A JSON number is read to within its last bit.
    assert!(written.iter().zip(&losses).all(|(w, l)| ((w - l) / l).abs() < 1e-15), "{losses:?}");
    document
}

pub(crate) fn losses(document: &serde_json::Value) -> Vec<f64> {
    numbers(document, "losses")
}

/// The numbers of a field; not a number where there is null.
pub(crate) fn numbers(document: &serde_json::Value, name: &str) -> Vec<f64> {
    let values = document[name].as_array().unwrap();
    values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}
