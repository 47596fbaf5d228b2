//! FLOPs and least bytes of matrix products, convolutions and attention, from the shapes of their inputs.
//!
//! A multiplication and an addition are two FLOPs. The formulas are those of PyTorch's own counter
//! (`torch/utils/flop_counter.py`), so that figures can be compared:
//!
//! * a product of `[m, k]` and `[k, n]`: 2·m·k·n; what is added to it (`addmm`, `baddbmm`) is not counted;
//! * a convolution: 2 · batch · output positions · output channels · input channels of a group · kernel positions;
//! * its backward: the same for the gradient of the input and once more for that of the weight. Whether one of them was not
//!   asked for, as in a first layer, the shapes do not say: both count;
//! * attention: two products of each head, `[q, d]·[d, k]` and `[q, k]·[k, v]`. A causal mask takes nothing off. Its backward:
//!   the first of them again and four more.
//!
//! A convolution's output is not among its inputs. Where the recording has the backward of a convolution of the same input and
//! weight, the gradient that it begins with has the output's shape; elsewhere only the framework's count is known.

use rustc_hash::{FxHashMap, FxHashSet};

use perfagent_recording::Recording;

use super::Key;
use super::shapes::{Input, inputs, size_of, types};
use crate::process::{ProcessRows, pick};

/// What one run of an operator costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) flops: i64,
    pub(super) bytes: Option<i64>,
    /// The element type of its first matrix.
    pub(super) dtype: Option<String>,
}

/// Elements of an operator's inputs and outputs, and FLOPs.
struct Work {
    flops: i128,
    /// By position of an input: elements of that type.
    elements: Vec<(usize, i128)>,
    /// The input whose type is that of the matrices.
    main: usize,
}

/// Shapes of input and weight.
type Layer = (Vec<i64>, Vec<i64>);

/// What the recording says about the outputs of convolutions.
#[derive(Default)]
pub(super) struct Known {
    /// `None` where two outputs were seen.
    outputs: FxHashMap<Layer, Option<Vec<i64>>>,
}

impl Known {
    pub(super) fn of(recording: &Recording, rows: &ProcessRows) -> Self {
        let mut outputs: FxHashMap<Layer, Option<Vec<i64>>> = FxHashMap::default();
        let mut seen = FxHashSet::default();
        for operator in pick(&recording.operators, &rows.operators) {
            if !seen.insert((operator.name_id, operator.shapes_id)) {
                continue;
            }
            let name = recording.strings.get(operator.name_id);
            if !name.contains("convolution_backward") {
                continue;
            }
            let shapes = inputs(recording.strings.get(operator.shapes_id)).unwrap_or_default();
            let Some((gradient, input, weight)) = of_backward(name, &shapes) else { continue };
            let output = outputs
                .entry((input.to_vec(), weight.to_vec()))
                .or_insert_with(|| Some(gradient.to_vec()));
            if output.as_deref() != Some(gradient) {
                *output = None;
            }
        }
        Self { outputs }
    }

    /// What one run of the operator costs; `None` when its shapes do not tell.
    pub(super) fn cost(&self, recording: &Recording, (name, shapes, dtypes): Key) -> Option<Cost> {
        let name = recording.strings.get(name).strip_prefix("aten::")?;
        let shapes = inputs(recording.strings.get(shapes))?;
        let work = self.work(name, &shapes)?;
        let dtypes = dtypes.map_or_else(Vec::new, |id| types(recording.strings.get(id)));
        let dtype = dtypes.get(work.main).copied().filter(|dtype| !dtype.is_empty());
        let size = |at: usize| dtypes.get(at).copied().and_then(size_of).map(i128::from);
        let bytes = work.elements.iter().try_fold(0_i128, |sum, &(at, elements)| {
            sum.checked_add(elements.checked_mul(size(at)?)?)
        });
        Some(Cost {
            flops: i64::try_from(work.flops).ok().filter(|&flops| flops > 0)?,
            // The elements of their outputs are wider than those of their inputs.
            bytes: bytes
                .filter(|_| !matches!(name, "_scaled_mm" | "_int_mm"))
                .and_then(|bytes| i64::try_from(bytes).ok()),
            dtype: dtype.map(str::to_owned),
        })
    }

