//! Copies by kind and the rates at which they run.

use perfagent_analysis::{Rules, analyse, report};
use perfagent_recording::table::CopyKind;
use proptest::prelude::*;

use crate::builder::Builder;

/// Two copies overlap for half their time; one takes no time.
#[test]
fn rates_of_copies_that_overlap() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.copy(rank, (0, 7), (CopyKind::HtoD, 100), (0, 100), None);
    run.copy(rank, (0, 20), (CopyKind::HtoD, 300), (50, 150), None);
    run.copy(rank, (0, 7), (CopyKind::HtoD, 8), (200, 200), None);
    run.copy(rank, (0, 7), (CopyKind::DtoH, 0), (300, 310), None);
    let report = report(&run.recording, "copies.perfdb");
    let [first, second] = report.ranks[0].copies.as_slice() else { panic!("two kinds") };
    assert_eq!((first.kind.as_str(), first.total_ns, first.busy_ns), ("HtoD", 200, 150));
    assert_eq!((first.gbps, first.busy_gbps, first.peak_gbps), (Some(2.04), Some(2.72), Some(4.0)));
    assert_eq!((second.busy_ns, second.busy_gbps, second.peak_gbps), (10, Some(0.0), None));
    // Eight stretches from the first copy of any kind to the last, the last of 37 ns.
    let series = first.gbps_over_time.as_ref().unwrap();
    assert_eq!((series.length_ns, series.stretch_ns), (310, 39));
    assert_eq!(series.max, [1.0, 4.0, 4.0, 3.0, 0.0, 0.0, 0.0, 0.0]);
    let areas = [39, 11 + 28 * 4, 22 * 4 + 17 * 3, 33 * 3, 0, 0, 0, 0];
    for (mean, area) in series.mean.iter().zip(areas) {
        assert!((mean - f64::from(area) / 39.0).abs() < 1e-9, "{:?}", series.mean);
    }
    assert_eq!(second.gbps_over_time, None);
    let rates = analyse(&run.recording, Rules::built_in())[0].copy_rates(&run.recording);
    let start = rates[0].time_ns;
    let rates: Vec<_> = rates.iter().map(|rate| (rate.time_ns - start, rate.gbps)).collect();
    assert_eq!(rates, [(0, 1.0), (50, 4.0), (100, 3.0), (150, 0.0)]);
}

proptest! {
    /// What is copied is the rate over time, the last rate is nothing, and the mean is between it and the peak.
    #[test]
    fn rates_add_up_to_the_bytes(copies in proptest::collection::vec((0_i64..200, 1_i64..50, 0_i64..100_000), 1..20)) {
        let mut run = Builder::new("record");
        let rank = run.process(1, None, None);
        for &(start, length, bytes) in &copies {
            run.copy(rank, (0, 7), (CopyKind::DtoD, bytes), (start, start + length), None);
        }
        let rates = analyse(&run.recording, Rules::built_in())[0].copy_rates(&run.recording);
        let area: f64 = rates
            .windows(2)
            .map(|pair| pair[0].gbps * (pair[1].time_ns - pair[0].time_ns) as f64)
            .sum();
        let bytes: i64 = copies.iter().map(|copy| copy.2).sum();
        prop_assert!((area - bytes as f64).abs() < 1e-3, "{area} {bytes}");
        prop_assert!(rates.last().is_none_or(|last| last.gbps == 0.0));
        let report = report(&run.recording, "copies.perfdb");
        let row = &report.ranks[0].copies[0];
        if let (Some(peak), Some(mean)) = (row.peak_gbps, row.busy_gbps) {
            prop_assert!(mean <= peak + 1e-6, "{mean} {peak}");
        }
        let Some(series) = &row.gbps_over_time else {
            prop_assert_eq!(bytes, 0);
            return Ok(());
        };
        let moved: f64 = series.stretches().map(|(from, until, mean, _)| mean * (until - from) as f64).sum();
        prop_assert!((moved - bytes as f64).abs() < 1e-3, "{moved} {bytes}");
        let most = series.max.iter().copied().fold(0.0, f64::max);
        prop_assert!((most - row.peak_gbps.unwrap_or(0.0)).abs() < 1e-8);
        for (from, until, _, most) in series.stretches() {
            let before = rates.iter().rev().find(|rate| rate.time_ns <= from).map_or(0.0, |rate| rate.gbps);
            let within = rates.iter().filter(|rate| (from..until).contains(&rate.time_ns)).map(|rate| rate.gbps);
            prop_assert!((most - within.fold(before, f64::max)).abs() < 1e-8);
        }
    }
}
