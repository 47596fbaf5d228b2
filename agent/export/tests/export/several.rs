//! Several recordings in one file, and one rank of several.

use std::fs;
use std::path::Path;

use perfagent_export::{Destination, ExportOptions, Format, export};
use perfagent_recording::table::{Host, Kernel, Process, Range, Row, Thread};
use perfagent_recording::{ProcessId, Reader, Recording, ThreadId, Timestamp, Writer};
use serde_json::Value;

use crate::bed::{Bed, recorded};
use crate::chrome;
use crate::rows::rows;

/// One rank of a job, with a range; every rank has the same numbers of process and thread.
fn rank(path: &Path, rank: i64) {
    let mut writer = Writer::create(path).unwrap();
    let host_id = writer.insert(&Host { name: format!("node-{rank}"), ..Host::default() }).unwrap();
    let start_ns = Timestamp::from_unix_nanos(1_772_366_400_000_000_000 + rank);
    let process = Process {
        host_id,
        pid: 77,
        rank: Some(rank),
        world_size: Some(2),
        name: "train".to_owned(),
        start_ns,
        ..Process::default()
    };
    let process_id: ProcessId = writer.insert(&process).unwrap();
    let thread_id: ThreadId =
        writer.insert(&Thread { process_id, tid: 77, name: String::new() }).unwrap();
    let name_id = writer.string(&format!("step of {rank}")).unwrap();
    let range =
        Range { process_id, thread_id, start_ns, end_ns: start_ns, name_id, ..Range::default() };
    writer.append(&range).unwrap();
    writer.finish().unwrap();
}

fn export_rank(bed: &Bed, inputs: &[&str], format: Format, rank: i64, output: &str) {
    let options = ExportOptions {
        inputs: inputs.iter().map(|input| bed.path(input)).collect(),
        format,
        output: Destination::Path(bed.path(output)),
        force: true,
        rank: Some(rank),
    };
    export(&options, &mut std::io::sink()).unwrap();
}

#[test]
fn ranks_of_two_recordings_stay_apart() {
    let bed = Bed::new();
    rank(&bed.path("0.perfdb"), 0);
    rank(&bed.path("1.perfdb"), 1);
    bed.export(&["0.perfdb", "1.perfdb"], Format::Chrome, "both.json");
    chrome::check(&bed.path("both.json"), "both");
    bed.import(&[bed.path("both.json")], "both.perfdb");
    let both = bed.load("both.perfdb");
    let hosts: Vec<_> = both.hosts.iter().map(|host| host.name.clone()).collect();
    assert_eq!(hosts, ["node-0", "node-1"]);
    let (one, other) = (rows(&bed.load("0.perfdb")), rows(&bed.load("1.perfdb")));
    let together: Vec<_> = one["ranges"].iter().chain(&other["ranges"]).cloned().collect();
    assert_eq!(rows(&both)["ranges"], together);
}

#[test]
fn one_rank_is_as_a_file_of_pytorch() {
    let bed = Bed::new();
    rank(&bed.path("0.perfdb"), 0);
    rank(&bed.path("1.perfdb"), 1);
    export_rank(&bed, &["0.perfdb", "1.perfdb"], Format::Chrome, 1, "1.json");
    let document: Value =
        serde_json::from_str(&fs::read_to_string(bed.path("1.json")).unwrap()).unwrap();
    assert_eq!(document["distributedInfo"]["rank"], 1);
    assert_eq!(document["distributedInfo"]["world_size"], 2);
    bed.import(&[bed.path("1.json")], "1-again.perfdb");
    assert_eq!(rows(&bed.load("1-again.perfdb")), rows(&bed.load("1.perfdb")));
}

#[test]
fn of_real_ranks_each_is_whole() {
    let bed = Bed::new();
    let packed = recorded().into_iter().find(|path| path.ends_with("collectives/cupti.perfdb.gz"));
    bed.unpack(&packed.unwrap(), "run.perfdb");
    let whole = bed.load("run.perfdb");
    let of_rank = |recording: &Recording, rank: i64| {
        let process = |id| recording.process(id).and_then(|process| process.rank);
        recording.kernels.iter().filter(|kernel| process(kernel.process_id) == Some(rank)).count()
    };
    let ranks: Vec<i64> = whole.processes.iter().filter_map(|process| process.rank).collect();
    for rank in ranks {
        export_rank(&bed, &["run.perfdb"], Format::Chrome, rank, "rank.json");
        chrome::check(&bed.path("rank.json"), "rank");
        bed.import(&[bed.path("rank.json")], "rank.perfdb");
        assert_eq!(bed.load("rank.perfdb").kernels.len(), of_rank(&whole, rank));
    }
}

#[test]
fn a_csv_file_has_every_row_of_its_table() {
    let bed = Bed::new();
    for packed in recorded() {
        bed.unpack(&packed, "run.perfdb");
        bed.export(&["run.perfdb"], Format::Csv, "csv");
        let reader = Reader::open(&bed.path("run.perfdb")).unwrap();
        let whole = bed.load("run.perfdb");
        let mut tables = 0;
        for entry in fs::read_dir(bed.path("csv")).unwrap() {
            let path = entry.unwrap().path();
            let table = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut file = csv::Reader::from_path(&path).unwrap();
            let header = file.headers().unwrap().clone();
            let rows: Vec<_> = file.records().map(Result::unwrap).collect();
            assert_eq!(rows.len(), reader.count(&table).unwrap(), "{table}");
            tables += 1;
            if table == Kernel::TABLE {
                let name = header.iter().position(|name| name == "name").unwrap();
                for (row, kernel) in rows.iter().zip(&whole.kernels) {
                    assert!(whole.kernels.len() < 2 || !row[name].is_empty());
                    if whole.processes.len() == 1 {
                        assert_eq!(&row[name], whole.strings.get(kernel.name_id));
                    }
                }
            }
        }
        assert!(tables > 20);
    }
}
