//! Small timelines, damaged ones, and one and the same in both forms.

use perfagent_fuzz::{damage, each_input};
use proptest::prelude::*;

use super::document::read;
use super::timeline::{CATEGORIES, Timeline};
use crate::window::Window;

/// Parameters that were there; an input; an activation that becomes a gradient; what is not known.
const CHANGES: &str = "[[-1, 1, 1000, 0], [-1, 1, 24, 7], [1700000000000000500, 2, 64, 2], [1700000000000001000, 2, 512, 4], \
     [1700000000000002000, 3, -512, 4], [1700000000000002000, 3, 512, 5], [1700000000000003000, 4, -64, 2]]";

const SIZES: &str = "[[1700000000000000, 1700000000000001, 1700000000000002, 1700000000000003], \
     [[0, 1000, 0, 64, 0, 0, 0, 0, 24], [0, 1000, 0, 64, 0, 512, 0, 0, 24], [0, 1000, 0, 64, 0, 0, 512, 0, 24], \
     [0, 1000, 0, 0, 0, 0, 512, 0, 24]]]";

fn parse(text: &str) -> Timeline {
    read(&mut Window::new(text.as_bytes()))
}

/// `time bytes category: level`, times from the first one on.
fn shown(timeline: &Timeline) -> Vec<String> {
    let start = 1_700_000_000_000_000_000;
    let rows = timeline.rows.iter().map(|row| {
        let category = CATEGORIES[usize::from(row.category)];
        format!("{} {:+} {category}: {}", row.time - start, row.bytes, row.allocated)
    });
    rows.collect()
}

#[test]
fn changes_by_category() {
    let timeline = parse(CHANGES);
    assert_eq!(timeline.problems.warnings(), []);
    assert_eq!(
        shown(&timeline),
        [
            "500 +1000 parameter: 1000",
            "500 +24 : 1024",
            "500 +64 input: 1088",
            "1000 +512 activation: 1600",
            "2000 -512 activation: 1088",
            "2000 +512 gradient: 1600",
            "3000 -64 input: 1536",
        ]
    );
    assert_eq!((timeline.events, timeline.kept), (7, 7));
}

#[test]
fn sizes_become_changes() {
    let timeline = parse(SIZES);
    assert_eq!(timeline.problems.warnings(), []);
    assert_eq!(
        shown(&timeline),
        [
            "0 +24 : 24",
            "0 +64 input: 88",
            "0 +1000 parameter: 1088",
            "1000 +512 activation: 1600",
            "2000 -512 activation: 1088",
            "2000 +512 gradient: 1600",
            "3000 -64 input: 1536",
        ]
    );
    assert_eq!((timeline.events, timeline.kept), (4, 4));
}

#[test]
fn wherever_a_timeline_is_cut_the_beginning_is_read_and_the_cut_told() {
    for text in [CHANGES, SIZES] {
        let all = parse(text);
        let shortest = text.find("], [").unwrap() + 6;
        for length in shortest..text.len() {
            let timeline = parse(&text[..length]);
            let rows = timeline.rows.len();
            let is_start = timeline.rows.iter().zip(&all.rows).all(|(ours, all)| {
                // The time of the first event is not known yet.
                ours.bytes == all.bytes && (ours.time == all.time || ours.time == 0)
            });
            assert!(rows <= all.rows.len() && is_start, "cut at {length}");
            let warning = &timeline.problems.warnings()[0];
            assert_eq!(warning.offset, length as u64, "cut at {length}: {}", warning.text);
        }
    }
}

