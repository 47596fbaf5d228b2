//! Pages of claims: up to date, and right where the answer can be worked out by hand.

use std::path::Path;

use perfagent_predictor::claims::{Claim, claims};

use crate::jobs::predictor;

/// What stands above the pages.
const HEAD: &str = "\
<!-- Written by `PERFAGENT_UPDATE=1 cargo test -p perfagent-predictor claims`; `perfagent explain` prints the same. Not to be edited. -->

Claims that people repeat, checked with the project's own models. Every figure is calculated by the predictor with the constants of
`data/calibration.toml`, except for those under *Measured elsewhere* and in columns that say so. How far predictions are off:
[ACCURACY.md](ACCURACY.md).
";

fn page(name: &str) -> String {
    claim(name).page(predictor()).unwrap()
}

fn claim(name: &str) -> Claim {
    claims().into_iter().find(|claim| claim.name() == name).unwrap()
}

#[test]
fn the_stored_pages_are_up_to_date() {
    let pages: Vec<String> = claims().iter().map(|claim| page(claim.name())).collect();
    let text = format!("{HEAD}\n{}", pages.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CLAIMS.md");
    if std::env::var_os("PERFAGENT_UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "CLAIMS.md is not up to date: run this test with PERFAGENT_UPDATE=1");
}

#[test]
fn names_are_told_apart_and_every_page_begins_with_its_verdict() {
    let names: Vec<&str> = claims().iter().map(Claim::name).collect();
    assert_eq!(names, ["16gb-1.3b", "zero-175b", "fp8-2.3x", "allreduce-nodes"]);
    for claim in claims() {
        let (page, verdict) =
            (claim.page(predictor()).unwrap(), claim.verdict(predictor()).unwrap());
        let expected = format!("# “{}”\n\n**Verdict.** {verdict}\n", claim.title());
        assert!(page.starts_with(&expected), "{page}");
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        // Whatever was measured elsewhere says where.
        let measured = page.split("## Measured elsewhere").nth(1).unwrap();
        assert!(measured.trim().lines().all(|line| line.contains("https://")), "{measured}");
    }
}

/// Cells of the row that begins with `first`, without blanks.
fn row(page: &str, first: &str) -> Vec<String> {
    let line = page.lines().find(|line| line.starts_with(&format!("| {first} |"))).unwrap();
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn states_of_1_3_billion_parameters_are_as_by_hand() {
    let page = page("16gb-1.3b");
    // 2 + 2 + 12 bytes of fp16 with Adam, 2 + 4 + 12 with gradients in fp32, 2 + 2 + 4 + 2 with Adam in 8 bits; the norm at the
    // end and the positions are not charged to a stage.
    for (way, bytes) in
        [("fp16, Adam", 16.0), ("fp16, Adam, gradients in fp32", 18.0), ("fp16, 8-bit Adam", 10.0)]
    {
        let bytes_told: f64 = row(&page, way)[2].parse().unwrap();
        assert!((bytes_told / bytes - 1.0).abs() < 0.005, "{way}: {bytes_told}");
    }
    let largest = |way: &str| row(&page, way)[6].parse::<f64>().unwrap();
    assert!(largest("fp16, Adam") < 1.0, "16 bytes each of at most 16e9");
    assert!(largest("fp16, 8-bit Adam") > largest("fp16, Adam"));
}

#[test]
fn zero_spreads_2_8_terabytes() {
    let page = page("zero-175b");
    // 16 bytes of 175e9 parameters; 4 + 12/10, 2 + 14/10 and 16/10 of them with ten ranks.
    for (ranks, expected) in
        [("1", [2800.0, 2800.0, 2800.0, 2800.0]), ("10", [2800.0, 910.0, 595.0, 280.0])]
    {
        for (cell, expected) in row(&page, ranks)[1..5].iter().zip(expected) {
            let cell: f64 = cell.parse().unwrap();
            assert!(
                (cell / expected - 1.0).abs() < 0.01,
                "{ranks} ranks: {cell} is not {expected}"
            );
        }
    }
    assert!(page.contains("with 10 ranks"), "{page}");
}

#[test]
fn fp8_is_never_above_its_bounds() {
    let page = page("fp8-2.3x");
    for gpu in ["H100-80GB", "B200"] {
        for model in ["1B", "8B", "70B"] {
            let row = row(&page, &format!("{model}, {gpu}"));
            let [predicted, stated, any] = [2, 3, 4].map(|cell| row[cell].parse::<f64>().unwrap());
            assert!(predicted < any && stated < any && stated < 2.0, "{row:?}");
            assert!(predicted > 0.5 && predicted < 2.0, "{row:?}");
        }
    }
}

#[test]
fn bandwidth_falls_with_machines_and_latency_rules_small_payloads() {
    let page = page("allreduce-nodes");
    let mut last = [f64::INFINITY; 3];
    for machines in ["1", "2", "4", "8", "16", "32", "64"] {
        let row = row(&page, machines);
        let rates = [1, 3, 5].map(|cell| row[cell].parse::<f64>().unwrap());
        let latency =
            [2, 4, 6].map(|cell| row[cell].trim_end_matches(" %").parse::<f64>().unwrap());
        assert!(rates.iter().zip(last).all(|(new, old)| *new <= old), "{row:?}");
        assert!(rates[0] < rates[1] && rates[1] <= rates[2] && latency[0] > latency[1], "{row:?}");
        last = rates;
    }
}
