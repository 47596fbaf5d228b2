//! The command keeps its behaviour, whatever becomes of it.

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Run, actor, actor_script, finish, read, text, until, words};
use crate::role;

#[test]
fn the_exit_code_is_the_commands_own() {
    for code in [0, 1, 42, 255] {
        let run = Run::new();
        assert_eq!(run.shell(&format!("exit {code}")).code, Some(code));
        let recording = run.read();
        assert_eq!(recording.meta_value("exit_code"), Some(code.to_string().as_str()));
        assert_eq!(recording.processes[0].exit_code, Some(code.into()));
        assert!(recording.processes[0].end_ns.is_some());
    }
}

#[test]
fn a_command_that_was_killed_tells_its_signal() {
    let run = Run::new();
    assert_eq!(run.shell("kill -TERM $$").code, Some(128 + 15));
    let recording = run.read();
    assert_eq!(recording.meta_value("exit_signal"), Some("15"));
    assert_eq!(
        (recording.processes[0].exit_code, recording.processes[0].exit_signal),
        (None, Some(15))
    );
}

#[test]
fn a_signal_to_the_recorder_reaches_the_command_and_the_recording_is_kept() {
    let run = Run::new();
    let ready = run.path("ready");
    let script =
        format!("trap 'exit 7' TERM; touch {}; while :; do sleep 0.05; done", ready.display());
    let recorder = run.start(&run.output(), &words(&["sh", "-c", &script]));
    until("the command's start", || ready.exists());
    let pid = Pid::from_raw(recorder.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = finish(recorder);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert_eq!(run.read().meta_value("exit_code"), Some("7"));
}

#[test]
fn a_run_without_events_is_a_recording_with_samples_and_a_warning() {
    let run = Run::new();
    assert_eq!(run.shell("sleep 0.4").code, Some(0));
    let recording = run.read();
    assert_eq!(recording.processes.len(), 1);
    assert!(
        recording.notes.iter().any(|note| note.text.contains("perfagent doctor")),
        "{:?}",
        recording.notes
    );
    let sampled = |name: &str| {
        let counter = recording.counters.iter().position(|counter| counter.name == name);
        let counter = counter.unwrap_or_else(|| panic!("no counter {name}"));
        recording
            .counter_samples
            .iter()
            .filter(|sample| sample.counter_id.0 == counter as i64 + 1)
            .count()
    };
    for name in ["cpu", "rss", "threads", "host_cpu", "host_memory_used"] {
        assert!(sampled(name) > 0, "{name}");
    }
    assert_eq!(recording.meta_value("source"), Some("record"));
    assert!(recording.meta_value("started").is_some_and(|time| time.ends_with('Z')));
    assert!(recording.hosts[0].logical_cores.is_some());
}

#[test]
fn a_killed_process_keeps_what_it_had_written() {
    let run = Run::new();
    assert_eq!(run.record(&actor("killed")).code, Some(128 + 9));
    let recording = run.read();
    assert_eq!(recording.marks.len(), 500);
    let [work] = &recording.ranges.to_vec()[..] else { panic!("{:?}", recording.ranges) };
    assert!(work.open, "its end was not seen");
    assert!(
        work.end_ns >= recording.marks.get(499).unwrap().time_ns,
        "it lasts to the last sign of life"
    );
    assert_eq!(recording.processes[0].exit_signal, Some(9));
}

#[test]
fn the_processes_of_a_job_are_in_one_recording_with_their_ranks() {
    let run = Run::new();
    let one = actor_script("ranked");
    let script = format!("RANK=0 WORLD_SIZE=2 {one} & RANK=1 WORLD_SIZE=2 {one} & wait");
    let ended = run.shell(&script);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let recording = run.read();
    let mut ranks: Vec<_> = recording
        .processes
        .iter()
        .filter_map(|process| Some((process.rank?, process.world_size?)))
        .collect();
    ranks.sort_unstable();
    assert_eq!(ranks, [(0, 2), (1, 2)]);
    assert_eq!(recording.processes.len(), 3, "and the shell that started them");
    let owners: std::collections::BTreeSet<_> =
        recording.ranges.iter().map(|range| range.process_id).collect();
    assert_eq!((recording.ranges.len(), owners.len()), (2, 2));
}

#[test]
fn two_runs_in_one_folder_at_the_same_time_keep_apart() {
    let run = Run::new();
    let one = actor_script("ranked");
    // Each waits until the other has started.
    let script = |own: &str, other: &str| {
        let (own, other) = (run.path(own), run.path(other));
        let (own, other) = (own.display(), other.display());
        format!(
            "touch {own}; while [ ! -e {other} ]; do sleep 0.02; done; RANK=0 WORLD_SIZE=1 {one}"
        )
    };
    let outputs = ["first.perfdb", "second.perfdb"].map(|name| run.path(name));
    let scripts = [script("a", "b"), script("b", "a")];
    let start =
        |number: usize| run.start(&outputs[number], &words(&["sh", "-c", &scripts[number]]));
    for ended in [start(0), start(1)].map(finish) {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    for output in outputs {
        let recording = read(&output);
        assert_eq!((recording.ranges.len(), recording.processes.len()), (1, 2));
    }
}

#[test]
fn a_process_that_outlives_the_command_does_not_hold_the_recorder() {
    let run = Run::new();
    let (ready, one) = (run.path("ready"), actor_script("lingering"));
    let script =
        format!("{one} >/dev/null 2>&1 & until [ -e {} ]; do sleep 0.05; done", ready.display());
    let ended = run.shell(&script);
    std::fs::write(run.path("stop"), "").unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let recording = run.read();
    let [background] = &recording.ranges.to_vec()[..] else { panic!("{:?}", recording.ranges) };
    assert!(background.open);
    assert!(
        recording.notes.iter().any(|note| note.text.contains("still running")),
        "{:?}",
        recording.notes
    );
}

#[test]
fn after_the_duration_nothing_is_kept_and_the_command_goes_on() {
    let run = Run::new();
    let mut command = actor("paced");
    command.insert(0, "env".into());
    command.insert(1, format!("{}=0", role::DURATION_MS).into());
    let recorder = {
        let mut process = role::command(role::RECORDER);
        process
            .env(role::OUTPUT, run.output())
            .env(role::FOLDER, run.folder.path())
            .env(role::WORDS, command.join("\u{1f}".as_ref()))
            .env(role::DURATION_MS, "600")
            .env("PERFAGENT_LIBRARY", run.path("libperfagent.so"))
            .stderr(std::process::Stdio::piped());
        process.spawn().unwrap()
    };
    assert_eq!(finish(recorder).code, Some(0));
    let recording = run.read();
    assert!(recording.marks.iter().all(|mark| text(&recording, mark.name_id) != "late"));
    for across in &recording.ranges {
        assert!(across.open, "its end lies outside");
    }
    assert!(recording.counter_samples.iter().all(|sample| (sample.time_ns - recording.processes[0].start_ns).nanos() <= 600_000_000));
}
