//! What computes a rank's part of perfagent-bench.

use super::gpu::GpuDevice;
use super::processor::Processor;
use crate::setup::Setup;

/// Times, in seconds, of what a rank computes and exchanges, and how it treats memory.
pub(super) trait Device {
    /// Whether operators beside products were measured, or are known by their bytes.
    fn has_operators(&self) -> bool;

    /// One product of `m`×`k` by `k`×`n`.
    fn product(&self, m: f64, n: f64, k: f64) -> f64;

    /// The products that the gradients of a layer's input and of its matrix take, whose forward one is `m`×`k` by `k`×`n`.
    fn gradients(&self, m: f64, n: f64, k: f64) -> f64;

    /// By how many doublings the farthest of these products is away from what was measured.
    fn doublings(&self, products: &[[f64; 3]]) -> f64;

    /// An operator of rows with so many elements.
    fn forward(&self, name: &str, elements: f64) -> f64;

    /// Its gradient.
    fn backward(&self, name: &str, elements: f64) -> f64;

    /// An operator of fp32 numbers.
    fn single(&self, name: &str, elements: f64) -> f64;

    /// Causal attention of `[batch, heads, seq, width]`, forward and backward.
    fn attention(&self, shape: [f64; 4]) -> (f64, f64);

    /// A collective of so many bytes between ranks of this machine; sends and receives as a broadcast of two.
    fn exchange(&self, name: &str, ranks: f64, bytes: f64) -> f64;

    /// Bytes that come from memory, or go there, of a rank beside others.
    fn traffic(&self, bytes: f64) -> f64;

    /// Whether so many bytes of a rank, and of those beside it, stay in the last cache.
    fn is_cached(&self, bytes: f64) -> bool;

    /// Bytes of a number of activations.
    fn bytes(&self) -> f64;
}

/// The device of `setup`; none where nothing was measured of it in the job's precision.
pub(super) fn of<'a>(setup: &'a Setup) -> Option<Box<dyn Device + 'a>> {
    if setup.gpu.is_processor() {
        return Some(Box::new(Processor::of(setup)?));
    }
    Some(Box::new(GpuDevice::of(setup)?))
}
