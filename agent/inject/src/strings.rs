//! Texts become numbers: each distinct text is written to the ring once.

use std::ffi::CStr;
use std::rc::Rc;

use perfagent_spool::{LossCause, Record, RingWriter};
use rustc_hash::FxHashMap;

/// Distinct texts, and their bytes, that are kept at most.
const MAX_TEXTS: usize = 1 << 17;
const MAX_BYTES: usize = 32 << 20;
/// What an event is called whose text has no place any more.
const OTHER: &str = "(more texts than are kept)";

/// The texts written so far.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    ids: FxHashMap<Rc<[u8]>, u32>,
    /// The same by where the program keeps them.
    by_place: FxHashMap<usize, (Rc<[u8]>, u32)>,
    bytes: usize,
}

impl Strings {
    /// The id of a text, written to the ring if it is new; 0 for the empty text, and when the ring is full.
    pub(crate) fn id(&mut self, ring: &mut RingWriter, text: &[u8]) -> u32 {
        self.id_as(ring, text, || String::from_utf8_lossy(text).into_owned())
    }

    /// The id of a text that is likely to be at the same place the next time; what is written when it is new is
    /// `shown()`. Names of kernels are long, and comparing one costs far less than finding it among all.
    pub(crate) fn id_at(
        &mut self,
        ring: &mut RingWriter,
        text: &CStr,
        shown: impl FnOnce() -> String,
    ) -> u32 {
        let place = text.as_ptr().addr();
        let text = text.to_bytes();
        if let Some((known, id)) = self.by_place.get(&place)
            && **known == *text
        {
            return *id;
        }
        let id = self.id_as(ring, text, shown);
        // Not what shares a name for want of room, or was not written: another time there may be room.
        if let Some((known, id)) = self.ids.get_key_value(text) {
            if self.by_place.len() >= MAX_TEXTS {
                self.by_place.clear();
            }
            self.by_place.insert(place, (Rc::clone(known), *id));
        }
        id
    }

    /// Like [`Strings::id`], but what is written for a new text is what `shown` gives.
    fn id_as(&mut self, ring: &mut RingWriter, text: &[u8], shown: impl FnOnce() -> String) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        if self.ids.len() >= MAX_TEXTS || self.bytes + text.len() > MAX_BYTES {
            ring.count_loss(LossCause::StringTableFull, 1);
            if let Some(&id) = self.ids.get(OTHER.as_bytes()) {
                return id;
            }
            return self.add(ring, OTHER.as_bytes(), OTHER);
        }
        let shown = shown();
        self.add(ring, text, &shown)
    }

    fn add(&mut self, ring: &mut RingWriter, text: &[u8], shown: &str) -> u32 {
        let id = self.ids.len() as u32 + 1;
        if !ring.push(&Record::String { id, text: shown }) {
            return 0;
        }
        self.bytes += text.len();
        self.ids.insert(text.into(), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perfagent_spool::{DEFAULT_CAPACITY, ProcessIdentity, RingReader};

    #[test]
    fn another_text_at_a_place_that_is_known_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let identity = ProcessIdentity::default();
        let mut ring = RingWriter::create(dir.path(), DEFAULT_CAPACITY, &identity).unwrap();
        let mut strings = Strings::default();
        let mut place = *b"first\0";
        let mut id = |bytes: &[u8; 6]| {
            place = *bytes;
            let text = CStr::from_bytes_until_nul(&place).unwrap();
            strings.id_at(&mut ring, text, || text.to_string_lossy().into_owned())
        };
        let ids = [b"first\0", b"first\0", b"other\0", b"fir\0\0\0", b"first\0"].map(&mut id);
        assert_eq!(ids, [1, 1, 2, 3, 1]);
    }

    #[test]
    fn a_text_is_written_once_and_too_many_share_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let identity = ProcessIdentity::default();
        let mut ring = RingWriter::create(dir.path(), DEFAULT_CAPACITY, &identity).unwrap();
        let mut strings = Strings::default();
        assert_eq!(strings.id(&mut ring, b""), 0);
        let first = strings.id(&mut ring, b"first");
        assert_eq!(strings.id(&mut ring, b"first"), first);
        for number in 0..MAX_TEXTS {
            strings.id(&mut ring, format!("text {number}").as_bytes());
        }
        let other = strings.id(&mut ring, b"one more");
        assert_eq!(strings.id(&mut ring, b"and another"), other);
        assert_eq!(strings.id(&mut ring, b"first"), first);
        let mut reader = RingReader::open(ring.path()).unwrap();
        assert_eq!(reader.losses(), [(LossCause::StringTableFull, 3)]);
        let mut last = String::new();
        reader.read(usize::MAX, &mut |record| {
            if let Record::String { id, text } = record
                && id == other
            {
                last = text.to_owned();
            }
        });
        assert_eq!(last, OTHER);
    }
}