    fn work(&self, name: &str, shapes: &[Input]) -> Option<Work> {
        match name {
            "mm" | "_int_mm" | "_scaled_mm" => product(shapes, 0, 1, false),
            "addmm" | "_addmm_activation" => product(shapes, 1, 2, false),
            "bmm" => product(shapes, 0, 1, true),
            "baddbmm" => product(shapes, 1, 2, true),
            "linear" => linear(shapes),
            _ if name.contains("convolution_backward") => convolution_backward(name, shapes),
            "conv1d" | "conv2d" | "conv3d" | "convolution" | "_convolution"
            | "cudnn_convolution" | "miopen_convolution" | "mkldnn_convolution" => {
                let [Some(input), Some(weight), ..] = shapes else { return None };
                let output = self.outputs.get(&(input.clone(), weight.clone()))?.as_ref()?;
                let flops = convolution(input, output, weight)?;
                let elements = vec![(0, size(input)?), (1, size(weight)?), (0, size(output)?)];
                Some(Work { flops, elements, main: 0 })
            }
            "scaled_dot_product_attention"
            | "_scaled_dot_product_flash_attention"
            | "_scaled_dot_product_efficient_attention"
            | "_scaled_dot_product_cudnn_attention"
            | "_scaled_dot_product_flash_attention_for_cpu" => {
                attention(shapes, Layout::HeadsFirst)
            }
            "_flash_attention_forward" | "_efficient_attention_forward" => {
                attention(shapes, Layout::HeadsLast)
            }
            "_scaled_dot_product_flash_attention_backward"
            | "_scaled_dot_product_efficient_attention_backward"
            | "_scaled_dot_product_cudnn_attention_backward"
            | "_scaled_dot_product_flash_attention_for_cpu_backward" => {
                attention_backward(shapes, Layout::HeadsFirst)
            }
            "_flash_attention_backward" | "_efficient_attention_backward" => {
                attention_backward(shapes, Layout::HeadsLast)
            }
            _ => None,
        }
    }
}

/// How many elements; or a product of any numbers.
fn size(dimensions: &[i64]) -> Option<i128> {
    dimensions.iter().try_fold(1_i128, |product, &size| product.checked_mul(i128::from(size)))
}

fn tensor(shapes: &[Input], at: usize) -> Option<&[i64]> {
    shapes.get(at)?.as_deref()
}

/// A product of the matrices at two positions; what stands before them is added to it.
fn product(shapes: &[Input], left: usize, right: usize, batched: bool) -> Option<Work> {
    let (first, second) = (tensor(shapes, left)?, tensor(shapes, right)?);
    let (batch, [m, k], [inner, n]) = match (batched, first, second) {
        (false, [m, k], [inner, n]) => (1, [*m, *k], [*inner, *n]),
        (true, [batch, m, k], [other, inner, n]) if batch == other => {
            (*batch, [*m, *k], [*inner, *n])
        }
        _ => return None,
    };
    if k != inner {
        return None;
    }
    let output = size(&[batch, m, n])?;
    let mut elements = vec![(left, size(first)?), (right, size(second)?), (left, output)];
    for added in 0..left {
        elements.push((added, size(tensor(shapes, added)?)?));
    }
    Some(Work { flops: size(&[2, batch, m, k, n])?, elements, main: left })
}

fn linear(shapes: &[Input]) -> Option<Work> {
    let (input, weight) = (tensor(shapes, 0)?, tensor(shapes, 1)?);
    let (&[n, k], Some((inner, rows))) = (weight, input.split_last()) else { return None };
    if k != *inner {
        return None;
    }
    let rows = size(rows)?;
    let output = rows.checked_mul(n.into())?;
    let flops = output.checked_mul(2)?.checked_mul(k.into())?;
    let mut elements = vec![(0, size(input)?), (1, size(weight)?), (0, output)];
    if let Some(bias) = tensor(shapes, 2).filter(|bias| !bias.is_empty()) {
        elements.push((2, size(bias)?));
    }
    Some(Work { flops, elements, main: 0 })
}

/// FLOPs of a convolution from its shapes. Its weight is `[output channels, input channels of a group, kernel…]`; that of a
/// transposed one begins with the input channels, and goes over the positions of the input. `None` when it can be either.
fn convolution(input: &[i64], output: &[i64], weight: &[i64]) -> Option<i128> {
    let [first, of_weight @ ..] = weight else { return None };
    if input.len() != weight.len() || output.len() != weight.len() {
        return None;
    }
    let over = |positions: &[i64]| size(positions)?.checked_mul(size(of_weight)?)?.checked_mul(2);
    let (as_plain, as_transposed) = (output.get(1) == Some(first), input.get(1) == Some(first));
    // A plain one makes no more of its input, but for a margin; a transposed one no less.
    match (as_plain, as_transposed) {
        (true, true) if size(output)? > size(input)? => None,
        (true, _) => over(output),
        (false, true) => over(input),
        (false, false) => None,
    }
}

