//! A whole node, built in a folder: files of the kernel, and NVML's answers played by `cat`.

mod fleet;
mod node;

use std::time::{Duration, Instant};

use perfagent_health::gpu::Reading;
use perfagent_health::{Expectation, Health, Status};

use node::Node;

/// What depends on the machine that runs the test: the state of its clock and its disks.
fn without_this_machine(mut health: Health) -> Health {
    health.host = "[host]".into();
    health.time = "[time]".into();
    health.checks.retain(|check| !["clock_sync", "disk_space"].contains(&check.name));
    health
}

fn problems(health: &Health) -> Vec<(&'static str, &str, Status)> {
    let wrong = health.checks.iter().filter(|check| check.counts() && check.status != Status::Ok);
    let machine = ["clock_sync", "disk_space"];
    let ours = wrong.filter(|check| !machine.contains(&check.name));
    ours.map(|check| (check.name, check.target.as_str(), check.status)).collect()
}

#[test]
fn a_well_node_is_ok_throughout() {
    let node = Node::well();
    let health = node.examine();
    assert_eq!(problems(&health), []);
    assert_eq!(health.gpus.len(), 2);
    insta::assert_json_snapshot!("a_well_node", without_this_machine(health));
}

#[test]
fn planted_faults_are_all_found() {
    let mut node = Node::well();
    node.put("sys/devices/system/edac/mc/mc1/ue_count", "2");
    node.put("sys/class/infiniband/mlx5_0/ports/1/state", "1: DOWN");
    node.put("sys/class/infiniband/mlx5_0/ports/1/phys_state", "2: Polling");
    node.put("sys/class/infiniband/mlx5_0/ports/1/counters/link_downed", "77");
    node.put("sys/class/net/eth0/statistics/rx_errors", "100000");
    node.put(
        "dev/kmsg",
        "6,0,0,-;Linux version 6\n3,1,3600000000,-;NVRM: Xid (PCI:0000:9b:00): 48, pid=1, DBE\n",
    );
    node.gpus[1].ecc_uncorrected = Reading::Value(1);
    let health = node.examine();
    assert_eq!(health.verdict, Status::Critical);
    insta::assert_json_snapshot!("a_sick_node", without_this_machine(health));
}

