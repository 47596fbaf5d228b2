//! What an event is drawn as: a category and a shade of it, in one byte.
//!
//! The colours themselves are in [`crate::palette`]; the model only says which of them.

/// What kind of work an event is. Each has one hue and one name in the legend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Category {
    /// A range that the program marked, of no kind that is told apart here.
    #[default]
    Range = 0,
    /// The forward pass.
    Forward,
    /// The backward pass.
    Backward,
    /// The optimizer's update.
    Optimizer,
    /// Reading and preparing input.
    Input,
    /// Communication between ranks.
    Communication,
    /// Matrix products and convolutions.
    Matrix,
    /// Attention.
    Attention,
    /// Normalisation, reductions, softmax.
    Reduction,
    /// Element-wise arithmetic.
    Elementwise,
    /// Copies, memory sets and reshaping.
    Copy,
    /// A call into the CUDA runtime or driver.
    Api,
    /// Anything else.
    Other,
}

/// How many shades each category has.
pub const SHADES: u8 = 4;

impl Category {
    /// Every category, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Range,
        Self::Forward,
        Self::Backward,
        Self::Optimizer,
        Self::Input,
        Self::Communication,
        Self::Matrix,
        Self::Attention,
        Self::Reduction,
        Self::Elementwise,
        Self::Copy,
        Self::Api,
        Self::Other,
    ];

    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Optimizer => "optimizer",
            Self::Input => "input",
            Self::Communication => "communication",
            Self::Matrix => "matrix",
            Self::Attention => "attention",
            Self::Reduction => "reduction",
            Self::Elementwise => "element-wise",
            Self::Copy => "copy",
            Self::Api => "CUDA call",
            Self::Other => "other",
        }
    }

    /// The category for a label of the classification rules that the report uses too.
    #[must_use]
    pub fn of_rule(label: &str) -> Self {
        match label {
            "communication" => Self::Communication,
            "data" => Self::Input,
            "attention" => Self::Attention,
            "optimizer" => Self::Optimizer,
            "matmul" | "convolution" => Self::Matrix,
            "normalization" | "softmax" | "reduction" | "pooling" => Self::Reduction,
            "elementwise" | "random" => Self::Elementwise,
            "layout" | "embedding" | "routing" => Self::Copy,
            _ => Self::Other,
        }
    }

    /// The category of a range: the phases of training by their usual names.
    #[must_use]
    pub fn of_range(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&[
                "all_reduce",
                "allreduce",
                "all_gather",
                "reduce_scatter",
                "nccl",
                "gloo",
            ]) =>
            {
                Self::Communication
            }
            () if has(&["data", "load_batch", "next_batch"]) => Self::Input,
            () if has(&["forward", "fwd"]) => Self::Forward,
            () if has(&["backward", "bwd", "autograd"]) => Self::Backward,
            () if has(&["optim", "adam", "sgd", "zero_grad", "clip"]) => Self::Optimizer,
            () => Self::Range,
        }
    }
}

/// A category with one of its shades, so that neighbours of one kind can be told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tint(u8);

/// One more than the greatest [`Tint::index`].
pub const TINTS: usize = Category::ALL.len() * SHADES as usize;

impl Tint {
    /// The tint of an event of this category with this name. The same name always gets the same.
    #[must_use]
    pub fn new(category: Category, name: &str) -> Self {
        // FNV-1a: the standard hasher is seeded by chance, and pictures must not change from run to run.
        let hash = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self(category as u8 * SHADES + ((hash >> 13) % u32::from(SHADES)) as u8)
    }

    /// The category in its plain shade.
    #[must_use]
    pub const fn plain(category: Category) -> Self {
        Self(category as u8 * SHADES)
    }

    /// Its category.
    #[must_use]
    pub fn category(self) -> Category {
        Category::ALL.get(usize::from(self.0 / SHADES)).copied().unwrap_or(Category::Other)
    }

    /// Its shade, below [`SHADES`].
    #[must_use]
    pub const fn shade(self) -> u8 {
        self.0 % SHADES
    }

    /// Its number, below [`TINTS`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The tint with this number; numbers from [`TINTS`] on belong to [`Category::Other`].
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        Self(index.min(TINTS - 1) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::{Category, TINTS, Tint};

    #[test]
    fn categories_come_back_from_their_tint() {
        for category in Category::ALL {
            let tint = Tint::new(category, "name");
            assert_eq!(tint.category(), category);
            assert!(tint.index() < TINTS);
            assert_eq!(Tint::from_index(tint.index()), tint);
        }
    }

    #[test]
    fn phases_of_training_are_recognised() {
        assert_eq!(Category::of_range("backward"), Category::Backward);
        assert_eq!(Category::of_range("Optimizer.step"), Category::Optimizer);
        assert_eq!(Category::of_range("dataloader"), Category::Input);
        assert_eq!(Category::of_range("step"), Category::Range);
    }
}
