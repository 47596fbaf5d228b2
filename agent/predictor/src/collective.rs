//! Time of collectives: latency that grows with the ranks, and bytes over the slowest link that they cross.

use crate::constants::{Constant, Constants};
use crate::measured;
use crate::setup::Setup;

/// A group of ranks that exchange data.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its ranks.
    pub size: f64,
    /// Bytes a second that a ring through all of it carries.
    pub rate: f64,
    /// Latency of one collective that goes once around, seconds.
    pub latency: f64,
}

impl Group {
    /// Every `stride`-th of the ranks of the job, `size` of them: neighbours in a machine first.
    pub(crate) fn of(setup: &Setup, constants: &Constants, size: f64, stride: f64) -> Self {
        let domain = setup.network.domain;
        let inside = (domain / stride).floor().clamp(1.0, size);
        let machines = (size / inside).ceil();
        if machines <= 1.0
            && let Some((latency, rate)) = measured::ring(setup, size)
        {
            return Self { size, rate, latency };
        }
        let links = setup.gpu.link_rate * constants[Constant::link_share];
        let rate = if machines <= 1.0 {
            links
        } else {
            // Groups side by side in a machine share its way out.
            let beside = (setup.on_node / inside).max(1.0).min(setup.on_node);
            let fall = 1.0 + constants[Constant::network_fall] * machines.log2();
            let out = network_rate(setup, constants) / fall;
            links.min(out / beside)
        };
        let latency = constants[Constant::latency_s]
            + constants[Constant::latency_rank_s] * (size - 1.0)
            + 4.0 * constants[Constant::latency_rank_s] * (machines - 1.0);
        Self { size, rate, latency }
    }

    /// Reduce-scatter or all-gather of `bytes` (of the whole, not of a rank's part), seconds.
    #[must_use]
    pub fn gather(&self, bytes: f64) -> f64 {
        if self.size <= 1.0 {
            return 0.0;
        }
        self.latency + bytes * (self.size - 1.0) / self.size / self.rate
    }

    /// All-reduce of `bytes`, seconds: a reduce-scatter and an all-gather.
    #[must_use]
    pub fn reduce(&self, bytes: f64) -> f64 {
        2.0 * self.gather(bytes)
    }
}

/// Bytes a second of one machine to others that exchanges reach.
pub(crate) fn network_rate(setup: &Setup, constants: &Constants) -> f64 {
    let share = constants[Constant::network_share];
    let omni_path = constants[Constant::network_share_omni_path];
    setup.network.node_rate * share * if setup.network.omni_path { omni_path } else { 1.0 }
}
