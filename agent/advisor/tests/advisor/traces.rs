//! Findings in real traces of other tools, which live beside the repository, against facts that were worked out without this
//! project: `tests/derivation/derive.py` and `reading.py` read the files with json and sqlite3, and `expected.tsv` is what it prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perfagent_advisor::{Advice, Fact, Verdict, advise};
use perfagent_analysis::report;
use perfagent_import::{ImportOptions, import};
use perfagent_recording::{Reader, Recording};

/// What is true of one finding in one trace.
struct Expected {
    name: &'static str,
    verdict: &'static str,
    value: Option<f64>,
    likely: Option<f64>,
    most: Option<f64>,
    derivation: &'static str,
}

/// By trace.
fn expected() -> BTreeMap<&'static str, Vec<Expected>> {
    let mut traces: BTreeMap<&str, Vec<Expected>> = BTreeMap::new();
    for line in include_str!("../derivation/expected.tsv").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [trace, name, verdict, value, likely, most, derivation] = columns[..] else {
            panic!("{line}: has no seven columns")
        };
        let number = |text: &str| (text != "-").then(|| text.parse().unwrap());
        traces.entry(trace).or_default().push(Expected {
            name,
            verdict,
            value: number(value),
            likely: number(likely),
            most: number(most),
            derivation,
        });
    }
    traces
}

/// The folder of the traces; `None`, and a line that says so, where it is not there.
#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// The advice for a trace, or for all files of a folder together.
pub(crate) fn advice(path: &Path) -> Advice {
    let inputs = if path.is_dir() {
        let mut files: Vec<_> =
            path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    } else {
        vec![path.to_owned()]
    };
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("run.perfdb");
    import(&ImportOptions { inputs, output: output.clone(), force: false }).unwrap();
    let recording = Recording::load(&Reader::open(&output).unwrap(), &mut |_progress| {}).unwrap();
    advise(&report(&recording, "run.perfdb"), None)
}

fn is_close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (None, None) => true,
        _ => false,
    }
}

fn differs(fact: &Fact, expected: &Expected) -> Option<String> {
    let verdict = serde_json::to_value(fact.verdict).unwrap();
    let gain = fact.gain.as_ref();
    let (likely, most) =
        (gain.map(|gain| gain.likely_share_pct), gain.map(|gain| gain.most_share_pct));
    let same = verdict == expected.verdict
        && is_close(fact.value, expected.value)
        && is_close(likely, expected.likely)
        && is_close(most, expected.most);
    (!same).then(|| {
        format!(
            "found {verdict} {:?} gain {likely:?} to {most:?}, expected {} {:?} gain {:?} to {:?}: {}\n    {:?}",
            fact.value,
            expected.verdict,
            expected.value,
            expected.likely,
            expected.most,
            expected.derivation,
            fact.figures.iter().map(|figure| (&*figure.name, figure.value)).collect::<Vec<_>>()
        )
    })
}

/// Logs of nccl-tests are tables of measurements, without an event. NCCL's example plugin tells of sends and receives that were
/// handed over to GPUs, and not of the GPUs.
#[test]
fn what_only_tells_of_collectives_leaves_every_finding_unknown() {
    let Some(folder) = folder() else { return };
    let mut count = 0;
    for entry in folder.join("nccl").read_dir().unwrap() {
        let path = entry.unwrap().path();
        for fact in advice(&path).facts {
            let name = path.display();
            assert_eq!(fact.verdict, Verdict::Unknown, "{name} {}: {}", fact.name, fact.advice);
            assert!(fact.value.is_none() && fact.gain.is_none(), "{name} {}", fact.name);
            assert!(fact.advice.contains("record"), "{name} {}: {}", fact.name, fact.advice);
        }
        count += 1;
    }
    assert_eq!(count, 7, "logs");
}

#[test]
fn findings_in_real_traces_are_true() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for (trace, findings) in expected() {
        let advice = advice(&folder.join(trace));
        for expected in findings {
            let fact = advice.facts.iter().find(|fact| fact.name == expected.name).unwrap();
            if let Some(difference) = differs(fact, &expected) {
                wrong.push(format!("{trace} {}: {difference}", expected.name));
            }
            if fact.verdict != Verdict::Unknown {
                assert!(!fact.evidence.is_empty(), "{trace} {}", expected.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
