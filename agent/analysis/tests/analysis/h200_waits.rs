//! Waits of a program on a real GPU (data/h200): `tests/gpu/targets/waits.py` under `record --api`.

use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use perfagent_recording::{Reader, Recording};

/// Streams of waits and of the kernel that each of them waited for, and the calls that waited and that recorded the event.
#[test]
fn waits_know_the_stream_and_the_record_that_they_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.perfdb");
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/h200/waits/api.perfdb.gz");
    let mut bytes = GzDecoder::new(File::open(data).unwrap());
    std::io::copy(&mut bytes, &mut File::create(&path).unwrap()).unwrap();
    let recording = Recording::load(&Reader::open(&path).unwrap(), &mut |_| {}).unwrap();
    let call = |correlation: Option<i64>| {
        let call = recording.api_calls.iter().find(|call| call.correlation == correlation);
        call.map_or("-", |call| recording.strings.get(call.name_id))
    };
    let mut lines = Vec::new();
    for name in ["device", "stream", "event", "stream_event", "null_stream", "query"] {
        let is_it = |id| recording.strings.get(id) == name;
        let range = recording.ranges.iter().find(|range| is_it(range.name_id)).unwrap();
        let within = |start| (range.start_ns..=range.end_ns).contains(&start);
        let kernel = recording.kernels.iter().find(|kernel| kernel.start_ns >= range.start_ns);
        let kernel = kernel.unwrap();
        let waits = recording.synchronizations.iter().filter(|wait| within(wait.start_ns));
        for wait in waits {
            if wait.kind.as_str() != "stream-event" {
                assert!((wait.start_ns..=wait.end_ns).contains(&kernel.end_ns), "{wait:?}");
            }
            let on =
                |stream: Option<i64>| stream.map_or("-".to_owned(), |stream| stream.to_string());
            lines.push(format!(
                "{name}: {} stream {} in {}, recorded on {} by {}\n",
                wait.kind.as_str(),
                on(wait.stream),
                call(wait.correlation),
                on(wait.recorded_on),
                call(wait.recorded_by),
            ));
        }
    }
    insta::assert_snapshot!(lines.concat(), @"
    device: context stream - in cudaDeviceSynchronize, recorded on - by -
    stream: stream stream 13 in cudaStreamSynchronize, recorded on - by -
    event: event stream - in cudaEventSynchronize, recorded on 13 by cudaEventRecordWithFlags
    stream_event: stream-event stream 17 in cudaStreamWaitEvent, recorded on 13 by cudaEventRecordWithFlags
    null_stream: stream stream 7 in cudaStreamSynchronize, recorded on - by -
    ");
}
