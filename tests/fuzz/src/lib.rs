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
    run(name, &Wish::of(few, cost), 1, |batch| {
        while let Some(mut input) = batch.input() {
            with(&mut input);
        }
    });
}

/// The same where `size` inputs are read at once, as the rows of one file are. What fails names the first of them and how many
/// they are, because only together they are what was read.
pub fn each_batch(name: &str, few: u64, size: u64, with: impl FnMut(&mut Batch)) {
    run(name, &Wish::of(few, 1), size, with);
}

fn run(name: &str, asked: &Wish, size: u64, mut with: impl FnMut(&mut Batch)) {
    let &Wish { inputs, seed, first } = asked;
    let mut batch = Batch { seed, next: first, end: first, bytes: [0; INPUT_BYTES] };
    let mut blame = Blame { name, seed, first, inputs: size };
    let behind = first.saturating_add(inputs);
    while batch.end < behind {
        (batch.next, batch.end) = (batch.end, batch.end.saturating_add(size).min(behind));
        (blame.first, blame.inputs) = (batch.next, batch.end - batch.next);
        with(&mut batch);
    }
    println!("{name}: {inputs} inputs of seed {seed} from {first} on, nothing found");
}

/// Which inputs there are to be.
struct Wish {
    inputs: u64,
    seed: u64,
    first: u64,
}

impl Wish {
    fn of(few: u64, cost: u64) -> Self {
        let wanted = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
        Self {
            inputs: wanted("PERFAGENT_FUZZ_INPUTS").map_or(few, |inputs| inputs.div_ceil(cost)),
            seed: wanted("PERFAGENT_FUZZ_SEED").unwrap_or(1),
            first: wanted("PERFAGENT_FUZZ_FIRST").unwrap_or(0),
        }
    }
}

/// Inputs that are read at once.
#[derive(Debug)]
pub struct Batch {
    seed: u64,
    next: u64,
    end: u64,
    bytes: [u8; INPUT_BYTES],
}

impl Batch {
    /// The next of them; `None` behind the last.
    pub fn input(&mut self) -> Option<Unstructured<'_>> {
        if self.next == self.end {
            return None;
        }
        let mut random = fastrand::Rng::with_seed(
            self.seed.rotate_left(32) ^ self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        random.fill(&mut self.bytes);
        self.next += 1;
        Some(Unstructured::new(&self.bytes))
    }
}

/// Says which inputs it was when a test panics.
struct Blame<'a> {
    name: &'a str,
    seed: u64,
    first: u64,
    inputs: u64,
}

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "{}: repeat it with PERFAGENT_FUZZ_SEED={} PERFAGENT_FUZZ_FIRST={} PERFAGENT_FUZZ_INPUTS={}",
                self.name, self.seed, self.first, self.inputs
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

    #[test]
    fn inputs_are_the_same_in_batches() {
        let (mut single, mut sizes, mut together) = (Vec::new(), Vec::new(), Vec::new());
        each_input("alone", 7, |from| single.push(number(from)));
        each_batch("together", 7, 3, |batch| {
            let before = together.len();
            while let Some(mut from) = batch.input() {
                together.push(number(&mut from));
            }
            sizes.push(together.len() - before);
        });
        assert_eq!((together, sizes), (single, vec![3, 3, 1]));
    }
}
