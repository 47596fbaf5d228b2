//! CUDA programs, with a stand-in for the driver and for CUPTI.

use std::os::unix::fs::symlink;
use std::path::Path;

use perfagent_spool::{LossCause, MonotonicNs, Record, State};

use crate::recorded::Recorded;
use crate::surroundings;
use crate::{built, run, target};

/// Runs `rounds` of operations with these variables set.
fn record(rounds: u32, with: &[(&str, &str)]) -> Recorded {
    let dir = tempfile::tempdir().unwrap();
    let (libraries, spool) = (dir.path().join("lib"), dir.path().join("spool"));
    std::fs::create_dir(&spool).unwrap();
    stand_ins(&libraries);
    let mut command = target(&["cuda", &rounds.to_string()], &spool);
    command.env("LD_LIBRARY_PATH", &libraries).envs(with.iter().copied());
    let (status, out, err) = run(&mut command);
    assert_eq!((status.code(), out.as_str(), err.as_str()), (Some(42), "target done\n", ""));
    let recorded = Recorded::read(&spool);
    assert_eq!(recorded.state, State::Closed);
    assert_eq!(recorded.outline(recorded.pid), ["push cuda", "pop"], "NVTX works regardless");
    recorded
}

pub(crate) fn stand_ins(dir: &Path) {
    std::fs::create_dir(dir).unwrap();
    for name in ["libcuda.so.1", "libcupti.so.13", "libnccl.so.2"] {
        symlink(built("libperfagent_fake_gpu.so"), dir.join(name)).unwrap();
    }
}

