//! A GPU as one rank sees it: products by their measured shapes, everything else by its bytes, and the host that launches it.

use super::device::Device;
use super::memory;
use crate::ceilings::{Ceilings, Products};
use crate::setup::{Precision, Setup};

/// Bytes of an element that an operator moves, forward and backward, in 16 bits and in 32; what is accumulated, the loss and
/// the optimizer are fp32 in both.
const TRAFFIC: [(&str, [f64; 2], [f64; 2]); 13] = [
    ("add", [6.0, 12.0], [0.0, 0.0]),
    ("accumulate", [12.0, 12.0], [0.0, 0.0]),
    ("column_sum", [2.0, 4.0], [0.0, 0.0]),
    ("cast", [6.0, 6.0], [0.0, 0.0]),
    ("gelu", [4.0, 8.0], [6.0, 12.0]),
    ("gate", [10.0, 20.0], [16.0, 32.0]),
    ("layer_norm", [4.0, 8.0], [10.0, 20.0]),
    ("rms_norm", [4.0, 8.0], [10.0, 20.0]),
    ("rotary", [14.0, 28.0], [14.0, 28.0]),
    // The logarithms (read twice), their exponentials, a factor.
    ("cross_entropy", [28.0, 28.0], [0.0, 0.0]),
    ("adamw", [28.0, 28.0], [0.0, 0.0]),
    // Heads are put together, not a line of memory at a time.
    ("layout", [27.0, 54.0], [27.0, 54.0]),
    // Backward of the cuts into queries, keys and values: each makes zeros of all and fills its part, and the three are added.
    ("cuts", [0.0, 0.0], [22.0, 44.0]),
];

/// Seconds of a kernel that does next to nothing.
const KERNEL: f64 = 1.5e-6;
/// Share of the copy bandwidth that operators reach: of adding, casting and norms of a GPT-2 124M in bf16 with 8,192 tokens on
/// an H200 (`data/h200/aligned/after.perfdb.gz`). That recording is where all shares of this file come from.
const OPERATORS: f64 = 0.7;
/// Share of the rate of the best product that attention in 16 bits reaches, forward and backward.
const ATTENTION: (f64, f64) = (0.33, 0.27);
/// In 32 bits its kernels are others, also where products are of TF32: a share of the rate of fp32 products, by what a step of
/// that model in TF32 takes.
const ATTENTION_SINGLE: f64 = 0.5;
/// Seconds of the host for a launch, by what the call itself takes (`launch_call` of the ceilings, or this): the rest are
/// libtorch's dispatcher, allocator and autograd. By what steps of micro-batch 4 take, which wait for the host.
const HOST_BY_CALL: f64 = 5.1;
const CALL: f64 = 3.5e-6;
/// Launches of a block forward and backward (82 together in that recording), of a chunk of the head, and of what else a
/// micro-batch and a step have.
const BLOCK_LAUNCHES: (f64, f64) = (26.0, 56.0);
const CHUNK_LAUNCHES: f64 = 16.0;
const ENDS_LAUNCHES: f64 = 14.0;
const STEP_LAUNCHES: f64 = 40.0;

pub(super) struct GpuDevice<'a> {
    ceilings: &'a Ceilings,
    products: &'a Products,
    bytes: f64,
}

impl<'a> GpuDevice<'a> {
    /// None where nothing was measured in the job's precision, and in 8 bits, whose scaling has no table here.
    pub(super) fn of(setup: &'a Setup) -> Option<Self> {
        let ceilings = setup.ceilings.as_deref()?;
        let (format, bytes) = match setup.precision {
            Precision::Fp32 => ("fp32", 4.0),
            Precision::Tf32 => ("tf32", 4.0),
            Precision::Half if setup.is_fp16 => ("fp16", 2.0),
            Precision::Half => ("bf16", 2.0),
            Precision::Fp8 | Precision::Block8 | Precision::Fp4 => return None,
        };
        Some(Self { ceilings, products: ceilings.products(format)?, bytes })
    }

    fn moved(&self, name: &str, elements: f64, back: bool) -> f64 {
        if elements <= 0.0 {
            return 0.0;
        }
        let width = usize::from(self.bytes > 2.0);
        let known = TRAFFIC.iter().find(|(known, ..)| *known == name);
        let bytes =
            known.map_or(0.0, |(_, ahead, behind)| (if back { behind } else { ahead })[width]);
        KERNEL + bytes * elements / (OPERATORS * self.ceilings.memory_rate)
    }
}

impl Device for GpuDevice<'_> {
    fn has_operators(&self) -> bool {
        true
    }

    fn product(&self, m: f64, n: f64, k: f64) -> f64 {
        self.products.seconds(m, n, k)
    }

    fn gradients(&self, m: f64, n: f64, k: f64) -> f64 {
        self.products.input_gradient(m, k, n) + self.products.weight_gradient(n, k, m)
    }

    fn doublings(&self, products: &[[f64; 3]]) -> f64 {
        products.iter().map(|[m, n, k]| self.products.doublings(*m, *n, *k)).fold(0.0, f64::max)
    }

    fn forward(&self, name: &str, elements: f64) -> f64 {
        self.moved(name, elements, false)
    }

    fn backward(&self, name: &str, elements: f64) -> f64 {
        self.moved(name, elements, true)
    }

    fn single(&self, name: &str, elements: f64) -> f64 {
        self.moved(name, elements, false)
    }

    fn attention(&self, [batch, heads, seq, width]: [f64; 4]) -> (f64, f64) {
        // Half of the scores are masked, and left out; backward has five such products, of which forward has two.
        let operations = 0.5 * 4.0 * batch * heads * seq * seq * width;
        let elements = batch * seq * heads * width;
        let layout = |back| self.moved("layout", elements, back);
        let single = self.ceilings.products("fp32").filter(|_| self.bytes > 2.0);
        let (ahead, back) = match single {
            Some(products) => [ATTENTION_SINGLE; 2].map(|share| share * products.best).into(),
            None => (ATTENTION.0 * self.products.best, ATTENTION.1 * self.products.best),
        };
        (operations / ahead + layout(false), 2.5 * operations / back + layout(true))
    }

    fn exchange(&self, name: &str, ranks: f64, bytes: f64) -> f64 {
        if ranks <= 1.0 || bytes <= 0.0 {
            return 0.0;
        }
        self.ceilings
            .collective(name, ranks, bytes)
            .unwrap_or_else(|| 2e-5 + 4.0 * bytes / self.ceilings.memory_rate)
    }

    fn traffic(&self, bytes: f64) -> f64 {
        bytes / self.ceilings.memory_rate
    }

    fn is_cached(&self, _: f64) -> bool {
        // Operators have their bytes from memory already.
        true
    }

    fn bytes(&self) -> f64 {
        self.bytes
    }
}

/// Seconds in which the host launches a step's operations; none where the device is the host.
pub(super) fn host(setup: &Setup, blocks: f64, recomputed: bool) -> Option<f64> {
    if setup.gpu.is_processor() {
        return None;
    }
    let call = setup.ceilings.as_deref()?.launch.unwrap_or(CALL);
    let (ahead, back) = BLOCK_LAUNCHES;
    let of_block = ahead + back + if recomputed { ahead } else { 0.0 };
    let of_ends = memory::additions(setup) * CHUNK_LAUNCHES + ENDS_LAUNCHES;
    let launches = setup.passes * (blocks * of_block + of_ends) + STEP_LAUNCHES;
    Some(HOST_BY_CALL * call * launches)
}
