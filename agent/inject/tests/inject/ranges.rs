//! NVTX events arrive whole, in order, and under their names.

use perfagent_spool::{LossCause, Payload, State};

use crate::recorded::Recorded;
use crate::{record, run, target};

#[test]
fn everything_that_nvtx_offers_is_recorded() {
    let recorded = record(&["ranges"]);
    assert_eq!(recorded.state, State::Closed);
    assert!(recorded.anchors >= 2, "one at the start, one at the end");
    let main = recorded.pid;
    assert_eq!(recorded.threads[&main], "the main one");
    let long = format!("mark {}", "l".repeat(1024));
    let expected = [
        "push outer",
        "push inner",
        "pop",
        "push registered text",
        "pop",
        "pop",
        "mark breit 日本",
        &long,
        "mark",
        "mark mark",
        "start mark",
    ];
    assert_eq!(recorded.outline(main), expected);
    assert_eq!(recorded.losses, [(LossCause::TruncatedText, 1)].into());

    let of_name = |name: &str| recorded.events.iter().find(|event| event.name == name).unwrap();
    let registered = of_name("registered text");
    assert_eq!((&*registered.domain, &*registered.category), ("my domain", "my category"));
    assert_eq!((registered.color, registered.payload), (0xff11_2233, Payload::F64(2.5)));
    assert_eq!(of_name("mark").payload, Payload::I64(-7));
    let start = recorded.events.iter().find(|event| event.what == "start").unwrap();
    let end = recorded.events.iter().find(|event| event.what == "end").unwrap();
    assert_eq!(start.id, end.id);
    assert!(start.tid == main && end.tid != main && end.time >= start.time);
}

#[test]
fn threads_are_kept_apart_and_in_order() {
    let recorded = record(&["ranges"]);
    let mut workers: Vec<_> =
        recorded.threads.iter().filter(|(_, name)| name.starts_with("worker-")).collect();
    workers.sort_by_key(|(_, name)| (*name).clone());
    // A thread that has ended before the writer looks has no name any more; its events are there regardless.
    let tids: std::collections::HashSet<u32> = recorded
        .events
        .iter()
        .filter(|event| event.name == "work")
        .map(|event| event.tid)
        .collect();
    assert_eq!(tids.len(), 3, "{workers:?}");
    for tid in tids {
        let events: Vec<_> = recorded.events.iter().filter(|event| event.tid == tid).collect();
        assert_eq!(events.len(), 2000);
        assert!(events.is_sorted_by_key(|event| event.time));
        for (step, pair) in events.chunks(2).enumerate() {
            assert_eq!((pair[0].what, pair[1].what), ("push", "pop"));
            assert_eq!(pair[0].payload, Payload::U64(step as u64));
        }
    }
}

#[test]
fn buffers_of_ended_threads_are_used_again() {
    let recorded = record(&["threads"]);
    let marks = recorded.events.iter().filter(|event| event.name == "short life").count();
    assert_eq!(marks, 200);
    assert!(recorded.losses.is_empty(), "{:?}", recorded.losses);
}

#[test]
fn a_flood_is_counted_and_what_is_kept_still_nests() {
    let spool = tempfile::tempdir().unwrap();
    // A ring that holds all of it, so that what is missing is missing from the thread's buffer.
    let mut command = target(&["flood"], spool.path());
    run(command.env("PERFAGENT_SPOOL_BYTES", (192 << 20).to_string()));
    let recorded = Recorded::read(spool.path());
    let pushes = recorded.events.iter().filter(|event| event.what == "push").count() as u64;
    let pops = recorded.events.iter().filter(|event| event.what == "pop").count() as u64;
    let dropped = recorded.losses.get(&LossCause::ThreadBufferFull).copied().unwrap_or(0);
    assert_eq!(pushes + dropped, 600_000);
    assert_eq!(pushes, pops);
    assert_eq!(recorded.gaps.get(&LossCause::ThreadBufferFull).copied().unwrap_or(0), dropped);
    assert!(!recorded.losses.contains_key(&LossCause::RingFull));
    let mut depth = 0_i64;
    for event in &recorded.events {
        depth += if event.what == "push" { 1 } else { -1 };
        assert!((0..=3).contains(&depth));
    }
}

#[test]
fn the_bytes_of_nccls_own_ranges_are_read_from_their_payloads() {
    let recorded = record(&["extended"]);
    let pushes = recorded.events.iter().filter(|event| event.what == "push");
    let payloads: Vec<_> = pushes.map(|event| (event.domain.as_str(), event.payload)).collect();
    // What is of an unknown size, of an unknown schema or of another domain is left alone.
    let wanted = [
        ("NCCL", Payload::U64(4096)),
        ("NCCL", Payload::U64(8192)),
        ("NCCL", Payload::U64(8192)),
        ("NCCL", Payload::None),
        ("NCCL", Payload::None),
        ("other", Payload::None),
    ];
    assert_eq!(payloads, wanted);
}
