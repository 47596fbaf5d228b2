//! `perfagent record`: what the GPUs did meanwhile.

use std::time::{Duration, Instant};

use perfagent_recording::table::{CounterSample, Loss, Note, Severity};
use perfagent_recording::{CounterId, Reader, Recording};

use super::{folder, run};

/// A recording of a shell script on a machine on which something happens.
struct Run {
    recording: Recording,
    stderr: String,
    took: Duration,
}

impl Run {
    fn of(script: &str, command: &str) -> Self {
        let folder = folder();
        let start = Instant::now();
        let words = ["record", "-o", "run.perfdb", "--sample-hz", "50", "--", "sh", "-c", command];
        let outcome = run(folder.path(), script, &words);
        let took = start.elapsed();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
        let reader = Reader::open(&folder.path().join("run.perfdb")).unwrap();
        let recording = Recording::load(&reader, &mut |_| {}).unwrap();
        Self { recording, stderr: outcome.stderr, took }
    }

    /// The samples of a counter of a GPU, or of the machine.
    fn samples(&self, gpu: Option<i64>, name: &str) -> Vec<CounterSample> {
        let counters = &self.recording.counters;
        let ids: Vec<_> = counters
            .iter()
            .enumerate()
            .filter(|(_, counter)| {
                counter.name == name && counter.gpu_index == gpu && counter.process_id.is_none()
            })
            .map(|(at, _)| CounterId(at as i64 + 1))
            .collect();
        assert!(ids.len() <= 1, "{name} has several counters");
        let samples = self.recording.counter_samples.iter();
        samples.filter(|sample| ids.contains(&sample.counter_id)).collect()
    }

    fn values(&self, gpu: i64, name: &str) -> Vec<f64> {
        self.samples(Some(gpu), name).iter().map(|sample| sample.value).collect()
    }

    /// The note that holds these words.
    fn note(&self, words: &str) -> &Note {
        self.recording
            .notes
            .iter()
            .find(|note| note.text.contains(words))
            .unwrap_or_else(|| panic!("no note says {words}: {:#?}", self.recording.notes))
    }

    fn notes_with(&self, words: &str) -> usize {
        self.recording.notes.iter().filter(|note| note.text.contains(words)).count()
    }

    fn loss(&self, cause: &str) -> &Loss {
        let found: Vec<_> =
            self.recording.losses.iter().filter(|loss| loss.cause == cause).collect();
        assert_eq!(found.len(), 1, "{cause}: {:?}", self.recording.losses);
        found[0]
    }

    /// Length of a loss in seconds.
    fn gap_s(&self, cause: &str) -> f64 {
        let loss = self.loss(cause);
        (loss.end_ns.unwrap() - loss.start_ns.unwrap()).seconds()
    }
}

#[test]
fn what_gpus_tell_is_sampled_at_the_rate_asked_for() {
    let run = Run::of("gpus=2", "sleep 2");
    assert_eq!(run.recording.losses, []);
    for (name, value) in [
        ("gpu_utilization", 93.0),
        ("memory_utilization", 41.0),
        ("memory_used", f64::from(20 << 10) * 1_048_576.0),
        ("power", 301.0),
        ("sm_clock", 1980.0),
    ] {
        let values = run.values(1, name);
        assert!((10..=400).contains(&values.len()), "{name}: {} samples in 2 s", values.len());
        assert!(values.iter().all(|found| (found - value).abs() < 1e-9), "{name}: {values:?}");
    }
    // Slow quantities are asked for less often.
    let temperatures = run.values(1, "temperature");
    assert!((3..=10).contains(&temperatures.len()), "{temperatures:?}");
    assert!(temperatures.iter().all(|found| (found - 55.0).abs() < 1e-9), "{temperatures:?}");
    // Of what does not change, the first and the last.
    for (name, value) in
        [("memory_clock", 2619.0), ("memory_temperature", 61.0), ("ecc_uncorrected", 0.0)]
    {
        assert_eq!(run.values(0, name), [value, value], "{name}");
    }
    let traffic = run.values(0, "pcie_rx");
    assert!(!traffic.is_empty() && traffic.iter().all(|rate| (rate - 1_024_000.0).abs() < 1e-9));
    let energy = run.samples(Some(0), "energy");
    let (first, last) = (&energy[0], &energy[energy.len() - 1]);
    let watts = (last.value - first.value) / (last.time_ns - first.time_ns).seconds();
    assert!((watts - 300.0).abs() < 100.0, "{watts} W");
    let limits: Vec<_> = run
        .recording
        .gpus
        .iter()
        .map(|gpu| {
            (gpu.gpu_index, gpu.pci.as_deref(), gpu.power_limit_watts, gpu.most_sm_clock_mhz)
        })
        .collect();
    assert_eq!(
        limits,
        [
            (0, Some("00000000:9B:00.0"), Some(700.0), Some(1980)),
            (1, Some("00000000:9C:00.0"), Some(700.0), Some(1980)),
        ]
    );
    let said = run.note("GPU 1: ");
    assert_eq!(said.severity, Severity::Info);
    assert!(said.text.starts_with("GPU 1: Fake GPU 1000, 85.9 GB, GPU-00010203"), "{}", said.text);
    assert_eq!(run.stderr.lines().filter(|line| line.contains("GPU")).count(), 0, "{}", run.stderr);
}

