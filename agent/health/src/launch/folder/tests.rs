//! Documents of several nodes and several runs in one folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Folder, NotWritten, Written, file_name};
use crate::root::Root;

/// A machine that booted at 12:00:00 on 2026-11-27.
fn machine(folder: &Path) -> Root {
    fs::create_dir_all(folder.join("proc")).unwrap();
    fs::write(folder.join("proc/stat"), "cpu 1 2\nbtime 1795780800\n").unwrap();
    Root::new(folder)
}

fn document(boot: &str, time: &str) -> Value {
    json!({"schema": "perfagent.health/1", "host": "n1", "time": time, "boot_id": boot})
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_node_replaces_its_own_document_and_leaves_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let root = machine(place.path());
    let folder = Folder::new(place.path().join("out"));
    let first = document("aaaa-1", "2026-11-27T12:10:00Z");
    let path = place.path().join("out/n1.json");
    let written = folder.write_now("n1", &first, &root).unwrap();
    assert_eq!(written, Written { path: path.clone(), namesake: None });
    let second = document("aaaa-1", "2026-11-27T12:20:00Z");
    assert_eq!(folder.write_now("n1", &second, &root).unwrap().namesake, None);
    // What is there from before a reboot is its own, too.
    let before = document("9999-1", "2026-11-27T11:00:00Z");
    fs::write(&path, before.to_string()).unwrap();
    assert_eq!(folder.write_now("n1", &second, &root).unwrap().path, path);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).unwrap(), second);
    assert_eq!(names(&place.path().join("out")), ["n1.json"]);
}

#[test]
fn two_nodes_with_one_name_keep_a_document_each() {
    let place = tempfile::tempdir().unwrap();
    let root = machine(place.path());
    let folder = Folder::new(place.path().join("out"));
    let time = "2026-11-27T12:10:00Z";
    let _ = folder.write_now("n1", &document("aaaa-1", time), &root).unwrap();
    for _ in 0..2 {
        let second = folder.write_now("n1", &document("bbbb-1", time), &root).unwrap();
        assert_eq!(second.namesake, Some(place.path().join("out/n1.json")));
    }
    assert_eq!(names(&place.path().join("out")), ["n1.bbbb.json", "n1.json"]);
}

#[test]
fn another_file_of_that_name_is_not_replaced() {
    let place = tempfile::tempdir().unwrap();
    let root = machine(place.path());
    for foreign in ["", "{\"schema\": \"perfagent.report/1\", \"time\": \"\"}", "notes"] {
        fs::write(place.path().join("n1.json"), foreign).unwrap();
        let refused = Folder::new(place.path()).write_now("n1", &document("a", ""), &root);
        assert!(matches!(refused, Err(NotWritten::Foreign(_))), "{refused:?}");
        assert_eq!(fs::read_to_string(place.path().join("n1.json")).unwrap(), foreign);
    }
    assert_eq!(names(place.path()), ["n1.json", "proc"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path().join("no/such"));
    let refused = folder.write("n1", &document("a", ""), Duration::from_mins(1)).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("no/such: cannot be made") && said.contains("--out"), "{said}");
    fs::write(place.path().join("file"), "").unwrap();
    let folder = Folder::new(place.path().join("file"));
    let refused = folder.write("n1", &document("a", ""), Duration::from_mins(1)).unwrap_err();
    assert!(refused.to_string().contains("file/n1.json: cannot be written"), "{refused}");
}

#[test]
fn any_host_name_is_one_of_a_file() {
    let named = ["gpu-01.cluster", "../../etc/passwd", "", ".hidden", "a b/ü"].map(file_name);
    assert_eq!(named, ["gpu-01.cluster", "_.._etc_passwd", "unnamed", "hidden", "a_b__"]);
}
