//! What follows from hardware counters: floating-point operations and traffic with the GPU's memory.
//!
//! Operations are those of threads in the pipes of plain arithmetic, from the counters of their machine instructions: an addition or
//! a multiplication is one, the two fused are two. What tensor cores do is not among them.

/// The instructions, and how many operations each is.
const INSTRUCTIONS: [(&str, f64); 9] = [
    ("dadd", 1.0),
    ("dmul", 1.0),
    ("dfma", 2.0),
    ("fadd", 1.0),
    ("fmul", 1.0),
    ("ffma", 2.0),
    ("hadd", 1.0),
    ("hmul", 1.0),
    ("hfma", 2.0),
];

/// The metric that counts an instruction of all threads that executed it.
fn metric(instruction: &str) -> String {
    format!("smsp__sass_thread_inst_executed_op_{instruction}_pred_on.sum")
}

/// The instructions that no metric counts, where some of them are counted.
pub(super) fn uncounted(is_counted: &dyn Fn(&str) -> bool) -> Vec<String> {
    let missing = INSTRUCTIONS.iter().filter(|(name, _)| !is_counted(&metric(name)));
    let missing: Vec<String> = missing.map(|&(name, _)| name.to_owned()).collect();
    if missing.len() < INSTRUCTIONS.len() { missing } else { Vec::new() }
}

/// Floating-point operations by the counters that there are; `None` without any, and where one of them is not known.
pub(super) fn flops(
    is_counted: impl Fn(&str) -> bool,
    sum: impl Fn(&str) -> Option<f64>,
) -> Option<i64> {
    let counted = INSTRUCTIONS.iter().map(|&(name, operations)| (metric(name), operations));
    let mut flops = None;
    for (metric, operations) in counted.filter(|(metric, _)| is_counted(metric)) {
        let of_instruction = integer(sum(&metric)? * operations)?;
        flops = Some(flops.unwrap_or(0_i64).checked_add(of_instruction)?);
    }
    flops
}

/// Bytes read from and written to the GPU's memory; `None` where one of both is not known.
pub(super) fn dram_bytes(sum: impl Fn(&str) -> Option<f64>) -> Option<i64> {
    let both = || {
        let (read, written) = (sum("dram__bytes_read.sum")?, sum("dram__bytes_write.sum")?);
        integer(read)?.checked_add(integer(written)?)
    };
    sum("dram__bytes.sum").and_then(integer).or_else(both)
}

/// The nearest integer to a count. What is below nothing, or too large for exact numbers, is none.
fn integer(value: f64) -> Option<i64> {
    let rounded = value.round();
    // 2^63: the first number behind the integers.
    (0.0..9_223_372_036_854_775_808.0).contains(&rounded).then_some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use super::{dram_bytes, flops, metric, uncounted};

    fn of(known: &[(&str, f64)]) -> impl Fn(&str) -> Option<f64> {
        move |wanted: &str| {
            known.iter().find(|(name, _)| metric(name) == wanted || *name == wanted).map(|k| k.1)
        }
    }

    #[test]
    fn a_fused_instruction_is_two_operations() {
        let known = [("ffma", 100.0), ("fadd", 10.0), ("hfma", 0.5), ("dmul", 1.0)];
        assert_eq!(flops(|metric| of(&known)(metric).is_some(), of(&known)), Some(212));
        assert_eq!(
            uncounted(&|metric| of(&known)(metric).is_some()),
            ["dadd", "dfma", "fmul", "hadd", "hmul"]
        );
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        assert_eq!(flops(|_| false, of(&[])), None);
        assert!(uncounted(&|_| false).is_empty() && uncounted(&|_| true).is_empty());
        // Counted, but not of every kernel.
        assert_eq!(flops(|_| true, of(&[("ffma", 100.0)])), None);
        for large in [5e18, 1e300, -1.0] {
            let known = [("ffma", large)];
            assert_eq!(flops(|metric| of(&known)(metric).is_some(), of(&known)), None, "{large}");
        }
        assert_eq!(dram_bytes(of(&[("dram__bytes_read.sum", 5.0)])), None);
    }

    #[test]
    fn traffic_is_told_at_once_or_by_direction() {
        let by_direction = [("dram__bytes_read.sum", 512.0), ("dram__bytes_write.sum", 32.0)];
        assert_eq!(dram_bytes(of(&by_direction)), Some(544));
        assert_eq!(dram_bytes(of(&[("dram__bytes.sum", 600.0)])), Some(600));
    }
}
