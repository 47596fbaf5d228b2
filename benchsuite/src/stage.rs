//! The units of the model that this rank has, forward and backward. Every unit has a graph of its own: between units
//! weights can come and go, activations be computed a second time, and gradients be sent while others are computed.

use tch::{Kind, Tensor};

use crate::failure::{Failure, Result};
use crate::model::{BlockOutput, Loss, LossKind, Model, Network, Pass, Wanted};
use crate::options::Recompute;
use crate::parallel::{Gather, GradientSync};
use crate::parameters::Parameters;

/// Weight of the loss that spreads tokens over experts (Fedus et al. 2021).
const BALANCE: f64 = 0.01;

/// What of a rank's state forward and backward change.
pub(crate) struct State<'a> {
    pub parameters: &'a mut Parameters,
    pub gather: Option<&'a mut Gather>,
    pub sync: &'a mut GradientSync,
}

impl State<'_> {
    fn acquire(&mut self, unit: usize, next: Option<usize>) -> Result<()> {
        let Some(gather) = &mut self.gather else { return Ok(()) };
        gather.acquire(self.parameters, unit)?;
        next.map_or(Ok(()), |next| gather.prefetch(self.parameters, next))
    }

    fn release(&mut self, unit: usize) -> Result<()> {
        self.gather.as_mut().map_or(Ok(()), |gather| gather.release(self.parameters, unit))
    }
}

/// Where the units of this rank are in its parameters, and how they are run.
pub(crate) struct Stage {
    network: Network,
    /// The unit that the batch goes into: the embedding of token ids, the stem for images.
    first: Option<usize>,
    blocks: std::ops::Range<usize>,
    /// The number in the model of the first of these.
    first_block: usize,
    /// The head, on the last stage.
    head: Option<usize>,
    /// The unit whose first or last tensor is the head's matrix: the embedding, its copy, or the head.
    matrix: usize,
    recompute: Recompute,
    loss: LossKind,
}

/// What forward has left for backward.
pub(crate) struct Held {
    /// What the first unit has made of the batch.
    begun: Option<Tensor>,
    blocks: Vec<HeldBlock>,
    /// What this rank's blocks have made, in no graph.
    pub x: Tensor,
}

struct HeldBlock {
    input: Tensor,
    /// None: to be computed again.
    output: Option<BlockOutput>,
}

impl Stage {
    /// The stage of these parameters.
    pub(crate) fn new(
        network: impl Into<Network>,
        parameters: &Parameters,
        is_tied: bool,
        recompute: Recompute,
        loss: LossKind,
    ) -> Self {
        let plan = &parameters.plan;
        let count = parameters.units.len();
        let is_first = plan.units.start == 0;
        let is_last = parameters.units.last().is_some_and(|unit| unit.name == "head");
        let before = usize::from(is_first || plan.copy_of_embedding);
        let blocks = before..count - usize::from(is_last);
        Self {
            network: network.into(),
            first: is_first.then_some(0),
            blocks,
            first_block: plan.units.start.max(1) - 1,
            head: is_last.then_some(count - 1),
            matrix: if is_tied { 0 } else { count - 1 },
            recompute,
            loss,
        }
    }

    /// What it computes with.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// The numbers in the model of its blocks.
    pub(crate) fn block_numbers(&self) -> std::ops::Range<usize> {
        self.first_block..self.first_block + self.blocks.len()
    }

    /// Whether the batch enters here.
    pub(crate) fn is_first(&self) -> bool {
        self.first.is_some()
    }

    /// Whether the loss is computed here.
    pub(crate) fn is_last(&self) -> bool {
        self.head.is_some()
    }

    fn run_block(
        &self,
        state: &State<'_>,
        unit: usize,
        input: &Tensor,
        pass: Pass,
    ) -> Result<BlockOutput> {
        let number = self.first_block + unit - self.blocks.start;
        self.network.block(&state.parameters.units[unit], number, input, pass)
    }

    /// All blocks of this rank. `input` is the batch on the first stage, token ids or images, else what the stage before
    /// has made. Without `graph` nothing is left for backward.
    pub(crate) fn forward(
        &self,
        state: &mut State<'_>,
        input: &Tensor,
        graph: bool,
    ) -> Result<Held> {
        let no_graph = (!graph).then(tch::no_grad_guard);
        let pass = if graph { Pass::Train } else { Pass::Validate };
        let mut x = input.shallow_clone();
        let mut begun = None;
        if let Some(unit) = self.first {
            state.acquire(unit, Some(self.blocks.start))?;
            x = self.network.first(&state.parameters.units[unit], input, pass)?;
            if !(self.matrix == unit && self.is_last()) {
                state.release(unit)?;
            }
            begun = Some(x.shallow_clone());
        }
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for unit in self.blocks.clone() {
            let next = (unit + 1 < state.parameters.units.len()).then_some(unit + 1);
            state.acquire(unit, next)?;
            let input = x.f_detach()?.f_set_requires_grad(graph)?;
            let output = if graph && self.recompute == Recompute::Full {
                let _no_graph = tch::no_grad_guard();
                x = self.run_block(state, unit, &input, pass)?.x;
                None
            } else {
                let output = self.run_block(state, unit, &input, pass)?;
                x = output.x.f_detach()?;
                Some(output)
            };
            if graph {
                blocks.push(HeldBlock { input, output });
            }
            state.release(unit)?;
        }
        drop(no_graph);
        Ok(Held { begun, blocks, x: x.f_detach()? })
    }

