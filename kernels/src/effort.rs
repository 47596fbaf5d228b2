//! How much time to spend.

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Everything, on dense grids, until medians are known to 1 % where they can be: minutes on a GPU.
    #[default]
    Full,
    /// Everything, on sparse grids, to 3 %: under a minute.
    Quick,
}

impl Effort {
    /// `full` on one or `quick` on the other.
    #[must_use]
    pub fn choose<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}
