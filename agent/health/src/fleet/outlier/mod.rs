//! GPUs and nodes that are worse than their kind.

mod told;

pub(super) use told::figure;

use std::collections::BTreeMap;

use perfagent_regress::statistic::discovery::q_values;
use perfagent_regress::statistic::order::median;

use super::document::MetricRow;
use super::family::Family;
use super::finding::{Finding, Kind};
use super::floor;
use super::group::Group;
use super::merge::Node;
use super::metric::{Better, Column, Table};
use super::plan::Suspect;
use super::settings::Settings;
use super::spread::{self, Spread};
use crate::{Severity, Status};

/// Values that are needed to tell one of them from the others.
const LEAST_VALUES: usize = 5;
/// GPUs that are needed to speak of the node as a whole.
const LEAST_GPUS: usize = 3;
/// A node is taken for shifted, and its GPUs are compared among themselves, from this probability on.
const SHIFTED: f64 = 1e-4;
/// Beyond this false discovery rate nothing is worth a second measurement.
const WORTH_A_LOOK: f64 = 0.2;
/// Fits are repeated without what stands out, so that faults do not hide each other.
const ROUNDS: usize = 3;

/// What a test is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// One metric.
    Metric(String),
    /// All metrics of a family, weighted by how well each is known; how many those are.
    Family(usize),
}

/// One thing that is held against its kind.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) group: usize,
    pub(super) node: usize,
    /// The GPU; `None` of the node as a whole.
    pub(super) gpu: Option<u32>,
    pub(super) family: Family,
    pub(super) of: Of,
    /// By how much it is worse than its kind, as a share.
    pub(super) worse: f64,
    pub(super) p_value: f64,
    /// Value, median and unit of a metric.
    pub(super) value: Option<(f64, f64, Option<String>)>,
    /// The direction is not known, so that it is only different.
    pub(super) is_odd: bool,
}

/// A deviation of a node or GPU.
type Deviations = BTreeMap<(usize, Option<u32>), f64>;

/// A metric's deviations and how they spread, for its family.
struct Fitted {
    family: Family,
    deviations: Deviations,
    spread: Spread,
}

/// Tests everything of all kinds, and writes what stands out to the nodes.
pub(super) fn judge(
    groups: &[Group],
    tables: &[Table],
    nodes: &mut [Node],
    settings: &Settings,
    metrics: &mut Vec<MetricRow>,
    suspects: &mut Vec<Suspect>,
) {
    let mut tests = Vec::new();
    for (number, (group, table)) in groups.iter().zip(tables).enumerate() {
        let mut unjudged = 0;
        let (mut of_gpus, mut of_nodes) = (Vec::new(), Vec::new());
        for column in &table.columns {
            if column.better == Better::Zero {
                failed(column, group, nodes);
                continue;
            }
            let judged =
                one(number, group, column, settings, &mut tests, &mut of_gpus, &mut of_nodes);
            let has_floor = group.is_small(settings) && floor::has(group, column);
            unjudged += usize::from(!judged.of_nodes && judged.is_measure && !has_floor);
            metrics.push(judged.row(group, column));
        }
        families(number, &of_gpus, &mut tests);
        families(number, &of_nodes, &mut tests);
        if group.is_small(settings) {
            too_few(group, unjudged, nodes, settings);
        }
    }
    // Of pooled kinds only the members are judged here.
    tests.retain(|test| groups[test.group].has(test.node));
    let p_values: Vec<f64> = tests.iter().map(|test| test.p_value).collect();
    let q_values = q_values(&p_values);
    let threshold = settings.threshold_pct / 100.0;
    let (mut named, mut doubtful) = (Vec::new(), Vec::new());
    for (test, q_value) in tests.into_iter().zip(q_values) {
        if test.worse < threshold {
        } else if q_value <= settings.false_discovery_rate {
            named.push((test, q_value));
        } else if q_value <= WORTH_A_LOOK {
            doubtful.push((test, q_value));
        }
    }
    told::write(named, doubtful, groups, nodes, settings, suspects);
}