/// Gradient of the output, input and weight. Those of one library have the input first; they are of before PyTorch 1.11.
fn of_backward<'a>(name: &str, shapes: &'a [Input]) -> Option<(&'a [i64], &'a [i64], &'a [i64])> {
    let (first, second, weight) = (tensor(shapes, 0)?, tensor(shapes, 1)?, tensor(shapes, 2)?);
    let is_of_library = ["cudnn", "miopen", "mkldnn"].iter().any(|library| name.contains(library));
    Some(if is_of_library { (second, first, weight) } else { (first, second, weight) })
}

fn convolution_backward(name: &str, shapes: &[Input]) -> Option<Work> {
    let (gradient, input, weight) = of_backward(name, shapes)?;
    let flops = convolution(input, gradient, weight)?.checked_mul(2)?;
    // Gradient, input and weight are read, and the gradients of the latter two written. The types are the same.
    let moved = size(gradient)?.checked_add(size(input)?.checked_mul(2)?)?;
    let elements = vec![(0, moved), (2, size(weight)?.checked_mul(2)?)];
    Some(Work { flops, elements, main: 0 })
}

/// In which order the four dimensions stand.
#[derive(Clone, Copy)]
enum Layout {
    /// `[batch, heads, sequence, size]`
    HeadsFirst,
    /// `[batch, sequence, heads, size]`
    HeadsLast,
}

/// Query, key and value at a position, as (products of `q·d·k` and of `q·k·v` over all heads, elements of the output).
fn heads(shapes: &[Input], at: usize, layout: Layout) -> Option<(i128, i128, i128)> {
    let dimensions = |at| -> Option<[i64; 4]> {
        let &[batch, second, third, size] = tensor(shapes, at)? else { return None };
        Some(match layout {
            Layout::HeadsFirst => [batch, second, third, size],
            Layout::HeadsLast => [batch, third, second, size],
        })
    };
    let (query, key, value) = (dimensions(at)?, dimensions(at + 1)?, dimensions(at + 2)?);
    let [batch, heads, length, depth] = query;
    if key[0] != batch || key[3] != depth || value[..3] != key[..3] {
        return None;
    }
    let scores = size(&[2, batch, heads, length, depth, key[2]])?;
    let result = size(&[2, batch, heads, length, key[2], value[3]])?;
    Some((scores, result, size(&[batch, heads, length, value[3]])?))
}

fn attention(shapes: &[Input], layout: Layout) -> Option<Work> {
    let (scores, result, output) = heads(shapes, 0, layout)?;
    let mut elements = vec![(0, output)];
    for at in 0..3 {
        elements.push((at, size(tensor(shapes, at)?)?));
    }
    Some(Work { flops: scores.checked_add(result)?, elements, main: 0 })
}

/// Inputs: gradient of the output, query, key, value. Read with the output; their gradients are written.
fn attention_backward(shapes: &[Input], layout: Layout) -> Option<Work> {
    let (scores, result, output) = heads(shapes, 1, layout)?;
    let mut elements = vec![(0, output), (1, output)];
    for at in 1..4 {
        elements.push((at, size(tensor(shapes, at)?)?.checked_mul(2)?));
    }
    let flops = scores.checked_mul(3)?.checked_add(result.checked_mul(2)?)?;
    Some(Work { flops, elements, main: 1 })
}

#[cfg(test)]
mod tests {
    use super::{Known, Layer};
    use crate::roofline::shapes::inputs;
    use rustc_hash::FxHashMap;

    /// FLOPs, and elements with each counted once.
    fn counted(known: &Known, name: &str, shapes: &str) -> Option<(i128, i128)> {
        let work = known.work(name, &inputs(shapes).unwrap())?;
        Some((work.flops, work.elements.iter().map(|&(_, elements)| elements).sum()))
    }

