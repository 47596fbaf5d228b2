//! Queues of launches, and what launching costs.

use perfagent_analysis::report;
use perfagent_analysis::report::{LaunchStatistics, QueueRow};
use proptest::prelude::*;

use crate::builder::{Builder, at};
use crate::traces;

#[test]
fn launches_wait_from_their_call_to_their_operation() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    run.call(rank, "main", "cudaLaunchKernel", (0, 10), 1);
    run.call(rank, "main", "cudaLaunchKernel", (20, 25), 2);
    run.call(rank, "main", "cudaGraphLaunch", (30, 60), 3);
    run.call(rank, "main", "cudaLaunchKernel", (500, 510), 4);
    run.kernel(rank, (0, 7), "a", (40, 100), Some(1));
    run.kernel(rank, (0, 7), "b", (100, 102), Some(2));
    // A graph of two kernels is one launch; they ran 29 ns together and their call 30.
    run.kernel(rank, (0, 7), "c", (110, 120), Some(3));
    run.kernel(rank, (0, 7), "d", (120, 139), Some(3));
    run.kernel(rank, (0, 7), "early", (400, 500), Some(4));
    run.kernel(rank, (0, 7), "unknown", (600, 700), None);
    run.kernel(rank, (0, 20), "alone", (600, 700), None);
    let report = report(&run.recording, "queue.perfdb");
    let rows = &report.ranks[0].queue;
    // Length 1 in 0..20, 2 in 20..30, 3 in 30..40, 2 in 40..100, 1 in 100..110, 0 until the last end.
    let area = 20 + 2 * 10 + 3 * 10 + 2 * 60 + 10;
    let expected = QueueRow {
        device: 0,
        stream: 7,
        max: 3,
        mean: Some((f64::from(area) / 139.0 * 1e6).round() / 1e6),
        blocked_ns: 0,
        empty_ns: 29,
        window_ns: 139,
        launches: 3,
        left_out: 2,
        length_over_time: rows[0].length_over_time.clone(),
    };
    assert_eq!(rows[0], expected);
    // Twelve stretches, four for each launch.
    let series = rows[0].length_over_time.as_ref().unwrap();
    assert_eq!((series.length_ns, series.stretch_ns), (139, 12));
    assert_eq!(series.max, [1, 2, 3, 3, 2, 2, 2, 2, 2, 1, 0, 0]);
    let areas = [12, 8 + 4 * 2, 6 * 2 + 6 * 3, 4 * 3 + 8 * 2, 24, 24, 24, 24, 4 * 2 + 8, 2, 0, 0];
    let means: Vec<f64> = areas.iter().map(|&area| f64::from(area) / 12.0).collect();
    for (mean, expected) in series.mean.iter().zip(&means) {
        assert!((mean - expected).abs() < 1e-9, "{:?} {means:?}", series.mean);
    }
    assert_eq!(rows[1], QueueRow { stream: 20, left_out: 1, ..QueueRow::default() });
    let expected = LaunchStatistics {
        launches: 4,
        call_ns: 55,
        short: 2,
        short_pct: Some(50.0),
        slow: 0,
        slow_pct: Some(0.0),
        late: 0,
        late_pct: Some(0.0),
        slow_above_ns: 50_000,
        late_above_ns: 100_000,
    };
    assert_eq!(report.ranks[0].launch_statistics, expected);
}

#[test]
fn a_full_queue_blocks() {
    let mut run = Builder::new("record");
    let rank = run.process(1, None, None);
    for id in 0..1001 {
        run.call(rank, "main", "cudaLaunchKernel", (id, id + 1), id);
        // They run one after the other from 200 000 on, all later than 100 µs after their call.
        run.kernel(rank, (0, 7), "k", (200_000 + 10 * id, 200_010 + 10 * id), Some(id));
    }
    let report = report(&run.recording, "queue.perfdb");
    let row = &report.ranks[0].queue[0];
    // The thousandth enters at 999; two have left at 200 010.
    assert_eq!((row.max, row.blocked_ns), (1001, 200_010 - 999));
    assert_eq!(report.ranks[0].launch_statistics.late, 1001);
}

