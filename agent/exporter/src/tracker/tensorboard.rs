//! `TensorBoard`'s event files: protocol buffers (`tensorflow/core/util/event.proto`, `summary.proto`), as far as scalars and
//! texts need them.

use std::path::Path;

use prost::Message as _;

use super::{PushError, place, record_file};
use crate::moment::Moment;
use crate::recordings::RunFigures;

#[derive(Clone, PartialEq, prost::Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    scalar: Option<f32>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(bytes = "vec", repeated, tag = "8")]
    strings: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin: Option<Plugin>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Plugin {
    #[prost(string, tag = "1")]
    name: String,
}

/// `DT_STRING`.
const STRING: i32 = 7;

/// Writes `FOLDER/NAME/events.out.tfevents.…`: the length of each step as a curve, the figures of the run as one point each, and
/// what the program says of its job as a text.
pub(super) fn write(folder: &Path, run: &RunFigures) -> Result<String, PushError> {
    let own = place::make_folder(folder, place::name(run))?;
    let now = Moment::now().unix_s as i64;
    let host = perfagent_health::host_name();
    let name = format!("events.out.tfevents.{now}.{host}.{}.0", std::process::id());
    place::write(&own.join(name), &events(run))?;
    Ok(own.display().to_string())
}

fn events(run: &RunFigures) -> Vec<u8> {
    let mut file = Vec::new();
    let mut append = |event: &Event| record_file::append(&mut file, &event.encode_to_vec());
    let start = run.end_unix_s - run.duration_s;
    let version = Some("brain.Event:2".to_owned());
    append(&Event { wall_time: start, step: 0, file_version: version, summary: None });
    for &(step, end, seconds) in &run.each_step {
        append(&of(end, step, vec![scalar("step_time_s", seconds)]));
    }
    let last = run.each_step.last().map_or(0, |(step, ..)| *step);
    let numbers = run.numbers();
    let scalars = numbers.iter().map(|(name, value)| scalar(&format!("run/{name}"), *value));
    append(&of(run.end_unix_s, last, scalars.collect()));
    if !run.job.is_empty() {
        append(&of(run.end_unix_s, last, vec![text("run/job", &table(run))]));
    }
    file
}

fn of(wall_time: f64, step: i64, values: Vec<Value>) -> Event {
    Event { wall_time, step, file_version: None, summary: Some(Summary { values }) }
}

fn scalar(tag: &str, value: f64) -> Value {
    Value { tag: tag.to_owned(), scalar: Some(value as f32), tensor: None, metadata: None }
}

fn text(tag: &str, text: &str) -> Value {
    let strings = vec![text.as_bytes().to_vec()];
    let plugin = Some(Plugin { name: "text".to_owned() });
    Value {
        tag: tag.to_owned(),
        scalar: None,
        tensor: Some(Tensor { dtype: STRING, strings }),
        metadata: Some(Metadata { plugin }),
    }
}

/// What the text plug-in shows is Markdown.
fn table(run: &RunFigures) -> String {
    let mut table = "| | |\n|---|---|\n".to_owned();
    for (name, value) in &run.job {
        table.push_str(&["| ", name, " | ", &value.replace('|', "\\|"), " |\n"].concat());
    }
    table
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::{Event, events, write};
    use crate::tracker::record_file;
    use crate::tracker::wandb::tests::run;

    #[test]
    fn the_file_is_read_back_as_written() {
        let file = events(&run());
        let mut rest = &file[..];
        let mut read = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let data = &rest[12..12 + length];
            read.push(Event::decode(data).unwrap());
            let mut again = Vec::new();
            record_file::append(&mut again, data);
            assert_eq!(again, rest[..16 + length]);
            rest = &rest[16 + length..];
        }
        assert_eq!(read[0].file_version.as_deref(), Some("brain.Event:2"));
        let steps: Vec<_> = read[1..3].iter().map(|event| event.step).collect();
        assert_eq!(steps, [0, 1]);
        let last: Vec<_> = read[3]
            .summary
            .as_ref()
            .unwrap()
            .values
            .iter()
            .map(|value| value.tag.as_str())
            .collect();
        assert!(
            last.contains(&"run/tokens_per_s") && last.contains(&"run/busbw_all_reduce_8_gbps"),
            "{last:?}"
        );
        assert_eq!(read.len(), 5);
    }

    #[test]
    fn a_second_run_of_the_same_name_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["run", "run-2"] {
            let at = write(folder.path(), &run()).unwrap();
            assert_eq!(at, folder.path().join(name).display().to_string());
            let files: Vec<_> = std::fs::read_dir(at).unwrap().collect();
            assert_eq!(files.len(), 1);
            let name = files[0].as_ref().unwrap().file_name();
            assert!(name.to_string_lossy().starts_with("events.out.tfevents."));
        }
    }
}
