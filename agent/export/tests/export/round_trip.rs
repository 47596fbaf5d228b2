//! What is exported as a Chrome trace and imported again is the same.

use perfagent_export::Format;

use crate::bed::{Bed, recorded, traces};
use crate::chrome;
use crate::rows::assert_same;

/// Exports the recording `before.perfdb`, checks the file, imports it, and compares.
pub(crate) fn check(bed: &Bed, what: &str) -> usize {
    bed.export(&["before.perfdb"], Format::Chrome, "trace.json");
    chrome::check(&bed.path("trace.json"), what);
    let imported = bed.import(&[bed.path("trace.json")], "after.perfdb");
    assert_eq!(imported.warnings, [] as [&str; 0], "{what}");
    let (before, after) = (bed.load("before.perfdb"), bed.load("after.perfdb"));
    assert_eq!(before.processes.len(), after.processes.len(), "{what}");
    for (before, after) in before.processes.iter().zip(&after.processes) {
        let of = |process: &perfagent_recording::table::Process| {
            perfagent_recording::table::Process { host_id: 0.into(), ..process.clone() }
        };
        assert_eq!(of(before), of(after), "{what}");
    }
    assert_same(what, &before, &after)
}

#[test]
fn traces_of_pytorch() {
    let bed = Bed::new();
    let mut events = 0;
    for run in traces() {
        bed.import(&run, "before.perfdb");
        events += check(&bed, &run[0].display().to_string());
    }
    println!("{events} rows compared");
    assert!(events > 1000);
}

#[test]
fn recordings_of_a_real_gpu() {
    let bed = Bed::new();
    let mut events = 0;
    for packed in recorded() {
        bed.unpack(&packed, "before.perfdb");
        events += check(&bed, &packed.display().to_string());
    }
    println!("{events} rows compared");
    assert!(events > 50_000);
}