#[test]
fn what_a_gpu_does_not_offer_is_asked_once_and_named_once() {
    let run = Run::of(
        "refuse=nvmlDeviceGetPowerUsage:3 refuse=nvmlDeviceGetTotalEnergyConsumption:3 refuse=nvmlDeviceGetPcieThroughput:3",
        "sleep 1",
    );
    // Traffic over PCIe is asked for on a thread of its own, which has a note of its own.
    let said = run.note("gpm");
    assert!(said.text.contains("does not offer"), "{}", said.text);
    assert_eq!(said.severity, Severity::Info);
    for name in ["gpm", "power", "energy", "nvlink_replay_errors"] {
        assert!(said.text.contains(name), "{}", said.text);
        assert_eq!(run.notes_with(name), 1);
    }
    assert_eq!(run.notes_with("pcie_rx"), 1);
    assert!(run.values(0, "power").is_empty() && run.values(0, "pcie_rx").is_empty());
    assert!(run.values(0, "temperature").len() > 3);
}

#[test]
fn a_passing_refusal_is_told_once_and_asked_again() {
    let run = Run::of("refuse=nvmlDeviceGetPowerUsage:999@300-600", "sleep 1");
    assert_eq!(run.notes_with("power of GPU 0 is not sampled at times"), 1);
    let power = run.samples(Some(0), "power");
    let widest = power
        .windows(2)
        .map(|pair| (pair[1].time_ns - pair[0].time_ns).seconds())
        .fold(0.0, f64::max);
    assert!(widest > 0.25, "nothing while it was refused: {widest}");
}

#[test]
fn performance_monitoring_where_the_chip_has_it() {
    let run = Run::of("gpm", "sleep 1");
    for (name, value) in [
        ("sm_active", 80.0),
        ("sm_occupancy", 50.0),
        ("tensor_active", 40.0),
        ("dram_active", 60.0),
        ("pcie_rx", 100.0 * 1_048_576.0),
        ("pcie_tx", 50.0 * 1_048_576.0),
    ] {
        assert_eq!(run.values(0, name), [value, value], "{name}");
    }
    let left_out: Vec<_> =
        run.recording.notes.iter().filter(|note| note.text.contains("does not offer")).collect();
    assert!(left_out.iter().any(|note| note.text.ends_with("nvlink_rx, nvlink_tx")));
}

#[test]
fn reasons_for_low_clocks_are_intervals() {
    let run = Run::of("reasons=0:0x40@400-1000 reasons=0:0x4@600", "sleep 2");
    let thermal = run.samples(Some(0), "throttle_hw_thermal");
    assert_eq!(thermal.iter().map(|sample| sample.value).collect::<Vec<_>>(), [1.0, 0.0]);
    let length = (thermal[1].time_ns - thermal[0].time_ns).seconds();
    assert!((length - 0.6).abs() < 0.5, "{length} s");
    assert_eq!(run.values(0, "throttle_power_cap"), [1.0, 1.0], "it held to the end");
    assert!(run.values(0, "throttle_idle").is_empty());
    let said = run.note("hardware thermal slowdown");
    assert_eq!(said.severity, Severity::Warning);
    assert!(said.text.starts_with("the clocks of GPU 0 were held down for "), "{}", said.text);
    assert_eq!(run.note("power cap").severity, Severity::Info);
    assert!(run.stderr.contains("hardware thermal slowdown"), "{}", run.stderr);
}

#[test]
fn xids_and_memory_errors_are_told_when_they_happen() {
    let run = Run::of("gpus=2 xid=1:79@700 xid=0:63@1200 ecc=0:2@900", "sleep 2");
    let start = run.recording.processes[0].start_ns;
    for (words, at) in [
        ("GPU 1: XID 79", 0.7),
        ("GPU 0: XID 63", 1.2),
        ("GPU 0: 2 memory errors that ECC could not correct", 0.9),
    ] {
        let note = run.note(words);
        assert_eq!((note.severity, run.notes_with(words)), (Severity::Warning, 1));
        let seconds = (note.time_ns.unwrap() - start).seconds();
        assert!((seconds - at).abs() < 2.0, "{words}: {seconds} s");
    }
    // Looked at once a second, and at the end.
    let counts = run.values(0, "ecc_uncorrected");
    assert!(counts.starts_with(&[0.0]) && counts.ends_with(&[2.0]), "{counts:?}");
    assert!(counts.len() <= 4 && counts.is_sorted(), "{counts:?}");
}

