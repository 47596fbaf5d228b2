//! Findings in recordings of a real GPU (data/h200), against sums of their rows that were added up by hand in SQL.

use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use perfagent_advisor::start::start;
use perfagent_advisor::{Advice, Verdict, advise};
use perfagent_analysis::{Report, report};
use perfagent_predictor::Job;
use perfagent_recording::{Reader, Recording};

use crate::assert_close;

fn advice(name: &str) -> Advice {
    advise(&recorded(name), None)
}

fn recorded(name: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200").join(name);
    let mut bytes = GzDecoder::new(File::open(data).unwrap());
    std::io::copy(&mut bytes, &mut File::create(&path).unwrap()).unwrap();
    let recording = Recording::load(&Reader::open(&path).unwrap(), &mut |_| {}).unwrap();
    report(&recording, "run.perfdb")
}

#[test]
fn graphs_that_were_recorded_are_not_to_be_captured_once_more() {
    let graphs = |name: &str, job: Job| start(&recorded(name), &[], job).job.run.cuda_graphs;
    assert_eq!(graphs("graphs/graph.perfdb.gz", Job::default()), Some(true));
    // Each call of this one launched one kernel.
    assert_eq!(graphs("calls/run.perfdb.gz", Job::default()), None);
    let mut said = Job::default();
    said.run.cuda_graphs = Some(false);
    assert_eq!(graphs("graphs/graph.perfdb.gz", said), Some(false));
}

/// Names, verdicts, and of each figure the part and the whole, ns.
/// A fact's name, its verdict, and between what its value lies.
type Expected<'a> = (&'a str, Verdict, Option<(f64, f64)>);

fn check(advice: &Advice, expected: &[Expected<'_>]) {
    for (name, verdict, share) in expected {
        let fact = advice.facts.iter().find(|fact| fact.name == *name).unwrap();
        assert_eq!(fact.verdict, *verdict, "{name}: {}", fact.advice);
        match share {
            Some((part, whole)) => assert_close(fact.value, 100.0 * part / whole),
            None => assert_eq!(fact.value, None, "{name}: {}", fact.advice),
        }
    }
}

/// Four steps in fp32 and in bf16, recorded without calls: 24,733,142 and 45,358,145 ns from the start of the first step to the
/// end of the last.
#[test]
fn fp32_leaves_tensor_cores_unused_and_bf16_does_not() {
    let whole = 24_733_142.0;
    let fp32 = advice("profiler/fp32.perfdb.gz");
    check(
        &fp32,
        &[
            // sm80_xmma_gemm_f32f32_f32f32_f32 and the like.
            ("tensor_cores", Verdict::Act, Some((18_633_465.0, whole))),
            // Of 1545 kernels 1082 run for less than 10 us, and 1,567,551 ns are idle before them.
            ("tiny_kernels", Verdict::Act, Some((1082.0, 1545.0))),
            ("dtype_casts", Verdict::NothingToGain, Some((222_332.0, whole))),
            ("synchronization", Verdict::NothingToGain, Some((0.0, whole))),
            // 9,072,442 ns idle, and no calls.
            ("host_bound", Verdict::Unknown, None),
        ],
    );
    let launches = fp32.facts.iter().find(|fact| fact.name == "host_bound").unwrap();
    assert!(launches.advice.contains("idles 36.7 %"), "{}", launches.advice);
    assert!(launches.advice.contains("perfagent record --api"), "{}", launches.advice);
    let whole = 45_358_145.0;
    check(
        &advice("profiler/bf16.perfdb.gz"),
        &[
            ("tensor_cores", Verdict::NothingToGain, Some((0.0, whole))),
            ("tiny_kernels", Verdict::Act, Some((1834.0, 1951.0))),
            // Casts and copies.
            ("dtype_casts", Verdict::NothingToGain, Some((1_817_506.0 + 185_661.0, whole))),
        ],
    );
}

/// Five steps of a GPT-2 124M in bf16 with 50,257 columns of logits, and with 50,304: 667,572,668 and 546,573,035 ns from the
/// start of the first step to the end of the last, the first of which compiles and loads.
#[test]
fn products_that_are_not_aligned_are_told_from_those_that_are() {
    let before = advice("aligned/before.perfdb.gz");
    // 800 kernels of CUTLASS that end in align1, 50 of them of the validation after the steps.
    let (time, window) = (129_298_241.0, 667_572_668.0);
    let expected = ("unaligned_products", Verdict::Act, Some((time, window)));
    check(&before, &[expected, ("tensor_cores", Verdict::NothingToGain, Some((0.0, 1.0)))]);
    let fact = before.facts.iter().find(|fact| fact.name == "unaligned_products").unwrap();
    assert_eq!((fact.place, fact.evidence[0].count), (Some(1), 800));
    assert!(fact.advice.contains("pad the vocabulary"), "{}", fact.advice);
    let gain = fact.gain.as_ref().unwrap();
    assert_close(Some(gain.likely_share_pct), 100.0 * time / window / 2.0);
    assert_close(Some(gain.most_share_pct), 100.0 * time / window * 6.5 / 7.5);
    check(
        &advice("aligned/after.perfdb.gz"),
        &[("unaligned_products", Verdict::NothingToGain, Some((0.0, 546_573_035.0)))],
    );
}

/// A program that does nothing but wait, in all ways, with all calls recorded: 36,100,122 ns of the GPU.
#[test]
fn waits_of_the_host_are_told_from_late_launches() {
    let whole = 36_100_122.0;
    let waits = advice("waits/api.perfdb.gz");
    check(
        &waits,
        &[
            // In five gaps, each shorter than its wait.
            ("synchronization", Verdict::Act, Some((1_841_404.0, whole))),
            // The one before the first range.
            ("host_bound", Verdict::Act, Some((16_545_856.0, whole))),
        ],
    );
    let synchronization = waits.facts.iter().find(|fact| fact.name == "synchronization").unwrap();
    assert!(synchronization.evidence[0].names.contains(&"cudaDeviceSynchronize".to_owned()));
}

/// A program that copies, without calls: 22,041,247 ns of the GPU.
#[test]
fn copies_that_nothing_hides_are_most_of_a_program_that_copies() {
    check(
        &advice("copies/run.perfdb.gz"),
        &[
            ("exposed_copies", Verdict::Act, Some((14_411_946.0, 22_041_247.0))),
            ("synchronization", Verdict::Act, Some((2_754_042.0, 22_041_247.0))),
            ("communication", Verdict::NothingToGain, Some((0.0, 22_041_247.0))),
        ],
    );
}

/// Two ranks on one GPU whose collectives carry the same numbers: for each, the later start minus the own one, added up.
#[test]
fn the_rank_that_comes_late_to_collectives_is_named() {
    let collectives = advice("collectives/cupti.perfdb.gz");
    check(
        &collectives,
        &[
            ("stragglers", Verdict::Act, Some((719_664_227.0, 3_405_798_092.0))),
            ("communication", Verdict::Act, Some((2_641_012_020.0, 3_405_798_092.0))),
        ],
    );
    let late = collectives.facts.iter().find(|fact| fact.name == "stragglers").unwrap();
    assert_close(late.ranks[1].value, 100.0 * 187_310_230.0 / 3_411_822_069.0);
    assert!(late.advice.starts_with("Look at what rank 1 does"), "{}", late.advice);
}
