//! Everything that can be asked wrongly, and ranks that die: one line, the right exit code, no hang.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::run::{command, end, run, text};

#[track_caller]
fn assert_refused(arguments: &[&str], code: i32, says: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{arguments:?}: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "{arguments:?}");
    for part in says {
        assert!(ended.stderr.contains(part), "{arguments:?}: {part:?} not in {}", ended.stderr);
    }
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    assert_refused(&[], 2, &["--help"]);
    assert_refused(&["gpt", "--preset", "huge"], 2, &["'huge'", "nano", "gpt2-124m"]);
    assert_refused(&["resnet50", "--preset", "huge"], 2, &["'huge'", "nano", "resnet101"]);
    assert_refused(&["bert"], 2, &["unknown model 'bert'", "gpt"]);
    assert_refused(&["gpt", "--steps", "many"], 2, &["--steps"]);
    assert_refused(&["gpt", "--zero", "4"], 2, &["--zero"]);
}

#[test]
fn numbers_that_do_not_go_together_are_refused() {
    assert_refused(&["gpt", "--hidden", "100", "--heads", "3"], 2, &["--hidden 100", "--heads 3"]);
    assert_refused(&["gpt", "--micro-batch", "0"], 2, &["--micro-batch 0"]);
    assert_refused(&["gpt", "--nproc", "0"], 2, &["--nproc 0"]);
    assert_refused(&["gpt", "--threads", "4294967296"], 2, &["--threads 4294967296"]);
    assert_refused(&["gpt", "--accumulate", "4294967296"], 2, &["--accumulate 4294967296"]);
    assert_refused(
        &["llama", "--hidden", "4194304", "--heads", "4194304", "--layers", "16777216"],
        2,
        &["10^15"],
    );
    assert_refused(&["llama", "--heads", "4", "--kv-heads", "3"], 2, &["--kv-heads 3"]);
    assert_refused(&["gpt", "--tp", "2", "--nproc", "3"], 2, &["--nproc 2"]);
    assert_refused(&["gpt", "--tp", "3"], 2, &["--tp 3", "--heads 4"]);
    assert_refused(&["gpt", "--pp", "5"], 2, &["--pp 5", "--layers is 4"]);
    assert_refused(&["gpt", "--experts", "4"], 2, &["--experts", "moe"]);
    assert_refused(&["moe", "--precision", "fp8"], 2, &["fp8", "moe"]);
    assert_refused(
        &["gpt", "--precision", "tf32", "--device", "cpu", "--quiet"],
        2,
        &["tf32", "the CPU has"],
    );
    assert_refused(&["gpt", "--loss", "full", "--tp", "2"], 2, &["--loss full"]);
    assert_refused(
        &["gpt", "--model", "/does/not/exist"],
        2,
        &["--model /does/not/exist", "config.json"],
    );
    assert_refused(&["gpt", "--lr", "-1"], 2, &["--lr"]);
    assert_refused(&["gpt", "--device", "cuda", "--nproc", "2"], 2, &["GPU"]);
}

#[test]
fn a_batch_that_does_not_fit_is_refused_with_one_that_does() {
    let data = text();
    let data = data.to_str().unwrap();
    for ranks in ["1", "2"] {
        assert_refused(
            &[
                "gpt",
                "--device",
                "cpu",
                "--micro-batch",
                "50000000",
                "--data",
                data,
                "--nproc",
                ranks,
            ],
            2,
            &["does not fit in memory", "GiB", "--micro-batch", "would fit"],
        );
    }
}

#[test]
fn a_bad_data_folder_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    let file = empty.path().join("file.txt");
    for ranks in ["1", "2"] {
        assert_refused(&["gpt", "--data", "/does/not/exist", "--nproc", ranks], 2, &["--data"]);
        assert_refused(&["gpt", "--data", path, "--nproc", ranks], 2, &["no UTF-8 text file"]);
    }
    fs::write(&file, "short").unwrap();
    assert_refused(&["gpt", "--data", path], 2, &["too short", "--seq"]);
    assert_refused(&["gpt", "--data", file.to_str().unwrap()], 2, &["not a folder"]);
    let ended = end(command(&["gpt"]).current_dir("/").spawn().unwrap());
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--data DIR"), "{}", ended.stderr);
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_training() {
    assert_refused(&["gpt", "--json", "/does/not/exist/run.json"], 2, &["--json"]);
    assert_refused(&["gpt", "--loss-out", "/tmp"], 2, &["--loss-out"]);
}

