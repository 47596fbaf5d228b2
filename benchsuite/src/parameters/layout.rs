//! Which tensors a model has, in which units, how they start and how tensor parallelism divides them.

use crate::shape::{Architecture, Shape};

/// How a tensor starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    Normal(f64),
    Ones,
    Zeros,
}

/// How tensor parallelism divides a tensor over its ranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Division {
    /// Every rank has all of it; with sequences divided, each knows the gradient of its stretch.
    Whole,
    /// Every rank has all of it, and computes all of its gradient.
    Alike,
    /// Each of these stretches of the first dimension is divided: outputs of a matrix, rows of an embedding.
    Rows(Vec<i64>),
    /// The last dimension is divided: inputs of a matrix.
    Columns,
    /// The dimension before the last, in which lie these stretches: outputs of a stack of matrices.
    Middle(Vec<i64>),
}

/// A tensor.
#[derive(Clone, Debug)]
pub(crate) struct TensorLayout {
    /// Unique in the model; as checkpoints name it.
    pub name: String,
    /// Its shape before division.
    pub shape: Vec<i64>,
    /// How it starts.
    pub start: Start,
    /// Whether weight decay applies: matrices and embeddings, not norms and biases.
    pub decay: bool,
    /// How it is divided.
    pub division: Division,
}

/// Tensors that are needed at the same time: the embedding or stem, one block, or the head.
#[derive(Clone, Debug)]
pub(crate) struct UnitLayout {
    /// As a recording and a checkpoint name it.
    pub name: String,
    /// In the order in which forward uses them.
    pub tensors: Vec<TensorLayout>,
    /// Batch norms that keep running statistics: their names and channels, in the order of their tensors.
    pub norms: Vec<(String, i64)>,
}

impl UnitLayout {
    fn new(name: String, tensors: Vec<TensorLayout>) -> Self {
        Self { name, tensors, norms: Vec::new() }
    }
}

/// The units of a language model: the embedding, the blocks, the head. A tied head has no matrix of its own.
pub(crate) fn units(shape: &Shape) -> Vec<UnitLayout> {
    let mut units = vec![embedding(shape)];
    for layer in 0..shape.layers {
        let name = format!("layers.{layer}");
        let tensors = match shape.architecture {
            Architecture::Gpt => gpt_block(shape, &name),
            Architecture::Llama | Architecture::Moe => llama_block(shape, &name),
        };
        units.push(UnitLayout::new(name, tensors));
    }
    units.push(head(shape));
    units
}

const STD: f64 = 0.02;

/// GPT-2: residual projections start smaller, so that depth does not add up.
fn residual(shape: &Shape) -> f64 {
    STD / (2.0 * shape.layers as f64).sqrt()
}

pub(super) fn matrix(name: String, shape: &[i64], std: f64, division: Division) -> TensorLayout {
    TensorLayout { name, shape: shape.to_vec(), start: Start::Normal(std), decay: true, division }
}

pub(super) fn vector(name: String, len: i64, start: Start, division: Division) -> TensorLayout {
    TensorLayout { name, shape: vec![len], start, decay: false, division }
}

/// Weight and, with GPT, bias of a norm.
fn norm(shape: &Shape, name: &str) -> Vec<TensorLayout> {
    let part =
        |kind: &str, start| vector(format!("{name}.{kind}"), shape.hidden, start, Division::Whole);
    let mut tensors = vec![part("weight", Start::Ones)];
    if shape.architecture == Architecture::Gpt {
        tensors.push(part("bias", Start::Zeros));
    }
    tensors
}

fn embedding(shape: &Shape) -> UnitLayout {
    let rows = Division::Rows(vec![shape.vocab]);
    let mut tensors =
        vec![matrix("embed_tokens.weight".to_owned(), &[shape.vocab, shape.hidden], STD, rows)];
    if shape.architecture == Architecture::Gpt {
        let name = "embed_positions.weight".to_owned();
        tensors.push(matrix(name, &[shape.seq, shape.hidden], STD, Division::Whole));
    }
    UnitLayout::new("embedding".to_owned(), tensors)
}

