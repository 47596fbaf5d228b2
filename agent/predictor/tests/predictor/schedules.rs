//! Schedules of pipelines: as by hand, as by their bounds, and short simulations as whole ones.

use perfagent_predictor::pipeline::{Pipeline, Schedule, Work, in_flight};
use proptest::prelude::*;

fn near(value: f64, expected: f64) {
    assert!(
        (value - expected).abs() <= 1e-9 * expected.abs().max(1e-9),
        "{value} is not {expected}"
    );
}

fn pipeline(parts: &[Work], stages: usize, transfer: f64, micro_batches: usize) -> Pipeline<'_> {
    let schedule = Schedule::OneForwardOneBackward;
    Pipeline { schedule, stages, parts, transfer, blocking: false, micro_batches }
}

fn even(parts: usize) -> Vec<Work> {
    vec![Work { forward: 1.0 / parts as f64, backward: 2.0 / parts as f64 }; parts]
}

#[test]
fn four_stages_and_eight_micro_batches_are_as_by_hand() {
    // Forward takes 1 a stage, backward 2.
    let parts = vec![Work { forward: 1.0, backward: 2.0 }; 4];
    let events = pipeline(&parts, 4, 0.0, 8).events();
    near(events.makespan, (8.0 + 3.0) * 3.0);
    assert_eq!(events.bubbles, [9.0; 4]);
    assert_eq!(events.in_flight, [4.0, 3.0, 2.0, 1.0]);
    // The first micro-batch is through after four forward passes, back after four backward ones.
    assert_eq!(events.ends(3, 0), (4.0, 6.0));
    assert_eq!(events.ends(0, 0), (1.0, 12.0));
    // The first stage has made its four ahead, and waits for the first to come back before its fifth.
    assert_eq!((events.ends(0, 3).0, events.ends(0, 4).0), (4.0, 13.0));
    // The last stage alternates without a gap.
    for micro_batch in 0..8 {
        let begin = 3.0 + 3.0 * micro_batch as f64;
        assert_eq!(events.ends(3, micro_batch), (begin + 1.0, begin + 3.0));
    }
}

#[test]
fn what_is_sent_delays_every_micro_batch_of_a_full_pipeline() {
    // The first of two stages runs two micro-batches ahead: of every two it waits for one that goes there and back.
    let parts = vec![Work { forward: 1.0, backward: 2.0 }; 2];
    for micro_batches in 1..60_usize {
        let step = pipeline(&parts, 2, 0.5, micro_batches);
        let expected = 3.0 * (micro_batches + 1) as f64 + micro_batches.div_ceil(2) as f64;
        near(step.events().makespan, expected);
        near(step.makespan(), expected);
    }
}

#[test]
fn a_stage_that_cannot_work_while_it_sends_takes_longer_for_every_micro_batch() {
    // Of three stages the middle one sends twice.
    let parts = vec![Work { forward: 1.0, backward: 2.0 }; 3];
    for micro_batches in 2..60 {
        let step = Pipeline { blocking: true, ..pipeline(&parts, 3, 0.25, micro_batches) };
        let expected = 3.0 * (micro_batches + 2) as f64 + 0.5 * micro_batches as f64 + 0.25;
        near(step.events().makespan, expected);
        near(step.makespan(), expected);
    }
}

#[test]
fn a_slow_last_stage_is_what_the_others_wait_for() {
    let mut parts = vec![Work { forward: 1.0, backward: 2.0 }; 4];
    parts[3] = Work { forward: 2.0, backward: 4.0 };
    let events = pipeline(&parts, 4, 0.0, 8).events();
    // It begins after three forward passes, and the others go back after it: 3 · (1 + 2).
    near(events.makespan, 9.0 + 8.0 * 6.0);
    assert_eq!(events.bubbles, [33.0, 33.0, 33.0, 9.0]);
}

#[test]
fn interleaving_divides_the_bubble_by_the_parts_of_a_stage() {
    for stages in [2, 4, 8] {
        for own in [1, 2, 3, 5] {
            for groups in [2, 3, 7] {
                let micro_batches = groups * stages;
                let parts = even(stages * own);
                let events = pipeline(&parts, stages, 0.0, micro_batches).events();
                let pass = 3.0 / stages as f64;
                let bubble = (stages - 1) as f64 * pass / own as f64;
                for found in events.bubbles {
                    near(found, bubble);
                }
            }
        }
    }
}

