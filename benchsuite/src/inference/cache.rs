//! The KV cache: a slot for each sequence in flight, of as many tokens as the longest request has. All of it is allocated
//! at the start, so that a cache that does not fit is told before anything is served.

use tch::{Device, Kind, Tensor};

use crate::failure::{Failure, Result};
use crate::model::LayerCache;
use crate::shape::Shape;

/// Keys and values of all blocks. Sequences in flight are in the slots 0, 1, …, without a gap.
pub(crate) struct KvCache {
    pub layers: Vec<LayerCache>,
    /// Tokens of a slot.
    pub capacity: i64,
}

impl KvCache {
    /// An empty cache.
    pub(crate) fn new(
        shape: &Shape,
        (slots, capacity): (i64, i64),
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let size = [slots, capacity, shape.kv_heads, shape.head_dim];
        // Written once, so that the memory is there and not only promised.
        let zeros = || Tensor::f_zeros(size, (kind, device));
        let layers = (0..shape.layers)
            .map(|_| Ok(LayerCache { keys: zeros()?, values: zeros()? }))
            .collect::<Result<_>>();
        let layers = layers.map_err(|failure| match failure {
            Failure::Memory(line) => Failure::input(format!(
                "the KV cache does not fit in memory: {slots} slots of {capacity} tokens take {:.1} GiB: {line}; use a \
                 smaller --batch or shorter requests",
                Self::bytes(shape, (slots, capacity), kind) as f64 / f64::from(1 << 30)
            )),
            other => other,
        })?;
        Ok(Self { layers, capacity })
    }

    /// Bytes of one token: 2·L·k·d numbers, for keys and values.
    pub(crate) fn bytes_per_token(shape: &Shape, kind: Kind) -> i64 {
        2 * shape.layers * shape.kv_heads * shape.head_dim * kind.elt_size_in_bytes() as i64
    }

    /// Bytes of the whole.
    pub(crate) fn bytes(shape: &Shape, (slots, capacity): (i64, i64), kind: Kind) -> i64 {
        slots * capacity * Self::bytes_per_token(shape, kind)
    }

    /// Moves the first `tokens` tokens of a slot to another one.
    pub(crate) fn move_slot(&self, from: i64, to: i64, tokens: i64) -> Result<()> {
        for tensor in self.layers.iter().flat_map(|layer| [&layer.keys, &layer.values]) {
            let part = |slot| tensor.f_narrow(0, slot, 1)?.f_narrow(1, 0, tokens);
            part(to)?.f_copy_(&part(from)?)?;
        }
        Ok(())
    }
}
