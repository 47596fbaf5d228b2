//! How near operators of known work come to what the device can do.

use perfagent_analysis::Report;
use perfagent_analysis::report::{Basis, Rank, RooflineRow};

use crate::{
    Ceilings, Evidence, Fact, Figure, Gain, WORTH_ACTING_PCT, evidence, rank_name, share_pct,
    step_evidence, stretch, worst,
};

/// Real training reaches half to two thirds of the rate of large products that run alone; above this there is little to
/// gain, percent.
const WELL_USED_PCT: f64 = 60.0;
/// Operators whose names are told.
const MOST_NAMES: usize = 3;

/// Time of the operators whose work is known, and the least that it could have been.
#[derive(Default)]
struct Sum<'a> {
    time_ns: f64,
    least_ns: f64,
    count: i64,
    /// With what each of them lost, the greatest first.
    rows: Vec<(f64, Ceiling, &'a RooflineRow)>,
    /// Whose format has no ceiling, or is not known.
    left_out: i64,
}

/// The most that an operator could do.
#[derive(Clone, Copy)]
struct Ceiling {
    tflops: f64,
    /// Whether it is memory that stops it there.
    is_memory: bool,
}

/// Share of the time that products, convolutions and attention take beyond the least that the device needs for them.
pub(crate) fn fact(report: &Report, ceilings: &Ceilings) -> Fact {
    let (worst, ranks) = worst(report, |rank| {
        let sum = Sum::of(report, rank, ceilings)?;
        share_pct((sum.time_ns - sum.least_ns) as i64, stretch(rank).window_ns)
    });
    let mut fact =
        Fact::unknown("operator_efficiency", "pct", (worst, ranks), &unknown(report, ceilings));
    let Some((rank, lost)) = worst else { return fact };
    let Some(sum) = Sum::of(report, rank, ceilings) else { return fact };
    let used = 100.0 * sum.least_ns / sum.time_ns;
    fact.figures = vec![
        Figure::derived("share_of_the_time_beyond_the_least_pct", Some(lost)),
        Figure::derived("least_by_measured_time_pct", Some(used)),
        Figure::measured("time_of_operators_with_known_work_ns", Some(sum.time_ns)),
        Figure::ceiling("least_time_of_their_work_ns", Some(sum.least_ns)),
        Figure::measured("operators_without_a_ceiling_count", Some(sum.left_out as f64)),
    ];
    let mut names: Vec<String> = Vec::new();
    for (_, _, row) in &sum.rows {
        if names.len() < MOST_NAMES && !names.contains(&row.name) {
            names.push(row.name.clone());
        }
    }
    fact.evidence = vec![operator_evidence(rank, names, sum.count)];
    if rank.step.count > 0 {
        fact.evidence.push(step_evidence(rank));
    }
    let who = rank_name(rank);
    fact.gain = Gain::of(
        sum.time_ns - 100.0 * sum.least_ns / WELL_USED_PCT,
        sum.time_ns - sum.least_ns,
        stretch(rank).window_ns,
        format!(
            "at most f = (their time - their least time) / window; likely as far as {WELL_USED_PCT} % of the ceilings"
        ),
    );
    match sum.rows.first() {
        Some(&(_, ceiling, row)) if used < WELL_USED_PCT && lost >= WORTH_ACTING_PCT => {
            fact.act(act(&who, used, lost, ceiling, row));
        }
        _ => fact.nothing(format!(
            "Nothing to gain: operators of known work take {who} {:.2} times the least that the device needs for them, \
             which is {lost:.1} % of its time.",
            sum.time_ns / sum.least_ns
        )),
    }
    fact
}

