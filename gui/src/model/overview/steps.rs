//! Step times: their spread, and their course by step and rank.

use std::collections::BTreeMap;

use perfagent_analysis::report::Rank;

use crate::model::whose::Member;

/// Ranks that are drawn one by one; more are summed up.
const MOST_LINES: usize = 8;

/// Points of a line; more are thinned out, keeping the shortest and the longest step of each piece.
const MOST_POINTS: usize = 1024;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its number.
    pub index: i64,
    /// Start, ns.
    pub start_ns: i64,
    /// Length, ns.
    pub duration_ns: i64,
}

impl Point {
    /// Its end, ns.
    #[must_use]
    pub const fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.duration_ns)
    }
}

/// The steps of a rank, or of what stands for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `Rank 0`, `Slowest rank`.
    pub label: String,
    /// In order.
    pub points: Vec<Point>,
}

/// The step times of some ranks. All times are ns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// How many steps of all ranks.
    pub count: usize,
    /// Their mean.
    pub mean_ns: f64,
    /// Their median (nearest rank).
    pub p50_ns: i64,
    /// Their 99th percentile (nearest rank).
    pub p99_ns: i64,
    /// The shortest and the longest.
    pub extremes_ns: (i64, i64),
    /// The longest, with its rank.
    pub slowest: Option<(String, Point)>,
    /// Found in the order of the kernels: the program marks none.
    pub detected: bool,
    /// At most eight.
    pub lines: Vec<Line>,
}

impl Steps {
    /// The steps of these ranks: those that the programs mark, else those that were found.
    #[must_use]
    pub fn of(members: &[Member<'_>]) -> Self {
        let detected = members.iter().all(|member| member.rank.steps.is_empty());
        let lines: Vec<Line> = members
            .iter()
            .map(|member| Line { label: member.label(), points: points(member.rank, detected) })
            .filter(|line| !line.points.is_empty())
            .collect();
        let mut times: Vec<i64> =
            lines.iter().flat_map(|line| &line.points).map(|point| point.duration_ns).collect();
        times.sort_unstable();
        let (Some(&least), Some(&most)) = (times.first(), times.last()) else {
            return Self::default();
        };
        let slowest = lines
            .iter()
            .flat_map(|line| line.points.iter().map(|point| (line.label.clone(), *point)))
            .reduce(|a, b| if b.1.duration_ns > a.1.duration_ns { b } else { a });
        let lines = if lines.len() > MOST_LINES { summed_up(&lines) } else { lines };
        Self {
            count: times.len(),
            mean_ns: times.iter().map(|&time| time as f64).sum::<f64>() / times.len() as f64,
            p50_ns: percentile(&times, 50),
            p99_ns: percentile(&times, 99),
            extremes_ns: (least, most),
            slowest,
            detected,
            lines: lines.into_iter().map(thinned).collect(),
        }
    }

    /// The step that is nearest to a place of the chart: number and length in ns.
    #[must_use]
    pub fn nearest(&self, index: f64, duration_ns: f64) -> Option<Point> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let away = |point: &Point| {
            let across = (point.index as f64 - index).abs();
            (across.round(), (point.duration_ns as f64 - duration_ns).abs())
        };
        points
            .min_by(|a, b| {
                let (a, b) = (away(a), away(b));
                a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
            })
            .copied()
    }
}

fn points(rank: &Rank, detected: bool) -> Vec<Point> {
    if !detected {
        let steps = rank.steps.iter();
        return steps
            .map(|step| Point {
                index: step.index,
                start_ns: step.start_ns,
                duration_ns: step.duration_ns,
            })
            .collect();
    }
    let found = rank.detected_steps.iter().flat_map(|found| &found.steps);
    (0..)
        .zip(found)
        .map(|(index, step)| Point {
            index,
            start_ns: step.start_ns,
            duration_ns: step.duration_ns,
        })
        .collect()
}

/// Nearest rank, of times in order.
fn percentile(sorted: &[i64], percent: usize) -> i64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(0)
}

/// The slowest, the middle and the fastest rank of each step.
fn summed_up(lines: &[Line]) -> Vec<Line> {
    let mut steps: BTreeMap<i64, Vec<Point>> = BTreeMap::new();
    for point in lines.iter().flat_map(|line| &line.points) {
        steps.entry(point.index).or_default().push(*point);
    }
    let mut summed = ["Slowest rank", "Median rank", "Fastest rank"]
        .map(|label| Line { label: label.into(), points: Vec::new() });
    for mut points in steps.into_values() {
        points.sort_by_key(|point| std::cmp::Reverse(point.duration_ns));
        let places = [0, points.len() / 2, points.len() - 1];
        for (line, place) in summed.iter_mut().zip(places) {
            line.points.extend(points.get(place));
        }
    }
    summed.into()
}

fn thinned(line: Line) -> Line {
    if line.points.len() <= MOST_POINTS {
        return line;
    }
    let piece = line.points.len().div_ceil(MOST_POINTS / 2);
    let mut points = Vec::with_capacity(MOST_POINTS);
    for steps in line.points.chunks(piece) {
        let by_time = |point: &&Point| point.duration_ns;
        let least = steps.iter().min_by_key(by_time);
        let most = steps.iter().max_by_key(by_time);
        let mut both: Vec<Point> = least.into_iter().chain(most).copied().collect();
        both.sort_by_key(|point| point.start_ns);
        both.dedup();
        points.extend(both);
    }
    Line { points, ..line }
}

#[cfg(test)]
mod tests {
    use super::{Line, MOST_POINTS, Point, Steps, percentile, summed_up, thinned};

    fn line(label: &str, times: impl IntoIterator<Item = i64>) -> Line {
        let points = (0..)
            .zip(times)
            .map(|(index, duration_ns)| Point { index, start_ns: index * 1000, duration_ns })
            .collect();
        Line { label: label.into(), points }
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times: Vec<i64> = (1..=200).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 99)), (100, 198));
        assert_eq!(percentile(&[7], 99), 7);
    }

    #[test]
    fn one_slow_step_among_many_is_kept() {
        let times = (0..100_000).map(|step| if step == 77_777 { 99 } else { 10 });
        let thin = thinned(line("r", times));
        assert!(thin.points.len() <= MOST_POINTS + 2);
        assert!(thin.points.iter().any(|point| point.duration_ns == 99 && point.index == 77_777));
    }

    #[test]
    fn many_ranks_become_three_lines() {
        let lines: Vec<Line> = (0..20).map(|rank| line("r", [10 + rank, 30 - rank])).collect();
        let summed = summed_up(&lines);
        let times =
            |at: usize| summed[at].points.iter().map(|point| point.duration_ns).collect::<Vec<_>>();
        assert_eq!((times(0), times(2)), (vec![29, 30], vec![10, 11]));
    }

    #[test]
    fn a_click_finds_the_nearest_step() {
        let steps =
            Steps { lines: vec![line("a", [10, 20]), line("b", [12, 50])], ..Steps::default() };
        let found = steps.nearest(1.2, 45.0).unwrap();
        assert_eq!((found.index, found.duration_ns), (1, 50));
        assert_eq!(Steps::default().nearest(0.0, 0.0), None);
    }
}
