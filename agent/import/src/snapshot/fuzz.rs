//! Pickles of any instructions, and damaged snapshots: read, or told, and never more than their bytes are worth.

use perfagent_fuzz::{Unstructured, damage, each_input, number};

use super::pickle::pickler::pickle;
use super::{Reading, read, tests};
use crate::window::Window;

/// Instructions of pickles, and some that are none.
const INSTRUCTIONS: &[u8] =
    b"N\x88\x89KMJ\x8a\x8bG\x8cXCB]}()\x85\x86\x87tldaesu01\x94qrhj\x80\x95.cRb\x81\x93\xff";
/// Texts that mean something.
const TEXTS: [&str; 12] = [
    "device_traces",
    "segments",
    "action",
    "alloc",
    "free_completed",
    "segment_alloc",
    "addr",
    "size",
    "time_us",
    "frames",
    "blocks",
    "oom",
];

fn check(bytes: &[u8]) {
    let Ok(Reading { snapshot, replays, problems, .. }) = read(&mut Window::new(bytes)) else {
        return;
    };
    let rows: usize = replays.values().map(|replay| replay.rows.len()).sum();
    // Each row is of an event or block of its own, of some bytes of the file; a second allocation of an address is two.
    assert!(rows <= 2 * bytes.len(), "{rows} rows of {} bytes", bytes.len());
    for (device, replay) in &replays {
        let mut level = 0;
        for row in &replay.rows {
            level += row.bytes.unwrap_or(0);
            assert_eq!(row.allocated, level);
            assert!(row.allocated >= 0 && row.reserved >= 0, "{row:?}");
        }
        assert!(replay.rows.is_sorted_by_key(|row| row.time));
        let trace = &snapshot.devices[device];
        if snapshot.has_segments && problems.warnings().is_empty() {
            let there: i64 = trace.blocks.iter().map(|block| block.size).sum();
            assert_eq!(
                (level, replay.rows.last().map_or(0, |row| row.reserved)),
                (there, trace.reserved)
            );
        }
    }
}

/// A pickle of likely instructions with likely arguments.
fn instructions(from: &mut Unstructured<'_>) -> Vec<u8> {
    let mut bytes = b"\x80\x04".to_vec();
    while let Ok(choice) = from.arbitrary::<u8>() {
        if from.is_empty() {
            break;
        }
        if choice % 4 == 0 {
            let text = TEXTS[usize::from(choice / 4) % TEXTS.len()];
            bytes.extend([0x8c, text.len() as u8]);
            bytes.extend(text.as_bytes());
            continue;
        }
        let instruction = INSTRUCTIONS[usize::from(choice) % INSTRUCTIONS.len()];
        bytes.push(instruction);
        let arguments = match instruction {
            b'K' | b'q' | b'h' | 0x8a | 0x8c | b'C' => 1,
            b'M' => 2,
            b'J' | b'X' | b'B' | b'r' | b'j' | 0x8b => 4,
            b'G' | 0x95 => 8,
            _ => 0,
        };
        let small = number(from) % 12;
        let argument = if from.ratio(1, 32).unwrap_or(false) { number(from) } else { small };
        bytes.extend(&argument.to_le_bytes()[..arguments]);
    }
    bytes.push(b'.');
    bytes
}

#[test]
fn fuzz_instructions() {
    each_input("instructions of a pickle", 3000, |from| check(&instructions(from)));
}

#[test]
fn fuzz_snapshots() {
    let whole = pickle(&tests::whole());
    check(&whole);
    each_input("damaged snapshots", 3000, |from| {
        let mut bytes = whole.clone();
        damage(&mut bytes, from);
        check(&bytes);
    });
}
