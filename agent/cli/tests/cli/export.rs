//! Recordings in other formats: files, folders, standard output, and what is refused.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::command::{outcome, run};
use crate::fixture::{cpu_folder, gpu_run};

const FORMATS: [&str; 4] = ["chrome", "speedscope", "csv", "parquet"];

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The same for every version of perfagent.
fn without_version(answer: &str) -> String {
    answer.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

fn others(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_gpu_run_as_a_chrome_trace() {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    let words = ["export", "run.perfdb", "--format", "chrome", "-o", "-"];
    insta::assert_snapshot!(without_version(&run(folder.path(), &words).answer()));
}

#[test]
fn a_cpu_run_as_speedscope() {
    let folder = cpu_folder();
    let words = ["export", "run.perfdb", "--format", "speedscope", "-o", "-", "--rank", "1"];
    insta::assert_snapshot!(without_version(&run(folder.path(), &words).answer()));
}

#[test]
fn what_is_exported_reports_the_same() {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    let report = |name: &str| json(&run(folder.path(), &["report", name, "--json"]).answer());
    run(folder.path(), &["export", "run.perfdb", "--format", "chrome", "-o", "t.json.gz"]).answer();
    run(folder.path(), &["import", "t.json.gz", "-o", "again.perfdb"]);
    let (before, after) = (report("run.perfdb"), report("again.perfdb"));
    for (key, value) in before["ranks"][0].as_object().unwrap() {
        if key == "recording_path" {
            continue;
        }
        assert_eq!(&after["ranks"][0][key], value, "{key}");
    }
}

#[test]
fn a_name_that_ends_in_gz_is_compressed() {
    let folder = cpu_folder();
    for format in ["chrome", "speedscope"] {
        let plain =
            run(folder.path(), &["export", "run.perfdb", "--format", format, "-o", "-"]).answer();
        let words = ["export", "run.perfdb", "--format", format, "-f", "-o", "out.json.gz"];
        assert_eq!(run(folder.path(), &words).answer(), "");
        let mut text = String::new();
        let file = fs::File::open(folder.path().join("out.json.gz")).unwrap();
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain);
    }
}

#[test]
fn csv_has_a_file_a_table_and_texts_in_place_of_their_numbers() {
    let folder = cpu_folder();
    run(folder.path(), &["export", "run.perfdb", "--format", "csv", "-o", "csv"]).answer();
    let names = others(&folder.path().join("csv"));
    for table in ["operators", "ranges", "collectives", "counters", "memory", "processes"] {
        assert!(names.contains(&format!("{table}.csv")), "{names:?}");
    }
    let ranges = fs::read_to_string(folder.path().join("csv/ranges.csv")).unwrap();
    insta::assert_snapshot!(ranges);
    let words = ["export", "run.perfdb", "--format", "csv", "-f", "--rank", "1", "-o", "csv"];
    run(folder.path(), &words).answer();
    let of_one = fs::read_to_string(folder.path().join("csv/ranges.csv")).unwrap();
    let mut wanted: Vec<_> = ranges.lines().collect();
    wanted.retain(|line| line.starts_with("recording") || line.split(',').nth(3) == Some("1"));
    assert_eq!(of_one.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn an_earlier_export_gives_way_only_when_told_to() {
    for format in FORMATS {
        let folder = cpu_folder();
        let words = ["export", "run.perfdb", "--format", format, "-o", "out"];
        let before = others(folder.path());
        run(folder.path(), &words).answer();
        assert!(run(folder.path(), &words).refusal("out").contains("-f"), "{format}");
        run(folder.path(), &[&words[..], &["-f"]].concat()).answer();
        let mut after = others(folder.path());
        after.retain(|name| name != "out");
        assert_eq!(after, before, "{format}");
    }
}

#[test]
fn a_folder_with_anything_else_in_it_stays() {
    let folder = cpu_folder();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/thesis.tex"), "years").unwrap();
    for format in FORMATS {
        let words = ["export", "run.perfdb", "--format", format, "-f", "-o", "mine"];
        run(folder.path(), &words).refusal("mine");
    }
    assert_eq!(fs::read_to_string(folder.path().join("mine/thesis.tex")).unwrap(), "years");
    assert_eq!(others(&folder.path().join("mine")), ["thesis.tex"]);
}

#[test]
fn what_cannot_be_exported_is_one_line_and_leaves_nothing() {
    let folder = cpu_folder();
    fs::write(folder.path().join("text.perfdb"), "no recording").unwrap();
    let before = others(folder.path());
    for format in FORMATS {
        for (inputs, options, place) in [
            (&["missing.perfdb"][..], &["-o", "out"][..], "missing.perfdb: no such file"),
            (&["run.perfdb", "text.perfdb"], &["-o", "out"], "text.perfdb: is not a recording"),
            (&["run.perfdb", "./run.perfdb"], &["-o", "out"], "is named twice"),
            (&["run.perfdb"], &["-o", "no/such/out"], "mkdir -p no/such"),
            (&["run.perfdb"], &["-f", "-o", "run.perfdb"], "is a recording to export"),
            (&["run.perfdb"], &["-o", "out", "--rank", "7"], "no rank 7; its ranks are 0, 1"),
        ] {
            let mut words = vec!["export"];
            words.extend(inputs);
            words.extend(["--format", format]);
            words.extend(options);
            run(folder.path(), &words).refusal(place);
        }
    }
    assert_eq!(others(folder.path()), before);
}

#[test]
fn a_reader_of_standard_output_may_leave_and_a_full_disk_is_told() {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    for (out, code) in [(None, 0), (Some("/dev/full"), 2)] {
        let sink = if let Some(path) = out {
            Stdio::from(fs::OpenOptions::new().write(true).open(path).unwrap())
        } else {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            Stdio::from(writer)
        };
        let child = Command::new(assert_cmd::cargo::cargo_bin!("perfagent"))
            .args(["export", "run.perfdb", "--format", "chrome", "-o", "-"])
            .current_dir(folder.path())
            .stdout(sink)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{said}");
        assert_eq!(said.contains("standard output: cannot be written"), code == 2, "{said}");
    }
}

/// What `DuckDB` finds in the files of a folder: of each table the rows, the sum of each column of integers or reals, the
/// number of values and the number of different values of each column of texts; and the row groups of the kernels.
const DUCKDB: &str = include_str!("duckdb.py");

/// Another library reads the Parquet files and finds what SQL finds in the recording.
#[test]
fn parquet_files_are_read_by_duckdb() {
    let Some(packages) = std::env::var_os("PERFAGENT_TEST_PYTHON") else {
        println!("skipped: `cargo xtask test` brings DuckDB");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200/collectives/cupti.perfdb.gz");
    let mut packed = GzDecoder::new(fs::File::open(data).unwrap());
    let mut file = fs::File::create(folder.path().join("run.perfdb")).unwrap();
    std::io::copy(&mut packed, &mut file).unwrap();
    run(folder.path(), &["export", "run.perfdb", "--format", "parquet", "-o", "pq"]).answer();
    let mut python = assert_cmd::Command::new("python3");
    python.args(["-c", DUCKDB, "pq"]).current_dir(folder.path()).env("PYTHONPATH", packages);
    let found = json(&outcome(&mut python).answer());
    let sql = |query: &str| {
        let words = ["sql", "run.perfdb", query, "--format", "json"];
        json(&run(folder.path(), &words).answer())["rows"].clone()
    };
    let mut compared = 0;
    for (table, read) in found["tables"].as_object().unwrap() {
        if sql(&format!("SELECT count(*) AS n FROM pragma_table_info('{table}')"))[0]["n"] == 0 {
            // The recording is older than the table.
            assert_eq!(read["rows"], 0, "{table}");
            continue;
        }
        let counted = sql(&format!("SELECT count(*) AS n FROM {table}"));
        assert_eq!(read["rows"], counted[0]["n"], "{table}");
        for (column, read) in read["columns"].as_object().unwrap() {
            // Integers of the recording itself; what was looked up for a row is compared below.
            let own = sql(&format!(
                "SELECT count(*) AS n FROM pragma_table_info('{table}') WHERE name = '{column}' AND type LIKE 'INTEGER%'"
            ));
            if own[0]["n"] != 1 {
                continue;
            }
            assert_eq!(read[0], "BIGINT", "{table}.{column}");
            // In halves: sums of times are beyond 64 bits.
            let halves = sql(&format!(
                "SELECT count({column}) AS n, sum({column} >> 32) AS high, sum({column} & 4294967295) AS low FROM {table}"
            ));
            assert_eq!(read[1], halves[0]["n"].to_string(), "{table}.{column}");
            if halves[0]["n"] != 0 {
                let half = |half: &str| i128::from(halves[0][half].as_i64().unwrap());
                assert_eq!(
                    read[2],
                    ((half("high") << 32) + half("low")).to_string(),
                    "{table}.{column}"
                );
            }
            compared += 1;
        }
    }
    assert!(compared > 80, "{compared}");
    let kernels = &found["tables"]["kernels"];
    assert_eq!(kernels["groups"], 2, "one for each rank");
    let names = sql("SELECT count(DISTINCT name_id) AS n FROM kernels");
    assert_eq!(kernels["columns"]["name"][2], names[0]["n"].to_string());
    let ranks =
        sql("SELECT sum(rank) AS n FROM kernels JOIN processes ON processes.id = process_id");
    assert_eq!(kernels["columns"]["rank"][2], ranks[0]["n"].to_string());
    let first = sql(
        "SELECT strftime('%Y-%m-%d %H:%M:%S', start_ns / 1000000000, 'unixepoch') AS t FROM kernels LIMIT 1",
    );
    assert!(
        found["first"].as_str().unwrap().starts_with(first[0]["t"].as_str().unwrap()),
        "{found}"
    );
    assert_eq!(kernels["columns"]["start_time"][0], "TIMESTAMP WITH TIME ZONE");
}
