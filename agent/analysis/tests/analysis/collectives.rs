//! Collectives that are told of twice, that have no time, that share a kernel, and that wait for other ranks.

use perfagent_analysis::report::CollectiveRow;
use perfagent_analysis::{report, total};
use perfagent_recording::table::{Collective, Host, Timing};
use perfagent_recording::{HostId, ProcessId, Recording};

use crate::builder::{Builder, at};

/// A collective of one process: `[start, end)`, and what `change` makes of it.
fn add(
    run: &mut Builder,
    process: ProcessId,
    (op, group): (&str, &str),
    (start, end): (i64, i64),
    change: impl FnOnce(&mut Collective),
) {
    run.collective(process, Some("main"), (op, "float32", Some(2), Some(1000)), (start, end));
    let group_id = run.text(group);
    let last = run.recording.collectives.len() - 1;
    assert!(run.recording.collectives.change(last, |call| {
        call.group_id = group_id;
        change(call);
    }));
}

fn by_plugin(timing: Timing, enqueued: i64) -> impl Fn(&mut Collective) {
    move |call| {
        call.timing = timing;
        call.enqueued_ns = Some(at(enqueued));
        call.correlation = (timing == Timing::Kernel).then_some(enqueued);
    }
}

fn rows(recording: &Recording, rank: usize) -> Vec<CollectiveRow> {
    report(recording, "run.perfdb").ranks[rank].collectives.clone()
}

#[test]
fn the_time_of_handing_over_is_no_duration() {
    let mut run = Builder::new("record");
    let process = run.process(1, Some(0), Some(1));
    add(&mut run, process, ("all_reduce", ""), (100, 200), by_plugin(Timing::Kernel, 50));
    add(&mut run, process, ("all_reduce", ""), (300, 300), by_plugin(Timing::Enqueue, 300));
    // Even if a file gives such a row a length.
    add(&mut run, process, ("all_reduce", ""), (400, 9000), by_plugin(Timing::Enqueue, 400));
    let [row] = &rows(&run.recording, 0)[..] else { panic!() };
    assert_eq!((row.count, row.untimed, row.untimed_bytes), (3, 2, 2000));
    assert_eq!((row.bytes, row.total_ns, row.algbw_gbps), (Some(3000), 100, Some(10.0)));
    let report = report(&run.recording, "run.perfdb");
    assert!(report.warnings[0].contains("of 2 collectives of rank 0 only the handing over"));
    let [sum] = &total::collectives(&report.ranks)[..] else { panic!() };
    assert_eq!((sum.untimed, sum.algbw_gbps, sum.busbw_gbps), (2, Some(10.0), Some(10.0)));
}

#[test]
fn a_rank_of_which_only_handing_over_is_known_has_no_bandwidth() {
    let mut run = Builder::new("record");
    let process = run.process(1, Some(0), Some(1));
    add(&mut run, process, ("all_reduce", ""), (300, 300), by_plugin(Timing::Enqueue, 300));
    let report = report(&run.recording, "run.perfdb");
    let row = &report.ranks[0].collectives[0];
    assert_eq!((row.count, row.total_ns, row.algbw_gbps, row.busbw_gbps), (1, 0, None, None));
    assert_eq!(report.ranks[0].comm_ns, 0);
}

#[test]
fn calls_of_one_kernel_count_its_time_once() {
    let mut run = Builder::new("record");
    let process = run.process(1, Some(0), Some(1));
    for enqueued in [50, 51, 52] {
        add(&mut run, process, ("all_reduce", ""), (100, 400), |call| {
            by_plugin(Timing::Kernel, enqueued)(call);
            call.correlation = Some(7);
        });
    }
    let [row] = &rows(&run.recording, 0)[..] else { panic!() };
    assert_eq!((row.count, row.total_ns, row.algbw_gbps), (3, 300, Some(10.0)));
}

/// As NCCL does it on an H200: the call is made within a group and handed over when that ends.
#[test]
fn calls_within_a_group_of_nccls_count_once() {
    for grouped in [true, false] {
        let mut run = Builder::new("record");
        let process = run.process(1, Some(0), Some(1));
        for start in [1000, 2000] {
            if grouped {
                let group = ("NCCL", "ncclGroupStart", None);
                run.range(process, "main", group, (start, start + 5), Some(0));
                // PyTorch opens another one around each call.
                let group = ("NCCL", "ncclGroupStart", None);
                run.range(process, "main", group, (start + 6, start + 7), Some(0));
                let group = ("NCCL", "ncclGroupEnd", None);
                run.range(process, "main", group, (start + 15, start + 16), Some(0));
                run.range(process, "main", group, (start + 20, start + 90), Some(0));
            }
            add(&mut run, process, ("send", ""), (start + 10, start + 12), |call| {
                call.timing = Timing::Enqueue;
            });
            let plugin = by_plugin(Timing::Kernel, start + 60);
            add(&mut run, process, ("send", ""), (start + 200, start + 300), plugin);
        }
        let [row] = &rows(&run.recording, 0)[..] else { panic!() };
        let expected = if grouped { (2, 0) } else { (4, 2) };
        assert_eq!((row.count, row.untimed), expected, "grouped: {grouped}");
    }
}

