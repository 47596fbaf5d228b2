//! Programs with NCCL, with a stand-in that speaks the versions 1 to 7 of its profiler interface.

use std::fs;

use perfagent_spool::{LossCause, Record, State};

use crate::cuda::stand_ins;
use crate::recorded::{Call, Recorded};
use crate::{built, library, run, target};

/// The communicator of every scenario.
const HASH: u64 = 0x1234_5678_9abc_def0;

/// Plays a scenario in an NCCL that speaks versions up to `speaks`, with these variables set. Returns what the ring holds
/// and what the user's own plugin was told, if there was one.
fn play(
    speaks: u32,
    scenario: &[&str],
    with: &[(&str, &str)],
    plugin: Option<&str>,
) -> (Recorded, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let (libraries, spool, log) =
        (dir.path().join("lib"), dir.path().join("spool"), dir.path().join("log"));
    fs::create_dir(&spool).unwrap();
    stand_ins(&libraries);
    let speaks = speaks.to_string();
    let mut command = target(&[&["nccl", &speaks], scenario].concat(), &spool);
    command
        .env("NCCL_PROFILER_PLUGIN", library())
        .env("LD_LIBRARY_PATH", &libraries)
        .env("FAKE_NCCL_LOG", &log)
        .envs(with.iter().copied());
    match plugin {
        Some("theirs") => {
            command.env("PERFAGENT_NCCL_PLUGIN", built("libperfagent_fake_gpu.so"));
        }
        Some(other) => {
            command.env("PERFAGENT_NCCL_PLUGIN", other);
        }
        None => {}
    }
    let (status, out, err) = run(&mut command);
    assert_eq!((status.code(), out.as_str(), err.as_str()), (Some(42), "target done\n", ""));
    let recorded = Recorded::read(&spool);
    assert_eq!(recorded.state, State::Closed);
    let log = fs::read_to_string(log).unwrap_or_default();
    (recorded, log.lines().map(str::to_owned).collect())
}

fn calls(speaks: u32, scenario: &str) -> Recorded {
    play(speaks, &[scenario], &[], None).0
}

/// The correlation id of the kernel that a call belongs to.
fn correlation(recorded: &Recorded, call: &Call) -> Option<u32> {
    if call.correlation != 0 {
        return Some(call.correlation);
    }
    recorded.plans.iter().find(|(_, plan)| **plan == call.plan).map(|(id, _)| *id)
}

/// How long the kernel of a call ran; `None` without one.
fn kernel_ns(recorded: &Recorded, call: &Call) -> Option<u64> {
    let wanted = correlation(recorded, call)?;
    recorded.gpu.iter().find_map(|(record, name)| match record {
        Record::Kernel { start, end, correlation, .. } if *correlation == wanted => {
            assert!(name.starts_with("ncclDevKernel_AllReduce"), "{name}");
            Some(end.0 - start.0)
        }
        _ => None,
    })
}

#[test]
fn every_version_tells_of_every_call_with_its_kernel() {
    for version in 1..=6 {
        let recorded = calls(version, "calls");
        assert!(recorded.losses.is_empty(), "v{version}: {:?}", recorded.losses);
        assert!(recorded.notes.is_empty(), "v{version}: {:?}", recorded.notes);
        let [communicator] = &recorded.communicators[..] else {
            panic!("v{version}: {:?}", recorded.communicators)
        };
        let told = if version >= 4 { (0, 4) } else { (0, 0) };
        assert_eq!((communicator.rank, communicator.ranks), told, "v{version}");
        assert_eq!((communicator.name.as_str(), communicator.hash), ("dp", HASH));
        assert_eq!(u32::from(communicator.version), version);

        // Version 5 and later know what the program passed; version 1 has numbers, and none for what is unknown.
        let user = if version >= 5 { "ncclBfloat16" } else { "" };
        let unknown = if version == 1 { "" } else { "ncclFloat4e2m1" };
        let same = |dtype: &'static str| if version >= 5 { dtype } else { "" };
        let expected = [
            (["AllReduce", "ncclFloat32", same("ncclFloat32")], 1024, Some(0), -1, 4000),
            (["AllGather", "ncclInt8", user], 4096, Some(0), -1, 5000),
            (["ReduceScatter", "ncclBfloat16", same("ncclBfloat16")], 100, Some(0), -1, 6000),
            (["AllReduce", unknown, ""], 1024, Some(1), -1, 7000),
            (["Send", "ncclFloat64", same("ncclFloat64")], 3, None, 1, 8000),
            (["Recv", "ncclFloat64", same("ncclFloat64")], 3, None, 3, 8000),
        ];
        assert_eq!(recorded.calls.len(), expected.len(), "v{version}");
        for (call, (names, count, sequence, peer, length)) in recorded.calls.iter().zip(expected) {
            assert_eq!(call.names, names, "v{version}");
            assert_eq!((call.count, call.sequence, call.peer), (count, sequence, peer));
            assert_eq!((call.tid, call.communicator), (recorded.pid, communicator.number));
            assert!(call.kernel && !call.captured);
            assert_eq!(kernel_ns(&recorded, call), Some(length), "v{version} {names:?}");
        }
        assert_eq!(recorded.calls[4].plan, recorded.calls[5].plan, "they were launched together");
    }
}