/// Anything but 0 is a benchmark that failed.
fn failed(column: &Column, group: &Group, nodes: &mut [Node]) {
    for &(number, device, value) in &column.cells {
        if value == 0.0 || !group.has(number) {
            continue;
        }
        let target =
            device.filter(|_| column.of_gpus).map_or("host".to_owned(), |gpu| format!("GPU {gpu}"));
        let finding = Finding {
            value: Some(value.into()),
            expected: Some(0.into()),
            ..Finding::new(
                Kind::Failed,
                target,
                &column.name,
                Status::Critical,
                Severity::Triage,
                format!("the benchmark failed: {} is {value}", column.name),
                "read the benchmark's own log on the node, mend what it names and run it again",
            )
        };
        nodes[number].findings.push(finding);
    }
}

/// What was judged of a metric.
struct Judged {
    median: f64,
    /// The spread of what was compared, as a share.
    spread: Option<f64>,
    of_gpus: bool,
    of_nodes: bool,
    /// Whether it can be judged at all: a median above 0.
    is_measure: bool,
}

impl Judged {
    fn row(&self, group: &Group, column: &Column) -> MetricRow {
        MetricRow {
            group: group.name(),
            metric: column.name.clone(),
            unit: column.unit.clone(),
            better: column.better,
            of: if column.of_gpus { "gpu" } else { "node" },
            count: column.cells.len(),
            median: self.median,
            spread_pct: self.spread.map(|spread| 100.0 * spread),
            gpus_judged: self.of_gpus,
            nodes_judged: self.of_nodes,
        }
    }
}

fn one(
    number: usize,
    group: &Group,
    column: &Column,
    settings: &Settings,
    tests: &mut Vec<Test>,
    of_gpus: &mut Vec<Fitted>,
    of_nodes: &mut Vec<Fitted>,
) -> Judged {
    let cells = column.cells.iter().filter(|(.., value)| value.is_finite());
    let values: Vec<f64> = cells.clone().map(|(.., value)| *value).collect();
    let middle = median(&values);
    let mut judged = Judged {
        median: middle,
        spread: None,
        of_gpus: false,
        of_nodes: false,
        is_measure: middle > 0.0,
    };
    // Zero, as bandwidths of messages without content are, or a count: no share of it can be taken.
    if !judged.is_measure {
        return judged;
    }
    let worse = |value: f64| match column.better {
        Better::Higher => 1.0 - value / middle,
        Better::Lower | Better::Unknown | Better::Zero => value / middle - 1.0,
    };
    let mut deviations: Deviations =
        cells.map(|(node, gpu, value)| ((*node, *gpu), worse(*value))).collect();
    let raw: BTreeMap<(usize, Option<u32>), f64> = column
        .cells
        .iter()
        .map(|(node, gpu, value)| ((*node, gpu.filter(|_| column.of_gpus)), *value))
        .collect();
    let family = Family::of(&column.name);
    let is_odd = column.better == Better::Unknown;
    let mut add = |deviations: &Deviations, spread: &Spread, of_nodes: bool| {
        for (&(node, gpu), &deviation) in deviations {
            let (worse, p_value) = if is_odd {
                let mirrored = 2.0 * spread.center - deviation;
                let p_value = 2.0 * spread.p_value(deviation).min(spread.p_value(mirrored));
                ((deviation - spread.center).abs(), p_value.min(1.0))
            } else {
                (deviation - spread.center, spread.p_value(deviation))
            };
            let value = if of_nodes && column.of_gpus {
                // The value of a typical GPU of the node.
                if column.better == Better::Higher {
                    middle * (1.0 - deviation)
                } else {
                    middle * (1.0 + deviation)
                }
            } else {
                raw.get(&(node, gpu)).copied().unwrap_or(middle)
            };
            tests.push(Test {
                group: number,
                node,
                gpu: if of_nodes { None } else { gpu },
                family: family.clone(),
                of: Of::Metric(column.name.clone()),
                worse,
                p_value,
                value: Some((value, middle, column.unit.clone())),
                is_odd,
            });
        }
    };
    let enough = !group.is_small(settings);
    if !column.of_gpus {
        // Some tools number the only process of a node, others do not.
        deviations =
            deviations.into_iter().map(|((node, _), worse)| ((node, None), worse)).collect();
    }
    let of_each = if column.of_gpus { per_node(&deviations) } else { deviations.clone() };
    if enough && let Some(spread) = fit(&of_each, family.usual_spread()) {
        judged.of_nodes = true;
        judged.spread = Some(spread.scale);
        add(&of_each, &spread, true);
        if column.of_gpus {
            // GPUs of a node that is shifted as a whole are held against each other.
            for ((node, _), deviation) in &mut deviations {
                let shift = of_each.get(&(*node, None)).copied().unwrap_or(0.0);
                let away = (shift - spread.center) * 100.0 >= settings.threshold_pct;
                if away && spread.p_value(shift) < SHIFTED {
                    *deviation -= shift - spread.center;
                }
            }
        }
        if !is_odd {
            of_nodes.push(Fitted { family: family.clone(), deviations: of_each, spread });
        }
    }
    if column.of_gpus
        && let Some(spread) = fit(&deviations, family.usual_spread())
    {
        judged.of_gpus = true;
        judged.spread = Some(spread.scale);
        add(&deviations, &spread, false);
        if !is_odd {
            of_gpus.push(Fitted { family, deviations, spread });
        }
    }
    judged
}