proptest! {
    #[test]
    fn agrees_with_a_count_at_every_instant(
        launches in proptest::collection::vec((0_i64..40, -3_i64..30, 0_i64..6), 1..20), scale in 1_i64..30
    ) {
        let launches: Vec<_> = launches
            .into_iter()
            .map(|(start, delay, length)| (start * scale, delay * scale, length * scale))
            .collect();
        let mut run = Builder::new("record");
        let rank = run.process(1, None, None);
        for (id, &(start, delay, length)) in launches.iter().enumerate() {
            let (id, begin) = (id as i64, start + delay);
            run.call(rank, "main", "cudaLaunchKernel", (start, start + 2), id);
            run.kernel(rank, (0, 7), "k", (begin, begin + length), Some(id));
        }
        let row = &report(&run.recording, "any").ranks[0].queue[0];
        let counted: Vec<_> = launches.iter().filter(|launch| launch.1 >= 0).collect();
        prop_assert_eq!(row.left_out, (launches.len() - counted.len()) as i64);
        prop_assert_eq!(row.launches, counted.len() as i64);
        let from = counted.iter().map(|launch| launch.0).min().unwrap_or(0);
        let until = counted.iter().map(|launch| launch.0 + launch.1 + launch.2).max().unwrap_or(0);
        let length = |time: i64| {
            counted.iter().filter(|launch| (launch.0..launch.0 + launch.1).contains(&time)).count() as i64
        };
        prop_assert_eq!(row.window_ns, until - from);
        prop_assert_eq!(row.empty_ns, (from..until).filter(|&time| length(time) == 0).count() as i64);
        let area: i64 = (from..until).map(length).sum();
        let mean = (until > from).then(|| area as f64 / (until - from) as f64);
        let difference = row.mean.unwrap_or(-1.0) - mean.unwrap_or(-1.0);
        prop_assert!(difference.abs() < 1e-6, "{:?} {:?}", row.mean, mean);
        // One that begins with its call is in the queue for no time, and seen in it.
        let seen = |time: i64| {
            counted.iter().filter(|launch| (launch.0..=launch.0 + launch.1).contains(&time)).count() as i64
        };
        prop_assert_eq!(row.max, (from..=until).map(seen).max().filter(|_| !counted.is_empty()).unwrap_or(0));
        let Some(series) = &row.length_over_time else {
            prop_assert_eq!(row.window_ns, 0);
            return Ok(());
        };
        prop_assert_eq!((series.start_ns, series.length_ns), (at(from).unix_nanos(), until - from));
        let count = series.max.len() as i64;
        prop_assert!(count <= 256 && series.mean.len() as i64 == count);
        prop_assert_eq!(series.stretches().last().map(|last| last.1), Some(at(until).unix_nanos()));
        for (number, (begin, end, mean, most)) in (0..).zip(series.stretches()) {
            let (begin, end) = (begin - at(0).unix_nanos(), end - at(0).unix_nanos());
            prop_assert_eq!(begin, from + number * series.stretch_ns);
            // The last stretch holds its end too.
            let until = if number == count - 1 { end } else { end - 1 };
            prop_assert_eq!(most, (begin..=until).map(seen).max().unwrap_or(0), "{} to {}", begin, end);
            let area: i64 = (begin..end).map(length).sum();
            prop_assert!((mean - area as f64 / (end - begin) as f64).abs() < 1e-8);
        }
        prop_assert_eq!(series.max.iter().max(), Some(&row.max));
    }
}

#[test]
fn queues_of_real_traces() {
    for name in traces::WITH_OPERATORS {
        let Some(recording) = traces::load(name) else {
            println!("skipped: no folder shared/traces beside the repository");
            return;
        };
        let report = report(&recording, name);
        let rank = &report.ranks[0];
        assert_eq!(rank.queue.len(), rank.idle_causes.len(), "{name}");
        for row in &rank.queue {
            assert!(
                row.max <= row.launches && row.empty_ns + row.blocked_ns <= row.window_ns,
                "{row:?}"
            );
        }
        println!("{name}: {:?} {:?}", rank.queue[0], rank.launch_statistics);
    }
}
