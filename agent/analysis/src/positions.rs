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
    pub(crate) const fn iter(&self) -> Iter<'_> {
        Iter { run: 0..0, runs: self.runs.as_slice(), left: self.count }
    }

    /// The one that so many are before.
    pub(crate) fn get(&self, index: usize) -> Option<u32> {
        let index = u32::try_from(index).ok()?;
        let after = self.runs.partition_point(|&(_, before)| before <= index);
        let (run, before) = self.runs.get(after.checked_sub(1)?)?;
        run.clone().nth((index - before) as usize)
    }
}

/// Every position in order.
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a> {
    /// What is left of a run, and the runs behind it.
    run: Range<u32>,
    runs: &'a [(Range<u32>, u32)],
    /// How many positions are left.
    left: usize,
}

impl Iterator for Iter<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        loop {
            if let Some(position) = self.run.next() {
                self.left -= 1;
                return Some(position);
            }
            let ((run, _), rest) = self.runs.split_first()?;
            (self.run, self.runs) = (run.clone(), rest);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
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
