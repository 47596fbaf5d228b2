//! What is sampled of the machine and of the command's processes.

use std::fs;

use perfagent_recording::table::CounterSample;
use perfagent_recording::{CounterId, Recording};

use crate::harness::Run;

/// The samples of a counter: of the command itself, or of the machine.
fn samples(recording: &Recording, of_command: bool, name: &str) -> Vec<CounterSample> {
    let position = recording.counters.iter().position(|counter| {
        counter.name == name
            && counter.gpu_index.is_none()
            && counter.process_id.is_some() == of_command
    });
    let position = position.unwrap_or_else(|| panic!("no counter {name}"));
    let id = CounterId(position as i64 + 1);
    recording.counter_samples.iter().filter(|sample| sample.counter_id == id).collect()
}

fn most(recording: &Recording, of_command: bool, name: &str) -> f64 {
    samples(recording, of_command, name).iter().map(|sample| sample.value).fold(0.0, f64::max)
}

/// Processes that use neither NVTX nor CUDA, such as the workers of a data loader, have no row of their own.
#[test]
fn the_sums_hold_every_process_of_the_tree() {
    let run = Run::new();
    let ended = run.shell("(sleep 2; true) & sleep 2 & wait");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let recording = run.read();
    assert_eq!(recording.processes.len(), 1);
    // The shell, its subshell and that one's sleep, and the other sleep.
    assert!((most(&recording, false, "tree_processes") - 4.0).abs() < 1e-9);
    assert!((most(&recording, false, "tree_threads") - 4.0).abs() < 1e-9);
    assert!(most(&recording, false, "tree_rss") > most(&recording, true, "rss"));
}

#[test]
fn faults_and_disk_traffic_belong_to_the_process_that_causes_them() {
    let run = Run::new();
    let file = run.path("written");
    let script = format!(
        "x=; for i in 1 2 3 4 5; do x=\"$x$(printf '%0500000d' 0)\"; sleep 0.1; done; \
         for i in 1 2 3 4 5 6 7 8; do head -c 5242880 /dev/zero >> {file}; done; sleep 0.3",
        file = file.display()
    );
    let ended = run.shell(&script);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let recording = run.read();
    assert!(most(&recording, true, "minor_faults") > 10.0, "a variable that grows faults");
    assert!(most(&recording, true, "disk_read") >= 0.0);
    if !is_counted(&run) {
        return println!("skipped: this file system does not count what is written to it");
    }
    let written = samples(&recording, true, "disk_write");
    let bytes: f64 = written
        .windows(2)
        .map(|pair| pair[1].value * (pair[1].time_ns - pair[0].time_ns).seconds())
        .sum();
    assert!(bytes > 20e6, "{bytes} of 42 MB");
}

/// Whether a file written here shows in this process's `write_bytes`.
fn is_counted(run: &Run) -> bool {
    let written = || {
        let text = fs::read_to_string("/proc/self/io").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        line.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    let before = written();
    fs::write(run.path("probe"), vec![1; 1 << 20]).unwrap();
    written() >= before + (1 << 20)
}

#[test]
fn the_machine_is_sampled_where_proc_tells_no_process() {
    let run = Run::new();
    assert_eq!(run.shell("sleep 1").code, Some(0));
    let recording = run.read();
    assert!(most(&recording, false, "context_switches") > 0.0);
    assert!(most(&recording, false, "host_memory_used") > 0.0);
    for name in ["network_rx", "network_tx", "host_cpu"] {
        assert!(!samples(&recording, false, name).is_empty(), "{name}");
    }
}

#[test]
fn how_regular_the_samples_were_is_in_the_recording() {
    let run = Run::new();
    assert_eq!(run.shell("sleep 1").code, Some(0));
    let recording = run.read();
    let meta = recording.meta.iter().find(|meta| meta.key == "sampling_host").unwrap();
    let pace: serde_json::Value = serde_json::from_str(&meta.value).unwrap();
    let number = |key: &str| pace[key].as_u64().unwrap();
    assert!((3..=60).contains(&number("turns")), "{pace}");
    assert_eq!(number("period_ns"), 50_000_000);
    assert!(number("mean_cost_ns") > 1000 && number("mean_cost_ns") < 500_000_000, "{pace}");
    assert!(number("worst_late_ns") >= number("mean_late_ns"), "{pace}");
}