/// The program as rank `rank` of `size`, as torchrun would start it.
fn as_rank(rank: &str, size: &str, port: u16, extra: &[&str]) -> Command {
    let data = text();
    let mut arguments =
        vec!["gpt", "--device", "cpu", "--steps", "2", "--threads", "1", "--quiet", "--data"];
    arguments.push(data.to_str().unwrap());
    arguments.extend(extra);
    let mut command = command(&arguments);
    command.env("RANK", rank).env("WORLD_SIZE", size);
    command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
    command
}

fn free_port() -> u16 {
    TcpListener::bind(("0.0.0.0", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn a_rank_that_never_comes_ends_the_others() {
    let ended = end(as_rank("0", "2", free_port(), &["--timeout", "1"]).spawn().unwrap());
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("rank 1 of 2 has not come within 1 s"), "{}", ended.stderr);
    let ended = end(as_rank("1", "2", free_port(), &["--timeout", "1"]).spawn().unwrap());
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("rank 0 does not answer at 127.0.0.1"), "{}", ended.stderr);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind(("0.0.0.0", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = end(as_rank("0", "2", port, &["--timeout", "2"]).spawn().unwrap());
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    let says = format!("cannot listen on port {port}");
    assert!(ended.stderr.contains(&says), "{}", ended.stderr);
}

#[test]
fn ranks_started_differently_are_all_told() {
    for (size, extra, says) in [
        ("3", &["--micro-batch", "4"][..], "world size 3"),
        ("2", &["--micro-batch", "2"], "\"micro_batch\":2"),
    ] {
        let port = free_port();
        let other = as_rank("1", size, port, extra).spawn().unwrap();
        let lead = as_rank("0", "2", port, &["--micro-batch", "4"]).spawn().unwrap();
        for ended in [end(lead), end(other)] {
            assert_eq!(ended.code, Some(2), "{}", ended.stderr);
            assert!(ended.stderr.contains("started differently"), "{}", ended.stderr);
            assert!(ended.stderr.contains(says), "{}", ended.stderr);
        }
    }
}

/// The process ids of a process's children.
fn children(pid: u32) -> Vec<String> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_rank_killed_in_mid_run_ends_the_run() {
    kill_one(2, &[]);
    kill_one(2, &["--zero", "3"]);
    kill_one(4, &["--tp", "2", "--pp", "2", "--accumulate", "2"]);
}

fn kill_one(count: usize, shared: &[&str]) {
    let data = text();
    let count_text = count.to_string();
    let mut arguments = vec!["gpt", "--device", "cpu", "--threads", "1", "--nproc", &count_text];
    arguments.extend(["--layers", "2", "--hidden", "32", "--heads", "4", "--seq", "32"]);
    arguments.extend(["--vocab", "320", "--peak-tflops", "0.1", "--steps", "1000000"]);
    arguments.extend(["--data", data.to_str().unwrap()]);
    arguments.extend(shared);
    let mut launcher = command(&arguments).spawn().unwrap();
    // "step 1/…" is the first line after the ranks have met.
    let mut stderr = launcher.stderr.take().unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("step 1/") {
        let mut bytes = [0; 256];
        let count = stderr.read(&mut bytes).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..count]);
    }
    let ranks = children(launcher.id());
    assert_eq!(ranks.len(), count);
    let victim = ranks
        .iter()
        .find(|pid| {
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap();
            variables.split(|byte| *byte == 0).any(|variable| variable == b"RANK=1")
        })
        .unwrap();
    let killed = Instant::now();
    assert!(Command::new("kill").args(["-9", victim]).status().unwrap().success());
    let status = launcher.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(killed.elapsed() < Duration::from_secs(30), "{:?}", killed.elapsed());
    // What was read above may end within a line.
    stderr.read_to_end(&mut seen).unwrap();
    let rest = String::from_utf8_lossy(&seen);
    let lines = rest.lines().skip_while(|line| !line.starts_with("step "));
    let complaints: Vec<_> = lines.filter(|line| !line.starts_with("step ")).collect();
    assert_eq!(complaints.len(), 1, "{rest}");
    assert!(complaints[0].contains("rank 1 was killed by signal 9"), "{rest}");
    for pid in ranks {
        assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "rank {pid} is still there");
    }
}
