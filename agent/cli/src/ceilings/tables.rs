//! Rates and latencies as tables.

use perfagent_kernels::{Interval, Latency, Rate};

use crate::page::{Cell, Table};
use crate::unit;

/// Rates of bytes.
pub(super) fn rates(what: &'static str, rates: &[Rate]) -> Table {
    let has_power = rates.iter().any(|rate| rate.mean_watts.is_some());
    let mut headings = vec![what, "best", "median", "±", "bytes", "repetitions"];
    if has_power {
        headings.push("power");
    }
    let mut table = Table::new(headings);
    for rate in rates {
        let mut row = vec![
            Cell::Text(rate.name.to_owned()),
            Cell::Figure(unit::rate(rate.best_gbps)),
            Cell::Figure(unit::rate(rate.median_gbps)),
            Cell::Figure(spread(rate.interval_gbps, rate.median_gbps)),
            Cell::Figure(unit::bytes(rate.bytes as i64)),
            Cell::Figure(rate.repetitions.to_string()),
        ];
        if has_power {
            row.push(Cell::Figure(watts(rate.mean_watts)));
        }
        table.row(row);
    }
    table
}

/// Latencies.
pub(super) fn latencies(latencies: &[Latency]) -> Table {
    let mut table = Table::new(["what", "best", "median", "±", "repetitions"]);
    for latency in latencies {
        table.row([
            Cell::text(latency.name.as_ref()),
            Cell::Figure(unit::mean_duration(latency.best_ns)),
            Cell::Figure(unit::mean_duration(latency.median_ns)),
            Cell::Figure(spread(latency.interval_ns, latency.median_ns)),
            Cell::Figure(latency.repetitions.to_string()),
        ]);
    }
    table
}

/// Half of the interval as a share of the median.
pub(super) fn spread(interval: Option<Interval>, median: f64) -> String {
    let share = interval
        .filter(|_| median > 0.0)
        .map(|interval| (interval.high - interval.low) / 2.0 / median * 100.0);
    unit::known(share, unit::percent)
}

/// A rate of arithmetic.
pub(super) fn tflops(tflops: f64) -> String {
    // Processors make thousandths of what GPUs do.
    let digits = match tflops {
        small if small < 0.1 => 4,
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        _ => 1,
    };
    format!("{tflops:.digits$} TFLOP/s")
}

/// Power.
pub(super) fn watts(watts: Option<f64>) -> String {
    unit::known(watts, |watts| format!("{watts:.0} W"))
}
