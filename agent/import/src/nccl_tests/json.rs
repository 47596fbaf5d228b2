//! The document of `-J`: `{"version", "start_time", "args", "env", "nccl_version", "config": {…, "devices"}, "results": […]}`.
//!
//! Rows are taken in one at a time, so that of a document that is cut off the rows before the cut remain.

use std::fmt;
use std::io::{self, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::layout::count;
use super::operation;
use super::run::{Measurement, RankLine, Run};
use crate::decimal::nanos_of_micros;
use crate::moment::nanos_of_moment;
use crate::warning::{Problem, Problems};
use crate::window::Window;

/// Reads one document after the other.
pub(super) fn read<R: Read>(window: &mut Window<R>, problems: &mut Problems) -> Vec<Run> {
    let mut runs = Vec::new();
    while let Some(byte) = window.next_mark() {
        let offset = window.offset();
        if byte != b'{' {
            problems
                .add(Problem::Trailing, offset, || "no further document begins there".to_owned());
            break;
        }
        let mut run = Run { offset, first: offset, ..Run::default() };
        let mut bytes = Bytes(window);
        let mut deserializer = serde_json::Deserializer::from_reader(&mut bytes);
        let document = Document { run: &mut run, problems, offset };
        let read = document.deserialize(&mut deserializer);
        complete(&mut run);
        runs.push(run);
        if let Err(error) = read {
            let why = error.to_string();
            problems.add(Problem::CutOff, window.offset(), || why);
            break;
        }
    }
    runs
}

/// The document lists only the first GPU of each process, and all processes have as many.
fn complete(run: &mut Run) {
    let of_process = run.threads.saturating_mul(run.gpus).max(1);
    if let Some(group) = run.ranks.first().map(|line| line.group)
        && run.ranks.iter().all(|line| line.rank % of_process == 0)
    {
        let processes = run.ranks.iter().filter(|line| line.group == group).count() as i64;
        run.world_size = Some(processes.saturating_mul(of_process));
    }
}

/// A window as a reader that gives up what it has given.
struct Bytes<'a, R>(&'a mut Window<R>);

impl<R: Read> Read for Bytes<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.bytes().is_empty() && !self.0.more() {
            return Ok(0);
        }
        let piece = self.0.bytes();
        let length = piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        self.0.consume(length);
        Ok(length)
    }
}

/// Takes a document in.
struct Document<'a> {
    run: &'a mut Run,
    problems: &'a mut Problems,
    offset: u64,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the document of nccl-tests")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { run, problems, offset } = self;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "start_time" => {
                    let time: Value = map.next_value()?;
                    run.started_ns = time.as_str().and_then(nanos_of_moment);
                    if run.started_ns.is_some() {
                        problems.doubt(offset, "its times have no zone and are read as UTC");
                    }
                }
                "args" => {
                    let args: Value = map.next_value()?;
                    let program = args.get(0).and_then(Value::as_str);
                    run.program = program.and_then(operation::program).map(ToOwned::to_owned);
                }
                "config" => config(run, &map.next_value()?),
                "results" => map.next_value_seed(Rows { run, problems, offset })?,
                "average_bus_bandwidth" => {
                    let average: Value = map.next_value()?;
                    run.average_gbps = average.get("bandwidth").and_then(Value::as_f64);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

fn config(run: &mut Run, config: &Value) {
    let number = |of: &Value, key: &str| of.get(key).and_then(Value::as_i64);
    run.threads = number(config, "nthreads").unwrap_or(1);
    run.gpus = number(config, "ngpus").unwrap_or(1);
    let devices = config.get("devices").and_then(Value::as_array).into_iter().flatten();
    run.ranks = devices
        .filter_map(|device| {
            let text = |key: &str| device.get(key).and_then(Value::as_str).unwrap_or_default();
            Some(RankLine {
                rank: number(device, "rank")?,
                group: number(device, "group").unwrap_or(-1),
                pid: number(device, "pid").unwrap_or(0),
                host: text("hostname").to_owned(),
                device: number(device, "device").unwrap_or(-1),
                device_name: text("device_info").trim().to_owned(),
            })
        })
        .collect();
}

/// Takes the list of rows in.
struct Rows<'a> {
    run: &'a mut Run,
    problems: &'a mut Problems,
    offset: u64,
}

/// A row as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    size: Value,
    count: Value,
    r#type: Value,
    redop: Value,
    root: Value,
    out_of_place: Option<Block>,
    in_place: Option<Block>,
}

/// The measurement of one half of a row.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    time: Option<Box<RawValue>>,
    cpu_time: Option<Box<RawValue>>,
    alg_bw: Value,
    bus_bw: Value,
    nwrong: Value,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { run, problems, offset } = self;
        let mut number = 0;
        while let Some(row) = list.next_element::<Row>()? {
            number += 1;
            for (block, in_place) in [(&row.out_of_place, false), (&row.in_place, true)] {
                let Some(block) = block else { continue };
                run.of_cpu |= block.cpu_time.is_some();
                match measurement(&row, block, in_place) {
                    Some(measurement) => run.measurements.push(measurement),
                    None => problems.add(Problem::Row, offset, || {
                        format!(
                            "row {number} of the document there has no size, time or bandwidths"
                        )
                    }),
                }
            }
        }
        Ok(())
    }
}

fn measurement(row: &Row, block: &Block, in_place: bool) -> Option<Measurement> {
    let time = block.time.as_ref().or(block.cpu_time.as_ref())?;
    let word = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    let reduction = word(&row.redop);
    let size = |value: &Value| value.as_i64().filter(|&size| size >= 0);
    let bandwidth = |value: &Value| value.as_f64().filter(|&bandwidth| bandwidth >= 0.0);
    Some(Measurement {
        bytes: size(&row.size)?,
        elements: size(&row.count)?,
        dtype: word(&row.r#type),
        reduction: if reduction == "none" { String::new() } else { reduction },
        root: word(&row.root).parse().ok().filter(|&root: &i64| root >= 0),
        in_place,
        time_ns: nanos_of_micros(time.get()).map(|time| time.value).filter(|&time| time >= 0)?,
        algbw_gbps: bandwidth(&block.alg_bw)?,
        busbw_gbps: bandwidth(&block.bus_bw)?,
        wrong: block.nwrong.as_f64().and_then(|wrong| count(&wrong.to_string())),
    })
}