#[test]
fn a_hung_driver_is_critical_and_costs_no_more_than_the_limit() {
    let node = Node::well();
    let start = Instant::now();
    let health = node.examine_with(
        "/bin/sh",
        &["-c", r#"echo '{"calling":"nvmlInit"}'; exec sleep 600"#],
        Duration::from_millis(500),
    );
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    assert_eq!(
        problems(&health),
        [("nvml", "host", Status::Critical), ("gpu_count", "host", Status::Unknown)]
    );
    assert_eq!(health.verdict, Status::Critical);
}

#[test]
fn a_gpu_that_nvml_lost_is_critical() {
    let mut node = Node::well();
    node.gpus.pop();
    let health = node.examine();
    assert_eq!(problems(&health), [("gpu_count", "host", Status::Critical)]);
}

/// Every file that a check reads, taken away or filled with rubbish one at a time: nothing panics, and nothing that
/// rests on that file is `ok` because of it.
#[test]
fn what_cannot_be_read_is_never_better_than_unknown() {
    for (file, check) in [
        ("proc/meminfo", "host_memory"),
        ("sys/devices/system/edac/mc/mc0/ue_count", "memory_errors"),
        ("proc/interrupts", "machine_checks"),
        ("proc/mounts", "disk_space"),
        ("sys/class/infiniband/mlx5_0/ports/1/state", "infiniband_link"),
        ("sys/class/net/eth0/operstate", "ethernet_link"),
        ("sys/class/net/eth0/statistics/rx_errors", "ethernet_errors"),
        ("dev/kmsg", "xid"),
    ] {
        for rubbish in [None, Some(""), Some("\u{0}\u{7f}rubbish")] {
            let node = Node::well();
            match rubbish {
                None => node.remove(file),
                Some(text) => node.put(file, text),
            }
            let health = node.examine();
            let worst = health.checks.iter().filter(|found| found.name == check);
            let worst = worst.map(|found| found.status).max();
            assert!(worst > Some(Status::Ok), "{file} as {rubbish:?}: {worst:?}");
        }
    }
}

#[test]
fn an_empty_machine_is_unknown() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::at(root);
    let health = node.examine_with(
        "/bin/sh",
        &["-c", r#"echo '{"failed":"no_library"}'"#],
        Duration::from_secs(20),
    );
    assert!(health.verdict >= Status::Unknown, "{health:?}");
}

#[test]
fn every_check_of_a_document_is_described() {
    let page = perfagent_health::markdown();
    let mut node = Node::well();
    node.expected = Expectation {
        gpus: Some(2),
        gpu_name: Some("NVIDIA H200".to_owned()),
        nvlinks: Some(18),
        driver: Some("580.82.07".to_owned()),
        memory_bytes: Some(1_073_741_824_000),
        mounts: vec!["/".to_owned()],
        ports_gbps: [("mlx5_0/1".to_owned(), 400.0), ("eth0".to_owned(), 100.0)].into(),
    };
    let health = node.examine();
    assert_eq!(problems(&health), []);
    let mut lost = Node::well();
    lost.gpus[1].handle = Reading::Lost;
    for check in health.checks.iter().chain(&lost.examine().checks) {
        assert!(
            page.contains(&format!("| `{}` |", check.name)),
            "{} is not in HEALTH.md",
            check.name
        );
    }
}

#[test]
fn what_is_expected_and_missing_is_critical() {
    let mut node = Node::well();
    node.expected = Expectation {
        gpus: Some(8),
        gpu_name: Some("NVIDIA B200".to_owned()),
        nvlinks: Some(20),
        driver: Some("590.1".to_owned()),
        memory_bytes: Some(2_000_000_000_000),
        mounts: vec!["/scratch".to_owned()],
        ports_gbps: [("mlx5_1/1".to_owned(), 400.0), ("eth0".to_owned(), 200.0)].into(),
    };
    let critical = |name: &'static str, target: &'static str| (name, target, Status::Critical);
    assert_eq!(
        problems(&node.examine()),
        [
            critical("gpu_count", "host"),
            critical("gpu_nvlink", "GPU 0"),
            critical("gpu_nvlink", "GPU 1"),
            critical("expected_gpus", "host"),
            ("expected_driver", "host", Status::Warning),
            critical("expected_memory", "host"),
            critical("expected_mounts", "host"),
            critical("expected_ports", "eth0"),
            critical("expected_ports", "mlx5_1/1"),
        ]
    );
}

/// Faults of the node around the GPUs, one at a time.
#[test]
fn faults_around_the_gpus_are_found() {
    type Plant = (&'static str, Option<String>, &'static str, Status);
    let kernel = |line: &str| format!("6,0,0,-;Linux version 6\n3,1,86000000000,-;{line}\n");
    let planted: Vec<Plant> = vec![
        ("sys/module/nvidia_peermem", None, "peer_memory", Status::Warning),
        ("proc/4711/comm", None, "fabric_manager", Status::Critical),
        (
            "var/log/fabricmanager.log",
            Some(
                "[Feb 27 2025 15:10:02] [ERROR] [tid 1] detected NVSwitch non-fatal error 12028"
                    .to_owned(),
            ),
            "fabric_manager",
            Status::Warning,
        ),
        (
            "dev/kmsg",
            Some(kernel(
                "nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 20034, Fatal, Link 30 LTSSM Fault Up",
            )),
            "sxid",
            Status::Critical,
        ),
        (
            "dev/kmsg",
            Some(kernel("{1}[Hardware Error]: event severity: fatal")),
            "kernel_errors",
            Status::Critical,
        ),
        (
            "var/log/syslog",
            Some("Aug 17 06:18:01 node systemd-networkd[5398]: eth0: lost carrier\n".repeat(6)),
            "link_flaps",
            Status::Critical,
        ),
        (
            "sys/bus/pci/devices/0000:0d:00.0/class",
            Some("0x020700".to_owned()),
            "infiniband_count",
            Status::Critical,
        ),
    ];
    for (file, text, name, status) in planted {
        let node = Node::well();
        // Adapters on the bus: the one that has a device, and one that may come.
        node.put("sys/bus/pci/devices/0000:0c:00.0/vendor", "0x15b3");
        node.put("sys/bus/pci/devices/0000:0c:00.0/class", "0x020700");
        node.put("sys/bus/pci/devices/0000:0d:00.0/vendor", "0x15b3");
        match text {
            Some(text) => node.put(file, &text),
            None => node.remove(file),
        }
        let found: Vec<_> =
            problems(&node.examine()).into_iter().map(|(name, _, status)| (name, status)).collect();
        assert_eq!(found, [(name, status)], "{file}");
    }
}

/// In a container nothing is known of processes outside of it; that is said, with what to do.
#[test]
fn a_container_says_what_it_cannot_see() {
    let node = Node::well();
    node.remove("proc/self/ns/pid");
    node.remove("proc/4711/comm");
    let unknown = |name: &'static str, target: &'static str| (name, target, Status::Unknown);
    assert_eq!(
        problems(&node.examine()),
        [
            unknown("fabric_manager", "host"),
            unknown("gpu_processes", "GPU 0"),
            unknown("gpu_processes", "GPU 1")
        ]
    );
}

/// A damaged answer of the process that asks NVML: lines cut off, exchanged and spoiled. Nothing panics, and no GPU is well
/// unseen.
#[test]
fn damaged_answers_of_nvml_are_survived() {
    let node = Node::well();
    node.examine();
    let answers = node.text("answers");
    let lines: Vec<&str> = answers.lines().collect();
    for kept in 0..lines.len() {
        let text = lines[..kept].join("\n");
        // The last line cut in two.
        let half = &lines[kept][..lines[kept].len() / 2];
        node.put("damaged", &format!("{text}\n{half}"));
        let health = node.examine_with_answers("damaged");
        assert_eq!(health.verdict, Status::Critical, "{kept} of {} lines", lines.len());
    }
    node.put("damaged", &answers.replace(':', ";"));
    assert_eq!(node.examine_with_answers("damaged").verdict, Status::Unknown);
    node.put("damaged", &answers.replace("\"GPU-1\"", "GPU-1"));
    let problems_of_one = node.examine_with_answers("damaged");
    assert_eq!(problems(&problems_of_one), [("gpu_access", "GPU 1", Status::Unknown)]);
}