fn head(shape: &Shape) -> UnitLayout {
    let mut tensors = norm(shape, "norm");
    if !shape.tied {
        let rows = Division::Rows(vec![shape.vocab]);
        let name = "lm_head.weight".to_owned();
        tensors.push(matrix(name, &[shape.vocab, shape.hidden], STD, rows));
    }
    UnitLayout::new("head".to_owned(), tensors)
}

fn gpt_block(shape: &Shape, block: &str) -> Vec<TensorLayout> {
    let (h, inner, ffn) = (shape.hidden, shape.heads * shape.head_dim, shape.ffn);
    let name = |part: &str| format!("{block}.{part}");
    let heads = Division::Rows(vec![inner; 3]);
    let wide = Division::Rows(vec![ffn]);
    let mut tensors = norm(shape, &name("attention_norm"));
    tensors.extend([
        matrix(name("attention.qkv.weight"), &[3 * inner, h], STD, heads.clone()),
        vector(name("attention.qkv.bias"), 3 * inner, Start::Zeros, heads),
        matrix(name("attention.out.weight"), &[h, inner], residual(shape), Division::Columns),
        vector(name("attention.out.bias"), h, Start::Zeros, Division::Whole),
    ]);
    tensors.extend(norm(shape, &name("feed_forward_norm")));
    tensors.extend([
        matrix(name("feed_forward.up.weight"), &[ffn, h], STD, wide.clone()),
        vector(name("feed_forward.up.bias"), ffn, Start::Zeros, wide),
        matrix(name("feed_forward.down.weight"), &[h, ffn], residual(shape), Division::Columns),
        vector(name("feed_forward.down.bias"), h, Start::Zeros, Division::Whole),
    ]);
    tensors
}

fn llama_block(shape: &Shape, block: &str) -> Vec<TensorLayout> {
    let (h, ffn) = (shape.hidden, shape.ffn);
    let (inner, keys) = (shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
    let name = |part: &str| format!("{block}.{part}");
    let heads = Division::Rows(vec![inner, keys, keys]);
    let std = residual(shape);
    let mut tensors = norm(shape, &name("attention_norm"));
    tensors.extend([
        matrix(name("attention.qkv.weight"), &[inner + 2 * keys, h], STD, heads),
        matrix(name("attention.out.weight"), &[h, inner], std, Division::Columns),
    ]);
    tensors.extend(norm(shape, &name("feed_forward_norm")));
    let (up, down) = (name("feed_forward.gate_up.weight"), name("feed_forward.down.weight"));
    if shape.architecture == Architecture::Moe {
        let experts = shape.experts;
        tensors.extend([
            matrix(name("feed_forward.router.weight"), &[experts, h], STD, Division::Alike),
            matrix(up, &[experts, 2 * ffn, h], STD, Division::Middle(vec![ffn, ffn])),
            matrix(down, &[experts, h, ffn], std, Division::Columns),
        ]);
    } else {
        tensors.extend([
            matrix(up, &[2 * ffn, h], STD, Division::Rows(vec![ffn, ffn])),
            matrix(down, &[h, ffn], std, Division::Columns),
        ]);
    }
    tensors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::presets;

    #[test]
    fn the_layout_has_as_many_elements_as_the_formula_says() {
        for preset in presets() {
            let tensors = units(&preset.shape).into_iter().flat_map(|unit| unit.tensors);
            let total: i64 = tensors.map(|tensor| tensor.shape.iter().product::<i64>()).sum();
            let name = preset.shape.architecture.name();
            assert_eq!(total, preset.shape.parameters(), "{name} {}", preset.name);
        }
    }

    #[test]
    fn stretches_add_up_to_the_dimension_that_they_divide() {
        for preset in presets() {
            for tensor in units(&preset.shape).iter().flat_map(|unit| &unit.tensors) {
                let dims = tensor.shape.len();
                match &tensor.division {
                    Division::Rows(parts) => assert_eq!(parts.iter().sum::<i64>(), tensor.shape[0]),
                    Division::Middle(parts) => {
                        assert_eq!(parts.iter().sum::<i64>(), tensor.shape[dims - 2]);
                    }
                    Division::Whole | Division::Alike | Division::Columns => {}
                }
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let all = units(&presets()[0].shape);
        let mut names: Vec<_> =
            all.iter().flat_map(|unit| &unit.tensors).map(|t| &t.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
