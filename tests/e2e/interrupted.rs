//! Runs that end badly: what was recorded stays, the exit code is the target's, nothing half is left.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use perfagent_recording::{Reader, Recording};
use perfagent_tests::{Bed, finish};

const TRAINING: &str = "--layers 2 --hidden 64 --heads 2 --seq 64 --vocab 512 --micro-batch 2";

/// Starts `perfagent record` over a training run that would take for ever.
fn start_endless(bed: &Bed, ranks: u32) -> Child {
    let mut command = bed.program("perfagent");
    command.args(["record", "-o", "run.perfdb", "--"]);
    command.args(bed.training(&format!("{TRAINING} --steps 1000000 --nproc {ranks} --timeout 20")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the process `pid` has a child (of a child) that trains, and returns its number.
fn wait_for_rank(recorder: &Child, rank: u32) -> i32 {
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline {
        for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let of_this_test = environment.split(|byte| *byte == 0).any(|variable| {
                variable.starts_with(b"PERFAGENT_SPOOL_DIR=") && has_spool_of(variable, recorder)
            });
            let is_rank = environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == format!("RANK={rank}").as_bytes());
            if of_this_test && is_rank {
                return pid;
            }
        }
        pause(Duration::from_millis(50));
    }
    panic!("no rank {rank} appeared");
}

fn has_spool_of(variable: &[u8], recorder: &Child) -> bool {
    let folder = fs::read_link(format!("/proc/{}/cwd", recorder.id())).unwrap_or_default();
    String::from_utf8_lossy(variable).contains(&*folder.to_string_lossy())
}

/// Lets the run go on for a while: the events to interrupt are real ones.
fn pause(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "a real run is given time to record something")]
    std::thread::sleep(duration);
}

fn load(bed: &Bed, name: &str) -> Recording {
    Recording::load(&Reader::open(&bed.path(name)).unwrap(), &mut |_| {}).unwrap()
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: kill(2) takes two numbers and touches no memory of ours.
    #[expect(unsafe_code, reason = "sending a signal is what is tested")]
    let sent = unsafe { libc::kill(pid, signal) };
    assert_eq!(sent, 0);
}

/// A rank that is killed takes the run down with one line, and the recording has what it did until then.
#[test]
fn a_killed_rank_ends_the_run_and_keeps_its_steps() {
    let bed = Bed::new();
    let recorder = start_endless(&bed, 2);
    let rank = wait_for_rank(&recorder, 1);
    pause(Duration::from_secs(4));
    kill(rank, libc::SIGKILL);
    let output = recorder.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "the launcher's own code: {output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("rank 1"), "{output:?}");

    let recording = load(&bed, "run.perfdb");
    let killed =
        recording.processes.iter().position(|process| process.pid == i64::from(rank)).unwrap();
    let steps: Vec<_> = recording
        .ranges
        .iter()
        .filter(|range| {
            range.process_id.0 == killed as i64 + 1
                && recording.strings.get(range.name_id) == "step"
        })
        .collect();
    assert!(steps.len() > 3, "{} steps of the killed rank", steps.len());
    let end = recording.ranges.iter().map(|range| range.end_ns).max().unwrap();
    let last = steps.iter().map(|range| range.end_ns).max().unwrap();
    assert!((end - last).seconds() < 30.0);
    assert!(!bed.path("run.perfdb.partial").exists());
}

/// Ctrl-C reaches the target; the recorder finishes the file and ends as the target did.
#[test]
fn an_interrupted_run_is_a_whole_recording() {
    let bed = Bed::new();
    let recorder = start_endless(&bed, 1);
    pause(Duration::from_secs(6));
    kill(i32::try_from(recorder.id()).unwrap(), libc::SIGINT);
    let output = recorder.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(128 + libc::SIGINT), "{output:?}");
    assert_eq!(output.status.signal(), None);
    let recording = load(&bed, "run.perfdb");
    assert!(recording.operators.len() > 100);
}

/// The recorder itself is killed: `recover` completes what it began, every step once.
#[test]
fn a_killed_recorder_is_recovered() {
    let bed = Bed::new();
    let mut recorder = start_endless(&bed, 1);
    pause(Duration::from_secs(6));
    let folder = bed.path("run.perfdb.partial");
    let rings: Vec<_> =
        fs::read_dir(folder.join("spool")).unwrap().filter_map(Result::ok).collect();
    let pid: i32 =
        rings[0].file_name().to_string_lossy().split('-').next().unwrap().parse().unwrap();
    recorder.kill().unwrap();
    let _ = recorder.wait().unwrap();
    assert!(!bed.path("run.perfdb").exists(), "the final name only ever holds a whole recording");
    pause(Duration::from_secs(1));
    kill(pid, libc::SIGKILL);
    pause(Duration::from_millis(200));

    let _ = bed.perfagent(["recover", "run.perfdb.partial", "-o", "run.perfdb"]).success();
    let recording = load(&bed, "run.perfdb");
    let mut steps: Vec<_> = recording
        .ranges
        .iter()
        .filter(|range| recording.strings.get(range.name_id) == "step")
        .filter_map(|range| range.payload.integer())
        .collect();
    steps.sort_unstable();
    let last = *steps.last().unwrap();
    assert!(last > 3);
    let missing: Vec<_> = (0..=last).filter(|step| steps.binary_search(step).is_err()).collect();
    assert_eq!(
        steps.len() + missing.len(),
        usize::try_from(last).unwrap() + 1,
        "a step stands twice"
    );
    // Where processors are scarce the target's own buffers may overflow; that is counted, never silent.
    let counted: i64 = recording.losses.iter().map(|loss| loss.count).sum();
    assert!(missing.is_empty() || counted > 0, "steps {missing:?} are missing and nothing says so");
}

/// The target's standard output and exit code are its own.
#[test]
fn the_target_is_left_as_it_is() {
    let bed = Bed::new();
    let done = finish(bed.program("perfagent").args([
        "record",
        "-o",
        "run.perfdb",
        "--",
        "sh",
        "-c",
        "echo out; exit 7",
    ]));
    assert_eq!(done.status.code(), Some(7));
    assert_eq!(done.stdout, "out\n");
    let killed = finish(bed.program("perfagent").args([
        "record",
        "-f",
        "-o",
        "run.perfdb",
        "--",
        "sh",
        "-c",
        "kill -9 $$",
    ]));
    assert_eq!(killed.status.code(), Some(137));
}
