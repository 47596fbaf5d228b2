//! What libtorch makes of a processor, in the form in which it travels from the program that links it.

use serde::{Deserialize, Serialize};

use crate::{Collectives, Products};

/// The name and version of the document.
pub const SCHEMA: &str = "perfagent.bench-ceilings/1";

/// What is counted of products on a processor.
pub(super) const PRODUCTS_CONVENTION: &str = "2 m n k operations; factors of random numbers of the standard normal distribution, both read along k as a linear layer reads them; products follow each other at once, so small matrices stay in caches";

/// Products of matrices and collectives of processes, measured with libtorch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Torch {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Such as `2.11.0`.
    pub torch_version: String,
    /// Products of matrices.
    pub matrix_products: Products,
    /// Collectives between processes of this machine.
    pub collectives: Collectives,
}

impl Torch {
    /// What is counted of products on a processor.
    pub const PRODUCTS_CONVENTION: &'static str = PRODUCTS_CONVENTION;
}
