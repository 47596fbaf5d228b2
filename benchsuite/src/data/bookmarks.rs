//! Places in the stream that have been passed, so that a later run can begin there without reading what is before.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::cache;
use crate::data::hash::hash_bytes;
use crate::data::packer::Bookmark;

/// Every so many blocks a place is kept: with a thousand sequences of a thousand tokens a block, 8 million tokens apart.
const EVERY: usize = 8;

/// The places known, by the number of the sequence there.
pub(crate) struct Bookmarks {
    places: BTreeMap<u64, Bookmark>,
    path: PathBuf,
    /// Blocks since the last place that was kept.
    since: usize,
}

/// The file in the cache.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of the places; another one means a damaged file.
    checksum: u64,
    places: Vec<Bookmark>,
}

impl Bookmarks {
    /// Those that earlier runs have left for the same data, tokenizer, seed and lengths; `key` is a hash of all these.
    pub(crate) fn load(key: u64) -> Self {
        let path = cache::folder().join(format!("{key:016x}.bookmarks.json"));
        let kept = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        let kept = kept.filter(|kept| checksum(&kept.places) == kept.checksum);
        let mut places: BTreeMap<u64, Bookmark> = kept
            .map(|kept| kept.places)
            .unwrap_or_default()
            .into_iter()
            .map(|place| (place.sequence, place))
            .collect();
        places.insert(0, Bookmark::default());
        Self { places, path, since: 0 }
    }

    /// The last known place at or before a sequence.
    pub(crate) fn before(&self, sequence: u64) -> Bookmark {
        self.places
            .range(..=sequence)
            .next_back()
            .map_or_else(Bookmark::default, |(_, place)| *place)
    }

    /// Remembers where a block begins, and every few blocks keeps it for later runs.
    pub(crate) fn pass(&mut self, place: Bookmark) {
        self.since += 1;
        if self.since < EVERY || self.places.contains_key(&place.sequence) {
            return;
        }
        self.since = 0;
        self.places.insert(place.sequence, place);
        let places: Vec<Bookmark> = self.places.values().copied().collect();
        let kept = Kept { checksum: checksum(&places), places };
        if let Ok(text) = serde_json::to_vec(&kept) {
            cache::keep(&self.path, &text);
        }
    }
}

fn checksum(places: &[Bookmark]) -> u64 {
    hash_bytes(places.iter().map(|place| format!("{place:?}")))
}