    /// On the last stage: the mean loss of `targets`, and, if it is multiplied by a `scale` for backward, the gradient of
    /// `x`.
    pub(crate) fn loss(
        &self,
        state: &mut State<'_>,
        x: &Tensor,
        targets: &Tensor,
        (scale, is_last): (Option<f64>, bool),
    ) -> Result<(Tensor, Option<Tensor>)> {
        let Some(head) = self.head else {
            return Err(Failure::run("the loss is computed on the last stage"));
        };
        state.acquire(head, None)?;
        state.acquire(self.matrix, None)?;
        if scale.is_some() {
            state.parameters.units[head].begin_gradient()?;
            state.parameters.units[self.matrix].begin_gradient()?;
        }
        let answer = {
            let _no_graph = scale.is_none().then(tch::no_grad_guard);
            match &self.network {
                Network::Language(model) => {
                    self.language_loss(model, state, head, (x, targets), scale)?
                }
                Network::Images(model) => {
                    model.loss(&state.parameters.units[head], x, targets, scale)?
                }
            }
        };
        state.release(head)?;
        state.release(self.matrix)?;
        if scale.is_some() {
            state.sync.ready(state.parameters, head, is_last)?;
        }
        Ok((answer.mean, answer.gradient))
    }

    /// The loss of a language model, whose head's matrix may be the embedding.
    fn language_loss(
        &self,
        model: &Model,
        state: &State<'_>,
        head: usize,
        (x, targets): (&Tensor, &Tensor),
        scale: Option<f64>,
    ) -> Result<Loss> {
        let unit = &state.parameters.units[head];
        let owner = &state.parameters.units[self.matrix];
        let slot = if self.matrix == head { unit.slots.len() - 1 } else { 0 };
        let norms = unit.slots.len() - usize::from(self.matrix == head);
        let gradient = scale.map_or(Ok(None), |_| owner.gradient_of(slot))?;
        let wanted = Wanted {
            matrix: &owner.leaves()[slot],
            gradient: gradient.as_ref(),
            scale: scale.unwrap_or(1.0),
        };
        let norm = unit.working(norms, self.network.kind())?;
        model.loss(self.loss, &norm, x, targets, &wanted)
    }

    /// Back through all blocks of this rank with the gradient of `held.x`. The gradient of the stage's input, unless that
    /// was the batch. `is_last`: no other micro-batch of the step follows.
    pub(crate) fn backward(
        &self,
        state: &mut State<'_>,
        held: Held,
        gradient: Tensor,
        (scale, is_last): (f64, bool),
    ) -> Result<Tensor> {
        let Held { begun, blocks, x } = held;
        drop(x);
        let first = self.first.filter(|_| self.network.rereads_first());
        let lowest = first.unwrap_or(self.blocks.start);
        let mut gradient = gradient;
        for (unit, block) in self.blocks.clone().zip(blocks).rev() {
            let next = (unit > lowest).then(|| unit - 1);
            state.acquire(unit, next)?;
            state.parameters.units[unit].begin_gradient()?;
            let output = match block.output {
                Some(output) => output,
                None => self.run_block(state, unit, &block.input, Pass::Again)?,
            };
            let mut outputs = vec![(&output.x, Some(&gradient))];
            let weight = match &output.balance {
                Some(balance) => {
                    let number = (Kind::Float, balance.device());
                    Some(Tensor::f_full([], scale * BALANCE, number)?)
                }
                None => None,
            };
            outputs.extend(output.balance.as_ref().map(|balance| (balance, weight.as_ref())));
            crate::shim::backward(&outputs)?;
            gradient = block.input.grad();
            drop((output, block.input));
            state.release(unit)?;
            state.sync.ready(state.parameters, unit, is_last)?;
        }
        if let (Some(unit), Some(begun)) = (self.first, begun) {
            first.map_or(Ok(()), |unit| state.acquire(unit, None))?;
            state.parameters.units[unit].begin_gradient()?;
            crate::shim::backward(&[(&begun, Some(&gradient))])?;
            drop(begun);
            first.map_or(Ok(()), |unit| state.release(unit))?;
            state.sync.ready(state.parameters, unit, is_last)?;
        } else if state.parameters.plan.copy_of_embedding {
            state.sync.ready(state.parameters, 0, is_last)?;
        }
        Ok(gradient)
    }
}
