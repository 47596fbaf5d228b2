//! Damaged input for tests of readers and parsers: a few thousand inputs in CI, millions in `cargo xtask soak fuzz`.
//!
//! Input N of seed S is always the same. `PERFAGENT_FUZZ_INPUTS`, `PERFAGENT_FUZZ_SEED` and `PERFAGENT_FUZZ_FIRST` choose;
//! a test that fails names them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it has tried")]

mod damage;
mod guarded;

pub use arbitrary::Unstructured;
pub use damage::{damage, number, text};
pub use guarded::Guarded;

/// Bytes that one input is made of.
const INPUT_BYTES: usize = 512;

/// Calls `with` for each input; `few` is how many without a wish for more.
pub fn each_input(name: &str, few: u64, with: impl FnMut(&mut Unstructured<'_>)) {
    each_costly_input(name, few, 1, with);
}

/// The same for inputs of which one costs as much as `cost` others: of a wish for many it takes so many less.
pub fn each_costly_input(
    name: &str,
    few: u64,
    cost: u64,
    mut with: impl FnMut(&mut Unstructured<'_>),
) {
    let wanted = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
    let inputs = wanted("PERFAGENT_FUZZ_INPUTS").map_or(few, |inputs| inputs.div_ceil(cost));
    let seed = wanted("PERFAGENT_FUZZ_SEED").unwrap_or(1);
    let first = wanted("PERFAGENT_FUZZ_FIRST").unwrap_or(0);
    let mut blame = Blame { name, seed, input: first };
    let mut bytes = [0; INPUT_BYTES];
    for input in first..first.saturating_add(inputs) {
        blame.input = input;
        let mut random = fastrand::Rng::with_seed(
            seed.rotate_left(32) ^ input.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        random.fill(&mut bytes);
        with(&mut Unstructured::new(&bytes));
    }
    println!("{name}: {inputs} inputs of seed {seed} from {first} on, nothing found");
}

/// Says which input it was when a test panics.
struct Blame<'a> {
    name: &'a str,
    seed: u64,
    input: u64,
}

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "{}: repeat it with PERFAGENT_FUZZ_SEED={} PERFAGENT_FUZZ_FIRST={} PERFAGENT_FUZZ_INPUTS=1",
                self.name, self.seed, self.input
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_input_is_the_same() {
        let inputs = || {
            let mut numbers = Vec::new();
            each_input("the same", 5, |from| numbers.push(number(from)));
            numbers
        };
        assert_eq!(inputs(), inputs());
    }
}
