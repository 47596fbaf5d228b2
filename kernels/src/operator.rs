//! Times of what a training step is made of beside products of matrices, whichever library computes it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Latency, Products};

/// Operators, or why there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Operators {
    /// What is timed.
    pub convention: Cow<'static, str>,
    /// Threads that worked, of a processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// The library, such as `libtorch 2.11.0`.
    pub library: Option<String>,
    /// Why nothing was measured.
    pub reason: Option<String>,
    /// One row an operator, format and shape.
    pub rows: Vec<OfShape>,
}

/// One operator on tensors of one shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfShape {
    /// `add`, `add_after_a_pause` (in which other threads have gone to sleep), `linear` (of 16 numbers: what a call costs), `gelu`, `gate`, `layer_norm`, `rms_norm`, `rotary`, `attention`
    /// (from the joint product for queries, keys and values), `cross_entropy`, `column_sum`, `accumulate`, `cast`, `adamw`.
    pub operator: Cow<'static, str>,
    /// The format of its numbers.
    pub dtype: Cow<'static, str>,
    /// The shape of what it makes: `[rows, width]`, of attention `[batch, heads, seq, head width]`.
    pub shape: Vec<u64>,
    /// Its time as training calls it, autograd's record included.
    pub forward: Latency,
    /// The time of its gradient, of what has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward: Option<Latency>,
}

impl Operators {
    /// None, for this reason.
    #[must_use]
    pub fn none(convention: &'static str, reason: String) -> Self {
        Self { convention: convention.into(), reason: Some(reason), ..Self::default() }
    }
}

/// What one thread makes of it, as a rank has that shares the machine's threads with others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SingleThread {
    /// Products of matrices.
    pub matrix_products: Products,
    /// Operators beside them.
    pub operators: Operators,
}
