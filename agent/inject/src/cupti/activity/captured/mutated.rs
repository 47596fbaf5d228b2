//! Bytes that CUPTI would not write: the parsers stay within the buffer and do not panic.

use super::capture::Capture;
use super::replay::Replay;

/// How often each buffer is damaged.
const TIMES: u64 = 200;

#[test]
fn damaged_buffers_are_read_without_harm() {
    for name in ["node", "graph"] {
        let capture = Capture::read(name);
        let mut random = Random(1);
        let mut replay = Replay::new(capture.version);
        for _ in 0..TIMES {
            for buffer in &capture.buffers {
                let mut bytes = buffer.bytes.clone();
                for _ in 0..random.below(400) {
                    let place = random.below(bytes.len());
                    bytes[place] = random.below(256) as u8;
                }
                bytes.truncate(random.below(bytes.len() + 1));
                capture.point_anywhere(&mut bytes, &buffer.records);
                replay.feed(&bytes, buffer.records.iter().map(|&(step, _)| step));
            }
        }
        replay.each(|_, _| {});
        assert!(!replay.losses().is_empty());
    }
}

/// Each record alone at the end of its buffer, whole and cut short by a byte, down to nothing.
#[test]
fn a_record_that_does_not_end_is_not_read() {
    let capture = Capture::read("graph");
    let mut replay = Replay::new(capture.version);
    let mut kinds = std::collections::HashSet::new();
    for buffer in &capture.buffers {
        for pair in buffer.records.windows(2) {
            let ((start, kind), (end, _)) = (pair[0], pair[1]);
            if kinds.insert(kind) {
                for end in start..=end {
                    replay.feed(&buffer.bytes[start..end], std::iter::once(0));
                }
            }
        }
    }
    assert!(kinds.len() > 10);
}

/// Knuth's linear congruences: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most.max(1)
    }
}