#[test]
fn a_newer_nccl_falls_back_to_version_six() {
    let recorded = calls(7, "calls");
    assert_eq!(recorded.communicators[0].version, 6);
    assert_eq!(recorded.calls.len(), 6);
}

#[test]
fn threads_with_communicators_of_their_own_keep_their_kernels_apart() {
    for version in [3, 6] {
        let recorded = calls(version, "threads");
        assert!(recorded.losses.is_empty(), "v{version}: {:?}", recorded.losses);
        assert_eq!((recorded.communicators.len(), recorded.calls.len()), (4, 2000), "v{version}");
        let mut kernels: Vec<_> =
            recorded.calls.iter().map(|call| correlation(&recorded, call).unwrap()).collect();
        kernels.sort_unstable();
        kernels.dedup();
        assert_eq!(kernels.len(), 2000, "v{version}: no kernel serves two calls");
        for of in &recorded.communicators {
            let of_one: Vec<_> =
                recorded.calls.iter().filter(|call| call.communicator == of.number).collect();
            assert!(of_one.windows(2).all(|pair| pair[0].tid == pair[1].tid));
            let sequences: Vec<_> = of_one.iter().filter_map(|call| call.sequence).collect();
            assert_eq!(sequences, (0..500).collect::<Vec<_>>(), "v{version}");
        }
    }
}

#[test]
fn states_and_stops_of_ended_events_and_events_of_gone_communicators_are_counted() {
    for version in 1..=6 {
        let recorded = calls(version, "late");
        let stale = recorded.losses[&LossCause::StaleNcclHandle];
        // Two of an ended event, two of none at all; and each start on the communicator that is gone.
        let starts = if version >= 5 { 5 } else { 2 };
        assert_eq!(stale, 4 + starts, "v{version}");
        let [call] = &recorded.calls[..] else { panic!("v{version}: {:?}", recorded.calls) };
        assert_eq!((call.sequence, kernel_ns(&recorded, call)), (Some(5), Some(2000)));
    }
}

#[test]
fn captured_calls_are_marked_and_have_no_kernel() {
    for version in [5, 6] {
        let recorded = calls(version, "capture");
        let [coll, send, run] = &recorded.calls[..] else { panic!("{:?}", recorded.calls) };
        assert!(coll.captured && send.captured && !run.captured);
        assert_eq!((coll.kernel, coll.plan, send.kernel, send.plan), (false, 0, false, 0));
        assert_eq!((run.sequence, kernel_ns(&recorded, run)), (Some(7), Some(3000)));
    }
    // Before version 5 NCCL says nothing while it captures, and the captured launch is not taken for a later one.
    let recorded = calls(4, "capture");
    let [run] = &recorded.calls[..] else { panic!("{:?}", recorded.calls) };
    assert_eq!((run.sequence, kernel_ns(&recorded, run)), (Some(7), Some(3000)));
}

#[test]
fn calls_told_on_another_thread_than_the_launch_claim_no_kernel() {
    for version in 1..=4 {
        let recorded = calls(version, "host-function");
        let [call] = &recorded.calls[..] else { panic!("{:?}", recorded.calls) };
        assert_ne!(call.tid, recorded.pid);
        assert_eq!((call.kernel, call.plan, call.correlation), (false, 0, 0), "v{version}");
    }
    // From version 5 on the program's own call tells as much, and the other is not taken for a second one.
    for version in 5..=6 {
        let recorded = calls(version, "host-function");
        let [call] = &recorded.calls[..] else { panic!("{:?}", recorded.calls) };
        assert_eq!(call.tid, recorded.pid);
        assert_eq!((call.count, kernel_ns(&recorded, call)), (1024, Some(3000)), "v{version}");
    }
}

