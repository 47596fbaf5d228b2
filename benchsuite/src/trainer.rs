//! What one rank does in a step.

use std::collections::{HashMap, VecDeque};

use tch::{Device, Kind, Tensor};

use crate::checkpoint::Description;
use crate::data::Feed;
use crate::device;
use crate::engine::{Collectives, Group, Pending};
use crate::failure::{Failure, Result};
use crate::marks;
use crate::mesh::{Engine, Mesh};
use crate::model::Network;
use crate::optimizer::{self, MAX_NORM, Optimizer, learning_rate};
use crate::options::{Job, Offload, Precision};
use crate::parallel::{Action, Gather, GradientSync, TensorParallel, schedule};
use crate::parameters::{Division, Parameters};
use crate::scaler::LossScaler;
use crate::shim::Operation;
use crate::stage::{Held, Stage, State};

/// What a step has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepResult {
    /// On the last stage the mean loss of this replica, nats a token or image.
    pub loss: Option<f64>,
    /// Of the whole model, before clipping; not finite when the step was left out.
    pub gradient_norm: f64,
}

/// What one rank carries from step to step.
pub(crate) struct Trainer<'a> {
    job: &'a Job,
    mesh: &'a Mesh,
    device: Device,
    pub parameters: Parameters,
    stage: Stage,
    gather: Option<Gather>,
    sync: GradientSync,
    optimizer: Optimizer,
    scaler: LossScaler,
    /// Tensors on their way to other stages, the oldest first.
    sent: VecDeque<(Box<dyn Pending>, Tensor)>,
}

impl<'a> Trainer<'a> {
    pub(crate) fn new(
        job: &'a Job,
        mesh: &'a Mesh,
        parameters: Parameters,
        device: Device,
    ) -> Result<Self> {
        let parallel = mesh
            .tensor
            .as_ref()
            .map(|engine| TensorParallel::new(engine.clone(), job.sequence_parallel));
        let network = Network::new(job, parallel, device)?;
        let is_tied = job.shape.is_tied();
        let stage = Stage::new(network, &parameters, is_tied, job.recompute, job.loss);
        let gather = Gather::new(&parameters, mesh.data.as_ref());
        let sync = GradientSync::new(&parameters, mesh.data.as_ref(), job.bucket_bytes);
        let optimizer =
            Optimizer::new(&parameters, job.optimizer, job.offload == Offload::Optimizer)?;
        let scaler = match job.precision {
            Precision::Fp16 => LossScaler::dynamic(job.loss_scale),
            _ => LossScaler::off(),
        };
        let sent = VecDeque::new();
        Ok(Self { job, mesh, device, parameters, stage, gather, sync, optimizer, scaler, sent })
    }

    /// The scale of the loss.
    pub(crate) fn scaler(&self) -> &LossScaler {
        &self.scaler
    }

    /// The optimizer.
    pub(crate) fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// Weights and optimizer state have been read from a checkpoint.
    pub(crate) fn go_on(&mut self, from: &Description) -> Result<()> {
        let _no_graph = tch::no_grad_guard();
        self.scaler.go_on(from.loss_scale, from.good_steps, from.skipped_steps);
        self.optimizer.reload(&self.parameters)?;
        self.sync.spread(&self.parameters)
    }

    fn state(&mut self) -> (&Stage, State<'_>) {
        let state = State {
            parameters: &mut self.parameters,
            gather: self.gather.as_mut(),
            sync: &mut self.sync,
        };
        (&self.stage, state)
    }

    /// One optimizer step.
    pub(crate) fn step(&mut self, step: u64, batches: &Feed<'_>) -> Result<StepResult> {
        let _step = marks::span(c"step", step);
        self.parameters.zero_gradients()?;
        let loss = self.gradients(step, batches)?;
        if let Some(loss) = loss {
            marks::loss(loss);
            if !loss.is_finite() && self.job.precision != Precision::Fp16 {
                return Err(Failure::run(format!(
                    "the loss of step {step} is {loss}: training diverged; use a smaller --lr"
                )));
            }
        }
        let _no_graph = tch::no_grad_guard();
        if self.mesh.world.is_some() {
            let _wait = marks::span(c"gradient_sync", step);
            self.sync.finish(&self.parameters)?;
            self.sum_over_parts()?;
        } else {
            self.sync.finish(&self.parameters)?;
        }
        let gradient_norm = self.update(step)?;
        device::synchronize(self.device);
        if let Some(world) = &self.mesh.world {
            for _ in 0..self.job.barriers {
                world.run(Group::Init, &Operation::Barrier)?;
            }
        }
        Ok(StepResult { loss, gradient_norm })
    }

