//! What passes have done, counted: times, tokens, and the operations and bytes that they cannot do without.

use std::ops::Range;

use tch::Kind;

use super::cache::KvCache;
use crate::shape::Shape;

/// All passes of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passes {
    /// How long each took, until its tokens were on the host.
    pub ns: Vec<u64>,
    /// Sequences, summed over the passes.
    pub sequences: u64,
    /// Tokens that went in, summed.
    pub tokens: u64,
    /// Tokens that went in with those that fill shorter prompts up.
    pub padded_tokens: u64,
    /// Tokens that the tokens attended to, summed: of a prompt of p tokens p(p + 1)/2.
    pub contexts: u64,
    /// Experts that some token was sent to, summed over blocks.
    pub experts: u64,
}

impl Passes {
    /// The time of all.
    pub(crate) fn total_ns(&self) -> u64 {
        self.ns.iter().sum()
    }
}

/// Both kinds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub prefill: Passes,
    pub decode: Passes,
}

impl Tally {
    /// A pass over prompts of these lengths, within this time.
    pub(crate) fn prefill(&mut self, lengths: &[i64], time: Range<u64>) {
        let passes = &mut self.prefill;
        passes.ns.push(time.end - time.start);
        passes.sequences += lengths.len() as u64;
        for &length in lengths {
            passes.tokens += length as u64;
            passes.contexts += (length * (length + 1) / 2) as u64;
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        passes.padded_tokens += (longest * lengths.len() as i64) as u64;
    }

    /// A pass over one token of each sequence, of which these many were in the cache before.
    pub(crate) fn decode(&mut self, lengths: &[i64], experts: i64, time: Range<u64>) {
        let passes = &mut self.decode;
        passes.ns.push(time.end - time.start);
        passes.sequences += lengths.len() as u64;
        passes.tokens += lengths.len() as u64;
        passes.padded_tokens += lengths.len() as u64;
        passes.contexts += lengths.iter().map(|length| (length + 1) as u64).sum::<u64>();
        passes.experts += experts as u64;
    }
}

/// Floating-point operations of passes: 2·B·(tokens) + 4·L·a·d·(contexts) + 2·V·h·(sequences), with B the parameters of the
/// blocks that a token meets (of experts `top_k`), L blocks of a heads of width d, and the head's V·h for the last token of
/// each sequence alone. Padding does not count, and of attention only what the causal mask leaves.
pub(crate) fn flops(shape: &Shape, passes: &Passes) -> f64 {
    let blocks = (shape.layers * shape.block_parameters(shape.top_k)) as f64;
    let attention = (shape.layers * shape.heads * shape.head_dim) as f64;
    let head = (shape.vocab * shape.hidden) as f64;
    2.0 * blocks * passes.tokens as f64
        + 4.0 * attention * passes.contexts as f64
        + 2.0 * head * passes.sequences as f64
}

/// Bytes that decode passes must at least move: each all weights of the blocks and the head once (of experts those that
/// some token was sent to), of every sequence the keys and values of its tokens, the new one's written too.
pub(crate) fn decode_bytes(shape: &Shape, kind: Kind, passes: &Passes) -> f64 {
    let size = kind.elt_size_in_bytes() as f64;
    let shared = shape.layers * shape.block_parameters(0) + shape.vocab * shape.hidden;
    let weights = shared as f64 * passes.ns.len() as f64
        + shape.expert_parameters() as f64 * passes.experts as f64;
    let tokens = passes.contexts + passes.tokens;
    weights * size + (tokens as i64 * KvCache::bytes_per_token(shape, kind)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Architecture, find};

    #[test]
    fn operations_and_bytes_of_a_small_model_counted_by_hand() {
        let nano = find(Architecture::Llama, "nano").unwrap().shape;
        let shape = Shape {
            layers: 1,
            hidden: 4,
            heads: 2,
            kv_heads: 1,
            head_dim: 2,
            ffn: 3,
            vocab: 300,
            ..nano
        };
        // Queries 16, keys and values 8 each, out 16; three of 12 in the feed-forward part; two norms of 4.
        let block = 16 + 8 + 8 + 16 + 36 + 8;
        let mut tally = Tally::default();
        tally.prefill(&[3, 2], 10..30);
        // Scores and sums: 2·2·(heads · width = 4) of each pair, 6 + 3 pairs.
        let expected = 2 * block * 5 + 16 * 9 + 2 * 1200 * 2;
        assert!((flops(&shape, &tally.prefill) - f64::from(expected)).abs() < 1e-9);
        assert_eq!((tally.prefill.padded_tokens, tally.prefill.total_ns()), (6, 20));

        tally.decode(&[3, 2], 0, 30..35);
        // Keys and values of two numbers of two bytes; 4 + 3 tokens read, two written.
        let expected = (block + 1200) * 2 + (7 + 2) * 2 * 2 * 2;
        let bytes = decode_bytes(&shape, Kind::BFloat16, &tally.decode);
        assert!((bytes - f64::from(expected)).abs() < 1e-9, "{bytes}");
    }

    #[test]
    fn a_mixture_moves_the_experts_that_it_uses() {
        let shape = find(Architecture::Moe, "nano").unwrap().shape;
        let bytes = |experts| {
            let mut tally = Tally::default();
            tally.decode(&[1], experts, 0..1);
            decode_bytes(&shape, Kind::Float, &tally.decode)
        };
        let expert = 4 * 3 * shape.hidden * shape.ffn;
        assert!((bytes(9) - bytes(8) - expert as f64).abs() < 1e-6);
        let all = bytes(shape.layers * shape.experts);
        // All weights but the last norm, and the keys and values of three tokens.
        let weights = 4 * (shape.parameters() - shape.hidden);
        let tokens = 3 * KvCache::bytes_per_token(&shape, Kind::Float);
        assert!((all - (weights + tokens) as f64).abs() < 1.0, "{all} {weights}");
    }
}
