//! The ranks as a mesh: those that divide a tensor, those that divide the data, and the stages of a pipeline.

use std::sync::Arc;

use crate::engine::{Collectives, Gloo, Nccl};
use crate::failure::{Failure, Result};
use crate::ledger::Ledger;
use crate::shim::{GlooGroup, NcclGroup};

/// A dimension's extent and this rank's place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub rank: usize,
    pub size: usize,
}

impl Axis {
    /// Both numbers.
    pub(crate) const fn pair(self) -> (usize, usize) {
        (self.rank, self.size)
    }
}

/// Where a rank is. Tensor parallelism, which talks most, has neighbouring ranks, the pipeline, which talks least, the
/// most distant: rank = (stage · data + replica) · tensor + part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub tensor: Axis,
    pub data: Axis,
    pub pipeline: Axis,
}

impl Position {
    /// The place of rank `rank` of `size`.
    pub(crate) fn new(rank: usize, size: usize, tensor: usize, pipeline: usize) -> Result<Self> {
        let model = tensor * pipeline;
        if !size.is_multiple_of(model) {
            return Err(Failure::input(format!(
                "--tp {tensor} and --pp {pipeline} need a multiple of {model} ranks, and there are {size}: use --nproc {model}"
            )));
        }
        let data = size / model;
        Ok(Self {
            tensor: Axis { rank: rank % tensor, size: tensor },
            data: Axis { rank: rank / tensor % data, size: data },
            pipeline: Axis { rank: rank / (tensor * data), size: pipeline },
        })
    }

    fn rank_at(&self, tensor: usize, data: usize, pipeline: usize) -> usize {
        (pipeline * self.data.size + data) * self.tensor.size + tensor
    }

    /// The ranks that share this one's place in everything but data parallelism, and the number of that group.
    fn along_data(&self) -> Members {
        let rank = |at| self.rank_at(self.tensor.rank, at, self.pipeline.rank);
        Members::new(
            "data",
            (0..self.data.size).map(rank).collect(),
            self.pipeline.rank * self.tensor.size + self.tensor.rank,
            self.tensor.size * self.pipeline.size,
        )
    }

    fn along_tensor(&self) -> Members {
        let rank = |at| self.rank_at(at, self.data.rank, self.pipeline.rank);
        Members::new(
            "tensor",
            (0..self.tensor.size).map(rank).collect(),
            self.pipeline.rank * self.data.size + self.data.rank,
            self.data.size * self.pipeline.size,
        )
    }

    fn along_pipeline(&self) -> Members {
        let rank = |at| self.rank_at(self.tensor.rank, self.data.rank, at);
        Members::new(
            "pipeline",
            (0..self.pipeline.size).map(rank).collect(),
            self.data.rank * self.tensor.size + self.tensor.rank,
            self.data.size * self.tensor.size,
        )
    }

    /// The first and the last stage.
    fn ends(&self) -> Members {
        let mut members = self.along_pipeline();
        members.name = "ends";
        let last = self.pipeline.size - 1;
        members.ranks = vec![members.ranks[0], members.ranks[last]];
        members
    }

    /// All that together hold one replica of the model.
    fn model(&self) -> Members {
        let ranks = (0..self.pipeline.size)
            .flat_map(|stage| {
                (0..self.tensor.size).map(move |part| self.rank_at(part, self.data.rank, stage))
            })
            .collect();
        Members::new("model", ranks, self.data.rank, self.data.size)
    }
}

/// The ranks of a group, and which of several such groups it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Members {
    name: &'static str,
    ranks: Vec<usize>,
    number: usize,
    groups: usize,
}

impl Members {
    fn new(name: &'static str, ranks: Vec<usize>, number: usize, groups: usize) -> Self {
        Self { name, ranks, number, groups }
    }
}

/// The ranks of a group, connected.
pub(crate) struct Connection {
    pub gloo: GlooGroup,
    /// Of ranks with GPUs.
    pub nccl: Vec<NcclGroup>,
}

/// Connects the ranks of a group: its name, this rank's place and the number of ranks.
pub(crate) type Connect<'a> = &'a dyn Fn(&str, (usize, usize)) -> Result<Connection>;

