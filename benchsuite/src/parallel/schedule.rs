//! In which order a stage of a pipeline works on its micro-batches: 1F1B (Narayanan et al. 2021). A stage runs ahead of
//! the last one by as many forwards as there are stages after it, then alternates, so that it never holds the activations
//! of more micro-batches than that.

/// A pass of one micro-batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Forward(u64),
    Backward(u64),
}

/// The passes of stage `stage` of `stages`. With one stage: forward and backward of each micro-batch in turn.
pub(crate) fn schedule(stage: usize, stages: usize, micro_batches: u64) -> Vec<Action> {
    let ahead = ((stages - 1 - stage) as u64).min(micro_batches);
    let mut actions: Vec<_> = (0..ahead).map(Action::Forward).collect();
    for done in 0..micro_batches {
        if done + ahead < micro_batches {
            actions.push(Action::Forward(done + ahead));
        }
        actions.push(Action::Backward(done));
    }
    actions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_micro_batch_goes_forward_then_back_and_few_are_held(
            stages in 1_usize..9, micro_batches in 1_u64..20, stage in 0_usize..9,
        ) {
            let stage = stage % stages;
            let (mut forward, mut back) = (0, 0);
            for action in schedule(stage, stages, micro_batches) {
                match action {
                    Action::Forward(at) => { prop_assert_eq!(at, forward); forward += 1; }
                    Action::Backward(at) => { prop_assert_eq!(at, back); back += 1; }
                }
                prop_assert!(back <= forward && forward - back <= (stages - stage) as u64);
            }
            prop_assert_eq!((forward, back), (micro_batches, micro_batches));
        }
    }

    /// Plays all stages at once: each waits for what the neighbours send.
    #[test]
    fn no_two_stages_wait_for_each_other() {
        for stages in 1..6 {
            for micro_batches in 1..9 {
                let plans: Vec<_> =
                    (0..stages).map(|stage| schedule(stage, stages, micro_batches)).collect();
                let mut at = vec![0; stages];
                let done = |at: &[usize], stage: usize, action| {
                    plans[stage][..at[stage]].contains(&action)
                };
                loop {
                    let mut moved = false;
                    for stage in 0..stages {
                        let ready = match plans[stage].get(at[stage]) {
                            None => false,
                            Some(Action::Forward(m)) => {
                                stage == 0 || done(&at, stage - 1, Action::Forward(*m))
                            }
                            Some(Action::Backward(m)) => {
                                stage + 1 == stages || done(&at, stage + 1, Action::Backward(*m))
                            }
                        };
                        if ready {
                            at[stage] += 1;
                            moved = true;
                        }
                    }
                    if !moved {
                        break;
                    }
                }
                assert!(
                    at.iter().zip(&plans).all(|(at, plan)| *at == plan.len()),
                    "{stages} {at:?}"
                );
            }
        }
    }
}
