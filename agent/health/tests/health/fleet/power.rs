//! What is found of planted faults, and who is accused wrongly.
#![expect(clippy::print_stdout, reason = "a test says what it has found")]

use perfagent_health::Status;
use perfagent_health::fleet::{Fleet, Kind};

use super::fleet;
use super::simulated::{Fault, Noise, document, name};

/// Faults as they come, each of 5 % or more.
fn fault(noise: &mut Noise) -> Fault {
    let (gpu, by) = (noise.below(8), noise.between(0.05, 0.2));
    match noise.below(6) {
        0 | 1 => Fault::Compute(gpu, by),
        2 => Fault::Memory(gpu, by),
        3 => Fault::Link(gpu, by),
        4 => Fault::Node(by),
        _ => Fault::Network(by),
    }
}

/// Whether the fault is named where it is.
fn is_found(fleet: &Fleet, number: usize, fault: Fault) -> bool {
    let node = super::node(fleet, &name(number));
    let on = |target: &str, kind: Kind| {
        node.findings.iter().any(|finding| {
            finding.kind == kind && finding.target == target && finding.status >= Status::Warning
        })
    };
    match fault {
        Fault::Compute(gpu, _)
        | Fault::Memory(gpu, _)
        | Fault::Link(gpu, _)
        | Fault::Single(gpu, _) => on(&format!("GPU {gpu}"), Kind::Gpu),
        Fault::Node(_) | Fault::Network(_) => on("host", Kind::Node),
        Fault::Missing(_) => on("host", Kind::Missing),
    }
}

struct Count {
    planted: usize,
    found: usize,
    healthy: usize,
    accused: usize,
    again: usize,
}

fn run(
    seed: u64,
    nodes: usize,
    spread: f64,
    plant: fn(&mut Noise) -> Fault,
    every: usize,
) -> Count {
    let mut noise = Noise::new(seed);
    let faults: Vec<Option<Fault>> = (0..nodes)
        .map(|number| (every > 0 && number % every == every / 2).then(|| plant(&mut noise)))
        .collect();
    let documents: Vec<_> = faults
        .iter()
        .enumerate()
        .map(|(number, fault)| document(number, *fault, spread, &mut noise))
        .collect();
    let fleet = fleet(&documents);
    let mut count = Count {
        planted: 0,
        found: 0,
        healthy: 0,
        accused: 0,
        again: fleet.plan.suspects.iter().filter(|suspect| !suspect.named).count(),
    };
    for (number, fault) in faults.iter().enumerate() {
        if let Some(fault) = fault {
            count.planted += 1;
            let found = is_found(&fleet, number, *fault);
            if !found {
                println!("seed {seed}: {} not found: {fault:?}", name(number));
            }
            count.found += usize::from(found);
        } else {
            count.healthy += 1;
            let node = super::node(&fleet, &name(number));
            if node.verdict != Status::Ok {
                println!("seed {seed}: accused {:?}", node.findings);
            }
            count.accused += usize::from(node.verdict != Status::Ok);
        }
    }
    count
}

fn sum(counts: impl Iterator<Item = Count>) -> Count {
    counts.fold(Count { planted: 0, found: 0, healthy: 0, accused: 0, again: 0 }, |sum, count| {
        Count {
            planted: sum.planted + count.planted,
            found: sum.found + count.found,
            healthy: sum.healthy + count.healthy,
            accused: sum.accused + count.accused,
            again: sum.again + count.again,
        }
    })
}

/// At least 98 % of the faults are found, at most one healthy node in a thousand is accused.
fn holds(seeds: std::ops::RangeInclusive<u64>) {
    let count = sum(seeds.map(|seed| run(seed, 1000, 0.01, fault, 25)));
    println!(
        "{} of {} found, {} of {} accused, {} to measure again",
        count.found, count.planted, count.accused, count.healthy, count.again
    );
    assert!(count.found * 100 >= count.planted * 98, "{} of {}", count.found, count.planted);
    assert!(count.accused * 1000 <= count.healthy, "{} of {}", count.accused, count.healthy);
}

#[test]
fn faults_of_five_percent_are_found_and_healthy_nodes_are_left_alone() {
    holds(1..=1);
}

#[test]
fn so_they_are_in_another_fleet() {
    holds(2..=2);
}

#[test]
fn so_they_are_in_a_third() {
    holds(3..=3);
}

/// The figures of the README: `cargo nextest run -p perfagent-health --run-ignored only --no-capture twenty_fleets`.
#[test]
#[ignore = "twenty fleets, two minutes"]
fn twenty_fleets() {
    holds(101..=120);
}

#[test]
fn a_fleet_without_a_fault_is_ok() {
    let count = sum((11..=11).map(|seed| run(seed, 1000, 0.01, fault, 0)));
    assert!(count.accused * 1000 <= count.healthy, "{} of {}", count.accused, count.healthy);
}

#[test]
fn small_fleets_accuse_nobody_wrongly() {
    // 16 nodes are of four kinds; those of fewer than five are compared with all of their product.
    let count = sum((21..=50).map(|seed| run(seed, 30, 0.01, fault, 0)));
    assert!(count.accused * 500 <= count.healthy, "{} of {}", count.accused, count.healthy);
}

#[test]
fn a_gpu_without_figures_is_missing() {
    let count =
        sum((1..=2).map(|seed| run(seed, 200, 0.01, |noise| Fault::Missing(noise.below(8)), 20)));
    assert_eq!((count.found, count.accused), (count.planted, 0));
}

/// A fault that shows in a single benchmark with its full noise is found less often when it is small: five standard deviations
/// among 56,000 figures.
#[test]
fn faults_in_a_single_benchmark_are_found_mostly() {
    let plant = |noise: &mut Noise| Fault::Single(noise.below(8), noise.between(0.05, 0.2));
    let count = run(61, 1000, 0.01, plant, 20);
    println!("single: {} of {} found, {} accused", count.found, count.planted, count.accused);
    assert!(count.found * 100 >= count.planted * 90, "{} of {}", count.found, count.planted);
}
