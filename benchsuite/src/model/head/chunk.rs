//! How many tokens the head takes at a time, and how wide their logits are.

use tch::{Device, Tensor};

use crate::failure::Result;

/// On a processor a chunk's logits take at most so many bytes in fp32, so that they stay in its caches, and a chunk has at
/// least so many tokens.
const BYTES: i64 = 32 << 20;
const TOKENS: i64 = 64;
/// On a GPU a chunk has a multiple of so many tokens, and its logits are as many columns wide: tiles of its products are
/// full, and their rows begin where tensor cores can read them. With 50,257 columns they take 25.6 ms a
/// step of GPT-2 124M on an H200, with 50,304 3.4 ms (`data/h200/aligned`).
const TILE: i64 = 128;
const COLUMNS: i64 = 64;

/// A part of the tokens, and of the columns beyond the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) struct Chunk {
    /// How many tokens.
    pub(in crate::model) tokens: i64,
    /// Columns that belong to no token of the vocabulary.
    pub(in crate::model) padding: i64,
}

impl Chunk {
    /// What suits a device. Each chunk reads and writes the whole gradient of the matrix: on a GPU its logits are about as
    /// large as that.
    pub(super) fn of(device: Device, hidden: i64, vocab: i64) -> Self {
        if device.is_cuda() {
            let tiles = hidden.unsigned_abs().div_ceil(TILE.unsigned_abs()).cast_signed();
            Self { tokens: tiles * TILE, padding: (-vocab).rem_euclid(COLUMNS) }
        } else {
            Self { tokens: (BYTES / (4 * vocab)).max(TOKENS), padding: 0 }
        }
    }

    /// `[vocab, hidden]` with rows of zeros after it.
    pub(super) fn padded(self, matrix: &Tensor) -> Result<Tensor> {
        match self.padding {
            0 => Ok(matrix.shallow_clone()),
            rows => Ok(matrix.f_constant_pad_nd([0, 0, 0, rows])?),
        }
    }

    /// Makes what lies beyond the vocabulary improbable for good.
    pub(super) fn rule_out_padding(self, logits: &Tensor, vocab: i64) -> Result<()> {
        if self.padding > 0 {
            let _ = logits.f_narrow(1, vocab, self.padding)?.f_fill_(f64::NEG_INFINITY)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::super::{Model, Wanted};
    use super::Chunk;
    use crate::options::Recompute;
    use crate::shape::{Architecture, Shape, find};

    #[test]
    fn of_gpus_and_processors() {
        let gpu = Device::Cuda(0);
        assert_eq!(Chunk::of(gpu, 768, 50_257), Chunk { tokens: 768, padding: 47 });
        assert_eq!(Chunk::of(gpu, 100, 50_304), Chunk { tokens: 128, padding: 0 });
        assert_eq!(Chunk::of(Device::Cpu, 768, 50_257), Chunk { tokens: 166, padding: 0 });
        assert_eq!(Chunk::of(Device::Cpu, 4096, 1 << 20), Chunk { tokens: 64, padding: 0 });
    }

    /// The mean loss, the gradient of the input and that of the matrix.
    fn computed(kind: Kind, chunk: Chunk) -> [Tensor; 3] {
        tch::manual_seed(3);
        let nano = find(Architecture::Gpt, "nano").unwrap().shape;
        let shape = Shape { hidden: 16, heads: 4, head_dim: 4, vocab: 41, ..nano };
        let model = Model::new(&shape, (kind, None), Recompute::None, None, Device::Cpu).unwrap();
        let rows = Tensor::randn([50, 16], (Kind::Float, Device::Cpu)).to_kind(kind);
        let targets = Tensor::randint(41, [50], (Kind::Int64, Device::Cpu));
        let matrix = Tensor::randn([41, 16], (Kind::Float, Device::Cpu));
        let gradient = matrix.zeros_like();
        let wanted = Wanted { matrix: &matrix, gradient: Some(&gradient), scale: 2.0 };
        let (mean, of_rows) = model.chunks(&rows, &targets, &wanted, chunk).unwrap();
        [mean, of_rows.unwrap().to_kind(Kind::Float), gradient]
    }

    #[test]
    fn neither_padding_nor_the_size_of_chunks_changes_loss_or_gradients() {
        for (kind, margin) in [(Kind::Float, 1e-6), (Kind::BFloat16, 1e-2)] {
            let plain = computed(kind, Chunk { tokens: 50, padding: 0 });
            for chunk in [
                Chunk { tokens: 50, padding: 23 },
                Chunk { tokens: 16, padding: 0 },
                Chunk { tokens: 16, padding: 23 },
            ] {
                let other = computed(kind, chunk);
                for (a, b) in plain.iter().zip(&other) {
                    assert_eq!(a.size(), b.size());
                    let error = (a - b).abs().max().double_value(&[]);
                    assert!(error <= margin * a.abs().max().double_value(&[]), "{chunk:?} {error}");
                }
            }
        }
    }
}