#[test]
fn interleaved_stages_hold_what_megatron_lets_them_run_ahead() {
    let held = |stages: usize, own: usize, micro_batches: usize| {
        let parts = even(stages * own);
        pipeline(&parts, stages, 0.0, micro_batches).events().in_flight
    };
    // 1 + 3 / (4 · 2) of four on the first stage; a part of a micro-batch less twice for each stage after it.
    assert_eq!(held(4, 2, 8), [5.5, 4.5, 3.5, 2.5]);
    assert_eq!(held(4, 2, 4), [4.0, 4.0, 3.5, 2.5]);
    for stages in 1..9 {
        for own in 1..5 {
            for micro_batches in 1..40 {
                let held = held(stages, own, micro_batches);
                for (stage, held) in held.into_iter().enumerate() {
                    let [stage, stages, passes, own] =
                        [stage, stages, micro_batches, own].map(|count| count as f64);
                    near(held, in_flight(stage, stages, passes, own));
                }
            }
        }
    }
}

#[test]
fn all_forward_before_all_backward_takes_as_long_as_1f1b_and_holds_all() {
    let parts = even(4);
    let one = pipeline(&parts, 4, 0.0, 8);
    let all = Pipeline { schedule: Schedule::AllForward, ..one };
    near(all.events().makespan, one.events().makespan);
    near(all.makespan(), all.events().makespan);
    assert_eq!(all.events().in_flight, [8.0; 4]);
}

#[test]
fn more_stages_than_there_are_gpus_in_the_world_take_neither_memory_nor_time() {
    let mut job = crate::jobs::llama();
    (job.model.layers, job.run.pp) = (Some(1 << 40), Some(1 << 40));
    job.cluster.nodes = Some(8 << 40);
    // A job that is measured is not held against the range of others.
    crate::jobs::predictor().anchor(&job, Some(1.0), Some(1.0)).unwrap();
}

/// Up to so many stages with so many parts each.
fn works(stages: usize, own: usize) -> impl Strategy<Value = (usize, Vec<Work>)> {
    let time = prop_oneof![Just(1.0), 0.1..1.0_f64, 1.0..4.0_f64];
    (1..=stages, 1..=own).prop_flat_map(move |(stages, own)| {
        let work =
            (time.clone(), time.clone()).prop_map(|(forward, backward)| Work { forward, backward });
        // Most pipelines have equal stages but for the ends: chains that take nearly as long as each other.
        let alike = (work.clone(), work.clone()).prop_map(move |(middle, last)| {
            let mut parts = vec![middle; stages * own];
            parts[stages * own - 1] = last;
            parts
        });
        let parts = prop_oneof![prop::collection::vec(work, stages * own), alike];
        parts.prop_map(move |parts| (stages, parts))
    })
}