    #[test]
    fn products() {
        let known = Known::default();
        for (name, shapes, expected) in [
            // 2·2·3·4; 6 + 12 + 8 elements.
            ("mm", "[[2, 3], [3, 4]]", Some((48, 26))),
            // And a bias of 4.
            ("addmm", "[[4], [2, 3], [3, 4], [], []]", Some((48, 30))),
            // Five times the first; the output is `[5, 2, 4]`.
            ("bmm", "[[5, 2, 3], [5, 3, 4]]", Some((240, 130))),
            ("baddbmm", "[[5, 2, 4], [5, 2, 3], [5, 3, 4]]", Some((240, 170))),
            // 10 rows of 3 by a weight of `[4, 3]`: 2·10·3·4; 30 + 12 + 40 + 4.
            ("linear", "[[5, 2, 3], [4, 3], [4]]", Some((240, 86))),
            ("linear", "[[5, 2, 3], [4, 3], []]", Some((240, 82))),
            ("mm", "[[2, 3], [4, 4]]", None),
            ("mm", "[[2, 3]]", None),
            ("bmm", "[[5, 2, 3], [6, 3, 4]]", None),
            ("mul", "[[2, 3], [2, 3]]", None),
        ] {
            assert_eq!(counted(&known, name, shapes), expected, "{name} {shapes}");
        }
    }

    #[test]
    fn attention_of_all_layouts() {
        let known = Known::default();
        // Two batches of 4 heads, 10 queries of size 8, 20 keys: 2·2·4·10·20·8 a product.
        let product = 25_600;
        let (query, keys) = (640, 1280);
        for (name, shapes) in [
            ("scaled_dot_product_attention", "[[2, 4, 10, 8], [2, 4, 20, 8], [2, 4, 20, 8], []]"),
            ("_flash_attention_forward", "[[2, 10, 4, 8], [2, 20, 4, 8], [2, 20, 4, 8]]"),
        ] {
            let expected = (2 * product, 2 * query + 2 * keys);
            assert_eq!(counted(&known, name, shapes), Some(expected), "{name}");
        }
        let shapes = "[[2, 4, 10, 8], [2, 4, 10, 8], [2, 4, 20, 8], [2, 4, 20, 8]]";
        // The gradient and the output; query, keys and values with a gradient each.
        let expected = (5 * product, 2 * query + 2 * query + 4 * keys);
        let name = "_scaled_dot_product_flash_attention_backward";
        assert_eq!(counted(&known, name, shapes), Some(expected));
        // One head of keys for four of queries costs as much.
        let grouped = "[[2, 4, 10, 8], [2, 1, 20, 8], [2, 1, 20, 8]]";
        let flops = counted(&known, "scaled_dot_product_attention", grouped).unwrap().0;
        assert_eq!(flops, 2 * product);
    }

    #[test]
    fn convolutions() {
        let shapes = "[[8, 3, 32, 32], [16, 3, 3, 3], [16]]";
        assert_eq!(counted(&Known::default(), "conv2d", shapes), None, "the stride is not known");
        let layer: Layer = (vec![8, 3, 32, 32], vec![16, 3, 3, 3]);
        let known = Known { outputs: FxHashMap::from_iter([(layer, Some(vec![8, 16, 16, 16]))]) };
        // 8·16·16·16 outputs of 3·3·3 products each.
        let flops = 2 * 32_768 * 27;
        let elements = (24_576, 432, 32_768);
        assert_eq!(
            counted(&known, "conv2d", shapes),
            Some((flops, elements.0 + elements.1 + elements.2))
        );
        for (name, shapes) in [
            ("convolution_backward", "[[8, 16, 16, 16], [8, 3, 32, 32], [16, 3, 3, 3], []]"),
            ("cudnn_convolution_backward", "[[8, 3, 32, 32], [8, 16, 16, 16], [16, 3, 3, 3], []]"),
            // Transposed: 8·16·16·16 inputs become 8·3·32·32 outputs.
            ("convolution_backward", "[[8, 3, 32, 32], [8, 16, 16, 16], [16, 3, 3, 3], []]"),
        ] {
            assert_eq!(counted(&known, name, shapes).unwrap().0, 2 * flops, "{name} {shapes}");
        }
        let shapes = "[[8, 16, 16, 16], [8, 3, 32, 32], [16, 3, 3, 3], []]";
        let moved = elements.2 + 2 * elements.0 + 2 * elements.1;
        assert_eq!(counted(&known, "convolution_backward", shapes).unwrap().1, moved);
        let either = "[[8, 16, 32, 32], [8, 16, 16, 16], [16, 16, 3, 3], []]";
        assert_eq!(counted(&known, "convolution_backward", either), None);
    }
}