/// An engine where there are several ranks.
pub(crate) type Engine = Option<Arc<dyn Collectives>>;

/// This rank's groups.
pub(crate) struct Mesh {
    pub position: Position,
    /// All ranks.
    pub world: Engine,
    /// Those with the same weights.
    pub data: Engine,
    /// Those that divide this rank's tensors.
    pub tensor: Engine,
    /// The stages of this rank's replica.
    pub pipeline: Engine,
    /// The first and the last stage, on both of them.
    pub ends: Engine,
    /// Those that together hold one replica of the model.
    pub model: Engine,
    /// What was sent.
    pub ledger: Arc<Ledger>,
}

impl Mesh {
    /// A mesh of one.
    pub(crate) fn alone() -> Result<Self> {
        Self::new(0, Position::new(0, 1, 1, 1)?, &|_, _| {
            Err(Failure::run("one rank connects to nobody"))
        })
    }

    /// Connects this rank, `rank` of all, with those of each group. Every rank calls this at the same time.
    pub(crate) fn new(rank: usize, position: Position, connect: Connect<'_>) -> Result<Self> {
        let ledger = Arc::new(Ledger::default());
        let size = position.data.size * position.tensor.size * position.pipeline.size;
        let join = |members: &Members| -> Result<Engine> {
            let Some(at) = members.ranks.iter().position(|member| *member == rank) else {
                return Ok(None);
            };
            if members.ranks.len() == 1 {
                return Ok(None);
            }
            let place = (at, members.ranks.len());
            let number = (members.groups > 1).then_some(members.number);
            let name = format!("{}{}", members.name, members.number);
            let Connection { gloo, nccl } = connect(&name, place)?;
            let gloo = Gloo::new(gloo, place, number, Arc::clone(&ledger));
            Ok(Some(if nccl.is_empty() {
                Arc::new(gloo) as Arc<dyn Collectives>
            } else {
                Arc::new(Nccl::new(gloo, nccl, Arc::clone(&ledger)))
            }))
        };
        let world = join(&Members::new("world", (0..size).collect(), 0, 1))?;
        // A group of all ranks is the world.
        let within = |members: Members| {
            if members.ranks.len() == size { Ok(world.clone()) } else { join(&members) }
        };
        let data = within(position.along_data())?;
        let tensor = within(position.along_tensor())?;
        let pipeline = within(position.along_pipeline())?;
        let ends = if position.pipeline.size > 1 { within(position.ends())? } else { None };
        let model = within(position.model())?;
        Ok(Self { position, world, data, tensor, pipeline, ends, model, ledger })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_has_a_place_of_its_own_and_neighbours_divide_tensors() {
        let places: Vec<_> = (0..8).map(|rank| Position::new(rank, 8, 2, 2).unwrap()).collect();
        for (rank, place) in places.iter().enumerate() {
            let (t, d, p) = (place.tensor.rank, place.data.rank, place.pipeline.rank);
            assert_eq!(place.rank_at(t, d, p), rank);
        }
        assert_eq!(places[5].along_tensor().ranks, [4, 5]);
        assert_eq!(places[5].along_data().ranks, [5, 7]);
        assert_eq!(places[5].along_pipeline().ranks, [1, 5]);
        assert_eq!(places[5].model().ranks, [0, 1, 4, 5]);
    }

    #[test]
    fn groups_of_one_kind_have_numbers_of_their_own_and_share_no_rank() {
        let places: Vec<_> = (0..12).map(|rank| Position::new(rank, 12, 2, 3).unwrap()).collect();
        for of in [Position::along_data, Position::along_tensor, Position::along_pipeline] {
            let mut groups: Vec<Members> = places.iter().map(of).collect();
            groups.sort_by_key(|group| group.number);
            groups.dedup();
            assert_eq!(groups.len(), groups[0].groups);
            let mut ranks: Vec<_> = groups.iter().flat_map(|group| group.ranks.clone()).collect();
            ranks.sort_unstable();
            assert_eq!(ranks, (0..12).collect::<Vec<_>>());
        }
    }

    #[test]
    fn too_few_ranks_are_an_input_error() {
        let refused = Position::new(0, 6, 2, 2);
        let Err(Failure::Input(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("multiple of 4 ranks"), "{text}");
    }
}
