//! A processor as one rank of several sees it: times of products, operators and exchanges.

use super::device::Device;
use crate::ceilings::{Ceilings, Operators, Products};
use crate::setup::{Precision, Setup};

/// Arrays of numbers that an operator reads and writes, forward and backward: what is left to say of one where the
/// document has no operators, or not this one.
const TRAFFIC: [(&str, f64, f64); 12] = [
    ("add", 3.0, 0.0),
    ("accumulate", 3.0, 0.0),
    ("column_sum", 1.0, 0.0),
    ("cast", 1.5, 0.0),
    ("gelu", 2.0, 3.0),
    ("gate", 7.0, 10.0),
    ("layer_norm", 2.0, 4.0),
    ("rms_norm", 9.0, 14.0),
    ("rotary", 7.0, 7.0),
    ("cross_entropy", 6.0, 0.0),
    ("adamw", 7.0, 0.0),
    ("attention", 16.0, 40.0),
];

/// The time of a call that does nothing, where it was not measured, seconds.
const CALL: f64 = 2e-6;

/// The ranks of a machine share its threads and its memory.
pub(super) struct Processor<'a> {
    ceilings: &'a Ceilings,
    products: &'a Products,
    operators: Option<&'a Operators>,
    /// The fp32 ones, of what is done in fp32 whatever the precision.
    single: Option<&'a Operators>,
    bytes: f64,
    /// Of the threads that were measured with, by those of a rank: work of one rank takes as long as so much more of it
    /// that all threads share.
    share: f64,
    /// Ranks that a thread works for.
    crowd: f64,
    /// Ranks that share the memory.
    ranks: f64,
    /// Seconds of waking the other threads of a rank.
    waking: f64,
    /// What all threads make of as much work of every rank, where a rank's own thread was measured alone: ranks side by side
    /// get no more than that out of the machine, whose clocks and memory they share.
    together: Option<Together<'a>>,
}

/// Work of all ranks on all threads.
struct Together<'a> {
    products: &'a Products,
    operators: Option<&'a Operators>,
    single: Option<&'a Operators>,
    ranks: f64,
    /// Seconds in which threads are started and meet again, which ranks of one thread do not have.
    fork: f64,
}

/// Operators of fewer elements are one thread's: libtorch's grain.
const GRAIN: f64 = 32_768.0;

impl<'a> Processor<'a> {
    /// None where nothing was measured in the job's precision.
    pub(super) fn of(setup: &'a Setup) -> Option<Self> {
        let ceilings = setup.ceilings.as_deref()?;
        let (format, numbers, bytes) = match setup.precision {
            Precision::Fp32 | Precision::Tf32 => ("fp32", "fp32", 4.0),
            Precision::Half if setup.is_fp16 => ("fp16", "bf16", 2.0),
            _ => ("bf16", "bf16", 2.0),
        };
        let ranks = setup.on_node.min(setup.world);
        let threads = setup.threads.unwrap_or_else(|| (ceilings.threads / ranks).floor()).max(1.0);
        let crowd = (ranks * threads / ceilings.threads).max(1.0);
        if threads <= 1.0
            && let Some((products, operators, single)) = ceilings.of_one_thread(format, numbers)
        {
            let fork = ceilings.operators("fp32").and_then(|of| of.forward("add", 2.0 * GRAIN));
            let together = Together {
                products: ceilings.products(format)?,
                operators: ceilings.operators(numbers),
                single: ceilings.operators("fp32"),
                ranks: ranks.min(ceilings.threads),
                fork: fork.unwrap_or(0.0),
            };
            return Some(Self {
                ceilings,
                products,
                operators: Some(operators),
                single: Some(single),
                bytes,
                share: 1.0,
                crowd,
                ranks,
                waking: 0.0,
                together: Some(together),
            });
        }
        Some(Self {
            ceilings,
            products: ceilings.products(format)?,
            operators: ceilings.operators(numbers),
            single: ceilings.operators("fp32"),
            bytes,
            // More threads than processors take turns, which is the crowd.
            share: (ceilings.threads / threads).max(1.0),
            crowd,
            ranks,
            waking: ceilings.operators("fp32").map_or(0.0, Operators::waking),
            together: None,
        })
    }

