//! Batching must not be seen in what is answered, and times must add up.

use proptest::prelude::*;
use tch::{Device, Kind};

use super::super::request::requests;
use super::super::tests::job;
use super::*;

const SHAPE: &str = "--layers 2 --hidden 16 --heads 4 --ffn 24 --seq 48 --vocab 300";

/// Decoders of two processes' tests share the machine; in fp64 no rounding is large enough to change a choice.
fn decoder(model: &str, batch: i64) -> Decoder {
    let job = job(&format!("{model} {SHAPE} --prompt 1 --output 1"));
    Decoder::new(&job.shape, 1, (batch, 48), (Kind::Double, Device::Cpu)).unwrap()
}

fn policy(batch: usize, prefill_tokens: usize, temperature: f64) -> Policy {
    Policy { batch, prefill_tokens, sampler: Sampler { temperature } }
}

fn tokens(served: &Served) -> Vec<&[i64]> {
    served.answers.iter().map(|answer| answer.tokens.as_slice()).collect()
}

#[test]
fn every_request_is_answered_as_if_it_were_alone() {
    for model in ["gpt", "llama", "moe"] {
        for temperature in [0.0, 0.8] {
            let job = job(&format!(
                "{model} {SHAPE} --requests 14 --prompt 1..20 --output 1..25 --rate 2000"
            ));
            let requests = requests(&job);
            let alone = decoder(model, 1);
            let alone: Vec<Vec<i64>> = requests
                .iter()
                .map(|request| {
                    let request = request.at_once();
                    let policy = policy(1, usize::MAX, temperature);
                    serve(&alone, &[request], &policy, false, &mut |_| {}).unwrap()
                })
                .map(|served| served.answers[0].tokens.clone())
                .collect();
            for (batch, most) in [(1, usize::MAX), (3, usize::MAX), (5, 30), (14, 1)] {
                let decoder = decoder(model, batch as i64);
                let policy = policy(batch, most, temperature);
                let together = serve(&decoder, &requests, &policy, false, &mut |_| {}).unwrap();
                assert_eq!(tokens(&together), alone, "{model} {temperature} {batch} {most}");
            }
        }
    }
}

#[test]
fn drawn_tokens_differ_from_greedy_ones_and_are_the_same_again() {
    let job = job(&format!("llama {SHAPE} --requests 4 --prompt 3..9 --output 12"));
    let requests = requests(&job);
    let with = |temperature| {
        let policy = policy(4, usize::MAX, temperature);
        serve(&decoder("llama", 4), &requests, &policy, false, &mut |_| {}).unwrap()
    };
    assert_eq!(tokens(&with(1.0)), tokens(&with(1.0)));
    assert_ne!(tokens(&with(1.0)), tokens(&with(0.0)));
}

#[test]
fn times_and_counts_of_a_real_run_add_up() {
    let job = job(&format!(
        "llama {SHAPE} --requests 30 --prompt 2..20 --output 1..20 --rate 400 --batch 4"
    ));
    let requests = requests(&job);
    let mut ended = Vec::new();
    let served = serve(&decoder("llama", 4), &requests, &policy(4, 40, 0.0), true, &mut |count| {
        ended.push(count);
    })
    .unwrap();
    assert!(ended.is_sorted() && ended.last() == Some(&30), "{ended:?}");
    for (request, answer) in requests.iter().zip(&served.answers) {
        assert_eq!(answer.tokens.len(), request.output);
        assert_eq!(answer.token_ns.len(), request.output);
        assert!(request.arrival_ns <= answer.admitted_ns);
        assert!(answer.admitted_ns < answer.token_ns[0]);
        assert!(answer.token_ns.is_sorted_by(|a, b| a < b), "a token in each pass: {answer:?}");
        assert!(answer.tokens.iter().all(|token| (0..300).contains(token)));
    }
    // First come, first served.
    assert!(served.answers.is_sorted_by_key(|answer| answer.admitted_ns));
    // Never more in flight than there are slots, and sometimes as many, as more arrive than can be served.
    let in_flight = |at: u64| {
        let holds =
            |answer: &&Answer| answer.admitted_ns <= at && at < *answer.token_ns.last().unwrap();
        served.answers.iter().filter(holds).count()
    };
    let most = served.answers.iter().map(|answer| in_flight(answer.admitted_ns)).max();
    assert_eq!(most, Some(4));

    let (prefill, decode) = (&served.tally.prefill, &served.tally.decode);
    let prompts: usize = requests.iter().map(|request| request.prompt.len()).sum();
    let outputs: usize = requests.iter().map(|request| request.output).sum();
    assert_eq!((prefill.sequences, prefill.tokens), (30, prompts as u64));
    assert_eq!(decode.tokens, (outputs - 30) as u64, "prefill gives the first token of each");
    assert!(prefill.padded_tokens >= prefill.tokens);
    // A token of place t in the output attends to the prompt and to t tokens.
    let contexts: usize = requests
        .iter()
        .map(|r| (1..r.output).map(|place| r.prompt.len() + place).sum::<usize>())
        .sum();
    assert_eq!(decode.contexts, contexts as u64);
    let last = served.answers.iter().flat_map(|answer| &answer.token_ns).max().copied().unwrap();
    assert!(prefill.total_ns() + decode.total_ns() <= last, "passes follow each other");
}

#[test]
fn one_pass_of_equal_prompts_is_prefill_alone() {
    let job = job(&format!("gpt {SHAPE} --requests 8 --prompt 16 --output 1 --batch 4"));
    let served =
        serve(&decoder("gpt", 4), &requests(&job), &policy(4, usize::MAX, 0.0), false, &mut |_| {})
            .unwrap();
    let (prefill, decode) = (&served.tally.prefill, &served.tally.decode);
    assert_eq!((prefill.ns.len(), prefill.tokens, prefill.padded_tokens), (2, 128, 128));
    assert!(decode.ns.is_empty());
}

proptest! {
    #[test]
    fn a_pass_takes_as_many_as_fit_in_the_order_of_their_arrival(
        lengths in prop::collection::vec(1_usize..50, 0..12),
        free in 0_usize..8,
        most in 1_usize..200,
    ) {
        let count = admitted(lengths.iter().copied(), free, most);
        prop_assert!(count <= free && count <= lengths.len());
        let padded = |count: usize| count * lengths[..count].iter().max().copied().unwrap_or(0);
        prop_assert!(count <= 1 || padded(count) <= most);
        // Whoever is first is never kept waiting by the limit, and no further one would have fitted.
        prop_assert!(count > 0 || free == 0 || lengths.is_empty());
        prop_assert!(count == free || count == lengths.len() || padded(count + 1) > most);
    }
}
