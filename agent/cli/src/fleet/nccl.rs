//! Logs of nccl-tests: of one node a figure of it, of two a figure of the pair.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use perfagent_health::fleet::read::{Source, refuse};
use perfagent_health::fleet::{Better, Gathered, Measured, PairMeasurement, Report};
use perfagent_import::Format;
use perfagent_recording::Recording;
use perfagent_recording::table::{CollectiveTest, Process};

use crate::unit;

/// How much of a file is looked at before it is opened a second time.
const HEAD: usize = 1 << 17;
/// What machines are called that do not tell their name.
const NAMELESS: [&str; 4] = ["", "localhost", "unknown", "hostname"];

/// Whether a file is one, told cheaply of most that are not.
pub(super) fn may_be(path: &Path, bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]);
    ["busbw", "bus_bw", "nccl-tests"].iter().any(|word| head.contains(word))
        && perfagent_import::recognise(path).is_ok_and(|format| format == Format::NcclTests)
}

/// Takes in a log.
pub(super) fn take(path: &Path, source: Source<'_>, gathered: &mut Gathered) {
    let recording = match perfagent_import::read(&[path.to_owned()]) {
        Ok(recording) => recording,
        Err(error) => return refuse(source, &error.to_string(), gathered),
    };
    let tests: Vec<CollectiveTest> = recording.collective_tests.clone();
    if tests.is_empty() {
        let said = "a log of nccl-tests without a measurement: it failed, or the log is cut off";
        return refuse(source, said, gathered);
    }
    // By the number of its first process; those of the next one begin where the next one does.
    let mut of_run: BTreeMap<i64, Vec<CollectiveTest>> = BTreeMap::new();
    for test in tests {
        of_run.entry(test.process_id.0).or_default().push(test);
    }
    let starts: Vec<i64> = of_run.keys().copied().collect();
    for (position, (start, tests)) in of_run.into_iter().enumerate() {
        let until = starts.get(position + 1).copied().unwrap_or(i64::MAX);
        one(&recording, &hosts(&recording, start..until), &tests, source, gathered);
    }
}

/// The hosts of the processes with these numbers, which count from 1 in the order of the rows, as those of hosts do.
fn hosts(recording: &Recording, numbers: std::ops::Range<i64>) -> Vec<String> {
    let processes = (1..).zip(recording.processes.iter());
    let of_run = processes.filter(|(number, _)| numbers.contains(number));
    let name = |process: &Process| {
        let index = usize::try_from(process.host_id.0.checked_sub(1)?).ok()?;
        recording.hosts.get(index).map(|host| host.name.clone())
    };
    let names: BTreeSet<String> = of_run
        .filter_map(|(_, process)| name(process))
        .filter(|name| !NAMELESS.contains(&name.as_str()))
        .collect();
    names.into_iter().collect()
}

/// Takes in the measurements of one benchmark, at its largest message: smaller ones tell of latency, and an average over sizes
/// of nothing.
fn one(
    recording: &Recording,
    hosts: &[String],
    tests: &[CollectiveTest],
    source: Source<'_>,
    gathered: &mut Gathered,
) {
    let most = tests.iter().map(|test| test.bytes).max().unwrap_or(0);
    let largest = tests.iter().filter(|test| test.bytes == most);
    // Out of place where there is that, as users compare it.
    let Some(test) = largest.min_by_key(|test| test.in_place) else { return };
    let op = recording.strings.get(test.op_id);
    let ranks = test.ranks.map_or(String::new(), |ranks| format!(", {ranks} GPUs"));
    let metric = format!("nccl-tests/{op} busbw{ranks}, {}", unit::bytes(most));
    let wrong: i64 = tests.iter().filter_map(|test| test.wrong).sum();
    let (value, gbps) = (test.busbw_gbps, || Some("GB/s".to_owned()));
    let alone = match hosts {
        [] => source.node.map(ToOwned::to_owned),
        [host] => Some(host.clone()),
        [a, b] => {
            gathered.pairs.push(PairMeasurement {
                nodes: [a.clone(), b.clone()],
                metric: metric.clone(),
                value,
                unit: gbps(),
                better: Better::Higher,
                source: source.name.to_owned(),
            });
            if wrong == 0 {
                return;
            }
            None
        }
        many => {
            gathered.notes.push(format!(
                "{}: {metric} is {value:.1} GB/s over {} nodes, which tells of none of them by itself",
                source.name,
                many.len()
            ));
            if wrong == 0 {
                return;
            }
            None
        }
    };
    let mut report = |node: &str, value: Option<f64>| {
        let rate = value.map(|value| Measured {
            metric: metric.clone(),
            device: None,
            value,
            unit: gbps(),
            better: Better::Higher,
        });
        let errors = Measured {
            metric: format!("nccl-tests/{op} wrong elements"),
            device: None,
            value: wrong as f64,
            unit: None,
            better: Better::Zero,
        };
        gathered.reports.push(Report {
            node: node.to_owned(),
            source: source.name.to_owned(),
            form: "nccl-tests",
            measured: rate.into_iter().chain([errors]).collect(),
            ..Report::default()
        });
    };
    match alone {
        Some(node) => report(&node, Some(value)),
        None if !hosts.is_empty() => hosts.iter().for_each(|host| report(host, None)),
        None => refuse(
            source,
            "a log of nccl-tests that does not tell which node it is of; put it into a folder that has the node's name",
            gathered,
        ),
    }
}