    /// Forward and backward of all micro-batches.
    fn gradients(&mut self, step: u64, batches: &Feed<'_>) -> Result<Option<f64>> {
        let position = self.mesh.position;
        let micro_batches = self.job.accumulate as u64;
        let scale = self.scaler.scale() / (micro_batches as f64 * position.data.size as f64);
        let mut held: HashMap<u64, (Held, Option<Tensor>)> = HashMap::new();
        let mut sum = Tensor::f_zeros([], (Kind::Float, self.device))?;
        let plan = schedule(position.pipeline.rank, position.pipeline.size, micro_batches);
        for action in plan {
            match action {
                Action::Forward(index) => {
                    let (inputs, targets) = self.batch(step, index, batches)?;
                    let forward = self.forward(index, inputs.as_ref(), true)?;
                    held.insert(index, (forward, targets));
                }
                Action::Backward(index) => {
                    let Some((forward, targets)) = held.remove(&index) else { continue };
                    let is_last = index + 1 == micro_batches;
                    if let Some(loss) = self.backward(index, forward, targets, (scale, is_last))? {
                        sum = sum.f_add(&loss)?;
                    }
                }
            }
        }
        for (pending, _) in self.sent.drain(..) {
            pending.wait()?;
        }
        if !self.stage.is_last() {
            return Ok(None);
        }
        Ok(Some(sum.f_double_value(&[])? / micro_batches as f64))
    }

    /// The inputs of a micro-batch on the first stage, its targets on the last.
    fn batch(
        &self,
        step: u64,
        index: u64,
        batches: &Feed<'_>,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (first, last) = (self.stage.is_first(), self.stage.is_last());
        if !first && !last {
            return Ok((None, None));
        }
        let _data = marks::span(c"data", index);
        // Samples are numbered over the whole global batch, so that how it is split over replicas
        // and micro-batches does not change what is trained on.
        let data = self.mesh.position.data;
        let begin = (index * data.size as u64 + data.rank as u64) * self.job.micro_batch as u64;
        let (inputs, targets) = batches.train(step, begin, self.job.micro_batch)?;
        Ok((first.then_some(inputs), last.then_some(targets)))
    }

    fn forward(&mut self, index: u64, inputs: Option<&Tensor>, graph: bool) -> Result<Held> {
        let input = match inputs {
            Some(ids) => ids.shallow_clone(),
            None => self.receive(-1)?,
        };
        let held = {
            let _forward = marks::span(c"forward", index);
            let (stage, mut own) = self.state();
            stage.forward(&mut own, &input, graph)?
        };
        if !self.stage.is_last() {
            self.send(&held.x, 1)?;
        }
        Ok(held)
    }

    fn backward(
        &mut self,
        index: u64,
        held: Held,
        targets: Option<Tensor>,
        (scale, is_last): (f64, bool),
    ) -> Result<Option<Tensor>> {
        let (gradient, loss) = match targets.filter(|_| self.stage.is_last()) {
            Some(targets) => {
                let _loss = marks::span(c"loss", index);
                let (stage, mut own) = self.state();
                let options = (Some(scale), is_last);
                let (loss, gradient) = stage.loss(&mut own, &held.x, &targets, options)?;
                let gradient = gradient.ok_or_else(|| Failure::run("the loss has no gradient"))?;
                (gradient, Some(loss))
            }
            None => (self.receive(1)?, None),
        };
        let gradient = {
            let _backward = marks::span(c"backward", index);
            let (stage, mut own) = self.state();
            stage.backward(&mut own, held, gradient, (scale, is_last))?
        };
        if !self.stage.is_first() {
            self.send(&gradient, -1)?;
        }
        Ok(loss)
    }

    fn pipeline(&self) -> Result<&dyn Collectives> {
        let engine = self.mesh.pipeline.as_deref();
        engine.ok_or_else(|| Failure::run("there is no other stage"))
    }

    fn neighbour(&self, distance: i32) -> i32 {
        self.mesh.position.pipeline.rank as i32 + distance
    }