fn act(who: &str, used: f64, lost: f64, ceiling: Ceiling, row: &RooflineRow) -> String {
    let remedy = if ceiling.is_memory {
        "Let its work a byte grow (larger micro-batches, operators fused into one), for memory holds it up"
    } else {
        "Give it larger or rounder shapes (micro-batch, sequence, projections fused into one; multiples of 64) and all the \
         cores or multiprocessors"
    };
    format!(
        "{remedy}: {} runs at {} of the {} that the device reaches, and all operators of known work together at {used:.0} % \
         of their ceilings, which costs {who} {lost:.1} % of its time.",
        name(row),
        rate(row.tflops),
        rate(ceiling.tflops),
    )
}

fn unknown(report: &Report, ceilings: &Ceilings) -> String {
    if !report.ranks.iter().any(|rank| ceilings.are_of(rank.basis)) && !report.ranks.is_empty() {
        let (ran, other) =
            if ceilings.is_of_gpu() { ("the processor", "cpu") } else { ("a GPU", "cuda:0") };
        return format!(
            "The run's operations are those of {ran}, and the ceilings are not: measure with perfagent ceilings --device {other}."
        );
    }
    "The recording holds no operator whose work is known together with its element type: record perfagent-bench, or a trace \
     of torch.profiler with record_shapes=True."
        .to_owned()
}

impl<'a> Sum<'a> {
    /// `None` of a rank of which nothing is known.
    fn of(report: &Report, rank: &'a Rank, ceilings: &Ceilings) -> Option<Self> {
        if !ceilings.are_of(rank.basis) {
            return None;
        }
        // A GPU belongs to a rank; the cores of a machine to all that run on it.
        let sharing = match rank.basis {
            Basis::Gpu => 1,
            Basis::Operators | Basis::Ranges => {
                report.ranks.iter().filter(|other| other.host == rank.host).count()
            }
        };
        let mut sum = Self::default();
        for row in &rank.roofline {
            let Some(ceiling) = Ceiling::of(row, ceilings, sharing.max(1) as f64) else {
                sum.left_out += row.count;
                continue;
            };
            let time = row.time_ns as f64;
            let least = (row.flops as f64 / ceiling.tflops / 1e3).min(time);
            sum.time_ns += time;
            sum.least_ns += least;
            sum.count += row.count;
            sum.rows.push((time - least, ceiling, row));
        }
        sum.rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        (sum.time_ns > 0.0).then_some(sum)
    }
}

impl Ceiling {
    /// The roofline: the rate of arithmetic in this format, or of memory by the work a byte, whichever is lower. What is in a
    /// cache can be faster than memory: then arithmetic is the only bound.
    fn of(row: &RooflineRow, ceilings: &Ceilings, sharing: f64) -> Option<Self> {
        let rates = ceilings.product_tflops(row.dtype.as_deref()?);
        let rates = rates.into_iter().map(|rate| rate / sharing);
        let (mut arithmetic, mut highest) = (f64::INFINITY, 0_f64);
        for rate in rates {
            highest = highest.max(rate);
            // The slower format, unless the operator was faster than that.
            if rate >= row.tflops {
                arithmetic = arithmetic.min(rate);
            }
        }
        if highest == 0.0 {
            return None;
        }
        let arithmetic = if arithmetic.is_finite() { arithmetic } else { highest };
        let memory = row.intensity.zip(ceilings.memory_gbps());
        let memory = memory.map(|(intensity, gbps)| intensity * gbps / 1e3 / sharing);
        match memory {
            Some(memory) if memory < arithmetic && memory >= row.tflops => {
                Some(Self { tflops: memory, is_memory: true })
            }
            _ => Some(Self { tflops: arithmetic, is_memory: false }),
        }
    }
}

fn name(row: &RooflineRow) -> String {
    format!("{} {} of {}", row.name, row.shapes, row.dtype.as_deref().unwrap_or("unknown type"))
}

fn rate(tflops: f64) -> String {
    if tflops < 1.0 {
        format!("{:.1} GFLOP/s", tflops * 1e3)
    } else {
        format!("{tflops:.1} TFLOP/s")
    }
}

fn operator_evidence(rank: &Rank, names: Vec<String>, count: i64) -> Evidence {
    evidence(rank, "operators", names, count, "operators of known work and element type")
}
