//! What libtorch makes of a processor, in the form in which it travels from the program that links it.

use serde::{Deserialize, Serialize};

use crate::{Collectives, Operators, Products, SingleThread};

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.bench-ceilings/1";

/// What is counted of products on a processor.
pub(super) const PRODUCTS_CONVENTION: &str = "2 m n k operations; factors of random numbers of the standard normal distribution, both read along k as a linear layer reads them (input_gradient and weight_gradient: as its gradients are made); products follow each other at once, so small matrices stay in caches";

/// What is timed of operators on a processor.
pub(super) const OPERATORS_CONVENTION: &str = "one call of an operator as training makes it, on numbers that it has just had, so small tensors stay in caches; forward with autograd's record, backward alone";

/// Products of matrices, operators and collectives of processes, measured with libtorch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Torch {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Such as `2.11.0`.
    pub torch_version: String,
    /// Products of matrices.
    pub matrix_products: Products,
    /// What training is made of beside those; none in a document of an earlier version.
    #[serde(default)]
    pub operators: Operators,
    /// Both of one thread, where there are more.
    #[serde(default)]
    pub single_thread: Option<SingleThread>,
    /// Collectives between processes of this machine.
    pub collectives: Collectives,
}

impl Torch {
    /// What is counted of products on a processor.
    pub const PRODUCTS_CONVENTION: &'static str = PRODUCTS_CONVENTION;
    /// What is timed of operators on a processor.
    pub const OPERATORS_CONVENTION: &'static str = OPERATORS_CONVENTION;
}
