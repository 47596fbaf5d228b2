//! What steps went to, and what made the difference between two runs.

use std::collections::BTreeMap;

use perfagent_analysis::report::Step;
use perfagent_analysis::{
    Attribution, Basis, Difference, PartKind, RankAnalysis, Rules, StepProfile, StepSums,
    StepTimes, analyse,
};
use perfagent_recording::Recording;
use perfagent_recording::table::CopyKind;
use proptest::prelude::*;

use crate::builder::Builder;
use crate::random::{events, recording};

fn ranks(recording: &Recording) -> Vec<RankAnalysis> {
    analyse(recording, Rules::built_in())
}

fn sums(recording: &Recording) -> StepSums {
    StepTimes::of(recording, &ranks(recording)[0]).sums()
}

fn totals(sums: &StepSums) -> Vec<(PartKind, &str, i64)> {
    sums.totals().map(|(part, time)| (part.kind, part.name.as_str(), time)).collect()
}

/// A step of 120 ns on a GPU. Two products overlap, the all-reduce is hidden for 5 ns and the copy for 5; then data is loaded for
/// 10 ns, and the host waits for the GPU until 95 before it launches the last kernel; the first was launched in the step, too.
#[test]
fn an_instant_counts_once_for_what_hides_the_rest() {
    let mut run = Builder::new("record");
    let rank = run.process(1, Some(0), Some(1));
    run.range(rank, "main", ("", "step", Some(0)), (0, 120), Some(0));
    for (number, (stream, name, span)) in [
        (7, "gemm_a", (10, 30)),
        (8, "gemm_b", (20, 40)),
        (9, "ncclDevKernel_AllReduce_Sum_f32", (35, 60)),
        (7, "gemm_a", (100, 120)),
    ]
    .into_iter()
    .enumerate()
    {
        run.kernel(rank, (0, stream), name, span, Some(number as i64));
        let call = if number == 3 { (97, 98) } else { (1, 2) };
        run.call(rank, "main", "cudaLaunchKernel", call, number as i64);
    }
    run.copy(rank, (0, 10), (CopyKind::DtoH, 64), (55, 70), None);
    run.call(rank, "main", "cudaDeviceSynchronize", (50, 95), -1);
    run.range(rank, "main", ("", "data", None), (75, 85), Some(1));
    let sums = sums(&run.recording);
    assert_eq!(
        totals(&sums),
        [
            (PartKind::Kernel, "gemm_a", 40),
            (PartKind::Kernel, "gemm_b", 10),
            (PartKind::Communication, "ncclDevKernel_AllReduce_Sum_f32", 20),
            (PartKind::Copy, "DtoH", 10),
            (PartKind::Data, "(loading of data)", 10),
            (PartKind::Idle, "late launch", 10),
            (PartKind::Idle, "synchronization: cudaDeviceSynchronize", 20),
        ]
    );
}

/// A step of 100 ns without a GPU: an operator in another one, an all-reduce that both hide in part, and ranges around them.
#[test]
fn without_a_gpu_it_is_what_the_thread_does() {
    let mut run = Builder::new("record");
    let rank = run.process(1, Some(0), Some(1));
    run.range(rank, "main", ("", "epoch", None), (0, 200), Some(0));
    run.range(rank, "main", ("", "step", Some(0)), (10, 110), Some(1));
    run.range(rank, "main", ("", "forward", None), (10, 60), Some(2));
    run.operator(rank, "main", "layer", (20, 50));
    run.operator(rank, "main", "aten::mm", (25, 45));
    run.collective(rank, None, ("all_reduce", "float32", Some(2), Some(8)), (40, 80));
    // Another thread computes for itself.
    run.operator(rank, "loader", "aten::copy_", (10, 110));
    let sums = sums(&run.recording);
    assert_eq!(
        totals(&sums),
        [
            (PartKind::Operator, "aten::mm", 20),
            (PartKind::Operator, "layer", 10),
            (PartKind::Communication, "all_reduce", 30),
            (PartKind::Range, "forward", 10),
            (PartKind::Other, "(nothing recorded)", 30),
        ]
    );
}

/// Of each step the slowest rank counts.
#[test]
fn a_step_is_that_of_its_slowest_rank() {
    let mut run = Builder::new("record");
    for (number, lengths) in [(0, [50, 80]), (1, [70, 60])] {
        let rank = run.process(number + 1, Some(number), Some(2));
        for (step, length) in (0..).zip(lengths) {
            let start = 100 * step;
            run.range(rank, "main", ("", "step", Some(step)), (start, start + length), Some(0));
            run.operator(rank, "main", &format!("of rank {number}"), (start, start + length));
        }
    }
    let mut times = StepTimes::default();
    for rank in ranks(&run.recording) {
        times.add(StepTimes::of(&run.recording, &rank));
    }
    assert_eq!(times.durations().collect::<Vec<_>>(), [(0, 70), (1, 80)]);
    let sums = times.sums();
    assert_eq!(
        totals(&sums),
        [(PartKind::Operator, "of rank 0", 80), (PartKind::Operator, "of rank 1", 70)]
    );
}

