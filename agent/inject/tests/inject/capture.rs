//! Recording that is limited to a range of the program, and what must not be lost with a device.

use perfagent_spool::Record;

use crate::recorded::Recorded;
use crate::surroundings::record;

/// What is recorded of the target when it is limited to `range`: its events, and how many kernels.
fn captured(range: &str) -> (Vec<String>, usize, Recorded) {
    let (_, mut recorded) = record("capture", &[("PERFAGENT_CAPTURE_RANGE", range)]);
    // Threads are drained in any order, all at once where the disk takes long to make the ring.
    recorded.events.sort_by_key(|event| event.time);
    assert!(recorded.losses.is_empty(), "what is outside is not lost: {:?}", recorded.losses);
    assert!(recorded.captures.iter().all(|(name, _)| name == range));
    // Threads' buffers are drained in any order.
    let mut in_order: Vec<_> = recorded.events.iter().collect();
    in_order.sort_by_key(|event| event.time);
    let events = in_order.iter().map(|event| format!("{} {}", event.what, event.name));
    let kernels = recorded.gpu.iter().filter(|(record, _)| matches!(record, Record::Kernel { .. }));
    (events.map(|event| event.trim().to_owned()).collect(), kernels.count(), recorded)
}

fn states(recorded: &Recorded) -> Vec<u8> {
    recorded.captures.iter().map(|(_, state)| *state).collect()
}

#[test]
fn only_what_happens_within_the_range_is_recorded() {
    let (events, kernels, recorded) = captured("step");
    let wanted = ["push step", "push inner", "pop", "pop", "push step", "pop", "start step", "end"];
    assert_eq!(events, wanted);
    assert_eq!(kernels, 3);
    assert_eq!(states(&recorded), [0, 1, 2, 1, 2, 1, 2]);
}

#[test]
fn a_range_may_be_one_of_a_domain() {
    let (events, kernels, recorded) = captured("step@mine");
    assert_eq!(events, ["push step", "pop"]);
    assert_eq!((kernels, states(&recorded)), (1, vec![0, 1, 2]));
}

#[test]
fn cudas_own_profiler_calls_limit_it_too() {
    let (events, kernels, recorded) = captured("cudaProfilerApi");
    assert!(events.is_empty(), "{events:?}");
    assert_eq!((kernels, states(&recorded)), (1, vec![0, 1, 2]));
}

#[test]
fn a_range_that_never_opens_leaves_nothing_but_that() {
    let (events, kernels, recorded) = captured("no such range");
    assert!(events.is_empty(), "{events:?}");
    assert_eq!((kernels, states(&recorded)), (0, vec![0]));
}

#[test]
fn records_are_taken_before_a_reset_of_their_device() {
    let (_, recorded) = record("reset", &[("PERFAGENT_FLUSH_MS", "60000")]);
    let kernels = recorded.gpu.iter().filter(|(record, _)| matches!(record, Record::Kernel { .. }));
    assert_eq!(kernels.count(), 3);
}