fn transfer() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), 0.0..0.01_f64, 0.0..2.0_f64]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_happens_after_what_it_needs(
        (stages, parts) in works(6, 4), transfer in transfer(), micro_batches in 1_usize..30,
    ) {
        let events = pipeline(&parts, stages, transfer, micro_batches).events();
        prop_assert!(events.makespan.is_finite());
        for micro_batch in 0..micro_batches {
            for (part, work) in parts.iter().enumerate() {
                let (forward, backward) = events.ends(part, micro_batch);
                let before = if part == 0 { 0.0 } else { events.ends(part - 1, micro_batch).0 + transfer };
                let after = if part + 1 == parts.len() { forward } else { events.ends(part + 1, micro_batch).1 + transfer };
                prop_assert!(forward >= before + work.forward - 1e-9, "{forward} {before}");
                prop_assert!(backward >= after + work.backward - 1e-9, "{backward} {after}");
                prop_assert!(backward <= events.makespan);
            }
        }
    }

    #[test]
    fn no_step_is_shorter_than_its_bounds_or_than_one_with_less_to_do(
        (stages, parts) in works(8, 1), transfer in transfer(), blocking in any::<bool>(), micro_batches in 1_usize..40,
    ) {
        let pipeline = Pipeline { blocking, ..pipeline(&parts, stages, transfer, micro_batches) };
        let events = pipeline.events();
        for stage in 0..stages {
            // Filling up to the stage, its work, and draining from it.
            let before: f64 = parts[..stage].iter().map(|part| part.forward + part.backward + 2.0 * transfer).sum();
            prop_assert!(events.makespan >= (before + pipeline.busy(stage)) * (1.0 - 1e-12));
            prop_assert!(events.bubbles[stage] >= before - 1e-9);
        }
        let more = Pipeline { micro_batches: micro_batches + 1, ..pipeline };
        prop_assert!(more.events().makespan > events.makespan);
        let slower = Pipeline { transfer: transfer + 0.1, ..pipeline };
        prop_assert!(slower.events().makespan >= events.makespan);
    }

    #[test]
    fn equal_stages_wait_for_all_but_one(
        stages in 1_usize..12, forward in 0.1..3.0_f64, backward in 0.1..3.0_f64, micro_batches in 1_usize..60,
    ) {
        let parts = vec![Work { forward, backward }; stages];
        let makespan = pipeline(&parts, stages, 0.0, micro_batches).makespan();
        near(makespan, (micro_batches + stages - 1) as f64 * (forward + backward));
    }

    #[test]
    fn rounds_that_repeat_are_as_if_all_were_simulated(
        (stages, parts) in works(8, 1), transfer in transfer(), blocking in any::<bool>(), micro_batches in 1_usize..700,
    ) {
        let pipeline = Pipeline { blocking, ..pipeline(&parts, stages, transfer, micro_batches) };
        let (short, whole) = (pipeline.makespan(), pipeline.events().makespan);
        prop_assert!((short / whole - 1.0).abs() < 1e-9 || short > whole, "{short} is not {whole}");
        prop_assert!(short / whole < 1.01, "{short} is not {whole}");
    }

    #[test]
    fn interleaved_groups_that_repeat_are_nearly_as_if_all_were_simulated(
        (stages, parts) in works(6, 4), transfer in transfer(), groups in 1_usize..40, more in 0_usize..6,
    ) {
        let whole_groups = pipeline(&parts, stages, transfer, groups * stages);
        let (short, whole) = (whole_groups.makespan(), whole_groups.events().makespan);
        prop_assert!((short / whole - 1.0).abs() < 0.03, "{short} is not {whole}");
        // What is no whole group: between the groups below and above.
        let more = more % stages;
        let odd = pipeline(&parts, stages, transfer, groups * stages + more).makespan();
        prop_assert!(groups < 7 || odd >= short && odd <= pipeline(&parts, stages, transfer, (groups + 1) * stages).makespan());
    }

    #[test]
    fn interleaved_groups_of_stages_that_differ_at_the_ends_are_as_if_all_were_simulated(
        stages in 2_usize..8, own in 2_usize..6, groups in 1_usize..30, backward in 1.5..3.0_f64,
        first in 0.5..1.0_f64, head in 0.0..1.0_f64, transfer in 0.0..0.05_f64,
    ) {
        let mut parts = vec![Work { forward: 1.0, backward }; stages * own];
        parts[0] = Work { forward: first, backward: first * backward };
        parts[stages * own - 1] = Work { forward: 1.0 + head, backward: (1.0 + head) * backward };
        let pipeline = pipeline(&parts, stages, transfer, groups * stages);
        near(pipeline.makespan(), pipeline.events().makespan);
    }

    #[test]
    fn all_forward_is_as_long_as_two_flows(
        (stages, parts) in works(8, 1), transfer in transfer(), micro_batches in 1_usize..100,
    ) {
        let pipeline = Pipeline { schedule: Schedule::AllForward, ..pipeline(&parts, stages, transfer, micro_batches) };
        let flow = |of: fn(&Work) -> f64| {
            let times: Vec<f64> = parts.iter().map(of).collect();
            let slowest = times.iter().copied().fold(0.0, f64::max);
            times.iter().sum::<f64>() + (micro_batches - 1) as f64 * slowest + (stages - 1) as f64 * transfer
        };
        let expected = flow(|part| part.forward) + flow(|part| part.backward);
        near(pipeline.events().makespan, expected);
        near(pipeline.makespan(), expected);
    }
}