    /// An operator of rows, of the numbers of the precision or of fp32 ones.
    fn rows(&self, name: &str, elements: f64, (is_single, back): (bool, bool)) -> f64 {
        if elements <= 0.0 {
            return 0.0;
        }
        let all = self.share * elements;
        let measured = |of: Option<&Operators>, elements: f64| {
            of.and_then(
                |of| if back { of.backward(name, elements) } else { of.forward(name, elements) },
            )
        };
        let own = measured(if is_single { self.single } else { self.operators }, all);
        let beside = self.together.as_ref().and_then(|of| {
            let operators = if is_single { of.single } else { of.operators };
            Some(measured(operators, of.ranks * elements)? - of.fork)
        });
        let own = own.unwrap_or_else(|| self.by_bytes(name, all, back));
        let waking = if all >= GRAIN { self.waking } else { 0.0 };
        waking + self.crowd * own.max(beside.unwrap_or(0.0))
    }

    /// What is left to say of an operator that was not measured: its bytes by the memory's rate.
    fn by_bytes(&self, name: &str, elements: f64, back: bool) -> f64 {
        let known = TRAFFIC.iter().find(|(known, ..)| *known == name);
        let arrays = known.map_or(3.0, |(_, ahead, behind)| if back { *behind } else { *ahead });
        CALL + arrays * self.bytes * elements / self.ceilings.memory_rate
    }
}

impl Device for Processor<'_> {
    fn has_operators(&self) -> bool {
        self.operators.is_some()
    }

    fn product(&self, m: f64, n: f64, k: f64) -> f64 {
        let own = self.products.seconds(self.share * m, n, k);
        let all = self.together.as_ref().map_or(0.0, |of| of.products.seconds(of.ranks * m, n, k));
        self.crowd * own.max(all) + self.waking
    }

    fn gradients(&self, m: f64, n: f64, k: f64) -> f64 {
        let (all, products) = (self.share * m, self.products);
        let both = |of: &Products, rows: f64| {
            of.input_gradient(rows, k, n) + of.weight_gradient(n, k, rows)
        };
        let beside = self.together.as_ref().map_or(0.0, |of| both(of.products, of.ranks * m));
        self.crowd * both(products, all).max(beside) + 2.0 * self.waking
    }

    fn doublings(&self, products: &[[f64; 3]]) -> f64 {
        products
            .iter()
            .map(|[m, n, k]| self.products.doublings(self.share * m, *n, *k))
            .fold(0.0, f64::max)
    }

    fn forward(&self, name: &str, elements: f64) -> f64 {
        self.rows(name, elements, (false, false))
    }

    fn backward(&self, name: &str, elements: f64) -> f64 {
        self.rows(name, elements, (false, true))
    }

    fn single(&self, name: &str, elements: f64) -> f64 {
        self.rows(name, elements, (true, false))
    }

    fn attention(&self, [batch, heads, seq, width]: [f64; 4]) -> (f64, f64) {
        let shape = [self.share * batch, heads, seq, width];
        let measured = self.operators.and_then(|operators| operators.attention(shape));
        let (ahead, back) = measured.unwrap_or_else(|| {
            let elements = self.share * batch * heads * seq * (width + seq / 2.0);
            (
                self.by_bytes("attention", elements, false),
                self.by_bytes("attention", elements, true),
            )
        });
        let beside = self
            .together
            .as_ref()
            .and_then(|of| of.operators?.attention([of.ranks * batch, heads, seq, width]));
        let (all_ahead, all_back) = beside.unwrap_or((0.0, 0.0));
        let slower = |own: f64, all: f64| self.crowd * own.max(all) + self.waking;
        (slower(ahead, all_ahead), slower(back, all_back))
    }

    fn exchange(&self, name: &str, ranks: f64, bytes: f64) -> f64 {
        if ranks <= 1.0 || bytes <= 0.0 {
            return 0.0;
        }
        self.ceilings
            .collective(name, ranks, bytes)
            // Through memory: written and read by both sides, in and out of the kernel.
            .unwrap_or_else(|| 1e-4 + 4.0 * bytes / self.ceilings.memory_rate)
    }

    fn traffic(&self, bytes: f64) -> f64 {
        self.ranks * bytes / self.ceilings.memory_rate
    }

    fn is_cached(&self, bytes: f64) -> bool {
        self.ranks * bytes <= self.ceilings.cache
    }

    fn bytes(&self) -> f64 {
        self.bytes
    }
}