#[test]
fn calls_that_nccl_launches_and_does_not_tell_of_are_known_from_the_program() {
    for version in 5..=6 {
        let recorded = calls(version, "untold");
        assert!(recorded.losses.is_empty(), "v{version}: {:?}", recorded.losses);
        let told = |call: &Call| (call.names.clone(), call.sequence, kernel_ns(&recorded, call));
        let name = |op: &str| [op.to_owned(), "ncclFloat32".to_owned(), "ncclFloat32".to_owned()];
        let expected = [
            (name("AllReduce"), Some(0), Some(4000)),
            (name("Broadcast"), Some(0), Some(5000)),
            (name("Broadcast"), Some(1), Some(6000)),
            (name("AllReduce"), Some(1), Some(7000)),
        ];
        assert_eq!(recorded.calls.iter().map(told).collect::<Vec<_>>(), expected, "v{version}");
    }
}

#[test]
fn a_call_without_a_launch_of_its_own_takes_no_others() {
    for version in 1..=6 {
        let recorded = calls(version, "strays");
        let strays: Vec<_> =
            recorded.calls.iter().filter(|call| call.sequence == Some(77)).collect();
        assert_eq!(strays.len(), 2, "v{version}");
        for call in strays {
            assert_eq!((call.kernel, call.plan, call.correlation), (false, 0, 0), "v{version}");
        }
    }
}

#[test]
fn a_communicator_of_one_rank_tells_nothing_and_does_no_harm() {
    let recorded = calls(6, "alone");
    assert_eq!((recorded.communicators[0].ranks, recorded.calls.len()), (1, 0));
    assert!(recorded.losses.is_empty(), "{:?}", recorded.losses);
}

#[test]
fn events_that_were_not_asked_for_are_left_alone() {
    for version in 1..=6 {
        let recorded = calls(version, "proxy");
        assert_eq!(recorded.calls.len(), 1, "v{version}");
        assert!(recorded.losses.is_empty(), "v{version}: {:?}", recorded.losses);
    }
}

#[test]
fn more_open_events_than_there_is_room_for_are_counted_and_not_lost() {
    let recorded = calls(6, "full");
    assert_eq!(recorded.losses, [(LossCause::NcclTableFull, 17_000 - (1 << 14))].into());
    assert_eq!(recorded.calls.len(), 17_001);
    assert_eq!(kernel_ns(&recorded, recorded.calls.last().unwrap()), Some(2000));
}

#[test]
fn the_library_stays_after_nccl_unloads_it_and_serves_again() {
    for version in [2, 6] {
        let recorded = calls(version, "again");
        assert_eq!((recorded.communicators.len(), recorded.calls.len()), (3, 3), "v{version}");
        assert!(recorded.losses.is_empty(), "v{version}: {:?}", recorded.losses);
    }
}

#[test]
fn without_cupti_calls_are_recorded_and_expect_no_kernel_where_nccl_has_no_timers() {
    for version in 1..=3 {
        let (recorded, _) = play(version, &["calls"], &[("FAKE_GPU_SUBSCRIBE", "39")], None);
        assert_eq!(recorded.calls.len(), 6);
        assert!(recorded.calls.iter().all(|call| !call.kernel));
        assert!(recorded.times.is_empty());
    }
}

/// Within a tenth of a second, which is what a machine that does other things may take to hear of a channel.
#[test]
fn without_cupti_nccl_times_its_calls_itself() {
    for version in 4..=6 {
        // Refused, and NCCL before CUDA: no session at all.
        for (scenario, with) in
            [(&["calls"][..], &[("FAKE_GPU_SUBSCRIBE", "39")][..]), (&["calls", "no cuda"], &[])]
        {
            let (recorded, _) = play(version, scenario, with, None);
            assert_eq!((recorded.calls.len(), recorded.times.len()), (6, 6), "v{version}");
            for (call, length) in recorded.calls.iter().zip([4000, 5000, 6000, 7000, 8000, 8000]) {
                assert!(call.kernel && call.correlation == 0);
                let (start, end) = recorded.times[&call.plan];
                assert_eq!(end.0 - start.0, length, "v{version}: {:?}", call.names);
                let off = start.0.abs_diff(call.time.0);
                assert!(off < 100_000_000, "v{version}: on the host's clock, {off} ns off");
            }
        }
    }
}

#[test]
fn with_cupti_channels_are_not_asked_for() {
    let recorded = calls(6, "calls");
    assert!(recorded.times.is_empty(), "they cost small collectives several percent");
}

