//! The page for a browser: what is in it, and where it goes.

use std::fs;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;

use crate::command::run;
use crate::fixture::{cpu_folder, cpu_run, gpu_run, job_run};

fn html(folder: &Path) -> String {
    run(folder, &["report", "run.perfdb", "--html", "-"]).answer()
}

fn gpu_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    gpu_run(&folder.path().join("run.perfdb"));
    folder
}

fn parse(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap()
}

fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect()
}

fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants().filter(move |node| node.has_tag_name(name))
}

/// The cells of a table's rows, without its head.
fn rows(table: Node<'_, '_>) -> Vec<Vec<String>> {
    let body = children(table, "tbody").next().unwrap();
    children(body, "tr")
        .map(|row| row.children().filter(Node::is_element).map(text).collect())
        .collect()
}

/// The exact figures of the picture whose title begins so.
fn figures(document: &Document<'_>, title: &str) -> Vec<Vec<String>> {
    let figure = children(document.root(), "figure")
        .find(|figure| children(*figure, "b").any(|name| text(name).starts_with(title)))
        .unwrap_or_else(|| panic!("no picture of {title}"));
    rows(children(figure, "details").next().unwrap())
}

fn json(folder: &Path) -> Value {
    serde_json::from_str(&run(folder, &["report", "run.perfdb", "--json"]).answer()).unwrap()
}

#[test]
fn two_ranks_on_a_cpu() {
    insta::assert_snapshot!(html(cpu_folder().path()));
}

#[test]
fn a_gpu_run() {
    insta::assert_snapshot!(html(gpu_folder().path()));
}

#[test]
fn an_empty_recording_is_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    perfagent_recording::Writer::create(&path).unwrap().finish().unwrap();
    let page = html(folder.path());
    assert!(text(parse(&page).root_element()).contains("Nothing lost"));
}

#[test]
fn pictures_carry_the_figures_of_the_report() {
    let folder = gpu_folder();
    let (page, report) = (html(folder.path()), json(folder.path()));
    let document = parse(&page);
    let rank = &report["ranks"][0];
    let kernels = figures(&document, "Kernels by time");
    let expected: Vec<i64> = rank["kernels"].as_array().unwrap().iter().map(total).collect();
    let sums: Vec<i64> = kernels.iter().map(|row| sum(&row[1..])).collect();
    assert_eq!(sums, expected);
    let time = figures(&document, "Where the time goes");
    assert_eq!(time.len(), 1);
    assert_eq!(sum(&time[0][1..]), rank["training"]["window_ns"].as_i64().unwrap());
    let waits = figures(&document, "Why streams waited");
    let cause = &rank["idle_causes"][0];
    let expected = ["host_wait_ns", "kernel_wait_ns", "other_ns"].map(|key| cause[key].to_string());
    assert_eq!(waits[0][1..], expected);
}

#[test]
fn steps_are_drawn_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    job_run(&folder.path().join("run.perfdb"), &crate::fixture::Job::default());
    let (page, report) = (html(folder.path()), json(folder.path()));
    let expected: Vec<Vec<String>> = report["ranks"][0]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            vec!["rank 0".into(), step["index"].to_string(), step["duration_ns"].to_string()]
        })
        .collect();
    assert_eq!(expected.len(), 12);
    assert_eq!(figures(&parse(&page), "Time of the steps"), expected);
}

#[test]
fn the_tables_are_those_of_the_text() {
    for folder in [cpu_folder(), gpu_folder()] {
        let page = html(folder.path());
        let document = parse(&page);
        // Names are cut the same way, and blanks are all that lies between the cells.
        let lines: Vec<Vec<String>> = run(folder.path(), &["report", "run.perfdb"])
            .answer()
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        let tables = children(document.root(), "table")
            .filter(|table| !table.ancestors().any(|node| node.has_tag_name("details")));
        let mut seen = 0;
        for row in tables.flat_map(rows) {
            let words: Vec<_> =
                row.iter().flat_map(|cell| cell.split_whitespace()).map(str::to_owned).collect();
            let without_bar = |line: &Vec<String>| {
                line.iter().filter(|word| !word.starts_with('#')).cloned().collect::<Vec<_>>()
            };
            assert!(lines.iter().any(|line| without_bar(line) == words), "{words:?}");
            seen += 1;
        }
        assert!(seen > 12, "{seen}");
    }
}

#[test]
fn a_page_needs_nothing_else() {
    for folder in [cpu_folder(), gpu_folder()] {
        let page = html(folder.path());
        let document = parse(&page);
        for node in document.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            assert!(!["script", "link", "img", "iframe", "image", "use"].contains(&name), "{name}");
            for attribute in node.attributes() {
                let is_reference = ["href", "src", "action"].contains(&attribute.name());
                assert!(!is_reference || attribute.value().starts_with('#'), "{attribute:?}");
                assert!(!attribute.name().starts_with("on"), "{attribute:?}");
            }
        }
        assert!(!page.contains("@import") && !page.contains("url(h"));
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        for svg in children(document.root(), "svg").filter(|svg| svg.has_attribute("role")) {
            for id in svg.attribute("aria-labelledby").unwrap().split(' ') {
                assert_eq!(ids.iter().filter(|known| **known == id).count(), 1, "{id}");
            }
        }
    }
}

#[test]
fn the_file_holds_the_page_and_nothing_is_said() {
    let folder = cpu_folder();
    let said = run(folder.path(), &["report", "run.perfdb", "--html", "page.html"]).answer();
    assert_eq!(said, "");
    assert_eq!(fs::read_to_string(folder.path().join("page.html")).unwrap(), html(folder.path()));
    // An older page gives way.
    fs::write(folder.path().join("page.html"), "old").unwrap();
    run(folder.path(), &["report", "run.perfdb", "--rank", "1", "--html", "page.html"]).answer();
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("rank 1") && !page.contains("rank 0"));
}

#[test]
fn a_page_that_cannot_be_written_leaves_nothing() {
    let folder = cpu_folder();
    fs::create_dir(folder.path().join("pages")).unwrap();
    let report = |arguments: &[&str]| {
        let arguments: Vec<_> = ["report", "run.perfdb"].iter().chain(arguments).collect();
        run(folder.path(), &arguments)
    };
    let message = report(&["--html", "pages"]).refusal("pages: is a directory");
    assert!(message.contains("with --html"), "{message}");
    report(&["--html", "missing/page.html"]).refusal("missing/page.html");
    report(&["--html", "-", "--json"]).refusal("--json");
    report(&["--html", "-", "--markdown"]).refusal("--markdown");
    report(&["--html", "-", "--summary", "s.json"]).refusal("--summary");
    report(&["--html", "page.html", "--rank", "7"]).refusal("has no rank 7");
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["pages", "run.perfdb"]);
}

#[test]
fn a_recording_is_never_replaced_by_a_page() {
    let folder = cpu_folder();
    let other = folder.path().join("a.perfdb");
    cpu_run(&other);
    let before = fs::read(&other).unwrap();
    // What a shell makes of `--html *.perfdb`.
    run(folder.path(), &["report", "--html", "a.perfdb", "run.perfdb"]).refusal("a.perfdb");
    run(folder.path(), &["report", "run.perfdb", "--summary", "a.perfdb"]).refusal("a.perfdb");
    assert_eq!(fs::read(&other).unwrap(), before);
}

fn total(row: &Value) -> i64 {
    row["total_ns"].as_i64().unwrap()
}

fn sum(cells: &[String]) -> i64 {
    cells.iter().map(|cell| cell.parse::<i64>().unwrap()).sum()
}
