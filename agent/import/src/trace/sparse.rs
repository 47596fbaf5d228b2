//! What only some rows of a table have, kept beside the rows, so that the others pay nothing for it.

/// Values by the number of their row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sparse<T>(Vec<(u32, T)>);

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Sparse<T> {
    /// Adds the value of a row. Rows come in the order of their numbers.
    pub(crate) fn push(&mut self, row: usize, value: T) {
        self.0.push((row as u32, value));
    }

    /// Adds the values of another table, whose rows follow the first `rows` of this one.
    pub(crate) fn join(&mut self, rows: usize, other: Self) {
        self.0.extend(other.0.into_iter().map(|(row, value)| (row + rows as u32, value)));
    }

    /// Changes every value.
    pub(crate) fn for_each(&mut self, change: impl FnMut(&mut T)) {
        self.0.iter_mut().map(|(_, value)| value).for_each(change);
    }

    /// The value of a row, when it has one.
    pub(crate) fn get(&self, row: usize) -> Option<&T> {
        let at = self.0.binary_search_by_key(&(row as u32), |(row, _)| *row).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }
}

/// A number that is small where it is known: sizes of grids, registers. Half as large as an `Option<u32>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Small(u32);

impl Small {
    const UNKNOWN: u32 = u32::MAX;

    /// Unknown where there is none, and where it is no small number.
    pub(crate) fn new(value: Option<i64>) -> Self {
        let value = value.and_then(|value| u32::try_from(value).ok());
        Self(value.unwrap_or(Self::UNKNOWN))
    }

    /// The number, when it is known.
    pub(crate) fn get(self) -> Option<i64> {
        (self.0 != Self::UNKNOWN).then_some(i64::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Small, Sparse};

    #[test]
    fn rows_without_a_value_have_none() {
        let mut sparse = Sparse::default();
        sparse.push(3, 'a');
        sparse.push(9, 'b');
        assert_eq!([2, 3, 9, 10].map(|row| sparse.get(row)), [None, Some(&'a'), Some(&'b'), None]);
    }

    #[test]
    fn what_is_not_small_is_unknown() {
        let read = |value| Small::new(value).get();
        assert_eq!([Some(0), Some(7), None].map(read), [Some(0), Some(7), None]);
        assert_eq!([-1, i64::from(u32::MAX), 1 << 40].map(|value| read(Some(value))), [None; 3]);
    }
}
