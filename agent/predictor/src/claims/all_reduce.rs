//! "All-reduce gets less efficient with more nodes."

use super::Claim;
use super::models::{answer, job, middle, mpt_7b, of};
use super::page::Page;
use crate::collective::Group;
use crate::gpu::Gpu;
use crate::predictor::Predictor;
use crate::setup::Setup;

pub(super) const CLAIM: Claim = Claim {
    name: "allreduce-nodes",
    title: "All-reduce gets less efficient with the number of nodes",
    check,
};

/// The GPU.
const GPU: &str = "H100-80GB";
/// Machines of eight GPUs.
const MACHINES: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Payloads, bytes.
const PAYLOADS: [(&str, f64); 3] =
    [("1 MiB", 1_048_576.0), ("256 MB", 256e6), ("4 GiB", 4.0 * 1_073_741_824.0)];
/// Machines whose training LLM Foundry measured, with the tokens a second and GPU.
const MEASURED: [(u64, f64); 4] = [(1, 10643.0), (16, 10475.0), (32, 10119.0), (64, 9670.0)];

fn group(predictor: &Predictor, machines: u64) -> Result<Group, String> {
    let job = job(GPU, 8, machines, mpt_7b(), "nemo");
    let setup = Setup::of(&job)?;
    let constants = predictor.calibration().constants(setup.framework, setup.gpu.generation);
    Ok(Group::of(&setup, constants, setup.world, 1.0))
}

/// Bandwidth of an all-reduce as nccl-tests count it, bytes a second: what a ring's links carry.
fn bus_bandwidth(group: &Group, bytes: f64) -> f64 {
    2.0 * (group.size - 1.0) / group.size * bytes / group.reduce(bytes)
}

/// Share of an all-reduce's time that is latency.
fn latency(group: &Group, bytes: f64) -> f64 {
    2.0 * group.latency / group.reduce(bytes)
}

fn check(predictor: &Predictor) -> Result<Page, String> {
    let mut rows = Vec::new();
    let alone = group(predictor, 1)?;
    let links = Gpu::find(GPU).map_or(f64::NAN, |gpu| gpu.link_rate);
    for machines in MACHINES {
        let group = group(predictor, machines)?;
        let mut row = vec![machines.to_string()];
        for (_, bytes) in PAYLOADS {
            row.push(format!("{:.0}", bus_bandwidth(&group, bytes) / 1e9));
            row.push(format!("{:.0} %", 100.0 * latency(&group, bytes)));
        }
        rows.push(row);
    }
    let mut training = Vec::new();
    let mut first = None;
    for (machines, measured) in MEASURED {
        let mut job = job(GPU, 8, machines, mpt_7b(), "llm-foundry");
        (job.run.zero, job.run.micro_batch) = (Some(3), Some(6));
        job.run.global_batch = Some(6 * 8 * machines);
        let prediction = answer(predictor, &job)?;
        let tokens = middle(prediction.tokens_per_s) / (8 * machines) as f64;
        let (one, measured_one) = *first.get_or_insert((tokens, measured));
        let step = middle(prediction.step_s);
        training.push(vec![
            machines.to_string(),
            format!("{tokens:.0}"),
            format!("{:.1} %", 100.0 * tokens / one),
            format!("{measured:.0}"),
            format!("{:.1} %", 100.0 * measured / measured_one),
            format!(
                "{:.1} %",
                100.0 * of(prediction.time_breakdown.as_ref(), "zero3_gathers_s") / step
            ),
        ]);
    }
    let many = group(predictor, 64)?;
    let ratio = |bytes: f64| 100.0 * bus_bandwidth(&many, bytes) / bus_bandwidth(&alone, bytes);
    let (small, large) = (ratio(PAYLOADS[0].1), ratio(PAYLOADS[2].1));
    let two = group(predictor, 2)?;
    let edge = 100.0 * bus_bandwidth(&two, PAYLOADS[2].1) / bus_bandwidth(&alone, PAYLOADS[2].1);
    let verdict = format!(
        "True of a fixed payload, and no percentage a doubling can be said without it. Of what one machine reaches, 64 machines reach \
         {large:.0} % with 4 GiB and {small:.1} % with 1 MiB by the fitted model. Three things fall: the step from NVLink to the network at the \
         edge of a machine ({edge:.0} % with two machines and 4 GiB), latency that grows with the ranks and rules small payloads, and the share \
         of the network that is reached. Training need not follow: what is hidden behind computing costs nothing."
    );
    let head =
        ["machines", "1 MiB, GB/s", "latency", "256 MB, GB/s", "latency", "4 GiB, GB/s", "latency"];
    Ok(Page::new(verdict)
        .text(
            format!("Bus bandwidth, 2(n − 1)/n × bytes / time, of a ring all-reduce over machines of eight H100s with 8 × 400 Gb/s, by the constants that \
             were fitted to whole training runs under NeMo, and the share of the time that is latency. Whole runs cannot tell how fast an exchange is from \
             how much of it hides behind computing: with the fitted constants a ring inside of a machine runs at {:.0} GB/s, NVLink's stated rate \
             in one direction is {:.0} GB/s, and 366 GB/s were measured without NVLS, see below. How the figures fall is what to read here. Switches \
             that reduce on the way (NVLS, SHARP) are not modelled.", alone.rate / 1e9, links / 1e9),
        )
        .table(&head, &rows)
        .text(
            "What it does to training: MPT 7B with fully sharded data parallelism, 6 sequences of 2048 tokens a GPU and step whatever the \
             machines. Tokens a second and GPU, predicted and measured by LLM Foundry (these runs are among those that the model is fitted to), \
             by those of one machine:",
        )
        .table(
            &["machines", "predicted", "of one machine's", "measured", "of one machine's", "gathers that are not hidden, of the step"],
            &training,
        )
        .measured(&[
            ("100 GB/s at 2 machines, 70 at 3, 58 at 4 and 5, 40 at 6: a user's cluster", "https://github.com/NVIDIA/nccl-tests/issues/169"),
            ("inside of a machine of eight H200s 473 GB/s with NVLS and 366 without; 40 GB/s at 1 MiB and 482 at 16 GiB", "https://github.com/stas00/ml-engineering, network/README.md"),
            ("tokens a second of MPT 7B on 8 to 512 H100s", "https://github.com/mosaicml/llm-foundry, scripts/train/benchmarking/README.md"),
        ]))
}
