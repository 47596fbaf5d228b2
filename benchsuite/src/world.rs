//! The ranks of a run together: rendezvous, agreement, and small facts passed through the store.

use std::time::Duration;

use tch::Device;

use crate::engine::Group;
use crate::failure::{Failure, Result};
use crate::mesh::{Connection, Mesh, Position};
use crate::place::Place;
use crate::shim::{GlooGroup, NcclGroup, Operation, Store};

/// This rank among the others.
pub(crate) struct World {
    /// Which rank this is.
    pub place: Place,
    // Before the store: the group must be gone before the store that it was made with.
    mesh: Mesh,
    store: Option<Store>,
    timeout: Duration,
}

impl World {
    /// Connects to the store of rank 0. Returns when it answers, not when all ranks are there.
    pub(crate) fn join(place: Place, timeout: Duration) -> Result<Self> {
        let store = (place.size > 1)
            .then(|| Store::new(&place.host, place.port, place.rank == 0, timeout))
            .transpose()?;
        Ok(Self { place, mesh: Mesh::alone()?, store, timeout })
    }

    /// Compares a description of the run over all ranks, then connects them for collectives.
    /// A rank that was started differently is an input error on all of them.
    pub(crate) fn agree(
        &mut self,
        description: &str,
        position: Position,
        device: Device,
    ) -> Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let mine = format!("world size {}, {description}", self.place.size);
        store.set(&format!("hello/{}", self.place.rank), mine.as_bytes())?;
        if self.place.rank == 0 {
            let verdict = self.compare(store, &mine);
            let text = verdict.as_ref().err().map_or(String::new(), ToString::to_string);
            store.set("agreed", text.as_bytes())?;
            if verdict.is_err() {
                // The store goes away with this process: let the others read the verdict first.
                // One that never came cannot answer, and has nothing to hear.
                let _ = (1..self.place.size)
                    .try_for_each(|r| store.get(&format!("heard/{r}")).map(drop));
            }
            verdict?;
        } else {
            let verdict = store.get("agreed")?;
            if !verdict.is_empty() {
                store.set(&format!("heard/{}", self.place.rank), b"")?;
                return Err(Failure::input(String::from_utf8_lossy(&verdict).into_owned()));
            }
        }
        let connect = |name: &str, place: (usize, usize)| {
            let gloo = GlooGroup::new(store, name, place, self.place.bind_host(), self.timeout)?;
            let nccl = match device {
                Device::Cuda(ordinal) => links(store, name, ordinal, place, self.timeout)?,
                _ => Vec::new(),
            };
            Ok(Connection { gloo, nccl })
        };
        self.mesh = Mesh::new(self.place.rank, position, &connect)?;
        Ok(())
    }

    fn compare(&self, store: &Store, mine: &str) -> Result<()> {
        for rank in 1..self.place.size {
            let theirs = store.get(&format!("hello/{rank}")).map_err(|_| {
                Failure::Peer(format!(
                    "rank {rank} of {} has not come within {} s",
                    self.place.size,
                    self.timeout.as_secs()
                ))
            })?;
            if theirs != mine.as_bytes() {
                let theirs = String::from_utf8_lossy(&theirs).into_owned();
                let (theirs, mine) = first_difference(&theirs, mine);
                return Err(Failure::input(format!(
                    "the ranks were started differently: rank {rank} has {theirs}, rank 0 has {mine}"
                )));
            }
        }
        Ok(())
    }

    /// The groups of ranks.
    pub(crate) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Waits until every rank has come here.
    pub(crate) fn barrier(&self) -> Result<()> {
        self.mesh.world.as_ref().map_or(Ok(()), |e| e.run(Group::Init, &Operation::Barrier))
    }

    /// Publishes this rank's value of something, without waiting.
    pub(crate) fn publish(&self, what: &str, value: &[u8]) -> Result<()> {
        self.store
            .as_ref()
            .map_or(Ok(()), |store| store.set(&format!("{what}/{}", self.place.rank), value))
    }

    /// On rank 0: takes what the ranks have published, in their order, `own` being rank 0's.
    pub(crate) fn collect(&self, what: &str, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let mut values = vec![own];
        if let Some(store) = &self.store {
            for rank in 1..self.place.size {
                let key = format!("{what}/{rank}");
                values.push(store.get(&key)?);
                store.delete(&key)?;
            }
        }
        Ok(values)
    }

    /// Publishes a number, if this rank has one; on rank 0 returns those of all that have.
    pub(crate) fn share(&self, what: &str, value: Option<f64>) -> Result<Option<Vec<f64>>> {
        let bytes = value.map_or_else(Vec::new, |value| value.to_le_bytes().to_vec());
        if self.place.rank != 0 {
            self.publish(what, &bytes)?;
            return Ok(None);
        }
        let values = self.collect(what, bytes)?;
        values
            .into_iter()
            .filter(|bytes| !bytes.is_empty())
            .map(|bytes| {
                let bytes = bytes
                    .try_into()
                    .map_err(|_| Failure::run(format!("'{what}' is not a number")))?;
                Ok(f64::from_le_bytes(bytes))
            })
            .collect::<Result<_>>()
            .map(Some)
    }
}

/// Connects the GPUs of a group; twice where they are the stages of a pipeline, once a direction.
fn links(
    store: &Store,
    name: &str,
    ordinal: usize,
    place: (usize, usize),
    timeout: Duration,
) -> Result<Vec<NcclGroup>> {
    let count = if name.starts_with("pipeline") { 2 } else { 1 };
    (0..count)
        .map(|number| {
            let key = format!("nccl/{name}/{number}");
            if place.0 == 0 {
                store.set(&key, &NcclGroup::name()?)?;
            }
            NcclGroup::join(ordinal, &store.get(&key)?, place, timeout)
        })
        .collect()
}

/// The first comma-separated parts in which two descriptions differ.
fn first_difference<'a>(left: &'a str, right: &'a str) -> (&'a str, &'a str) {
    let parts = left.split(',').zip(right.split(','));
    let (left, right) = parts.into_iter().find(|(l, r)| l != r).unwrap_or((left, right));
    let clean = |part: &'a str| part.trim_matches([' ', '{', '}']);
    (clean(left), clean(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disagreement_names_what_differs() {
        let a = r#"world size 2, text 01, {"model":"gpt","micro_batch":4}"#;
        let b = r#"world size 2, text 01, {"model":"gpt","micro_batch":8}"#;
        assert_eq!(first_difference(a, b), (r#""micro_batch":4"#, r#""micro_batch":8"#));
        assert_eq!(first_difference("world size 2, x", "world size 3, x").1, "world size 3");
    }
}
