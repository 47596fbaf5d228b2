//! In which order a stage works on its micro-batches.

/// The order of forward and backward passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// One forward, one backward (1F1B) once the pipeline is full; interleaved where stages have several parts.
    OneForwardOneBackward,
    /// All forward, then all backward: `GPipe`.
    AllForward,
}

/// An event of a stage, by its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Forward(usize),
    Backward(usize),
}

/// The order of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Forward passes before the first backward one, without the one that alternates with it.
    pub warm_up: usize,
    /// Forward passes: micro-batches by parts.
    pub passes: usize,
    /// Micro-batches that go through one part of the stage after the other before the next ones begin.
    group: usize,
    parts: usize,
    micro_batches: usize,
}

impl Order {
    pub(super) fn of(
        schedule: Schedule,
        stage: usize,
        stages: usize,
        parts: usize,
        micro_batches: usize,
    ) -> Self {
        let passes = micro_batches * parts;
        let after = stages - 1 - stage;
        let group = if parts > 1 { group(stages, micro_batches) } else { stages };
        let warm_up = match (schedule, parts) {
            (Schedule::AllForward, _) => passes,
            (Schedule::OneForwardOneBackward, 1) => after,
            // Fewer than the stages never fill the pipeline: Megatron-LM refuses them, others run them all ahead.
            (Schedule::OneForwardOneBackward, _) if micro_batches < stages => passes,
            (Schedule::OneForwardOneBackward, _) => 2 * after + (parts - 1) * group,
        };
        Self { warm_up: warm_up.min(passes), passes, group, parts, micro_batches }
    }

    /// The `place`-th of the 2 · `passes` events: the warm-up, then forward and backward in turn, then what is left backward.
    pub(super) fn action(&self, place: usize) -> Action {
        let alternating = 2 * (self.passes - self.warm_up);
        match place.checked_sub(self.warm_up) {
            None => Action::Forward(place),
            Some(turn) if turn >= alternating => Action::Backward(place - self.passes),
            Some(turn) if turn % 2 == 0 => Action::Forward(self.warm_up + turn / 2),
            Some(turn) => Action::Backward(turn / 2),
        }
    }

    /// Which part of the stage and which micro-batch a pass is of; backward the last part comes first.
    pub(super) fn unit(&self, action: Action) -> (usize, usize) {
        let (Action::Forward(number) | Action::Backward(number)) = action;
        let first = number / (self.group * self.parts) * self.group;
        let size = self.group.min(self.micro_batches - first);
        let within = number - first * self.parts;
        let (part, micro_batch) = (within / size, first + within % size);
        match action {
            Action::Forward(_) => (part, micro_batch),
            Action::Backward(_) => (self.parts - 1 - part, micro_batch),
        }
    }

    /// Passes whose activations are held at most, of one part each: those of the warm-up, and the one after it.
    pub(super) fn held(&self) -> usize {
        (self.warm_up + 1).min(self.passes)
    }
}

/// As many as there are stages; more where the micro-batches are no multiple of that, until the last group is none that could not
/// fill the pipeline: the sizes that Megatron-LM takes for `microbatch_group_size_per_vp_stage`.
fn group(stages: usize, micro_batches: usize) -> usize {
    (stages..micro_batches)
        .find(|size| micro_batches.is_multiple_of(*size) || micro_batches % size >= stages)
        .unwrap_or(micro_batches)
}
