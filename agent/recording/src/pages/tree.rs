//! The B-tree of a table.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::Pages;
use super::record::MARGIN;

/// Bytes at the beginning of the file that are no part of its first page's tree.
pub(super) const FILE_HEADER: usize = 100;

/// A tree that is deeper is damaged: it would have more pages than a file can.
const DEEPEST: usize = 20;

/// The kinds of pages of a table.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// Part of the tree of a table.
pub(super) struct Tree<'a> {
    pages: &'a Pages<'a>,
    /// Ids greater than the first and not greater than the second.
    bounds: (i64, i64),
    /// The id of the last row.
    last: i64,
    /// Pages that have not been visited: a damaged tree may lead to the same ones again and again.
    left: u32,
    /// Room for a page.
    buffer: Vec<u8>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(pages: &'a Pages<'a>, bounds: (i64, i64)) -> Self {
        Self { pages, bounds, last: bounds.0, left: pages.count, buffer: Vec::new() }
    }

    /// Calls `each` for every row in order of its id, with bytes that begin with its record, and how many of them it has. `None`
    /// when it does so, or when the tree is not as it should be.
    pub(super) fn for_each(
        &mut self,
        root: u32,
        each: &mut impl FnMut(&[u8], usize) -> Option<()>,
    ) -> Option<()> {
        self.visit(root, 0, each)
    }

    fn visit(
        &mut self,
        number: u32,
        depth: usize,
        each: &mut impl FnMut(&[u8], usize) -> Option<()>,
    ) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        let mut page = std::mem::take(&mut self.buffer);
        page.resize(self.pages.page_size + MARGIN, 0);
        let before = u64::from(number.checked_sub(1)?) * self.pages.page_size as u64;
        read(self.pages.file, &mut page[..self.pages.page_size], before)?;
        // The first page holds the list of tables, never one of ours.
        match (page[0], number) {
            (_, 1) => return None,
            (LEAF, _) => self.rows(&page, each)?,
            (INTERIOR, _) if depth < DEEPEST => {
                for child in self.children(&page)? {
                    self.visit(child, depth + 1, each)?;
                }
            }
            _ => return None,
        }
        self.buffer = page;
        Some(())
    }

    /// The pages below an interior one that may have rows within the bounds.
    fn children(&self, page: &[u8]) -> Option<Vec<u32>> {
        let (mut children, mut before) = (Vec::new(), i64::MIN);
        for at in cells(page, 12)? {
            let cell = page.get(at..self.pages.usable)?;
            let (child, key) = cell.split_first_chunk::<4>()?;
            // A child has the ids up to its key, and none of those before it.
            let key = varint(key)?.0;
            if key > self.bounds.0 && before < self.bounds.1 {
                children.push(u32::from_be_bytes(*child));
            }
            before = key;
        }
        if before < self.bounds.1 {
            children.push(u32::from_be_bytes(*page.get(8..)?.first_chunk()?));
        }
        Some(children)
    }

    /// The rows of a leaf.
    fn rows(
        &mut self,
        page: &[u8],
        each: &mut impl FnMut(&[u8], usize) -> Option<()>,
    ) -> Option<()> {
        // Longer records go on in other pages.
        let longest = self.pages.usable - 35;
        for at in cells(page, 8)? {
            let cell = page.get(at..)?;
            let (length, cell) = varint(cell)?;
            let (id, cell) = varint(cell)?;
            if id <= self.bounds.0 || id > self.bounds.1 {
                continue;
            }
            if id <= self.last {
                return None;
            }
            self.last = id;
            let length = usize::try_from(length).ok().filter(|&length| length <= longest)?;
            each(cell, length)?;
        }
        Some(())
    }
}

/// Where the cells of a page are, in order of their ids, behind a header of so many bytes.
fn cells(page: &[u8], header: usize) -> Option<impl Iterator<Item = usize>> {
    let count = usize::from(u16::from_be_bytes([page[3], page[4]]));
    let (places, _) = page.get(header..header + 2 * count)?.as_chunks::<2>();
    Some(places.iter().map(|&place| usize::from(u16::from_be_bytes(place))))
}

/// A number of one to nine bytes, and what is behind it: seven bits a byte, the greatest first, and all eight of the ninth.
#[expect(clippy::inline_always, reason = "nearly all are of one byte")]
#[inline(always)]
pub(super) fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    match bytes.split_first() {
        Some((&first, rest)) if first < 0x80 => Some((i64::from(first), rest)),
        _ => long_varint(bytes),
    }
}

fn long_varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(9) {
        if at == 8 {
            return Some((value << 8 | i64::from(byte), &bytes[9..]));
        }
        value = value << 7 | i64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

/// Fills `bytes` from this place of the file.
pub(super) fn read(file: &File, bytes: &mut [u8], at: u64) -> Option<()> {
    file.read_exact_at(bytes, at).ok()
}

#[cfg(test)]
mod tests {
    use super::varint;

    #[test]
    fn numbers_of_every_length() {
        for (bytes, expected) in [
            (&[0x7f, 9][..], Some(127)),
            (&[0x81, 0x00, 9], Some(128)),
            (&[0xff, 0xff, 0x7f, 9], Some((1 << 21) - 1)),
            (&[0xc0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 9], Some(i64::MIN)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 9], Some(-1)),
            (&[0x81, 0x80], None),
            (&[], None),
        ] {
            let read = varint(bytes);
            assert_eq!(read.map(|(value, _)| value), expected, "{bytes:x?}");
            assert!(read.is_none_or(|(_, behind)| behind == [9]), "{bytes:x?}");
        }
    }
}
