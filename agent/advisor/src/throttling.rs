//! Clocks of GPUs that were held down.

use perfagent_analysis::Report;
use perfagent_analysis::report::{ClockRow, Rank, ThrottleRow};

use crate::idle::without_gpu;
use crate::{Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct, worst};

/// A loss of clock below this is not worth a look, percent of the time.
const LOSS_PCT: f64 = 1.0;

/// Share of the time in which something held the clocks down that nobody had asked for.
pub(crate) fn fact(report: &Report) -> Fact {
    let worst = worst(report, |rank| {
        let window = window_ns(rank)?;
        (!rank.clocks.is_empty()).then_some(())?;
        share_pct(longest(rank).map_or(0, |(_, reason)| reason.total_ns), window)
    });
    let found = worst.0;
    let mut fact = Fact::unknown(
        "throttling",
        "pct",
        worst,
        "The recording holds no clocks of GPUs: record with perfagent record where NVML is present (perfagent doctor says \
         whether it is).",
    );
    let Some((rank, share)) = found else { return without_gpu(fact, report) };
    let Some(window) = window_ns(rank) else { return fact };
    let who = rank_name(rank);
    let Some((clock, reason)) = longest(rank) else {
        let samples = rank.clocks.iter().map(|clock| clock.samples).sum();
        let names = vec!["sm_clock".to_owned()];
        fact.figures = clock_figures(rank.clocks.first());
        fact.evidence =
            vec![evidence(rank, "counter_samples", names, samples, "samples of clocks")];
        fact.nothing(format!(
            "Nothing to gain: nothing held down the clocks of the GPUs of {who}."
        ));
        return fact;
    };
    let slower = reason
        .mean_mhz
        .zip(clock.max_mhz)
        .filter(|(_, max)| *max > 0.0)
        .map(|(mean, max)| (1.0 - mean / max).max(0.0));
    let name = format!("throttle_{}", reason.reason);
    fact.figures = vec![
        Figure::derived("throttled_share_pct", Some(share)),
        Figure::measured("throttled_ns", Some(reason.total_ns as f64)),
        Figure::measured("mean_clock_meanwhile_mhz", reason.mean_mhz),
    ];
    fact.figures.extend(clock_figures(Some(clock)));
    fact.figures.push(Figure::measured("window_ns", Some(window as f64)));
    let row = evidence(rank, "counter_samples", vec![name], 1, "what held the clocks down longest");
    fact.evidence = vec![row.at(reason.longest_start_ns, reason.longest_ns)];
    let most = reason.total_ns as f64 * slower.unwrap_or(0.0);
    // Power that the GPU may not take is not given by cooling.
    let likely = if reason.reason == "power_cap" { 0.0 } else { most };
    fact.gain = Gain::of(
        likely,
        most,
        window,
        "f = throttled time / window * (1 - mean clock meanwhile / greatest clock), as if all of it went with the clock; likely \
         nothing of it under a power cap",
    );
    let loss = fact.gain.as_ref().map(|gain| gain.most_share_pct);
    if share >= WORTH_ACTING_PCT && (slower.is_none() || loss.is_some_and(|loss| loss >= LOSS_PCT))
    {
        let clocks = match (reason.mean_mhz, clock.max_mhz) {
            (Some(mean), Some(max)) => format!(" at {mean:.0} of {max:.0} MHz"),
            _ => String::new(),
        };
        fact.act(format!(
            "{}: {} held the GPU of {who} down for {share:.1} % of the time{clocks}.",
            remedy(&reason.reason),
            words(&reason.reason)
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: {} held the GPU of {who} down for {share:.1} % of the time, which cost {:.1} % of it at most.",
            words(&reason.reason),
            loss.unwrap_or(0.0)
        ));
    }
    fact
}

fn window_ns(rank: &Rank) -> Option<i64> {
    rank.gaps.as_ref().map(|gaps| gaps.window_ns)
}

/// What held a GPU of the rank down longest.
fn longest(rank: &Rank) -> Option<(&ClockRow, &ThrottleRow)> {
    let rows =
        rank.clocks.iter().flat_map(|clock| clock.throttling.iter().map(move |row| (clock, row)));
    rows.max_by_key(|(_, row)| row.total_ns)
}

fn clock_figures(clock: Option<&ClockRow>) -> Vec<Figure> {
    let Some(clock) = clock else { return Vec::new() };
    vec![
        Figure::measured("mean_clock_mhz", clock.mean_mhz),
        Figure::measured("greatest_clock_mhz", clock.max_mhz),
    ]
}

fn words(reason: &str) -> &'static str {
    match reason {
        "power_cap" => "the power cap",
        "hw_slowdown" => "hardware slowdown",
        "sync_boost" => "sync boost with another GPU",
        "sw_thermal" | "hw_thermal" => "heat",
        "power_brake" => "the power brake",
        _ => "something unnamed",
    }
}

fn remedy(reason: &str) -> &'static str {
    match reason {
        "power_cap" => {
            "Raise the power limit if the machine allows it (nvidia-smi -pl), or take it as this GPU's speed"
        }
        "sw_thermal" | "hw_thermal" => {
            "Cool the GPU (airflow, fans, neighbours), and run perfagent health on the node"
        }
        "power_brake" => "Have the power supply checked: the machine asks the GPU to slow down",
        _ => "Run perfagent health on the node, and have the GPU checked",
    }
}
