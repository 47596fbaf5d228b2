//! What is told of processes that load libraries, early and late.

use std::fs;
use std::time::{Duration, Instant};

use perfagent_recording::ProcessId;

use super::{Libraries, mapped};
use crate::drain::Known;
use crate::proc::Stat;

const MAPS: &str = "55d0-55d1 r--p 00000000 fe:00 12  /usr/bin/python3.11\n\
    55d1-55d2 r-xp 00001000 fe:00 12  /usr/bin/python3.11\n\
    7ffd-7ffe rw-p 00000000 00:00 0  [stack]\n\
    7f00-7f01 r-xp 00000000 fe:00 13  /a folder/libnccl.so.2.30.7 (deleted)\n\
    7f02-7f03 r-xp 00000000 fe:00 14  /usr/lib/libm.so.6\n";

#[test]
fn files_are_listed_once_with_spaces_and_deleted_ones() {
    let files = ["/usr/bin/python3.11", "/a folder/libnccl.so.2.30.7", "/usr/lib/libm.so.6"];
    assert_eq!(mapped(MAPS), files);
}

#[test]
fn what_is_loaded_late_is_told_once_and_another_process_of_that_number_never() {
    let proc = tempfile::tempdir().unwrap();
    let folder = proc.path().join("7");
    fs::create_dir_all(&folder).unwrap();
    let stat = format!("7 (train) S 1{}", " 0".repeat(48));
    fs::write(folder.join("stat"), &stat).unwrap();
    fs::write(folder.join("maps"), MAPS.lines().next().unwrap()).unwrap();
    let known = [Known { pid: 7, start_ticks: 0, row: ProcessId(1) }];
    let mut libraries = Libraries { proc: proc.path().to_owned(), ..Libraries::default() };
    let begun = Instant::now();
    let told = |found: Vec<perfagent_recording::table::Library>| -> Vec<String> {
        let text = |version: Option<String>| version.unwrap_or_else(|| "?".to_owned());
        found.into_iter().map(|row| format!("{} {}", row.name, text(row.version))).collect()
    };
    assert_eq!(told(libraries.look(&known, begun, false)), ["python 3.11"]);
    fs::write(folder.join("maps"), MAPS).unwrap();
    let soon = begun + Duration::from_millis(1);
    assert!(libraries.look(&known, soon, false).is_empty(), "not due yet");
    assert_eq!(told(libraries.look(&known, soon, true)), ["nccl 2.30.7"]);
    assert!(libraries.look(&known, soon, true).is_empty(), "each is told once");

    let next = [Known { pid: 7, start_ticks: 99, row: ProcessId(2) }];
    assert!(libraries.look(&next, begun, true).is_empty(), "its number was given away");
}

#[test]
fn looks_become_rare() {
    let proc = tempfile::tempdir().unwrap();
    let known = [Known { pid: 7, start_ticks: 0, row: ProcessId(1) }];
    let mut libraries = Libraries { proc: proc.path().to_owned(), ..Libraries::default() };
    let begun = Instant::now();
    let mut looks = 0;
    for tenths in 0..6000 {
        let now = begun + Duration::from_millis(100 * tenths);
        let before = libraries.processes.get(&ProcessId(1)).map(|looked| looked.next);
        libraries.look(&known, now, false);
        looks +=
            u32::from(libraries.processes.get(&ProcessId(1)).map(|looked| looked.next) != before);
    }
    assert!((20..40).contains(&looks), "{looks} in ten minutes");
}

#[test]
fn this_process_is_listed_by_the_kernel() {
    let pid = std::process::id();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let own = std::env::current_exe().unwrap();
    assert!(mapped(&maps).contains(&own.to_str().unwrap()), "{maps}");
    assert!(Stat::of(pid).is_some());
}
