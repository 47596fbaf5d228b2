//! How near collectives come to what the device's connections can do.

use perfagent_analysis::Report;
use perfagent_analysis::report::{CollectiveRow, Rank};

use crate::{
    Ceilings, Fact, Figure, Gain, Verdict, WORTH_ACTING_PCT, evidence, rank_name, share_pct,
    step_evidence, stretch, worst,
};

/// Collectives slower than this many times their line are worth a look: beside computation they are never quite as fast.
const MUCH_SLOWER: f64 = 1.5;

/// Times of the collectives that there is a line for.
#[derive(Default)]
struct Sum {
    time_ns: f64,
    least_ns: f64,
    count: i64,
    names: Vec<String>,
    /// Whether waiting for other ranks could be taken off all of them.
    is_transfer: bool,
    left_out: i64,
}

/// Share of the time that collectives take beyond what they take when nothing else runs.
pub(crate) fn fact(report: &Report, ceilings: &Ceilings) -> Fact {
    let (worst, ranks) = worst(report, |rank| {
        let sum = Sum::of(rank, ceilings)?;
        share_pct((sum.time_ns - sum.least_ns).max(0.0) as i64, stretch(rank).window_ns)
    });
    let mut fact = Fact::unknown("collective_efficiency", "pct", (worst, ranks), "");
    let Some((rank, lost)) = worst else {
        (fact.verdict, fact.advice) = without(report, ceilings);
        return fact;
    };
    let Some(sum) = Sum::of(rank, ceilings) else { return fact };
    let times = sum.time_ns / sum.least_ns;
    fact.figures = vec![
        Figure::derived("share_of_the_time_beyond_the_line_pct", Some(lost)),
        Figure::derived("line_by_measured_time_pct", Some(100.0 / times)),
        Figure::measured("time_of_collectives_ns", Some(sum.time_ns)),
        Figure::ceiling("time_by_the_line_ns", Some(sum.least_ns)),
        Figure::measured("collectives_without_a_line_count", Some(sum.left_out as f64)),
    ];
    fact.evidence = vec![evidence(rank, "collectives", sum.names, sum.count, "collectives")];
    if rank.step.count > 0 {
        fact.evidence.push(step_evidence(rank));
    }
    let who = rank_name(rank);
    let waits = if sum.is_transfer { "" } else { ", waiting for other ranks included" };
    fact.gain = Gain::of(
        sum.time_ns - MUCH_SLOWER * sum.least_ns,
        sum.time_ns - sum.least_ns,
        stretch(rank).window_ns,
        format!(
            "at most f = (their time - their time by the line) / window; likely as far as {MUCH_SLOWER} times the line"
        ),
    );
    if times > MUCH_SLOWER && lost >= WORTH_ACTING_PCT {
        fact.act(format!(
            "Find out what slows collectives down (computation that shares their cores or multiprocessors, ranks that come \
             late, a slow link): those of {who} take {times:.1} times what they take alone{waits}, which is {lost:.1} % of \
             its time."
        ));
    } else {
        fact.nothing(format!(
            "Nothing to gain: collectives of {who} take {times:.1} times what they take alone{waits}, which is {lost:.1} % \
             of its time."
        ));
    }
    fact
}

/// What is said when no collective has a line.
fn without(report: &Report, ceilings: &Ceilings) -> (Verdict, String) {
    let of_such =
        |rank: &&Rank| rank.collectives.iter().any(|row| row.group_size.is_some_and(|n| n > 1));
    if !report.ranks.iter().any(|rank| of_such(&rank)) {
        return (
            Verdict::NothingToGain,
            "Nothing to gain: no collective between several ranks was recorded.".to_owned(),
        );
    }
    let counts: Vec<_> = ceilings.rank_counts().iter().map(ToString::to_string).collect();
    let advice = if counts.is_empty() {
        "The ceilings hold no collectives: see why in the answer of perfagent ceilings.".to_owned()
    } else {
        format!(
            "The ceilings hold no such collectives: they are of {} ranks on this kind of device.",
            counts.join(", ")
        )
    };
    (Verdict::Unknown, advice)
}

impl Sum {
    /// `None` of a rank without any.
    fn of(rank: &Rank, ceilings: &Ceilings) -> Option<Self> {
        if !ceilings.are_of(rank.basis) {
            return None;
        }
        let mut sum = Self { is_transfer: true, ..Self::default() };
        for row in rank.collectives.iter().filter(|row| row.group_size.is_some_and(|n| n > 1)) {
            match Timed::of(row).zip(ceilings.collective(&row.op, row.group_size.unwrap_or(0))) {
                Some((timed, line)) => {
                    let count = timed.count as f64;
                    sum.time_ns += timed.time_ns as f64;
                    sum.least_ns += count * line.nanos(timed.bytes as f64 / count);
                    sum.count += timed.count;
                    sum.is_transfer &= timed.is_transfer;
                    if !sum.names.contains(&row.op) {
                        sum.names.push(row.op.clone());
                    }
                }
                None => sum.left_out += row.count,
            }
        }
        (sum.time_ns > 0.0 && sum.least_ns > 0.0).then_some(sum)
    }
}

/// Collectives of a row whose time and size are known.
struct Timed {
    count: i64,
    bytes: i64,
    time_ns: i64,
    is_transfer: bool,
}

impl Timed {
    fn of(row: &CollectiveRow) -> Option<Self> {
        let matched = (row.matched > 0).then_some(()).and(row.matched_bytes).zip(row.transfer_ns);
        if let Some((bytes, time_ns)) = matched {
            return Some(Self { count: row.matched, bytes, time_ns, is_transfer: true });
        }
        let count = row.count - row.untimed;
        let bytes = row.bytes? - row.untimed_bytes;
        (count > 0).then_some(Self { count, bytes, time_ns: row.total_ns, is_transfer: false })
    }
}
