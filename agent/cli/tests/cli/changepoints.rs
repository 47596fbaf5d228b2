//! The changes of a series in their forms, and files that hold no series.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::run;

/// 60 step times around 100 ms, the last 20 of them 8 % longer, with one bad run at 10.
fn step_times() -> Vec<f64> {
    let noise = [0.0, 0.9, -0.4, 0.3, -0.8, 0.5, 0.1, -0.6, 1.1, -0.9, 0.2];
    let level = |index| if index < 40 { 100.0 } else { 108.0 };
    let mut values: Vec<f64> =
        (0..60).map(|index| level(index) + noise[index * 7 % noise.len()]).collect();
    values[10] = 250.0;
    values
}

fn write_json(folder: &Path) {
    fs::write(folder.join("series.json"), serde_json::to_string(&step_times()).unwrap()).unwrap();
}

fn write_csv(folder: &Path) {
    let mut table = String::from("commit,value\n");
    for (index, value) in step_times().iter().enumerate() {
        let _ = writeln!(table, "c{index:03},{value}");
    }
    fs::write(folder.join("series.csv"), table).unwrap();
}

#[test]
fn a_step_as_text() {
    let folder = tempfile::tempdir().unwrap();
    write_csv(folder.path());
    insta::assert_snapshot!(run(folder.path(), &["changepoints", "series.csv"]).answer());
}

/// A page by itself: what it shows is looked at by people, and all of it kept.
#[test]
fn a_step_as_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    write_csv(folder.path());
    let words = ["changepoints", "series.csv", "--html", "series.html", "--markdown"];
    let answer = run(folder.path(), &words).answer();
    assert!(answer.starts_with("# perfagent changepoints of series.csv"), "{answer}");
    let page = fs::read_to_string(folder.path().join("series.html")).unwrap();
    let from = page.find("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox").unwrap();
    let picture = &page[from..from + page[from..].find("</svg>").unwrap()];
    insta::assert_snapshot!(picture.replace("><", ">\n<"));
    assert!(!page.contains(" src=") && !page.contains(" href="), "nothing is fetched");
}

#[test]
fn a_step_as_json() {
    let folder = tempfile::tempdir().unwrap();
    write_json(folder.path());
    let answer = run(folder.path(), &["changepoints", "series.json", "--json"]).answer();
    insta::assert_snapshot!(answer);
    // The same numbers in another file have the same answer.
    write_csv(folder.path());
    assert_eq!(run(folder.path(), &["changepoints", "series.csv", "--json"]).answer(), answer);
}

#[test]
fn the_direction_is_the_users_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut values = step_times();
    values[59] = 60.0;
    fs::write(folder.path().join("rate.json"), serde_json::to_string(&values).unwrap()).unwrap();
    for (options, verdict) in
        [(&["--json"][..], "improvement"), (&["--json", "--higher-is-better"], "regression")]
    {
        let words = [&["changepoints", "rate.json"], options].concat();
        let answer: Value = serde_json::from_str(&run(folder.path(), &words).answer()).unwrap();
        assert_eq!(answer["latest"]["verdict"], verdict);
    }
}

#[test]
fn what_is_no_series_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    fs::create_dir(folder.path().join("directory")).unwrap();
    put("empty.json", b"");
    put("blank.csv", b" \n\n");
    put("none.json", b"[]");
    put("cut.json", b"{\"values\": [1, 2");
    put("null.json", b"[1, null, 3]");
    put("text.json", b"step 1 took 3 s\n");
    put("binary.csv", b"value\n1\n\xff\xfe\n");
    put("nan.csv", b"value\n1\nNaN\n");
    put("headings.csv", b"time,value\n");
    for (file, what) in [
        ("missing.json", "cannot be read"),
        ("directory", "is a directory"),
        ("empty.json", "is empty"),
        ("blank.csv", "is empty"),
        ("none.json", "holds no values"),
        ("cut.json", "line 1 column"),
        ("null.json", "value 1"),
        ("text.json", "no column `value`"),
        ("binary.csv", "byte 8"),
        ("nan.csv", "line 3"),
        ("headings.csv", "holds no values"),
    ] {
        for options in [&[][..], &["--json"]] {
            let words = [&["changepoints", file], options].concat();
            let message = run(folder.path(), &words).refusal(file);
            assert!(message.contains(what), "{file}: {message}");
        }
    }
}
