//! What all questions need: order statistics, distributions, false discovery rates, reproducible random numbers.

pub mod discovery;
pub mod distribution;
pub mod order;
pub(crate) mod prediction;
pub(crate) mod random;
