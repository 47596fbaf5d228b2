//! Kernels that only changed their name: another variant of a product, another version of a library.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{KernelDifference, OrderDifference};
use crate::brief_kernel_name;

/// Pairs a kernel that vanished with one that appeared, by their positions: those that stand at the same place in the order of
/// a step, and those whose names differ only in template arguments and numbers. Either runs as often as the other. Each is
/// paired once; a place counts more than a name.
pub(super) fn renames(
    kernels: &[KernelDifference],
    order: &[OrderDifference],
) -> Vec<(usize, usize)> {
    let row = |at: usize| kernels.get(at);
    let may_be = |old: usize, new: usize| {
        let pair = row(old).zip(row(new));
        pair.is_some_and(|(old, new)| old.vanished() && new.appeared() && run_as_often(old, new))
    };
    let mut places: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for place in order.iter().filter(|place| place.base.len() == place.new.len()) {
        for (&old, &new) in place.base.iter().zip(&place.new) {
            if may_be(old, new) {
                *places.entry((old, new)).or_default() += 1;
            }
        }
    }
    let gone: Vec<usize> = (0..kernels.len()).filter(|&at| kernels[at].vanished()).collect();
    let mut by_stem: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, kernel) in kernels.iter().enumerate().filter(|(_, kernel)| kernel.appeared()) {
        by_stem.entry(stem(&kernel.name)).or_default().push(at);
    }
    let mut candidates: Vec<(usize, bool, (usize, usize))> = Vec::new();
    for &old in &gone {
        for &new in by_stem.get(&stem(&kernels[old].name)).into_iter().flatten() {
            if may_be(old, new) {
                let votes = places.remove(&(old, new)).unwrap_or(0);
                candidates.push((votes, true, (old, new)));
            }
        }
    }
    candidates.extend(places.into_iter().map(|(pair, votes)| (votes, false, pair)));
    let apart = |(old, new): (usize, usize)| (kernels[old].base_ns - kernels[new].new_ns).abs();
    candidates.sort_by(|a, b| {
        let rank = |candidate: &(usize, bool, (usize, usize))| Reverse((candidate.0, candidate.1));
        rank(a).cmp(&rank(b)).then_with(|| apart(a.2).total_cmp(&apart(b.2)))
    });
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (.., (old, new)) in candidates {
        if pairs.iter().all(|pair| pair.0 != old && pair.1 != new) {
            pairs.push((old, new));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// Whether both run equally often a step, but for a tenth: a last step may be cut short.
fn run_as_often(old: &KernelDifference, new: &KernelDifference) -> bool {
    (old.base_count - new.new_count).abs() <= 0.1 * old.base_count.max(new.new_count)
}

/// A kernel's name without template arguments and with every number as `#`.
fn stem(name: &str) -> String {
    let brief = brief_kernel_name(name);
    let mut stem = String::with_capacity(brief.len());
    for character in brief.chars().take_while(|&character| !matches!(character, '<' | '(')) {
        if !character.is_ascii_digit() {
            stem.push(character);
        } else if !stem.ends_with('#') {
            stem.push('#');
        }
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn variants_of_a_kernel_have_one_stem() {
        for (one, other) in [
            ("ampere_sgemm_128x64_tn", "ampere_sgemm_32x32_tn"),
            (
                "void at::native::softmax_warp_forward<float, float, float, 10, false>(float*)",
                "void at::native::softmax_warp_forward<float, float, float, 11, false>(float*)",
            ),
            (
                "sm80_xmma_gemm_f32f32_f32f32_f32_nn_n_tilesize256x128x8_stage3_warpsize4x2x1",
                "sm90_xmma_gemm_f32f32_f32f32_f32_nn_n_tilesize64x64x8_stage4_warpsize2x2x1",
            ),
        ] {
            assert_eq!(stem(one), stem(other));
        }
        assert_ne!(stem("ampere_sgemm_128x64_tn"), stem("ampere_sgemm_128x64_nn"));
    }
}
