//! Steps that nobody marked.

use std::collections::HashMap;

use perfagent_analysis::report;
use perfagent_analysis::report::{DetectedSteps, Step};
use perfagent_recording::{Recording, Rows};
use proptest::prelude::*;

use crate::builder::Builder;
use crate::traces;

/// Kernels by one letter each, ten nanoseconds long, every hundred; a space is another hundred without any.
fn of(kernels: &str) -> Option<DetectedSteps> {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for (place, name) in kernels.chars().enumerate().filter(|(_, name)| *name != ' ') {
        let start = 100 * place as i64;
        run.kernel(rank, (0, 7), &name.to_string(), (start, start + 10), None);
    }
    report(&run.recording, "any").ranks.first()?.detected_steps.clone()
}

#[test]
fn the_step_is_found_and_not_the_layer() {
    // Forward of three layers, a loss, backward of three layers, an optimizer; the data come late.
    let step = "abcabcabc!CBACBACBA? ";
    let found = of(&step.repeat(4)).unwrap();
    assert!(found.detected);
    // A step has 20 kernels and a pause; it begins after the pause. Of the kernels that run once the loss is the one that is
    // left, or the optimizer.
    assert_eq!((found.count, found.p50_ns, found.mean_ns), (3, Some(2100), Some(2100.0)));
    assert!(["!", "?"].contains(&found.anchor.as_str()), "{found:?}");
    assert!(found.steps.windows(2).all(|pair| pair[1].start_ns == pair[0].start_ns + 2100));
}

#[test]
fn the_anchor_is_the_kernel_that_the_stream_waited_for() {
    let found = of(&"  iabcdefghz".repeat(5)).unwrap();
    assert_eq!((found.anchor.as_str(), found.count), ("i", 4));
    assert_eq!(found.steps[0].start_ns, 200);
}

#[test]
fn a_few_kernels_may_differ() {
    let steps = [
        "iabcdefghjklmnopqrstu",
        "iabcdefghjklmnopqrstux",
        "iabcdefghjkmlnopqrtu",
        "iabcdefghjklmnopqrstu",
    ];
    assert_eq!(of(&steps.concat()).unwrap().count, 3);
}

#[test]
fn accumulation_is_no_step_of_its_own() {
    let step = format!("{}{}", "iabcdefghj".repeat(4), "UVWXYZ");
    let found = of(&step.repeat(4)).unwrap();
    assert_eq!(found.p50_ns, Some(4600), "{found:?}");
}

#[test]
fn what_does_not_repeat_has_no_steps() {
    for kernels in [
        "",
        "abcdefghijklmnop",
        "abcdefghabcdefgh",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "ababababababababababab",
        "iabcdefgiuvwxyz0iABCDEFGiUVWXYZ1",
        // One forward pass of six layers with an embedding and a head.
        "EMabcdefgabcdefgabcdefgabcdefgabcdefgabcdefgNHS",
        "iabcdefgiabciabcdefgabcdefgiabcdefgabcdefgabcdefgi",
    ] {
        assert_eq!(of(kernels), None, "{kernels}");
    }
}

proptest! {
    /// Chance repeats nothing: of random kernels no steps are made out.
    #[test]
    fn random_kernels_have_no_steps(kernels in proptest::collection::vec(0_u8..12, 60..200)) {
        let kernels: String = kernels.iter().map(|&kernel| char::from(b'a' + kernel)).collect();
        prop_assert_eq!(of(&kernels), None);
    }

    /// Any unit of different kernels that is run again and again is found, with the length that it has.
    #[test]
    fn repeated_units_are_found(length in 5_usize..40, times in 3_usize..8, pause in 0_usize..5) {
        let unit: String = (0..length).map(|kernel| char::from(b'A' + kernel as u8)).collect();
        let step = format!("{}{unit}", " ".repeat(pause));
        let found = of(&step.repeat(times)).unwrap();
        prop_assert_eq!(found.count, times as i64 - 1);
        prop_assert_eq!(found.p50_ns, Some(100 * step.len() as i64));
    }
}

/// From the first kernel that is launched within a marked step to that of the next, the middle one by length.
fn on_gpu(recording: &Recording, steps: &[Step]) -> i64 {
    let calls: HashMap<_, _> = recording
        .api_calls
        .iter()
        .map(|call| (call.correlation, call.start_ns.unix_nanos()))
        .collect();
    let first = |step: &Step| {
        let launched = recording.kernels.iter().filter(|kernel| {
            let call = kernel.correlation.and_then(|id| calls.get(&Some(id)));
            call.is_some_and(|call| (0..step.duration_ns).contains(&(call - step.start_ns)))
        });
        launched.map(|kernel| kernel.start_ns.unix_nanos()).min()
    };
    let starts: Vec<i64> = steps.iter().filter_map(first).collect();
    let mut lengths: Vec<i64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    lengths.sort_unstable();
    lengths[(lengths.len() - 1) / 2]
}

/// With the marks taken out, the steps of traces that have three or more are found again: their median length is within 2 % of
/// that from the first kernel of a marked step to that of the next, and within 5 % of the marked median where the host does
/// not run ahead of the GPU, as it does in the last trace: there a marked step is short of what the GPU takes.
#[test]
fn the_steps_of_real_traces_are_found_without_their_marks() {
    for (name, runs_ahead) in [
        ("v100_resnet50_2021.json.gz", false),
        ("a100_nccl_data.json.gz", false),
        ("a100_sendrecv_rank0.json.gz", false),
        ("a100_trace_diff_control.json.gz", false),
        ("mi300x_resnet_rccl.json.gz", true),
    ] {
        let Some(mut recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        let marked = report(&recording, name).ranks[0].clone();
        assert!(marked.step.count >= 3 && marked.detected_steps.is_none(), "{name}");
        let expected = on_gpu(&recording, &marked.steps);
        let is_step = |id| recording.strings.get(id).starts_with("ProfilerStep");
        let kept = recording.ranges.iter().filter(|range| !is_step(range.name_id));
        recording.ranges = kept.collect();
        let found = report(&recording, name).ranks[0].detected_steps.clone().unwrap();
        let (length, marks) = (found.p50_ns.unwrap(), marked.step.p50_ns.unwrap());
        println!(
            "{name}: {} of {length} ns; {expected} from kernel to kernel, marked {marks}",
            found.count
        );
        assert!(found.count + 1 >= marked.step.count, "{name}");
        assert!((length - expected).abs() * 100 <= 2 * expected, "{name}: {length}, {expected}");
        assert!(
            runs_ahead || (length - marks).abs() * 100 <= 5 * marks,
            "{name}: {length}, {marks}"
        );
    }
}

/// One pass of a language model in each: its layers repeat, and are no steps.
#[test]
fn the_layers_of_one_pass_are_no_steps() {
    for name in
        ["h100_qwen_memory.json.gz", "h100_bert_small.json.gz", "mi300x_vllm_graph_decode.json.gz"]
    {
        let Some(mut recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        recording.ranges = Rows::default();
        assert_eq!(report(&recording, name).ranks[0].detected_steps, None, "{name}");
    }
}