/// The parts of a kind, as the breakdown of the steps has them, which knows nothing of names.
fn by_breakdown(steps: &[Step]) -> [(&'static [PartKind], i64); 5] {
    let sum = |of: fn(&Step) -> i64| steps.iter().map(of).sum();
    [
        (&[PartKind::Kernel], sum(|step| step.breakdown.compute_ns)),
        (&[PartKind::Communication], sum(|step| step.breakdown.exposed_comm_ns)),
        (&[PartKind::Copy], sum(|step| step.breakdown.exposed_copy_ns)),
        (&[PartKind::Data], sum(|step| step.breakdown.data_ns)),
        (&[PartKind::Idle, PartKind::Other], sum(|step| step.breakdown.idle_ns)),
    ]
}

proptest! {
    /// Whatever was recorded, the parts add up to the steps, and to the change between two runs.
    #[test]
    fn parts_add_up(base in events(), new in events(), gpu: bool) {
        let [base, new] = [base, new].map(|events| recording(&events, gpu, &[0, 1, 2]));
        let together = |recording: &Recording| {
            let mut times = StepTimes::default();
            for rank in ranks(recording) {
                times.add(StepTimes::of(recording, &rank));
            }
            let whole: i64 = times.durations().map(|(_, duration)| duration).sum();
            (times.sums(), whole, times.durations().count())
        };
        let ((base, base_ns, base_steps), (new, new_ns, new_steps)) = (together(&base), together(&new));
        prop_assert_eq!(base.totals().map(|(_, time)| time).sum::<i64>(), base_ns);
        let found = Attribution::between(&base, &new, &[]);
        prop_assert_eq!(found.is_some(), base_steps > 0 && new_steps > 0);
        if let Some(found) = found {
            let sum = found.rows.iter().map(|row| row.change_ns).sum::<i64>();
            prop_assert_eq!(sum, found.change_ns);
            let mean = |whole: i64, steps: usize| (whole as f64 / steps as f64).round() as i64;
            prop_assert_eq!((found.base_ns, found.new_ns), (mean(base_ns, base_steps), mean(new_ns, new_steps)));
        }
    }

    /// By kind they are what the breakdown of the steps says.
    #[test]
    fn kinds_are_those_of_the_breakdown(events in events()) {
        let recording = recording(&events, true, &[0]);
        for rank in ranks(&recording).iter().filter(|rank| rank.basis() == Basis::Gpu) {
            let mut of_index: BTreeMap<i64, usize> = BTreeMap::new();
            for step in rank.steps() {
                *of_index.entry(step.index).or_default() += 1;
            }
            // Of several steps of one number only the longest counts here.
            if rank.steps().is_empty() || of_index.values().any(|&count| count > 1) {
                continue;
            }
            let sums = StepTimes::of(&recording, rank).sums();
            for (kinds, expected) in by_breakdown(rank.steps()) {
                let found: i64 =
                    sums.totals().filter(|(part, _)| kinds.contains(&part.kind)).map(|(_, time)| time).sum();
                prop_assert_eq!(found, expected, "{:?}", kinds);
            }
        }
    }
}

/// Three steps in which kernels run one after the other.
fn order(step: &[&str]) -> Recording {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for number in 0..3 {
        let start = 1000 * number;
        run.range(rank, "main", ("", "step", Some(number)), (start, start + 900), Some(0));
        for (place, name) in (0..).zip(step) {
            run.kernel(rank, (0, 7), name, (start + 10 * place, start + 10 * place + 5), None);
        }
    }
    run.recording
}

fn renamed(base: &[&str], new: &[&str]) -> Vec<(String, String)> {
    let profile = |step: &[&str]| {
        let recording = order(step);
        StepProfile::of(&recording, &ranks(&recording)[0])
    };
    Difference::between(&profile(base), &profile(new)).renamed()
}

fn pair(old: &str, new: &str) -> (String, String) {
    (old.to_owned(), new.to_owned())
}

#[test]
fn kernels_at_the_same_place_are_renamed() {
    assert_eq!(renamed(&["a", "b", "c"], &["a", "x", "c"]), [pair("b", "x")]);
    // What is there on both sides has its name; what runs more often is another kernel.
    assert_eq!(renamed(&["a", "b", "c"], &["a", "c", "c"]), []);
    assert_eq!(renamed(&["a", "b", "c", "d"], &["a", "x", "x", "d"]), []);
}

#[test]
fn variants_of_a_kernel_are_renamed_wherever_they_run() {
    let base = ["sgemm_128x64_tn", "a", "b"];
    assert_eq!(
        renamed(&base, &["a", "b", "sgemm_32x32_tn"]),
        [pair("sgemm_128x64_tn", "sgemm_32x32_tn")]
    );
    assert_eq!(renamed(&base, &["a", "b", "softmax_32x32"]), []);
}