#[test]
fn without_callbacks_launches_are_found_by_external_correlation() {
    for version in [5, 6] {
        let (recorded, _) = play(version, &["calls"], &[("FAKE_GPU_CALLBACKS", "0")], None);
        assert!(recorded.notes.is_empty() && recorded.losses.is_empty(), "{recorded:?}");
        assert_eq!(recorded.calls.len(), 6);
        for (call, length) in recorded.calls.iter().zip([4000, 5000, 6000, 7000, 8000, 8000]) {
            assert_eq!((call.correlation, kernel_ns(&recorded, call)), (0, Some(length)));
        }
        let is_call = |record: &Record<'_>| matches!(record, Record::Api { .. });
        assert!(!recorded.gpu.iter().any(|(record, _)| is_call(record)), "nobody asked for calls");
    }
}

#[test]
fn a_cupti_that_tells_nothing_of_launches_is_named() {
    for (version, deny) in [(6, "39"), (6, "4"), (4, "0")] {
        let with = [("FAKE_GPU_CALLBACKS", "0"), ("FAKE_GPU_DENY", deny)];
        let (recorded, _) = play(version, &["calls"], &with, None);
        assert!(recorded.calls.iter().all(|call| !call.kernel));
        let named = recorded.notes[0].contains("times of NCCL calls are unknown");
        assert!(named, "{:?}", recorded.notes);
    }
}

/// What the user's plugin was told, in order, with its own handles and parents.
#[test]
fn the_users_own_plugin_is_told_what_it_asked_for() {
    for (version, theirs) in [(4, "v4"), (5, "v5"), (6, "v5"), (7, "v5")] {
        let (recorded, log) = play(version, &["capture"], &[], Some("theirs"));
        assert!(recorded.notes.is_empty() && recorded.losses.is_empty(), "{recorded:?}");
        assert_eq!(recorded.calls.last().unwrap().sequence, Some(7), "ours goes on");
        assert_eq!(log[0], format!("init 1 {theirs} dp 123456789abcdef0 1 4 0"));
        let mut open: Vec<&str> = Vec::new();
        let (mut kinds, mut seen) = (Vec::new(), vec!["0"]);
        for line in &log[1..log.len() - 1] {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["start", handle, "in", "1", "kind", kind, "parent", parent, "count", count] => {
                    assert!(seen.contains(&parent), "{line}: a parent of its own");
                    if kind == "2" {
                        assert_eq!(count, "1024", "{line}");
                        assert_ne!(parent, "0", "{line}");
                    }
                    kinds.push(kind.parse::<u64>().unwrap());
                    seen.push(handle);
                    open.push(handle);
                }
                ["state", handle, "is", _] => assert!(open.contains(&handle), "{line}"),
                ["stop", handle] => {
                    assert!(open.contains(&handle), "{line}");
                    open.retain(|other| *other != handle);
                }
                _ => panic!("{line}"),
            }
        }
        assert!(open.is_empty(), "everything ended");
        assert_eq!(log.last().unwrap(), "finalize 1");
        // Collectives and proxy operations, which it asked for, and what encloses them; no launches.
        let apis = [256, 512, 1024, 256, 512, 1, 2, 8];
        assert_eq!(kinds, if theirs == "v5" { &apis[..] } else { &apis[5..] }, "v{version}");
    }
}

#[test]
fn a_plugin_of_the_users_that_cannot_be_called_is_named() {
    let (recorded, log) = play(3, &["calls"], &[], Some("theirs"));
    assert_eq!((recorded.calls.len(), log.len()), (6, 0));
    assert!(recorded.notes[0].contains("offers none from 3"), "{:?}", recorded.notes);
    let (recorded, _) = play(6, &["calls"], &[], Some("/nowhere/plugin.so"));
    assert_eq!(recorded.calls.len(), 6);
    assert!(recorded.notes[0].contains("/nowhere/plugin.so could not be loaded"));
}

/// NCCL without perfagent's recorder: the library is inert.
#[test]
fn without_a_recorder_nothing_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let libraries = dir.path().join("lib");
    stand_ins(&libraries);
    let mut command = target(&["nccl", "6", "calls"], dir.path());
    command
        .env("NCCL_PROFILER_PLUGIN", library())
        .env("LD_LIBRARY_PATH", &libraries)
        .env_remove("PERFAGENT_SPOOL_DIR");
    let (status, ..) = run(&mut command);
    assert_eq!(status.code(), Some(42));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the stand-ins");
}
