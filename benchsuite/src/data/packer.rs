//! From documents to shuffled sequences: a function of data, seed and place in the stream only, so that every rank reads
//! the same stream and takes its own sequences of it.
//!
//! An epoch is all units in an order of its own. Its documents follow each other without a gap, and every `seq` tokens are a
//! sequence; the last token of one is the first of the next, so that each is a target once. As many sequences as the
//! buffer has are shuffled together and are a block. What is less than a sequence at the end of an epoch is left out.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::damage::Damage;
use crate::data::document::{Document, Documents};
use crate::data::hash::scatter;
use crate::data::stream::Stream;

/// Tell the random orders of one seed apart.
const OF_UNITS: u64 = 1;
const OF_SEQUENCES: u64 = 2;

/// Where a block begins: all that is needed to read the stream from there on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bookmark {
    /// The number of its first sequence since the beginning.
    pub sequence: u64,
    /// Passes over the data before this one.
    pub epoch: u64,
    /// Which unit in the order of the epoch.
    pub unit: usize,
    /// Which document of the unit.
    pub document: u64,
    /// Which token of the document.
    pub token: u64,
}

/// Sequences that are shuffled together.
pub(crate) struct Block {
    /// Where it begins.
    pub bookmark: Bookmark,
    seq: usize,
    tokens: Vec<u32>,
    order: Vec<u32>,
}

impl Block {
    /// The number of the first sequence behind it.
    pub(crate) fn end(&self) -> u64 {
        self.bookmark.sequence + self.order.len() as u64
    }

    /// Its tokens that are trained on.
    pub(crate) fn tokens(&self) -> u64 {
        (self.order.len() * self.seq) as u64
    }

    /// The `seq + 1` tokens of a sequence, if it is in this block.
    pub(crate) fn sequence(&self, number: u64) -> Option<&[u32]> {
        let index = number.checked_sub(self.bookmark.sequence)?;
        let start = *self.order.get(usize::try_from(index).ok()?)? as usize * self.seq;
        self.tokens.get(start..=start + self.seq)
    }
}

/// Why there is no further block.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A file cannot be read.
    Damage(Damage),
    /// A whole epoch has fewer tokens than a sequence: so many.
    Short(usize),
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// Reads a stream block by block.
pub(crate) struct Packer {
    stream: Arc<Stream>,
    seq: usize,
    seed: u64,
    /// Where the next document is.
    next: Bookmark,
    /// The units of this epoch.
    order: Vec<usize>,
    documents: Option<Documents>,
    /// What is not yet in a block.
    tokens: Vec<u32>,
    /// The documents that these are of.
    starts: VecDeque<Start>,
    /// Whether this epoch has given a sequence.
    fruitful: bool,
    /// Documents so far.
    pub read: u64,
}

/// A document in the buffer.
#[derive(Clone, Copy)]
struct Start {
    /// Its first token there.
    index: usize,
    unit: usize,
    document: u64,
    /// Its tokens before that.
    token: u64,
}

impl Packer {
    /// Reads on from a place in the stream.
    pub(crate) fn new(stream: Arc<Stream>, seq: usize, seed: u64, from: Bookmark) -> Self {
        Self {
            order: order(&stream, seed, from.epoch),
            stream,
            seq,
            seed,
            next: from,
            documents: None,
            tokens: Vec::new(),
            starts: VecDeque::new(),
            fruitful: from.unit > 0 || from.document > 0 || from.token > 0,
            read: 0,
        }
    }

    /// The next block; shorter at the end of an epoch.
    pub(crate) fn block(&mut self) -> Result<Block, Fault> {
        loop {
            let bookmark = self.place();
            let wanted = self.stream.shuffle * self.seq;
            let mut ended = false;
            while self.tokens.len() <= wanted && !ended {
                ended = !self.read_document()?;
            }
            let count = self.tokens.len().saturating_sub(1).min(wanted) / self.seq;
            if count > 0 {
                let block = self.cut(bookmark, count);
                self.fruitful = true;
                if ended {
                    self.wrap();
                }
                return Ok(block);
            }
            if !self.fruitful {
                return Err(Fault::Short(self.tokens.len()));
            }
            self.wrap();
        }
    }

    /// Where the first token of the buffer is, or will be.
    fn place(&self) -> Bookmark {
        self.starts.front().map_or(self.next, |start| Bookmark {
            unit: start.unit,
            document: start.document,
            token: start.token,
            ..self.next
        })
    }

    /// Takes the first `count` sequences out of the buffer, all but their last token.
    fn cut(&mut self, bookmark: Bookmark, count: usize) -> Block {
        let taken = count * self.seq;
        let tokens = self.tokens[..=taken].to_vec();
        self.tokens.drain(..taken);
        while self.starts.get(1).is_some_and(|second| second.index <= taken) {
            self.starts.pop_front();
        }
        for start in &mut self.starts {
            let cut = taken.saturating_sub(start.index);
            start.token += cut as u64;
            start.index = start.index.saturating_sub(taken);
        }
        self.next.sequence += count as u64;
        let mut order: Vec<u32> = (0..count as u32).collect();
        let seed = scatter([self.seed, OF_SEQUENCES, bookmark.sequence]);
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        Block { bookmark, seq: self.seq, tokens, order }
    }

    /// Begins the next epoch.
    fn wrap(&mut self) {
        self.tokens.clear();
        self.starts.clear();
        self.documents = None;
        self.fruitful = false;
        let Bookmark { sequence, epoch, .. } = self.next;
        self.next = Bookmark { sequence, epoch: epoch + 1, ..Bookmark::default() };
        self.order = order(&self.stream, self.seed, self.next.epoch);
    }

    /// Appends the next document's tokens; `false` at the end of the epoch.
    fn read_document(&mut self) -> Result<bool, Damage> {
        while let Some(unit) = self.order.get(self.next.unit).copied() {
            let Some(document) = self.take(unit)? else {
                self.documents = None;
                self.next =
                    Bookmark { unit: self.next.unit + 1, document: 0, token: 0, ..self.next };
                continue;
            };
            let (number, skipped) = (self.next.document, self.next.token);
            self.next.document += 1;
            self.next.token = 0;
            if self.stream.source.is_held_out(unit, number) || document.is_empty() {
                continue;
            }
            let index = self.tokens.len();
            self.stream.encode(unit, number, &document, &mut self.tokens)?;
            self.read += 1;
            let end = index.saturating_add(skipped as usize).min(self.tokens.len());
            self.tokens.drain(index..end);
            if self.tokens.len() > index {
                let start = Start { index, unit: self.next.unit, document: number, token: skipped };
                self.starts.push_back(start);
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Document `next` of a unit; `None` behind the last.
    fn take(&mut self, unit: usize) -> Result<Option<Document>, Damage> {
        if self.documents.is_none() {
            let mut documents = self.stream.source.read(unit)?;
            for _ in 0..self.next.document {
                if documents.next().transpose()?.is_none() {
                    break;
                }
            }
            self.documents = Some(documents);
        }
        self.documents.as_mut().and_then(Iterator::next).transpose()
    }
}

/// The order of the units in an epoch.
fn order(stream: &Stream, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..stream.source.units()).collect();
    fastrand::Rng::with_seed(scatter([seed, OF_UNITS, epoch])).shuffle(&mut order);
    order
}