/// Where each node as a whole is, of its GPUs; half of them must be as far as that.
fn per_node(deviations: &Deviations) -> Deviations {
    let mut of_node: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (&(node, _), &deviation) in deviations {
        of_node.entry(node).or_default().push(deviation);
    }
    let whole = of_node.into_iter().filter(|(_, values)| values.len() >= LEAST_GPUS);
    // Three of eight GPUs that are slow move the estimate; that is no fault of the node.
    let center = |values: &[f64]| spread::center(values).min(median(values));
    whole.map(|(node, values)| ((node, None), center(&values))).collect()
}

/// How healthy values spread: fitted again without those that stand out clearly.
fn fit(deviations: &Deviations, usual: f64) -> Option<Spread> {
    let mut values: Vec<f64> = deviations.values().copied().collect();
    if values.len() < LEAST_VALUES {
        return None;
    }
    let all = values.len();
    let mut spread = Spread::fit(&values, usual)?;
    for _ in 1..ROUNDS {
        // One in ten thousand of the healthy ones is lost by it, which changes nothing.
        let before = values.len();
        values.retain(|value| spread.p_value(*value) > 1e-4);
        if values.len() == before || values.len() * 2 < all || values.len() < LEAST_VALUES {
            break;
        }
        spread = Spread::fit(&values, usual)?;
    }
    Some(spread.with_tail_of(&values))
}

/// Tests the metrics of a family together: their deviations weighted by how little they spread, and fitted anew, whatever they
/// have in common.
fn families(group: usize, fitted: &[Fitted], tests: &mut Vec<Test>) {
    let mut of_family: BTreeMap<&Family, Vec<&Fitted>> = BTreeMap::new();
    for one in fitted {
        of_family.entry(&one.family).or_default().push(one);
    }
    for (family, metrics) in of_family {
        if metrics.len() < 2 {
            continue;
        }
        let mut sums: BTreeMap<(usize, Option<u32>), (f64, f64, usize)> = BTreeMap::new();
        for metric in &metrics {
            let weight = metric.spread.scale.powi(-2);
            for (&key, &deviation) in &metric.deviations {
                let sum = sums.entry(key).or_default();
                // A single wild figure has a test of its own, and does not decide here.
                let bounded = (deviation - metric.spread.center).clamp(-1.0, 1.0);
                *sum = (sum.0 + weight * bounded, sum.1 + weight, sum.2 + 1);
            }
        }
        let enough = |(_, (_, _, count)): &(_, &(f64, f64, usize))| 2 * *count >= metrics.len();
        let means: Deviations = sums
            .iter()
            .filter(enough)
            .map(|(key, (sum, weight, _))| (*key, sum / weight))
            .collect();
        let Some(spread) = fit(&means, family.usual_spread()) else { continue };
        for (&(node, gpu), &mean) in &means {
            tests.push(Test {
                group,
                node,
                gpu,
                family: family.clone(),
                of: Of::Family(metrics.len()),
                worse: mean - spread.center,
                p_value: spread.p_value(mean),
                value: None,
                is_odd: false,
            });
        }
    }
}

/// Says of each node of a small kind what could not be judged.
fn too_few(group: &Group, unjudged: usize, nodes: &mut [Node], settings: &Settings) {
    if unjudged == 0 {
        return;
    }
    for &number in &group.members {
        let detail = format!(
            "{unjudged} figures of the node as a whole could not be judged: there are {} nodes of {}, and {} are needed",
            group.population.len(),
            group.name(),
            settings.least_nodes
        );
        nodes[number].findings.push(Finding::new(
            Kind::TooFew,
            "host",
            "fleet",
            Status::Unknown,
            Severity::Config,
            detail,
            "gather more nodes of this kind at once",
        ));
    }
}
