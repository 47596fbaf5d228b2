//! Logs with and without units, and damaged ones.

use proptest::prelude::*;

use super::row::Row;
use super::{Log, read, recognises};
use crate::window::Window;

const HEADING: &str = "timestamp, index, uuid, name, power.draw [W], utilization.gpu [%], memory.used [MiB], temperature.gpu, clocks_event_reasons.sw_power_cap, memory.total [MiB]";

fn line(gpu: usize, at: usize, units: bool) -> String {
    let [watt, percent, mebibyte] = if units { [" W", " %", " MiB"] } else { [""; 3] };
    format!(
        "2024/11/23 12:23:{:02}.{:03}, {gpu}, GPU-{gpu}, NVIDIA A40, {}.74{watt}, {}{percent}, {}{mebibyte}, 3{at}, {}, 49140{mebibyte}",
        29 + at,
        950 + gpu,
        38 + at,
        90 + gpu,
        1000 + at,
        if at == 1 { "Active" } else { "Not Active" }
    )
}

fn whole(units: bool) -> String {
    let rows = (0..3).flat_map(|at| (0..2).map(move |gpu| line(gpu, at, units) + "\n"));
    format!("{HEADING}\n{}", rows.collect::<String>())
}

fn rows(text: &str) -> (Vec<Row>, Log) {
    let mut rows = Vec::new();
    let log = read(&mut Window::new(text.as_bytes()), &mut |row| {
        rows.push(row);
        Ok(true)
    })
    .unwrap();
    (rows, log)
}

#[test]
fn units_may_be_missing_and_headings_may_come_again() {
    let text = whole(true);
    assert!(recognises(&text));
    let (with, log) = rows(&text);
    assert_eq!((with.len(), log.rows, log.left_out.get("memory.total [MiB]")), (6, 6, Some(&6)));
    assert_eq!(log.problems.warnings().len(), 1);
    let last: Vec<_> =
        with[5].readings.iter().map(|(metric, value)| (metric.name, metric.unit, *value)).collect();
    assert_eq!(
        last,
        [
            ("power", "W", 40.74),
            ("gpu_utilization", "pct", 91.0),
            ("memory_used", "bytes", 1_050_673_152.0),
            ("temperature", "C", 32.0),
        ]
    );
    let without = whole(false);
    assert_eq!(rows(&without).0, with);
    let again = without.replace(&line(0, 1, false), &format!("{HEADING}\n{}", line(0, 1, false)));
    assert_eq!(rows(&again).0, with);
}

#[test]
fn a_row_that_is_cut_off_is_not_taken_for_another() {
    for units in [true, false] {
        let text = whole(units);
        let all = rows(&text).0;
        for length in HEADING.len() + 1..text.len() {
            let (ours, log) = rows(&text[..length]);
            let ended = text[HEADING.len() + 1..length].matches('\n').count();
            assert_eq!(ours, all[..ended], "cut at {length}");
            let lost = u64::from(!text[..length].ends_with('\n'));
            assert_eq!(log.problems.events_lost(), lost, "cut at {length}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(words in prop::collection::vec(prop::sample::select(vec![
        HEADING, "\n", ",", " ", "1", "[N/A]", "2024/11/23 12:23:29.950", "timestamp", "power.draw [W]", "é", "W", "[", "]", "Active",
    ]), 0..60)) {
        let _ = rows(&words.concat());
    }
}

#[test]
fn fuzz_nvidia_smi() {
    let texts = [whole(true), whole(false)];
    perfagent_fuzz::each_input("nvidia-smi", 3000, |from| {
        let text = perfagent_fuzz::text(from, &[&texts[0], &texts[1]]);
        let _ = recognises(&String::from_utf8_lossy(&text));
        let mut count = 0;
        let log = read(&mut Window::new(text.as_slice()), &mut |row| {
            assert!(row.readings.iter().all(|(_, value)| value.is_finite()));
            count += 1;
            Ok(true)
        })
        .unwrap();
        assert_eq!(log.rows, count);
    });
}
