//! A rank's part of a tensor under tensor parallelism.

use tch::Tensor;

use super::layout::Division;
use crate::failure::{Failure, Result};

impl Division {
    /// The part of rank `rank` of `ranks` of the whole tensor, contiguous.
    pub(crate) fn part(&self, whole: &Tensor, rank: i64, ranks: i64) -> Result<Tensor> {
        let dims = whole.dim() as i64;
        let (dim, stretches) = match self {
            Self::Whole | Self::Alike => return Ok(whole.f_contiguous()?),
            Self::Rows(stretches) => (0, stretches.clone()),
            Self::Columns => (dims - 1, vec![whole.size()[dims as usize - 1]]),
            Self::Middle(stretches) => (dims - 2, stretches.clone()),
        };
        let mut parts = Vec::with_capacity(stretches.len());
        let mut begin = 0;
        for len in stretches {
            let share = len / ranks;
            parts.push(whole.f_narrow(dim, begin + rank * share, share)?);
            begin += len;
        }
        Ok(Tensor::f_cat(&parts, dim)?)
    }

    /// Whether ranks have parts of it.
    pub(crate) fn is_divided(&self) -> bool {
        !matches!(self, Self::Whole | Self::Alike)
    }

    /// The shape of such a part. Lengths that `ranks` does not divide are an input error.
    pub(crate) fn part_shape(&self, name: &str, whole: &[i64], ranks: i64) -> Result<Vec<i64>> {
        let mut shape = whole.to_vec();
        let dims = shape.len();
        let (dim, stretches) = match self {
            Self::Whole | Self::Alike => return Ok(shape),
            Self::Rows(stretches) => (0, stretches.clone()),
            Self::Columns => (dims - 1, vec![whole[dims - 1]]),
            Self::Middle(stretches) => (dims - 2, stretches.clone()),
        };
        if let Some(len) = stretches.iter().find(|len| **len % ranks != 0) {
            return Err(Failure::input(format!(
                "--tp {ranks} does not divide {name}: {len} of its rows or columns belong together"
            )));
        }
        shape[dim] /= ranks;
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn parts_keep_the_stretches_together() {
        let whole = Tensor::arange(12, (Kind::Int64, Device::Cpu)).view([6, 2]);
        // Rows 0..4 are queries, 4..6 keys: each rank has half of both.
        let rows = Division::Rows(vec![4, 2]);
        let second = rows.part(&whole, 1, 2).unwrap();
        assert_eq!(second, Tensor::from_slice(&[4i64, 5, 6, 7, 10, 11]).view([3, 2]));
        assert_eq!(rows.part_shape("x", &[6, 2], 2).unwrap(), [3, 2]);
        let columns = Division::Columns.part(&whole, 0, 2).unwrap();
        assert_eq!(columns, Tensor::from_slice(&[0i64, 2, 4, 6, 8, 10]).view([6, 1]));
        let middle = Division::Middle(vec![2, 4]);
        let stack = whole.view([1, 6, 2]);
        let first = middle.part(&stack, 0, 2).unwrap();
        assert_eq!(first, Tensor::from_slice(&[0i64, 1, 4, 5, 6, 7]).view([1, 3, 2]));
    }

    #[test]
    fn what_cannot_be_divided_is_named() {
        let refused = Division::Rows(vec![6, 3]).part_shape("layers.0.qkv", &[9, 2], 2);
        let Err(Failure::Input(text)) = refused else { panic!("{refused:?}") };
        assert!(text.contains("--tp 2") && text.contains("layers.0.qkv"), "{text}");
    }
}
