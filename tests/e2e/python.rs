//! A Python program with the `nvtx` package, and its child process.

use std::path::Path;

use perfagent_recording::table::{Payload, Process, Range};
use perfagent_recording::{Reader, Recording};
use perfagent_tests::{Bed, finish};

fn named(recording: &Recording, name: &str) -> Vec<Range> {
    recording.ranges.iter().filter(|range| recording.strings.get(range.name_id) == name).collect()
}

fn process(recording: &Recording, range: &Range) -> Process {
    recording.process(range.process_id).unwrap().clone()
}

#[test]
fn a_python_program_with_the_nvtx_package_is_recorded() {
    let bed = Bed::new();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/python/ranges.py");
    let mut record = bed.program("perfagent");
    record.args(["record", "-o", "run.perfdb", "--", "python3"]).arg(program);
    let done = finish(record.env("PYTHONPATH", Bed::python_packages()));
    assert_eq!(done.status.code(), Some(3), "the program's own: {}", done.stderr);
    assert_eq!(done.stdout, "4995000\n");
    assert!(done.stderr.contains("nothing lost"), "{}", done.stderr);

    let reader = Reader::open(&bed.path("run.perfdb")).unwrap();
    let recording = Recording::load(&reader, &mut |_| {}).unwrap();
    let text = |id| recording.strings.get(id);
    let steps = named(&recording, "step");
    let numbers: Vec<_> = steps.iter().map(|step| step.payload).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4].map(Payload::Integer));
    let loads = named(&recording, "load");
    for (load, step) in loads.iter().zip(&steps) {
        assert_eq!((text(load.domain_id), text(load.category_id)), ("data", "io"));
        assert_eq!((load.depth, load.color.is_some()), (Some(0), true), "depth within its domain");
        assert!(step.start_ns <= load.start_ns && load.end_ns <= step.end_ns);
    }
    // Without a name the decorator takes the function's.
    assert_eq!((loads.len(), named(&recording, "compute").len()), (5, 5));
    let [across] = <[Range; 1]>::try_from(named(&recording, "across threads")).unwrap();
    assert!(!across.open && across.depth.is_none());
    let [unfinished] = <[Range; 1]>::try_from(named(&recording, "never popped")).unwrap();
    assert!(unfinished.open);
    let marks: Vec<_> = recording.marks.iter().map(|mark| text(mark.name_id)).collect();
    assert_eq!(marks, ["start", "child is here"]);

    let [of_child] = <[Range; 1]>::try_from(named(&recording, "work of the child")).unwrap();
    let (parent, child) = (process(&recording, &across), process(&recording, &of_child));
    assert_eq!(child.parent_pid, Some(parent.pid));
    assert_eq!((parent.exit_code, child.host_id), (Some(3), parent.host_id));
    assert!(recording.losses.is_empty(), "{:?}", recording.losses);

    let report = bed.perfagent(["report", "run.perfdb", "--json"]).success().json();
    assert_eq!(report["ranks"].as_array().unwrap().len(), 2);
    assert_eq!(report["ranks"][0]["step"]["count"], 5);
}
