//! What both questions need: order statistics, distributions, reproducible random numbers.

pub(crate) mod distribution;
pub(crate) mod order;
pub(crate) mod prediction;
pub(crate) mod random;
