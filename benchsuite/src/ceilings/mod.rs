//! `perfagent-bench ceilings`: what libtorch makes of this machine's processors at most, for `perfagent ceilings`.

mod collectives;
mod operators;
mod products;

use std::thread::available_parallelism;

use perfagent_kernels::cpu::{TORCH_SCHEMA, Torch};
use perfagent_kernels::{Collectives, Effort, NCCL_TESTS_CONVENTION, SingleThread};

use crate::failure::{Failure, Result};
use crate::options::CeilingsArgs;
use crate::place::Place;
use crate::shim;

/// More processes than this measure the scheduler.
const MOST_RANKS: usize = 16;

/// Measures, or as one of the ranks takes part; the answer for standard output, which is nothing of a rank.
pub(crate) fn run(args: &CeilingsArgs, place: Option<Place>) -> Result<String> {
    shim::quiet();
    let effort = if args.quick { Effort::Quick } else { Effort::Full };
    match place {
        Some(place) if place.launched => {
            collectives::as_rank(place, effort).map(|()| String::new())
        }
        Some(place) if place.size > 1 => Err(Failure::input(format!(
            "ceilings starts ranks of its own, and this is rank {} of {}: start it once, without a launcher",
            place.rank, place.size
        ))),
        _ => measure(args, effort),
    }
}

fn measure(args: &CeilingsArgs, effort: Effort) -> Result<String> {
    let cores = available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or(cores, usize::from);
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    let matrix_products = products::measure(effort, threads)?;
    let operators = operators::measure(effort, threads)?;
    let single_thread = if threads > 1 {
        tch::set_num_threads(1);
        Some(SingleThread {
            matrix_products: products::of_layers(effort)?,
            operators: operators::measure(effort, 1)?,
        })
    } else {
        None
    };
    let most = args.ranks.map_or(cores.min(MOST_RANKS), usize::from);
    let mut curves = Vec::new();
    for ranks in Collectives::rank_counts(most) {
        curves.extend(collectives::of_ranks(ranks)?);
    }
    let torch_version = shim::torch_version();
    let collectives = if curves.is_empty() {
        let reason = "collectives need two processes, and there is one core for them (--ranks 2 lets two share it)";
        Collectives::none(NCCL_TESTS_CONVENTION, reason.to_owned())
    } else {
        Collectives {
            convention: format!(
                "{NCCL_TESTS_CONVENTION}; one process a rank, over the loopback interface, one collective after the other"
            )
            .into(),
            library: Some(format!("Gloo of libtorch {torch_version}")),
            reason: None,
            curves,
        }
    };
    let schema = TORCH_SCHEMA.to_owned();
    let document =
        Torch { schema, torch_version, matrix_products, operators, single_thread, collectives };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::run(format!("the answer cannot be written as JSON: {error}")))?;
    Ok(text + "\n")
}
