//! Networks for images held against what was published of them.

use std::fmt::Write as _;

use perfagent_predictor::fit::Images;

use crate::jobs::{answer, check, part};

fn images() -> Images {
    Images::published().unwrap()
}

/// The snapshot says how far off each is; that all lie inside of their interval is what the interval was chosen by.
#[test]
fn published_runs_lie_inside_of_their_intervals() {
    let mut page = String::new();
    for run in images().runs {
        let prediction = answer(&run.job);
        check(&run.job, &prediction);
        let step = prediction.step_s.unwrap();
        let (model, cluster, of) = (&run.job.model, &run.job.cluster, &run.job.run);
        let layout = if of.channels_last == Some(true) { "nhwc" } else { "nchw" };
        writeln!(
            page,
            "{:<12} {:<9} {:>2} × {:<16} {:>4} images {:<4} {layout}: predicted {:>5.0} ms, published {:>5.0}, {:+.0} %",
            run.source,
            model.arch.as_deref().unwrap(),
            cluster.gpus_per_node.unwrap(),
            cluster.gpu.as_deref().unwrap(),
            of.micro_batch.unwrap(),
            of.precision.as_deref().unwrap(),
            1e3 * step.p50,
            1e3 * run.step_s,
            100.0 * (step.p50 / run.step_s - 1.0)
        )
        .unwrap();
        assert!((step.p05..=step.p95).contains(&run.step_s), "{page}");
    }
    insta::assert_snapshot!(page);
}

/// What a trace's allocations tell: all that the step adds to weights, gradients and momentum.
#[test]
fn the_memory_of_a_traced_step_is_met() {
    let peak = images().peak;
    let parts = answer(&peak.job).memory_breakdown.unwrap();
    let added: f64 =
        ["activations_bytes", "activation_gradients_bytes", "workspaces_bytes", "input_bytes"]
            .iter()
            .map(|name| part(&parts, name))
            .sum();
    let off = added / peak.bytes - 1.0;
    println!("{added:.0} of {:.0} bytes, {:+.1} %", peak.bytes, 100.0 * off);
    assert!(off.abs() < 0.03, "{added} is not {}", peak.bytes);
}

/// Which batches a card of 24 GiB can take is known to the step of one half or a third, and met within one twentieth.
#[test]
fn the_largest_batches_that_were_published_fit_and_the_next_ones_do_not() {
    for fit in images().fits {
        let peak = answer(&fit.job).peak_mem_bytes.unwrap();
        let probability = peak.above(fit.memory_bytes);
        println!(
            "{} {} images: {:.1} GB [{:.1}, {:.1}] of {:.1}, fitted: {}, out of memory {:.0} %",
            fit.job.model.arch.as_deref().unwrap(),
            fit.job.run.micro_batch.unwrap(),
            peak.p50 / 1e9,
            peak.p05 / 1e9,
            peak.p95 / 1e9,
            fit.memory_bytes / 1e9,
            fit.fitted,
            100.0 * probability
        );
        let taken = peak.p50 / fit.memory_bytes;
        assert!(if fit.fitted { taken < 1.05 } else { taken > 0.95 }, "{taken}: {:?}", fit.job);
    }
}
