//! A whole node, built in a folder: files of the kernel, and NVML's answers played by `cat`.

mod fleet;
mod node;

use std::time::{Duration, Instant};

use perfagent_health::gpu::Reading;
use perfagent_health::{Health, Status};

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
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
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
