//! What the stages of a pipeline take for a micro-batch, and the step that they make together.

use super::{Model, Pass, exposed, longer};
use crate::collective::{Group, network_rate};
use crate::constants::Constant;
use crate::partition;
use crate::pipeline::{Pipeline, Schedule, Work, can_simulate, micro_batches};
use crate::setup::Recompute;

/// The stage that works longest, and what it waits for. Seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Its layers.
    pub layers: f64,
    /// Of a micro-batch: forward and backward, all together.
    pub pass: f64,
    /// Of that, the head.
    pub head: f64,
    /// Of that, gathers of weights that computing does not hide.
    pub gathers: f64,
    /// Of that, what the GPU waits for the host.
    pub late: f64,
    /// Of a step: where it waits for other stages.
    pub bubble: f64,
    /// Of a step: what sending between stages adds, if that is to be told apart.
    pub transfers: f64,
}

impl Model<'_> {
    /// The longest of the stages that the layers of `model`, the `head` and `micro` seconds of the host a micro-batch make.
    pub(super) fn load(&self, model: &Pass, head: f64, micro: f64) -> Load {
        let s = self.setup;
        if s.pp <= 1.0 {
            return self.part(model, s.shape.layers, head, micro);
        }
        if !can_simulate(s.pp * s.vpp) {
            let load = self.part(model, s.shape.layers / s.pp, head, micro);
            return Load { bubble: (s.pp - 1.0) / s.vpp * load.pass, ..load };
        }
        let stages = s.pp as usize;
        let layers = partition::parts(s);
        let last = layers.len() - 1;
        let own = (layers.len() / stages) as f64;
        let loads: Vec<Load> = layers
            .iter()
            .enumerate()
            .map(|(part, layers)| {
                self.part(model, *layers, if part == last { head } else { 0.0 }, micro / own)
            })
            .collect();
        let passes = self.passes();
        let parts: Vec<Work> = loads
            .iter()
            .map(|load| {
                // The head is never calculated again.
                let forward = (load.pass - load.head) / passes + load.head / 3.0;
                Work { forward, backward: load.pass - forward }
            })
            .collect();
        let mut fullest = Load::default();
        for stage in 0..stages {
            let mut sum = Load::default();
            for load in loads.iter().skip(stage).step_by(stages) {
                sum.add(load);
            }
            if sum.pass > fullest.pass {
                fullest = sum;
            }
        }
        let count = micro_batches(s.passes);
        let pipeline = Pipeline {
            schedule: Schedule::OneForwardOneBackward,
            stages,
            parts: &parts,
            transfer: self.transfer(),
            // The interleaved schedule sends beside what it calculates (Megatron-LM's `overlap_p2p_comm`), 1F1B in between.
            blocking: parts.len() == stages,
            micro_batches: count,
        };
        fullest.bubble = (pipeline.makespan() - count as f64 * fullest.pass).max(0.0);
        if self.apart {
            let ideal = Pipeline { transfer: 0.0, ..pipeline }.makespan();
            let bubble = (ideal - count as f64 * fullest.pass).clamp(0.0, fullest.bubble);
            fullest.transfers = fullest.bubble - bubble;
            fullest.bubble = bubble;
        }
        fullest
    }

    /// A part of the model with so many layers.
    fn part(&self, model: &Pass, layers: f64, head: f64, micro: f64) -> Load {
        let s = self.setup;
        let of_model = layers / s.shape.layers;
        let device = model.device() * of_model + head;
        let mut pass = longer(device, model.host * of_model + micro);
        let late = pass - device;
        let mut gathers = 0.0;
        if s.zero == 3 && s.dp > 1.0 {
            let group = Group::of(s, self.constants, s.dp, s.tp * s.cp);
            let bytes = 2.0 * self.stage_params() / s.vpp;
            let rounds = if s.recompute == Recompute::Full { 3.0 } else { 2.0 };
            let time =
                (rounds + s.grad_bytes / 2.0) * group.gather(bytes) + layers * 3.0 * group.latency;
            let both = longer(pass, time) + self.c(Constant::gather_exposed) * pass.min(time);
            gathers = both - pass;
            pass = both;
        }
        Load { layers, pass, head, gathers, late, ..Load::default() }
    }

    /// From one stage to its neighbour: latency, and the bytes that computing does not hide.
    fn transfer(&self) -> f64 {
        let s = self.setup;
        let bytes = 2.0 * s.tokens() * s.shape.hidden / s.stream_split();
        let across = s.world > s.network.domain;
        let rate = if across {
            network_rate(s, self.constants) / s.on_node
        } else {
            s.gpu.link_rate * self.c(Constant::link_share)
        };
        self.c(Constant::transfer_s) + exposed(self.c(Constant::transfer_exposed)) * bytes / rate
    }
}

impl Load {
    fn add(&mut self, other: &Self) {
        self.layers += other.layers;
        self.pass += other.pass;
        self.head += other.head;
        self.gathers += other.gathers;
        self.late += other.late;
    }
}
