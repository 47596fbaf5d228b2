//! How far the clocks of different machines are apart, from the collectives in which they met.
//!
//! A collective in which every rank needs what every other one has ends on all of them at nearly the same instant, however late
//! some came. So the differences of the ends scatter around the difference of the clocks: their median is the offset, and how far
//! the others are from it is how sure one may be. What every such collective does alike (one machine that always ends later)
//! cannot be told from an offset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Fewer collectives than this say nothing.
const LEAST_MATCHES: usize = 10;

/// Fewer than this do not tell a drift from chance.
const LEAST_FOR_DRIFT: usize = 20;

/// Slopes are taken between so many points at most.
const MOST_POINTS: usize = 256;

/// Crystals are off by tens of millionths. What is faster is no drift.
const FASTEST_DRIFT: f64 = 1e-3;

/// One clock's part in a collective: the latest end of its ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) clock: usize,
    pub(crate) end: i64,
}

/// How one clock is put on another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alignment {
    /// The clock, as in [`FileFacts::clock`](crate::report::FileFacts::clock).
    pub clock: i64,
    /// The clock that it is put on.
    pub reference: i64,
    /// What it showed more than the reference at `at_ns`.
    pub offset_ns: i64,
    /// How much faster it runs, in millionths; 0 where no drift was seen.
    pub drift_ppm: f64,
    /// When the offset holds, ns on the clock itself: the middle of the collectives.
    pub at_ns: i64,
    /// Half of the collectives end within this of each other once the clocks are aligned, ns.
    pub residual_ns: i64,
    /// 9 of 10 do, ns: the uncertainty.
    pub residual_p90_ns: i64,
    /// From how many collectives.
    pub matches: i64,
    /// Whether times of the two clocks are compared with it: the residual is small against the waits.
    pub used: bool,
}

impl Alignment {
    /// A time of the clock as the reference would have shown it.
    pub(crate) fn to_reference(self, time: i64) -> i64 {
        let since = time.saturating_sub(self.at_ns) as f64;
        let drift = self.drift_ppm * 1e-6;
        let drifted = (since * drift / (1.0 + drift)).round() as i64;
        time.saturating_sub(self.offset_ns).saturating_sub(drifted)
    }
}

/// Puts every clock that met others often enough on the first of them. Each of `meetings` is a collective with one reading of
/// each clock.
pub(crate) fn align(meetings: &[Vec<Reading>]) -> BTreeMap<usize, Alignment> {
    let mut placed: BTreeMap<usize, Alignment> = BTreeMap::new();
    let mut left: Vec<usize> = meetings.iter().flatten().map(|reading| reading.clock).collect();
    left.sort_unstable();
    left.dedup();
    let mut reference = None;
    while !left.is_empty() {
        let next = left
            .iter()
            .filter_map(|&clock| Some((clock, pairs(meetings, clock, &placed, reference?))))
            .max_by_key(|(clock, pairs)| (pairs.len(), std::cmp::Reverse(*clock)))
            .filter(|(_, pairs)| pairs.len() >= LEAST_MATCHES);
        let Some((clock, pairs)) = next else {
            // What has met none of the clocks so far may have met others.
            reference = Some(left.remove(0));
            continue;
        };
        left.retain(|&other| other != clock);
        let alignment = fit(&pairs);
        let reference = reference.map_or(0, |reference| reference as i64);
        placed.insert(clock, Alignment { clock: clock as i64, reference, ..alignment });
    }
    placed
}

/// When a collective ended on the clock in question, and by the clocks that are placed, on the reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    own: i64,
    other: i64,
}

impl Pair {
    fn difference(self) -> i64 {
        self.own.saturating_sub(self.other)
    }
}

fn pairs(
    meetings: &[Vec<Reading>],
    clock: usize,
    placed: &BTreeMap<usize, Alignment>,
    reference: usize,
) -> Vec<Pair> {
    let on_reference = |reading: &Reading| {
        if reading.clock == reference {
            return Some(reading.end);
        }
        // Clocks that were placed beside another reference are of another group.
        let alignment = placed.get(&reading.clock)?;
        (alignment.reference == reference as i64).then(|| alignment.to_reference(reading.end))
    };
    let mut pairs: Vec<Pair> = meetings
        .iter()
        .filter_map(|readings| {
            let own = readings.iter().find(|reading| reading.clock == clock)?;
            let others = readings.iter().filter(|reading| reading.clock != clock);
            let mut others: Vec<i64> = others.filter_map(on_reference).collect();
            (!others.is_empty()).then(|| Pair { own: own.end, other: median(&mut others) })
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

/// The alignment that the pairs, which are in order of time and at least one, agree best on.
fn fit(pairs: &[Pair]) -> Alignment {
    let at_ns = pairs.get(pairs.len() / 2).map_or(0, |pair| pair.own);
    let matches = pairs.len() as i64;
    let steady = Alignment { at_ns, matches, used: true, ..Alignment::default() };
    let steady = with_offset(steady, pairs);
    let drifting = slope(pairs)
        .filter(|_| pairs.len() >= LEAST_FOR_DRIFT)
        .map(|slope| with_offset(Alignment { drift_ppm: 1e6 * slope, ..steady }, pairs));
    // A drift is believed when it explains a good part of the scatter.
    let drifting = drifting.filter(|drifting| {
        drifting.residual_p90_ns.saturating_mul(4) < steady.residual_p90_ns.saturating_mul(3)
    });
    drifting.unwrap_or(steady)
}

/// Takes the median of what is left of the differences for the offset, and the rest for the residual.
fn with_offset(alignment: Alignment, pairs: &[Pair]) -> Alignment {
    let without = Alignment { offset_ns: 0, ..alignment };
    let left = |of: Alignment| -> Vec<i64> {
        pairs.iter().map(|pair| of.to_reference(pair.own).saturating_sub(pair.other)).collect()
    };
    let offset_ns = median(&mut left(without));
    let fitted = Alignment { offset_ns, ..alignment };
    let mut residuals: Vec<i64> = left(fitted).into_iter().map(i64::saturating_abs).collect();
    residuals.sort_unstable();
    let at = |percent: usize| {
        let place = (residuals.len() * percent).div_ceil(100).saturating_sub(1);
        residuals.get(place).copied().unwrap_or(0)
    };
    Alignment { residual_ns: at(50), residual_p90_ns: at(90), ..fitted }
}

/// The median of the slopes between points (Theil and Sen): how fast the difference grows.
fn slope(pairs: &[Pair]) -> Option<f64> {
    let step = pairs.len().div_ceil(MOST_POINTS).max(1);
    let points: Vec<Pair> = pairs.iter().copied().step_by(step).collect();
    let mut slopes = Vec::new();
    for (index, first) in points.iter().enumerate() {
        for second in &points[index + 1..] {
            let time = second.other.saturating_sub(first.other);
            if time > 0 {
                let growth = second.difference().saturating_sub(first.difference());
                slopes.push(growth as f64 / time as f64);
            }
        }
    }
    slopes.sort_unstable_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().filter(|slope| slope.abs() <= FASTEST_DRIFT)
}

fn median(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
