//! Real traces of many kinds of GPU programs against figures that were computed from the same files
//! by an independent program. Every number is compared, on the way that a user's trace takes: through the
//! importer into a recording file, and from there into the report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perfagent_analysis::report::Rank;
use perfagent_analysis::{COMMUNICATION, Report, report};
use perfagent_import::{ImportOptions, Imported, import};
use perfagent_recording::{Reader, Recording};
use serde_json::Value;

/// The traces are large and live beside the repository; without them there is nothing to compare.
fn traces() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    folder.join("reference.json").is_file().then_some(folder)
}

#[test]
fn every_number_of_the_reference_traces() {
    let Some(folder) = traces() else {
        println!("skipped: no folder shared/traces beside the repository");
        return;
    };
    let text = std::fs::read_to_string(folder.join("reference.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let only = std::env::var("PERFAGENT_TEST_TRACE").ok();
    let mut compared = 0;
    let mut wrong = Vec::new();
    for entry in reference["entries"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let wanted = only.as_ref().is_none_or(|only| only == name);
        let known = entry["format"] == "kineto" || entry["format"] == "nsys";
        if entry["expect"] != "exact" || !known || !wanted {
            continue;
        }
        let inputs: Vec<PathBuf> = entry["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| folder.join(input.as_str().unwrap()))
            .collect();
        let (imported, report) = imported_report(&inputs);
        assert_eq!(imported.warnings, [] as [&str; 0], "{name}");
        let events: u64 = imported.files.iter().map(|file| file.events).sum();
        if entry["format"] == "nsys" {
            assert_eq!(Some(events), entry["events"].as_u64(), "{name}");
        }
        let expected = entry["ranks"].as_array().unwrap();
        assert_eq!(report.ranks.len(), expected.len(), "{name}");
        for (rank, expected) in report.ranks.iter().zip(expected) {
            let mut comparison = Comparison { trace: name, numbers: 0, wrong: &mut wrong };
            comparison.rank(rank, expected);
            println!("{name}: {} numbers compared", comparison.numbers);
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(only.is_some() || compared >= 24, "only {compared} traces were compared");
}

/// Imports traces as one run, and reports what a reader of the file finds.
fn imported_report(inputs: &[PathBuf]) -> (Imported, Report) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("run.perfdb");
    let options = ImportOptions { inputs: inputs.to_vec(), output: output.clone(), force: false };
    let imported = import(&options).unwrap();
    let recording = Recording::load(&Reader::open(&output).unwrap(), &mut |_progress| {}).unwrap();
    (imported, report(&recording, "run.perfdb"))
}

struct Comparison<'a> {
    trace: &'a str,
    numbers: usize,
    wrong: &'a mut Vec<String>,
}

impl Comparison<'_> {
    #[expect(clippy::needless_pass_by_value, reason = "calls read better without borrows")]
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: T, expected: T) {
        self.numbers += 1;
        if ours != expected {
            self.wrong.push(format!("{} {what}: {ours:?}, expected {expected:?}", self.trace));
        }
    }

    /// Fractions agree to a relative 1e-6; null is not compared unless `null_counts`.
    fn close(&mut self, what: &str, ours: Option<f64>, expected: &Value) {
        let Some(expected) = expected.as_f64() else { return };
        self.numbers += 1;
        let ours = ours.unwrap_or(f64::NAN);
        let near = (ours - expected).abs() <= 1e-6 * expected.abs();
        if !near {
            self.wrong.push(format!("{} {what}: {ours}, expected {expected}", self.trace));
        }
    }

    fn rank(&mut self, rank: &Rank, expected: &Value) {
        self.same("rank", rank.rank, expected["rank"].as_i64());
        if let Some(pid) = expected["pid"].as_i64() {
            self.same("pid", rank.pid, pid);
        }
        self.same("world_size", rank.world_size, expected["world_size"].as_i64());
        for (key, ours) in [
            ("span_ns", rank.span_ns),
            ("busy_ns", rank.busy_ns),
            ("idle_ns", rank.idle_ns),
            ("compute_ns", rank.compute_ns),
            ("comm_ns", rank.comm_ns),
            ("copy_ns", rank.copy_ns),
            ("exposed_comm_ns", rank.exposed_comm_ns),
            ("exposed_copy_ns", rank.exposed_copy_ns),
        ] {
            self.same(key, Some(ours), expected[key].as_i64());
        }
        self.same("overlap is null", rank.overlap_pct.is_none(), expected["overlap_pct"].is_null());
        self.close("overlap_pct", rank.overlap_pct, &expected["overlap_pct"]);
        self.tables(rank, expected);
        self.launch(rank, &expected["launch"]);
        self.collectives(rank, &expected["collectives"]);
        let memory = &expected["memory"];
        let int = |key: &str| memory[key].as_i64();
        self.same("allocated", rank.memory.peak_allocated_bytes, int("peak_allocated_bytes"));
        self.same("reserved", rank.memory.peak_reserved_bytes, int("peak_reserved_bytes"));
        self.steps(rank, expected);
    }

    fn tables(&mut self, rank: &Rank, expected: &Value) {
        let ints = |row: &Value, keys: &[&str]| -> Vec<i64> {
            keys.iter().map(|key| row[*key].as_i64().unwrap()).collect()
        };
        let ours: BTreeMap<_, _> = rank
            .idle_causes
            .iter()
            .map(|row| {
                let causes = vec![row.host_wait_ns, row.kernel_wait_ns, row.other_ns];
                (vec![row.device, row.stream], causes)
            })
            .collect();
        let theirs: BTreeMap<_, _> = rows(&expected["idle_causes"])
            .map(|row| {
                let causes = ints(row, &["host_wait_ns", "kernel_wait_ns", "other_ns"]);
                (ints(row, &["device", "stream"]), causes)
            })
            .collect();
        self.maps("idle causes", &ours, &theirs);

        let ours: BTreeMap<_, _> = rank
            .kernels
            .iter()
            .map(|row| {
                let communicates = i64::from(row.category == COMMUNICATION);
                let figures = vec![communicates, row.count, row.total_ns, row.min_ns, row.max_ns];
                (row.name.clone(), figures)
            })
            .collect();
        let theirs: BTreeMap<_, _> = rows(&expected["kernels"])
            .map(|row| {
                let mut figures = vec![i64::from(row["comm"] == true)];
                figures.extend(ints(row, &["count", "total_ns", "min_ns", "max_ns"]));
                (row["name"].as_str().unwrap().to_owned(), figures)
            })
            .collect();
        self.maps("kernels", &ours, &theirs);

        let ours: BTreeMap<_, _> = rank
            .copies
            .iter()
            .map(|row| (row.kind.clone(), vec![row.count, row.total_ns, row.bytes]))
            .collect();
        let theirs: BTreeMap<_, _> = rows(&expected["copies"])
            .map(|row| {
                let figures = ints(row, &["count", "total_ns", "bytes"]);
                (row["kind"].as_str().unwrap().to_owned(), figures)
            })
            .collect();
        self.maps("copies", &ours, &theirs);
    }

    fn maps<K: Ord + std::fmt::Debug>(
        &mut self,
        what: &str,
        ours: &BTreeMap<K, Vec<i64>>,
        theirs: &BTreeMap<K, Vec<i64>>,
    ) {
        self.same(&format!("{what}: rows"), ours.len(), theirs.len());
        for (key, expected) in theirs {
            self.numbers += expected.len() - 1;
            self.same(&format!("{what} {key:?}"), ours.get(key), Some(expected));
        }
    }

    fn launch(&mut self, rank: &Rank, expected: &Value) {
        self.same("launch.count", Some(rank.launch.count), expected["count"].as_i64());
        self.same("launch.unlinked", Some(rank.launch.unlinked), expected["unlinked"].as_i64());
        self.close("launch.mean", rank.launch.mean_delay_ns, &expected["mean_delay_ns"]);
        for (what, ours, bracket) in [
            ("p50", rank.launch.p50_delay_ns, &expected["p50_bracket_ns"]),
            ("p99", rank.launch.p99_delay_ns, &expected["p99_bracket_ns"]),
        ] {
            let Some(bounds) = bracket.as_array() else { continue };
            let (low, high) = (bounds[0].as_i64().unwrap(), bounds[1].as_i64().unwrap());
            let within = ours.is_some_and(|ours| (low..=high).contains(&ours));
            self.same(&format!("launch.{what} within {low}..={high}"), within, true);
        }
    }

    /// Summed over groups, as the reference is.
    fn collectives(&mut self, rank: &Rank, expected: &Value) {
        let mut ours: BTreeMap<_, Vec<i64>> = BTreeMap::new();
        for row in &rank.collectives {
            let key = (row.op.clone(), row.dtype.clone(), row.group_size);
            let sums = ours.entry(key).or_insert_with(|| vec![0; 3]);
            for (sum, value) in sums.iter_mut().zip([row.count, row.bytes.unwrap(), row.total_ns]) {
                *sum += value;
            }
        }
        let theirs: BTreeMap<_, _> = rows(expected)
            .map(|row| {
                let text = |key: &str| row[key].as_str().map(str::to_owned);
                let key = (text("op").unwrap(), text("dtype"), row["group_size"].as_i64());
                let figures = ["count", "bytes", "total_ns"].map(|key| row[key].as_i64().unwrap());
                (key, figures.to_vec())
            })
            .collect();
        self.maps("collectives", &ours, &theirs);
        for row in rows(expected) {
            let ours = rank.collectives.iter().find(|ours| {
                ours.op == row["op"]
                    && ours.dtype.as_deref() == row["dtype"].as_str()
                    && ours.count == row["count"]
            });
            self.close("algbw", ours.and_then(|ours| ours.algbw_gbps), &row["algbw_gbps"]);
            self.close("busbw", ours.and_then(|ours| ours.busbw_gbps), &row["busbw_gbps"]);
        }
    }

    fn steps(&mut self, rank: &Rank, expected: &Value) {
        // Exports of nsys have ranges of many names; which of them are steps is not laid down.
        if expected["steps"].is_null() {
            return;
        }
        let first = rank.steps.first().map_or(0, |step| step.start_ns);
        let ours: Vec<_> = rank
            .steps
            .iter()
            .map(|step| (step.name.clone(), step.start_ns - first, step.duration_ns))
            .collect();
        let theirs: Vec<_> = rows(&expected["steps"])
            .map(|row| {
                let int = |key: &str| row[key].as_i64().unwrap();
                let first = expected["steps"][0]["start_ns"].as_i64().unwrap();
                let name = row["name"].as_str().unwrap().to_owned();
                (name, int("start_ns") - first, int("duration_ns"))
            })
            .collect();
        self.numbers += 3 * theirs.len();
        self.same("steps", ours, theirs);
        self.same("step.count", Some(rank.step.count), expected["step"]["count"].as_i64());
        self.close("step.mean", rank.step.mean_ns, &expected["step"]["mean_ns"]);
    }
}

fn rows(table: &Value) -> impl Iterator<Item = &Value> {
    table.as_array().unwrap().iter()
}