fn count(recorded: &Recorded, wanted: impl Fn(&Record<'_>) -> bool) -> usize {
    recorded.gpu.iter().filter(|(record, _)| wanted(record)).count()
}

#[test]
fn every_operation_comes_with_all_its_fields() {
    let recorded = record(10, &[]);
    let (_, name) = recorded
        .gpu
        .iter()
        .find(|(record, _)| matches!(record, Record::Kernel { correlation: 0, .. }))
        .unwrap();
    assert_eq!(name, "fake_gemm(float const*, float const*, float*, int)");
    let pushed = recorded.events[0].time;
    let popped = recorded.events[1].time;
    for (record, _) in &recorded.gpu {
        match *record {
            Record::Kernel {
                start,
                end,
                device,
                context,
                stream,
                correlation,
                grid,
                block,
                registers,
                static_smem,
                dynamic_smem,
                graph,
                graph_node,
                ..
            } => {
                assert!(start >= pushed && start <= popped, "on the same clock as the ranges");
                assert_eq!(end.0 - start.0, 1000);
                assert_eq!((device, context, stream, correlation % 4), (0, 1, 7, 0));
                assert_eq!((grid, block), ([11, 12, 13], [128, 2, 1]));
                assert_eq!((registers, static_smem, dynamic_smem), (40, 1024, 2048));
                assert_eq!((graph, graph_node), (21, 5_000_000_000));
            }
            Record::Memcpy {
                stream: 8,
                bytes,
                kind,
                src_kind,
                dst_kind,
                peer_device,
                correlation,
                graph,
                graph_node,
                ..
            } => {
                assert_eq!((bytes, kind, src_kind, dst_kind, peer_device), (4096, 1, 1, 3, -1));
                assert_eq!((correlation % 4, graph, graph_node), (1, 32, 31));
            }
            Record::Memcpy {
                stream: 9,
                bytes,
                kind,
                peer_device,
                correlation,
                graph,
                graph_node,
                ..
            } => {
                assert_eq!((bytes, kind, peer_device), (8192, 10, 1));
                assert_eq!((correlation % 4, graph, graph_node), (2, 42, 41));
            }
            Record::Memset {
                stream,
                bytes,
                value,
                correlation,
                graph,
                graph_node,
                start,
                end,
                ..
            } => {
                assert_eq!((stream, bytes, value, correlation % 4), (10, 512, 0xab, 3));
                assert_eq!((graph, graph_node, end.0 - start.0), (52, 51, 1000));
            }
            Record::Device { ordinal, uuid, total_bytes, sm_count, cc_major, cc_minor, .. } => {
                assert_eq!((ordinal, total_bytes, sm_count), (0, 16 << 30, 132));
                assert_eq!((cc_major, cc_minor), (9, 0));
                assert_eq!(uuid, std::array::from_fn(|index| index as u8));
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(count(&recorded, |record| matches!(record, Record::Device { .. })), 1);
    // One of the kernels came back without times.
    assert_eq!(count(&recorded, |record| matches!(record, Record::Kernel { .. })), 9);
    assert_eq!(count(&recorded, |record| matches!(record, Record::Memcpy { .. })), 20);
    assert_eq!(count(&recorded, |record| matches!(record, Record::Memset { .. })), 10);
    assert_eq!(recorded.losses, [(LossCause::ZeroTimestamp, 1)].into());
    assert!(recorded.notes.is_empty(), "{:?}", recorded.notes);
}

#[test]
fn many_buffers_lose_nothing() {
    let recorded = record(20_000, &[]);
    let lost: u64 = recorded
        .losses
        .iter()
        .filter(|(cause, _)| **cause != LossCause::ZeroTimestamp)
        .map(|(_, count)| count)
        .sum();
    let kept = count(&recorded, |record| !matches!(record, Record::Device { .. }));
    assert_eq!(kept as u64 + lost, 80_000 - 1);
    assert!(!recorded.losses.contains_key(&LossCause::UnknownRecord));
}

#[test]
fn a_cupti_that_others_hold_is_named_and_the_rest_recorded() {
    let recorded = record(10, &[("FAKE_GPU_SUBSCRIBE", "39")]);
    assert!(recorded.gpu.is_empty());
    assert_eq!(recorded.losses, [(LossCause::BlockedCupti, 1)].into());
    assert_eq!(recorded.notes.len(), 1);
    let note = &recorded.notes[0];
    assert!(note.contains("error 39") && note.contains("Nsight Systems"), "{note}");
}

#[test]
fn who_holds_cupti_is_named_where_cupti_says_so() {
    let with = [("FAKE_GPU_SUBSCRIBE", "39"), ("FAKE_GPU_HOLDER", "Nsight Systems")];
    let recorded = record(10, &with);
    assert!(recorded.notes[0].contains("39: Nsight Systems already holds it"), "{recorded:?}");
    assert_eq!(recorded.losses, [(LossCause::BlockedCupti, 1)].into());
}

#[test]
fn where_cupti_takes_several_tools_we_are_one_of_them() {
    // Somebody else subscribed before: alone we would be refused.
    let several = [("FAKE_GPU_CUPTI", "13.4"), ("FAKE_GPU_SEVERAL", "1")];
    let recorded = record(10, &[&several[..], &[("FAKE_GPU_SUBSCRIBE", "39")]].concat());
    assert!(recorded.notes.is_empty(), "{:?}", recorded.notes);
    assert_eq!(count(&recorded, |record| matches!(record, Record::Kernel { .. })), 9);
    let (pushed, popped) = (recorded.events[0].time, recorded.events[1].time);
    let is_within = |record: &Record<'_>| matches!(record, Record::Kernel { start, .. } if *start >= pushed && *start <= popped);
    assert_eq!(count(&recorded, is_within), 9, "on the same clock as the ranges");
    // A driver that is too old for that: we are alone, as ever.
    let recorded = record(10, &several[..1]);
    assert!(recorded.notes.is_empty(), "{:?}", recorded.notes);
    assert_eq!(count(&recorded, |record| matches!(record, Record::Kernel { .. })), 9);
}

#[test]
fn buffers_that_another_tool_takes_are_noticed_and_become_a_gap() {
    let (_, recorded) = surroundings::record("theft", &[("PERFAGENT_FLUSH_MS", "20")]);
    assert!(recorded.notes[0].contains("has taken CUPTI's buffers"), "{:?}", recorded.notes);
    let kernels = count(&recorded, |record| matches!(record, Record::Kernel { .. }));
    assert!(kernels >= 99, "those before are recorded: {kernels}");
    let missing = recorded.losses[&LossCause::BuffersTaken];
    assert!((1..=500).contains(&missing), "{missing} of 500 were seen to be missing");
    assert_eq!(recorded.gaps[&LossCause::BuffersTaken], missing);
    // A program that only rests is not suspected.
    let (_, recorded) = surroundings::record("rest", &[("PERFAGENT_FLUSH_MS", "20")]);
    assert!(recorded.notes.is_empty() && recorded.losses.is_empty(), "{recorded:?}");
}

#[test]
fn a_kind_that_is_refused_is_named_and_the_others_recorded() {
    let recorded = record(10, &[("FAKE_GPU_DENY", "10")]);
    assert_eq!(count(&recorded, |record| matches!(record, Record::Kernel { .. })), 0);
    assert_eq!(count(&recorded, |record| matches!(record, Record::Memset { .. })), 10);
    assert_eq!(recorded.notes.len(), 1);
    assert!(recorded.notes[0].contains("kernels are not recorded"), "{:?}", recorded.notes);
}

#[test]
fn what_cupti_dropped_is_counted() {
    let recorded = record(2, &[("FAKE_GPU_DROPPED", "17")]);
    assert_eq!(recorded.losses, [(LossCause::CuptiDropped, 17)].into());
}

#[test]
fn cupti_can_be_left_to_others() {
    let recorded = record(2, &[("PERFAGENT_CUPTI", "0")]);
    assert!(recorded.gpu.is_empty());
    assert_eq!(recorded.notes, ["GPU operations are not recorded: PERFAGENT_CUPTI=0"]);
}

#[test]
fn records_that_are_kept_back_until_the_next_flush_are_there_at_the_end() {
    let recorded = record(10, &[("FAKE_GPU_LATE", "1"), ("PERFAGENT_FLUSH_MS", "60000")]);
    assert_eq!(recorded.losses, [(LossCause::ZeroTimestamp, 1)].into());
    assert_eq!(count(&recorded, |record| matches!(record, Record::Kernel { .. })), 9);
}

#[test]
fn a_cupti_that_hangs_at_the_end_does_not_hold_the_target() {
    let recorded = record(2, &[("FAKE_GPU_HANG", "1"), ("PERFAGENT_FLUSH_MS", "60000")]);
    assert_eq!(recorded.losses[&LossCause::ExitDeadline], 1);
    assert!(recorded.notes[0].contains("did not answer"), "{:?}", recorded.notes);
}

#[test]
fn libcupti_is_found_in_the_python_packages_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let (libraries, spool) = (dir.path().join("lib"), dir.path().join("spool"));
    let packages = dir.path().join("venv/lib/python3.12/site-packages/nvidia/cu13/lib");
    for folder in [&spool, &libraries, &packages] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let stand_in = built("libperfagent_fake_gpu.so");
    symlink(&stand_in, libraries.join("libcuda.so.1")).unwrap();
    // A file of its own: the dynamic linker knows files by their place on the disk.
    std::fs::copy(&stand_in, packages.join("libcupti.so.13")).unwrap();
    let mut command = target(&["cuda"], &spool);
    command.env("LD_LIBRARY_PATH", &libraries).env("VIRTUAL_ENV", dir.path().join("venv"));
    let (status, ..) = run(&mut command);
    assert_eq!(status.code(), Some(42));
    let recorded = Recorded::read(&spool);
    assert!(recorded.notes.is_empty(), "{:?}", recorded.notes);
    assert!(recorded.losses.is_empty(), "{:?}", recorded.losses);
}

#[test]
fn without_libcupti_the_rest_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let (libraries, spool) = (dir.path().join("lib"), dir.path().join("spool"));
    std::fs::create_dir(&spool).unwrap();
    std::fs::create_dir(&libraries).unwrap();
    symlink(built("libperfagent_fake_gpu.so"), libraries.join("libcuda.so.1")).unwrap();
    let (status, ..) = run(target(&["cuda"], &spool).env("LD_LIBRARY_PATH", &libraries));
    assert_eq!(status.code(), Some(42));
    let recorded = Recorded::read(&spool);
    assert_eq!(recorded.outline(recorded.pid), ["push cuda", "pop"]);
    assert!(recorded.notes[0].contains("no libcupti found"), "{:?}", recorded.notes);
    assert!(recorded.events[0].time > MonotonicNs(0));
}
