//! A loader that is slower than training can be seen in the recording.

use std::fs;

use perfagent_recording::table::Range;
use perfagent_recording::{Reader, Recording};
use perfagent_tests::{Bed, finish};
use serde_json::Value;

/// Of batches larger than what is read ahead.
const STEPS: usize = 4;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

#[test]
fn a_data_stall_is_a_range_inside_data_and_the_result_counts_it() {
    let bed = Bed::new();
    let shard = bed.path("shard");
    fs::create_dir(&shard).unwrap();
    for n in 0..400 {
        let text = format!("Item {n} costs {} and weighs {} grams. ", n * 7 % 97, n * 3).repeat(60);
        fs::write(shard.join(format!("{n:04}.txt")), text).unwrap();
    }
    let mut tar = std::process::Command::new("tar");
    tar.args(["--sort=name", "-cf"]).arg(bed.path("shard.tar")).arg("-C").arg(&shard).arg(".");
    assert!(finish(&mut tar).status.success());

    let mut arguments: Vec<String> =
        ["record", "-o", "run.perfdb", "--"].iter().map(|word| (*word).to_owned()).collect();
    let program = bed.training("").remove(0);
    arguments.push(program);
    let options = format!(
        "gpt --quiet --threads 1 --device cpu --layers 1 --hidden 16 --heads 2 --seq 128 --vocab 512 \
         --micro-batch 64 --shuffle-buffer 1 --steps {STEPS} --json result.json --data shard.tar"
    );
    arguments.extend(options.split_whitespace().map(str::to_owned));
    let _ = bed.perfagent(&arguments).success();

    let result: Value =
        serde_json::from_str(&fs::read_to_string(bed.path("result.json")).unwrap()).unwrap();
    let data = &result["ranks"][0]["data"];
    assert_eq!(data["format"], "webdataset");
    let stalls = number(&data["stalls"]);
    assert!(stalls > 0, "{data}");

    let reader = Reader::open(&bed.path("run.perfdb")).unwrap();
    let recording = Recording::load(&reader, &mut |_| {}).unwrap();
    let ranges = |name: &str| -> Vec<Range> {
        let named = |range: &Range| recording.strings.get(range.name_id) == name;
        recording.ranges.iter().filter(named).collect()
    };
    let (waits, draws) = (ranges("data_wait"), ranges("data"));
    assert_eq!((waits.len() as u64, draws.len()), (stalls, STEPS));
    for wait in &waits {
        let inside = |draw: &Range| draw.start_ns <= wait.start_ns && wait.end_ns <= draw.end_ns;
        assert!(draws.iter().any(inside), "inside of data");
    }
    // A wait is a range from 1 ms on, later where the machine is busy: no bound from below holds for its length.
    let seconds = |ranges: &[Range]| -> f64 {
        ranges.iter().map(|range| (range.end_ns - range.start_ns).seconds()).sum()
    };
    let (waited, loading) = (seconds(&waits), seconds(&draws));
    let measured = number(&data["wait_ns"]) as f64 / 1e9;
    assert!(
        waited > 0.0 && measured > 0.0 && measured <= loading,
        "{waited}, {measured} of {loading} s"
    );

    let report = bed.perfagent(["report", "run.perfdb"]).success().stdout;
    assert!(report.lines().any(|line| line.trim_start().starts_with("data_wait ")), "{report}");
}
