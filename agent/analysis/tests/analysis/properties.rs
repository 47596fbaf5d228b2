//! What holds for every recording, whatever is in it.

use perfagent_analysis::report::{Breakdown, Rank};
use perfagent_analysis::{Basis, COMMUNICATION, Rules, analyse, report};
use perfagent_recording::Recording;
use perfagent_recording::table::CopyKind;
use proptest::prelude::*;

use crate::builder::{Builder, at};

const NAMES: [&str; 6] =
    ["sgemm", "ncclDevKernel_AllReduce_Sum_f32", "flash_fwd", "elementwise", "aten::mm", "data"];

/// (kind, thread or stream, start, length, name)
type Event = (u8, u8, i64, i64, usize);

fn events() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((0_u8..5, 0_u8..3, 0_i64..400, 0_i64..80, 0..NAMES.len()), 0..40)
}

fn recording(events: &[Event], gpu: bool) -> Recording {
    let mut run = Builder::new("record");
    let rank = run.process(1, Some(0), Some(1));
    for (id, &(kind, lane, start, length, name)) in events.iter().enumerate() {
        let (span, lane) = ((start, start + length), i64::from(lane));
        let (tid, id) = (lane.to_string(), id as i64);
        match kind {
            0 if gpu => run.kernel(rank, (0, lane), NAMES[name], span, Some(id)),
            1 if gpu => run.copy(rank, (0, lane), (CopyKind::DtoD, length), span, Some(id / 2)),
            2 => run.range(rank, &tid, ("", "step", Some(id)), span, Some(0)),
            3 => {
                run.collective(rank, Some(&tid), ("all_reduce", "float32", Some(2), Some(8)), span);
            }
            4 => run.api_call(rank, start, start + length, id / 2),
            _ => run.operator(rank, &tid, NAMES[name], span),
        }
    }
    run.recording
}

fn parts(breakdown: &Breakdown) -> i64 {
    let shares: i64 = breakdown.categories.iter().map(|share| share.total_ns).sum();
    assert_eq!(shares, breakdown.compute_ns);
    assert!(breakdown.idle_ns >= 0, "{breakdown:?}");
    breakdown.compute_ns
        + breakdown.exposed_comm_ns
        + breakdown.exposed_copy_ns
        + breakdown.data_ns
        + breakdown.idle_ns
}

/// Gaps are the idle time of the steps, or of everything where there are none, each instant once.
fn check_gaps(rank: &Rank) {
    assert_eq!(rank.gaps.is_some(), rank.basis == Basis::Gpu);
    let Some(gaps) = &rank.gaps else { return };
    let whole = if rank.step.count > 0 { &rank.training } else { &rank.breakdown };
    assert_eq!((gaps.window_ns, gaps.idle_ns), (whole.window_ns, whole.idle_ns + whole.data_ns));
    assert_eq!(gaps.data_ns, whole.data_ns);
    let parts: i64 = gaps.causes.iter().map(|row| row.total_ns).sum();
    assert_eq!(parts + gaps.data_ns, gaps.idle_ns);
    for row in &gaps.causes {
        assert!(row.count > 0 && row.long_ns + row.before_short_ns <= row.total_ns, "{row:?}");
        assert!(
            row.waited_ns <= row.total_ns
                && row.long_waited_ns <= row.long_ns
                && row.longest_ns > 0,
            "{row:?}"
        );
    }
}

fn check(rank: &Rank) {
    check_gaps(rank);
    assert_eq!(rank.busy_ns + rank.idle_ns, rank.span_ns);
    assert_eq!(rank.compute_ns + rank.exposed_comm_ns + rank.exposed_copy_ns, rank.busy_ns);
    assert!(rank.idle_ns >= 0);
    assert!(rank.exposed_comm_ns <= rank.comm_ns && rank.exposed_copy_ns <= rank.copy_ns);
    assert!(rank.overlap_pct.is_none_or(|overlap| (0.0..=100.0).contains(&overlap)));
    assert_eq!(rank.overlap_pct.is_none(), rank.comm_ns == 0);
    assert_eq!(parts(&rank.breakdown), rank.span_ns);
    for step in &rank.steps {
        assert_eq!(parts(&step.breakdown), step.duration_ns);
        assert!(step.lead_in_ns.is_none_or(|lead_in| (0..=step.duration_ns).contains(&lead_in)));
    }
    for row in &rank.kernels {
        assert!(row.min_ns <= row.max_ns && row.max_ns <= row.total_ns);
        assert!(row.inclusive_ns.is_none_or(|inclusive| inclusive >= row.max_ns), "{row:?}");
    }
    // Names that overlap count each for itself in the table, and once in the union.
    let total = |wanted: &dyn Fn(&str) -> bool| -> i64 {
        let rows = rank.kernels.iter().filter(|row| wanted(&row.category));
        rows.map(|row| row.total_ns).sum()
    };
    assert!(total(&|category| category != COMMUNICATION) >= rank.compute_ns);
    if rank.basis == Basis::Gpu {
        assert!(total(&|category| category == COMMUNICATION) >= rank.comm_ns);
    }
    assert!(rank.copies.iter().map(|row| row.total_ns).sum::<i64>() >= rank.copy_ns);
    for share in &rank.breakdown.categories {
        assert!(total(&|category| category == share.category) >= share.total_ns, "{share:?}");
    }
    let runs: i64 = rank.kernels.iter().map(|row| row.count).sum();
    let copies: i64 = rank.copies.iter().map(|row| row.count).sum();
    if rank.basis == Basis::Gpu {
        assert_eq!(rank.launch.count + rank.launch.unlinked, runs + copies);
    }
}

proptest! {
    #[test]
    fn times_add_up(events in events(), gpu in any::<bool>()) {
        for rank in &report(&recording(&events, gpu), "any").ranks {
            check(rank);
        }
    }

    #[test]
    fn tables_of_adjoining_windows_add_up_to_the_whole(
        events in events(), gpu in any::<bool>(), cut in 0_i64..500
    ) {
        let recording = recording(&events, gpu);
        for rank in analyse(&recording, Rules::built_in()) {
            let total = |window| -> i64 {
                let table = rank.kernel_table(&recording, window);
                table.iter().map(|row| row.total_ns).sum()
            };
            let halves = [Some((at(-1), at(cut))), Some((at(cut), at(1000)))];
            prop_assert_eq!(halves.into_iter().map(total).sum::<i64>(), total(None));
        }
    }
}
