//! Which configuration takes at least as much memory as another: what an out-of-memory rules out.

use super::Candidate;

/// Whether `heavier` takes at least the memory of `known`, whatever the model is. Parameters whose effect on memory is not
/// known must be equal.
pub(super) fn is_at_least_as_heavy(heavier: &Candidate, known: &Candidate) -> bool {
    let stages = known.number("pp").unwrap_or(1);
    heavier.iter().count() == known.iter().count()
        && known.iter().all(|(name, known)| {
            heavier.get(name).is_some_and(|heavier| {
                heavier == known
                    || weight(name, heavier, stages)
                        .zip(weight(name, known, stages))
                        .is_some_and(|(heavier, known)| heavier >= known)
            })
        })
}

/// Whether `heavier` probably takes at least the memory of `known`: as [`is_at_least_as_heavy`], but what has an unknown effect
/// is taken to have none.
pub(super) fn is_probably_as_heavy(heavier: &Candidate, known: &Candidate) -> bool {
    known.iter().all(|(name, known)| {
        let pair = heavier.get(name).map(|heavier| (weight(name, heavier, 1), weight(name, known, 1)));
        !matches!(pair, Some((Some(heavier), Some(known))) if heavier < known && name != "accumulate")
    })
}

/// What grows with the memory that a value of a parameter takes; `None` where that depends.
///
/// Precision is not among them: bf16 halves activations and adds a copy of the weights.
fn weight(name: &str, value: &str, stages: u64) -> Option<u64> {
    let number = || value.parse::<u64>().ok();
    let place = |order: &[&str]| order.iter().position(|word| *word == value).map(|at| at as u64);
    match name {
        "micro_batch" | "seq" => number(),
        // With one pass gradients can be gone before the next begins; a pipeline holds one pass for each stage at most.
        "accumulate" => number().map(|passes| passes.min(stages.max(2))),
        "zero" => number().map(|stage| 3_u64.saturating_sub(stage)),
        "recompute" => place(&["full", "selective", "none"]),
        "offload" => place(&["optimizer+params", "optimizer", "none"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, is_at_least_as_heavy, is_probably_as_heavy};

    fn candidate(text: &str) -> Candidate {
        text.split(' ').map(|pair| pair.split_once('=').unwrap()).collect()
    }

    #[test]
    fn what_ran_out_of_memory_rules_out_what_takes_more() {
        let known =
            candidate("micro_batch=8 accumulate=4 zero=1 recompute=selective precision=bf16");
        for (change, heavier) in [
            ("micro_batch=16 accumulate=4 zero=1 recompute=selective precision=bf16", true),
            ("micro_batch=16 accumulate=2 zero=0 recompute=none precision=bf16", true),
            ("micro_batch=8 accumulate=4 zero=1 recompute=selective precision=bf16", true),
            ("micro_batch=4 accumulate=4 zero=0 recompute=none precision=bf16", false),
            ("micro_batch=16 accumulate=4 zero=2 recompute=selective precision=bf16", false),
            ("micro_batch=16 accumulate=4 zero=1 recompute=full precision=bf16", false),
            ("micro_batch=16 accumulate=4 zero=1 recompute=selective precision=fp32", false),
            // Gradients need not be kept from pass to pass.
            ("micro_batch=16 accumulate=1 zero=1 recompute=selective precision=bf16", false),
            ("micro_batch=16 zero=1", false),
        ] {
            assert_eq!(is_at_least_as_heavy(&candidate(change), &known), heavier, "{change}");
        }
    }

    #[test]
    fn other_parameters_probably_change_little() {
        let known = candidate("micro_batch=8 precision=bf16 threads=1 accumulate=4 recompute=none");
        for (change, heavier) in [
            ("micro_batch=8 precision=fp32 threads=2 accumulate=1 recompute=none", true),
            ("micro_batch=4 precision=fp32 threads=2 accumulate=4 recompute=none", false),
            ("micro_batch=16 precision=bf16 threads=1 accumulate=4 recompute=full", false),
        ] {
            assert_eq!(is_probably_as_heavy(&candidate(change), &known), heavier, "{change}");
        }
    }

    #[test]
    fn a_pipeline_holds_a_pass_for_each_stage() {
        let four = candidate("micro_batch=1 accumulate=4 pp=4");
        assert!(!is_at_least_as_heavy(&candidate("micro_batch=1 accumulate=2 pp=4"), &four));
        assert!(is_at_least_as_heavy(&candidate("micro_batch=1 accumulate=8 pp=4"), &four));
    }
}