    /// Sends what the next stage goes on from, or its gradient, without waiting.
    fn send(&mut self, tensor: &Tensor, distance: i32) -> Result<()> {
        let tensor = tensor.f_contiguous()?;
        let operation = Operation::Send { tensor: &tensor, to: self.neighbour(distance) };
        let pending = self.pipeline()?.start(Group::Pipeline, &operation)?;
        self.sent.push_back((pending, tensor));
        // What was sent before the last passes of all stages has long been received: 1F1B has gone on from it.
        while self.sent.len() > 2 * self.mesh.position.pipeline.size + 2 {
            if let Some((pending, _)) = self.sent.pop_front() {
                pending.wait()?;
            }
        }
        Ok(())
    }

    fn receive(&self, distance: i32) -> Result<Tensor> {
        let network = self.stage.network();
        let blocks = self.stage.block_numbers();
        let number = if distance < 0 { blocks.start } else { blocks.end };
        let shape = network.input_shape(number, self.job.micro_batch);
        let tensor = Tensor::f_empty(shape, (network.kind(), self.device))?;
        let operation = Operation::Receive { tensor: &tensor, from: self.neighbour(distance) };
        self.pipeline()?.run(Group::Pipeline, &operation)?;
        Ok(tensor)
    }

    /// Completes gradients that several parts or stages have a share of: with sequence parallelism those of whole tensors,
    /// which each part knows of its stretch; of an embedding that two stages have.
    fn sum_over_parts(&self) -> Result<()> {
        if let (Some(engine), true) = (&self.mesh.tensor, self.job.sequence_parallel) {
            for unit in &self.parameters.units {
                let parts: Vec<Tensor> = unit
                    .owned_of(|division| *division == Division::Whole)
                    .map(|own| unit.shard_gradient.f_narrow(0, own.start, own.end - own.start))
                    .collect::<std::result::Result<_, _>>()?;
                if parts.is_empty() {
                    continue;
                }
                let sum = Tensor::f_cat(&parts, 0)?;
                engine.run(Group::TensorParallel, &Operation::AllReduceSum(&sum))?;
                let mut begin = 0;
                for mut part in parts {
                    let len = part.size()[0];
                    part.f_copy_(&sum.f_narrow(0, begin, len)?)?;
                    begin += len;
                }
            }
        }
        if let (Some(engine), true) = (&self.mesh.ends, self.job.shape.is_tied())
            && (self.stage.is_first() || self.stage.is_last())
        {
            let gradient = &self.parameters.units[0].shard_gradient;
            engine.run(Group::Embedding, &Operation::AllReduceSum(gradient))?;
        }
        Ok(())
    }

    /// The optimizer's part; the norm of all gradients.
    fn update(&mut self, step: u64) -> Result<f64> {
        let _optimizer = marks::span(c"optimizer", step);
        let square = optimizer::squared_norm(&self.parameters)?;
        let over: &Engine = if self.job.zero > 0 { &self.mesh.world } else { &self.mesh.model };
        if let Some(engine) = over {
            engine.run(Group::Norm, &Operation::AllReduceSum(&square))?;
        }
        let norm = square.f_double_value(&[0])?.sqrt();
        let scale = self.scaler.scale();
        if !self.scaler.accept(norm, step)? {
            return Ok(norm);
        }
        let norm = norm / scale;
        let factor = if norm > MAX_NORM { MAX_NORM / norm } else { 1.0 } / scale;
        let lr = learning_rate(self.job.lr, step, self.job.steps);
        self.optimizer.update(&self.parameters, lr, factor)?;
        self.sync.spread(&self.parameters)?;
        Ok(norm)
    }

    /// The loss on the part of the data that is never trained on; on the last stage.
    pub(crate) fn validate(&mut self, batches: &Feed<'_>) -> Result<Option<f64>> {
        let _validation = marks::span(c"validation", self.job.steps);
        let _no_graph = tch::no_grad_guard();
        let (inputs, targets) = batches.validation(self.job.micro_batch)?;
        let inputs = self.stage.is_first().then_some(inputs);
        let held = self.forward(0, inputs.as_ref(), false)?;
        let mut loss = None;
        if self.stage.is_last() {
            let (stage, mut own) = self.state();
            let (mean, _) = stage.loss(&mut own, &held.x, &targets, (None, false))?;
            loss = Some(mean.f_double_value(&[])?);
        }
        for (pending, _) in self.sent.drain(..) {
            pending.wait()?;
        }
        Ok(loss)
    }
}
