//! Positions of rows in a table.

use std::ops::Range;

/// Positions in ascending order, as runs: the rows of a process come by the thousand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions {
    /// Each with how many positions are before it.
    runs: Vec<(Range<u32>, u32)>,
    count: usize,
}

impl Positions {
    /// Adds one that is greater than all before.
    pub(crate) fn push(&mut self, position: u32) {
        match self.runs.last_mut() {
            Some((run, _)) if run.end == position => run.end += 1,
            _ => self.runs.push((position..position + 1, self.count as u32)),
        }
        self.count += 1;
    }

    /// How many.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every one in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().flat_map(|(run, _)| run.clone())
    }

    /// The one that so many are before.
    pub(crate) fn get(&self, index: usize) -> Option<u32> {
        let index = u32::try_from(index).ok()?;
        let after = self.runs.partition_point(|&(_, before)| before <= index);
        let (run, before) = self.runs.get(after.checked_sub(1)?)?;
        run.clone().nth((index - before) as usize)
    }
}

impl FromIterator<u32> for Positions {
    fn from_iter<T: IntoIterator<Item = u32>>(positions: T) -> Self {
        let mut all = Self::default();
        for position in positions {
            all.push(position);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Positions;

    #[test]
    fn runs_are_the_same_as_a_list() {
        let list = [0, 1, 2, 5, 7, 8, u32::MAX - 1];
        let positions: Positions = list.into_iter().collect();
        assert_eq!(positions.runs.len(), 4);
        assert_eq!((positions.len(), positions.is_empty()), (7, false));
        assert!(positions.iter().eq(list));
        assert!((0..7).map(|index| positions.get(index)).eq(list.map(Some)));
        assert_eq!(positions.get(7), None);
    }
}
