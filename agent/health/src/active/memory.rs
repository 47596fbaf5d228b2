//! Whether memory keeps what is written to it.

use perfagent_kernels::MemoryTest;

use super::Part;
use crate::{Check, Severity, Status};

const NAME: &str = "memory_pattern";

pub(super) fn check(target: &str, part: &Part<MemoryTest>) -> Check {
    let test = match part.done(NAME, target) {
        Ok(test) => test,
        Err(check) => return *check,
    };
    let (gib, patterns) = (test.bytes as f64 / (1_u64 << 30) as f64, test.patterns);
    let of = format!("{gib:.2} GiB with {patterns} patterns, {:.1} s", test.seconds);
    let check = |detail: String| {
        Check::ok(NAME, target, detail).found(test.wrong_words, "words").expected(0)
    };
    let Some(wrong) = &test.wrong else {
        return check(format!("no wrong word in {of}"));
    };
    let bits = (wrong.expected ^ wrong.found).count_ones();
    let detail = format!(
        "{} wrong words in {of}; at byte {} of the tested memory {:#018x} was written and {:#018x} read ({bits} bits)",
        test.wrong_words, wrong.offset, wrong.expected, wrong.found
    );
    check(detail).but(
        Status::Critical,
        Severity::Isolate,
        "take it out of use: its memory loses bits that ECC does not correct; reset it and repeat, then have it replaced",
    )
}