/// The same call by NCCL's plugin, by a range that names it, and by NCCL's own range; each of the seven choices of them.
#[test]
fn a_call_that_is_told_of_several_times_counts_once() {
    for told in 1..8 {
        let mut run = Builder::new("record");
        let process = run.process(1, Some(0), Some(1));
        if told & 1 != 0 {
            add(
                &mut run,
                process,
                ("all_reduce", ""),
                (2000, 2600),
                by_plugin(Timing::Kernel, 1050),
            );
        }
        if told & 2 != 0 {
            add(&mut run, process, ("all_reduce", ""), (1000, 1100), |_| {});
        }
        if told & 4 != 0 {
            add(&mut run, process, ("all_reduce", ""), (1040, 1060), |call| {
                call.timing = Timing::Enqueue;
            });
        }
        let [row] = &rows(&run.recording, 0)[..] else { panic!("{told}") };
        let (time, untimed) = match told {
            _ if told & 1 != 0 => (600, 0),
            _ if told & 2 != 0 => (100, 0),
            _ => (0, 1),
        };
        assert_eq!((row.count, row.total_ns, row.untimed), (1, time, untimed), "{told}");
    }
}

#[test]
fn another_operation_thread_or_time_is_another_call() {
    let mut run = Builder::new("record");
    let process = run.process(1, Some(0), Some(1));
    add(&mut run, process, ("all_reduce", ""), (2000, 2600), by_plugin(Timing::Kernel, 1050));
    add(&mut run, process, ("broadcast", ""), (1000, 1100), |_| {});
    add(&mut run, process, ("all_reduce", ""), (1051, 1100), |_| {});
    let other = run.thread(process, "other");
    add(&mut run, process, ("all_reduce", ""), (1000, 1100), |call| call.thread_id = Some(other));
    let count: i64 = rows(&run.recording, 0).iter().map(|row| row.count).sum();
    assert_eq!(count, 4);
}

/// Two ranks: rank 1 comes 30 ns later to the first and 10 ns earlier to the second all-reduce.
fn two_ranks(change: impl Fn(&mut Collective)) -> Recording {
    let mut run = Builder::new("record");
    let ranks = [0, 1].map(|rank| run.process(rank + 1, Some(rank), Some(2)));
    let times = [[(100, 200), (130, 190)], [(1010, 1100), (1000, 1110)]];
    for (number, times) in times.into_iter().enumerate() {
        for (process, times) in ranks.into_iter().zip(times) {
            add(&mut run, process, ("all_reduce", "dp"), times, |call| {
                call.sequence = Some(number as i64);
                change(call);
            });
        }
    }
    run.recording
}

#[test]
fn waiting_for_the_last_rank_is_told_apart_from_the_transfer() {
    let recording = two_ranks(|_| {});
    let [first] = &rows(&recording, 0)[..] else { panic!() };
    let [second] = &rows(&recording, 1)[..] else { panic!() };
    assert_eq!((first.matched, first.wait_ns, first.transfer_ns), (2, Some(30), Some(70 + 100)));
    assert_eq!((second.matched, second.wait_ns, second.transfer_ns), (2, Some(10), Some(170)));
    // Of two ranks the bus bandwidth of an all-reduce is the algorithm's.
    assert_eq!(
        (first.busbw_gbps, first.transfer_busbw_gbps),
        (Some(2000.0 / 190.0), Some(2000.0 / 170.0))
    );
    let [sum] = &total::collectives(&report(&recording, "run.perfdb").ranks)[..] else { panic!() };
    assert_eq!((sum.matched, sum.wait_ns, sum.transfer_ns), (4, Some(40), Some(340)));
    assert!((sum.transfer_busbw_gbps.unwrap() - 2000.0 / 170.0).abs() < 1e-9);
}

#[test]
fn without_all_ranks_a_number_and_a_clock_in_common_nothing_is_split() {
    let unsplit = |recording: &Recording, why: &str| {
        let [row] = &rows(recording, 0)[..] else { panic!("{why}") };
        assert_eq!((row.matched, row.wait_ns, row.transfer_ns), (0, None, None), "{why}");
        assert_eq!((row.count, row.transfer_busbw_gbps), (2, None), "{why}");
    };
    unsplit(&two_ranks(|call| call.group_size = Some(4)), "two of four ranks");
    unsplit(&two_ranks(|call| call.group_size = None), "of who knows how many");
    unsplit(&two_ranks(|call| call.sequence = None), "no number");
    unsplit(&two_ranks(|call| call.sequence = Some(3)), "a number that is used twice");
    unsplit(&two_ranks(|call| call.timing = Timing::Enqueue), "no time");
    let mut hosts = two_ranks(|_| {});
    hosts.hosts.push(Host { name: "node-2".into(), ..Host::default() });
    hosts.processes[1].host_id = HostId(2);
    let [row] = &rows(&hosts, 0)[..] else { panic!() };
    assert_eq!((row.matched, row.wait_ns, row.transfer_ns), (2, None, None), "two clocks");
    let warnings = report(&hosts, "run.perfdb").warnings;
    assert!(
        warnings[0].starts_with("2 collectives were found on every rank of their group")
            && warnings[0].contains("(node-1, node-2)"),
        "{warnings:?}"
    );
}