#[test]
fn damage_costs_its_entry_and_is_told_with_its_byte() {
    for (good, bad, kept, what) in [
        ("2, 512, 4", "2, -512, 4", 6, "-512 bytes with the action 2"),
        ("2, 512, 4", "9, 512, 4", 6, "there is no action 9"),
        ("2, 512, 4", "2, 512, 8", 6, "there is no category 8"),
        ("2, 512, 4", "2, 512.5, 4", 6, "is no change"),
        ("[1700000000000001000, 2, 512, 4]", "\"x\"", 6, "`\"x\"` is no change"),
        ("[1700000000000001000", "[-7", 6, "its time is -7"),
        ("[1700000000000001000", "[5", 7, "5 comes after 1700000000000000500"),
        ("4, -64, 2", "4, -65, 2", 7, "less than nothing is left of `input`"),
    ] {
        let text = CHANGES.replacen(good, bad, 1);
        let timeline = parse(&text);
        assert_eq!((timeline.rows.len(), timeline.events), (kept, 7), "{bad}");
        let warnings = timeline.problems.warnings();
        let told = warnings.iter().find(|warning| warning.text.contains(what));
        let told = told.unwrap_or_else(|| panic!("{bad}: {warnings:?}"));
        let entry = text.find(bad).unwrap();
        let begins =
            if bad.starts_with(['[', '"']) { entry } else { text[..entry].rfind('[').unwrap() };
        assert_eq!(told.offset, begins as u64, "{bad}");
    }
    for (text, what) in [
        ("[[1, 2], [[0, 1]]]", "`[0, 1]` are no sizes"),
        ("[[1], [[0,0,0,0,0,0,0,0,0], [0,0,0,0,0,0,0,0,0]]]", "there is no time"),
        ("[[1, 2, 3], [[0,0,0,0,0,0,0,0,0]]]", "2 times have no sizes"),
    ] {
        let warnings = parse(text).problems.warnings();
        assert!(warnings.iter().any(|warning| warning.text.contains(what)), "{warnings:?}");
    }
}

proptest! {
    /// What PyTorch makes of one timeline for both files.
    #[test]
    fn both_forms_tell_the_same(
        changes in prop::collection::vec((0_i64..5, 1_i64..100, 0..CATEGORIES.len(), any::<bool>()), 1..40)
    ) {
        let start = 1_700_000_000_000_000;
        let (mut micros, mut levels) = (start, [0_i64; CATEGORIES.len()]);
        let (mut raw, mut times, mut sizes) = (Vec::new(), Vec::new(), Vec::<[i64; 8]>::new());
        for (wait, bytes, category, goes) in changes {
            micros += wait;
            let bytes = if goes { -bytes.min(levels[category]) } else { bytes };
            levels[category] += bytes;
            raw.push(format!("[{}, {}, {bytes}, {category}]", micros * 1000, if goes { 4 } else { 2 }));
            if times.last() != Some(&micros) {
                times.push(micros);
                sizes.push(levels);
            }
            if let Some(last) = sizes.last_mut() {
                *last = levels;
            }
        }
        let sizes: Vec<String> = sizes
            .iter()
            .map(|sizes| format!("[0, {}]", sizes.map(|size| size.to_string()).join(", ")))
            .collect();
        let of_changes = parse(&format!("[{}]", raw.join(", ")));
        let of_sizes = parse(&format!("[{times:?}, [{}]]", sizes.join(", ")));
        prop_assert_eq!(of_changes.problems.warnings(), []);
        prop_assert_eq!(of_sizes.problems.warnings(), []);
        // The level at the end of each moment; moments at which nothing changes have no row.
        let levels = |timeline: &Timeline| {
            let mut levels = Vec::<(i64, i64)>::new();
            for row in &timeline.rows {
                if levels.last().is_some_and(|last| last.0 == row.time) {
                    levels.pop();
                }
                levels.push((row.time, row.allocated));
            }
            levels.dedup_by_key(|(_, level)| *level);
            levels.retain(|(_, level)| *level != 0);
            levels
        };
        prop_assert_eq!(levels(&of_changes), levels(&of_sizes));
    }
}

#[test]
fn the_least_number_is_no_size() {
    let timeline = parse(
        "[[1700000000000000000, 2, 8, 0], [1700000000000000001, 3, -9223372036854775808, 0]]",
    );
    assert_eq!((timeline.events, timeline.kept, timeline.problems.events_lost()), (2, 1, 1));
}

#[test]
fn fuzz_timelines() {
    each_input("memory timelines", 3000, |from| {
        let text = if from.arbitrary().unwrap_or_default() { CHANGES } else { SIZES };
        let mut bytes = text.as_bytes().to_vec();
        damage(&mut bytes, from);
        let timeline = read(&mut Window::new(&*bytes));
        assert!(timeline.kept <= timeline.events);
        assert!(timeline.rows.is_sorted_by_key(|row| row.time));
        let level: i64 = timeline.rows.iter().map(|row| row.bytes).sum();
        assert_eq!(level, timeline.rows.last().map_or(0, |row| row.allocated));
    });
}