#[test]
fn a_lost_gpu_is_a_gap_to_the_end_and_the_others_go_on() {
    let run = Run::of("gpus=2 lost=1@600", "sleep 2");
    assert_eq!(run.notes_with("GPU 1 is lost and no longer sampled"), 1);
    let gap = run.gap_s("gpu_lost");
    assert!((0.5..60.0).contains(&gap), "{gap} s");
    let (lost, well) = (run.values(1, "power").len(), run.values(0, "power").len());
    assert!(lost < well / 2, "{lost} and {well} samples");
    assert!(run.stderr.contains("GPU 1 is lost"), "{}", run.stderr);
}

/// The call never returns. The recording ends in time, says what hung, and has the gap.
#[test]
fn a_hang_is_a_gap_with_a_name_and_holds_nobody_up() {
    let run = Run::of("gpus=2 hang=nvmlDeviceGetPowerUsage@700", "sleep 3");
    assert!(run.took < Duration::from_mins(1), "took {:?}", run.took);
    assert!(run.stderr.contains("NVML did not answer for "), "{}", run.stderr);
    assert!(run.note("NVML did not answer").text.ends_with("nvmlDeviceGetPowerUsage of GPU 0"));
    let gap = run.gap_s("nvml_hang");
    assert!((1.0..60.0).contains(&gap), "{gap} s");
    // Of a call, one sample would have come every 20 ms.
    let missed = run.loss("nvml_hang").count as f64 * 0.02;
    assert!((missed - gap).abs() < 0.3, "{missed} s, {gap} s");
    let before = run.samples(Some(0), "temperature");
    assert!(before.iter().all(|sample| sample.time_ns <= run.loss("nvml_hang").start_ns.unwrap()));
    let host = run.samples(None, "host_memory_used");
    let (first, last) = (host[0].time_ns, host[host.len() - 1].time_ns);
    assert!((last - first).seconds() > 1.5, "the machine is sampled all the while");
}

#[test]
fn after_a_hang_that_ends_sampling_goes_on() {
    let run = Run::of("hang=nvmlDeviceGetTemperature@500-2200", "sleep 3");
    let gap = run.gap_s("nvml_hang");
    assert!((1.0..60.0).contains(&gap), "{gap} s");
    let end = run.loss("nvml_hang").end_ns.unwrap();
    let after = run.samples(Some(0), "temperature").len();
    assert!(after > 5, "{after}");
    assert!(run.samples(Some(0), "power").iter().any(|sample| sample.time_ns > end));
    let noticed = run.note("NVML does not answer: nvmlDeviceGetTemperature of GPU 0");
    assert_eq!(noticed.severity, Severity::Info);
}

#[test]
fn a_library_that_hangs_from_the_start_is_told_too() {
    let run = Run::of("hang=nvmlInit_v2", "sleep 1");
    assert!(run.took < Duration::from_mins(1), "took {:?}", run.took);
    assert!(run.note("NVML did not answer for").text.ends_with(": nvmlInit_v2"));
    assert!(run.gap_s("nvml_hang") > 0.8);
}

/// The waits for XIDs and PCI Express traffic are threads of their own: that they hang costs no other sample.
#[test]
fn a_hang_beside_the_fast_path_costs_only_itself() {
    let run = Run::of("hang=nvmlDeviceGetPcieThroughput@300", "sleep 2");
    assert!(run.note("NVML did not answer").text.contains("nvmlDeviceGetPcieThroughput"));
    assert!(run.values(0, "power").len() > 5);
}

#[test]
fn a_driver_that_cannot_be_used_is_one_warning() {
    let run = Run::of("refuse=nvmlInit_v2:18", "true");
    assert_eq!(run.notes_with("GPUs are not sampled: NVML cannot be started"), 1);
    let none = Run::of("gpus=2 refuse=nvmlDeviceGetHandleByIndex_v2:4", "true");
    assert_eq!(none.notes_with("NVML gives no access to it"), 2);
}

#[test]
fn device_memory_belongs_to_the_process_that_uses_it() {
    let run = Run::of("", "sleep 1");
    let counter = run
        .recording
        .counters
        .iter()
        .position(|counter| counter.process_id.is_some() && counter.gpu_index == Some(0))
        .expect("a counter of the process on the GPU");
    assert_eq!(run.recording.counters[counter].name, "memory_used");
    let id = CounterId(counter as i64 + 1);
    let samples = run.recording.counter_samples.iter().filter(|sample| sample.counter_id == id);
    let values: Vec<_> = samples.map(|sample| sample.value).collect();
    assert_eq!(values, [f64::from(1 << 30); 2]);
}
