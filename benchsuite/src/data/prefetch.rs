//! Reads the stream ahead of training, on a thread of its own.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::data::bookmarks::Bookmarks;
use crate::data::hash::hash;
use crate::data::packer::{Block, Bookmark, Fault, Packer};
use crate::data::report::LoaderReport;
use crate::data::stream::Stream;
use crate::failure::{Failure, Result};
use crate::marks;

/// Blocks that wait to be trained on: with the one in use and the one in the making, three are in memory.
const AHEAD: usize = 1;
/// A batch that has waited so long is a stall.
const STALL: Duration = Duration::from_millis(1);
/// Reading on is cheaper than beginning anew for so many blocks.
const NEAR: u64 = 4;

/// What the thread that reads sends.
type Read = std::result::Result<Block, Fault>;

/// The stream as the thread that trains sees it.
pub(crate) struct Prefetch {
    stream: Arc<Stream>,
    seq: usize,
    seed: u64,
    blocks: Receiver<Read>,
    block: Block,
    bookmarks: Arc<Mutex<Bookmarks>>,
    made: Arc<Made>,
    wait: Duration,
    stalls: u64,
}

/// The waits of one batch.
struct Wait {
    /// Until it is a stall.
    left: Duration,
    total: Duration,
    stall: Option<marks::Span>,
    step: u64,
}

impl Wait {
    /// The next block; `None` when the thread has gone away.
    fn receive(&mut self, blocks: &Receiver<Read>) -> Option<Read> {
        if let Ok(received) = blocks.try_recv() {
            return Some(received);
        }
        let begun = Instant::now();
        let mut received = blocks.recv_timeout(self.left);
        if let Err(RecvTimeoutError::Timeout) = received {
            let step = self.step;
            self.stall.get_or_insert_with(|| marks::span(c"data_wait", step));
            received = blocks.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        self.left = self.left.saturating_sub(begun.elapsed());
        self.total += begun.elapsed();
        received.ok()
    }
}

/// What the reading threads have done so far.
#[derive(Default)]
struct Made {
    documents: AtomicU64,
    tokens: AtomicU64,
    ns: AtomicU64,
}

impl Prefetch {
    /// Starts at the beginning and waits for the first block, so that what is wrong with it is found before training.
    pub(crate) fn new(stream: &Arc<Stream>, seq: usize, seed: u64) -> Result<Self> {
        let key = [stream.checksum, stream.source.local_fingerprint(), seq as u64, seed];
        let bookmarks = Arc::new(Mutex::new(Bookmarks::load(hash(key.into_iter()))));
        let made = Arc::new(Made::default());
        let packer = Packer::new(Arc::clone(stream), seq, seed, Bookmark::default());
        let blocks = start(packer, Arc::clone(&bookmarks), Arc::clone(&made))?;
        let block = match blocks.recv() {
            Ok(Ok(block)) => block,
            Ok(Err(Fault::Damage(damage))) => return Err(damage.before_training()),
            Ok(Err(Fault::Short(tokens))) => return Err(too_short(tokens, stream, seq)),
            Err(_) => return Err(gone()),
        };
        let stream = Arc::clone(stream);
        let wait = Duration::ZERO;
        Ok(Self { stream, seq, seed, blocks, block, bookmarks, made, wait, stalls: 0 })
    }

    /// Appends the `seq + 1` tokens of each of some sequences. In the order in which training asks, this only reads on;
    /// another one costs reading from the nearest known place before it. A wait of 1 ms, all in all, is a stall: from there
    /// on to its end a recording shows the range `data_wait` with `step`.
    pub(crate) fn batch(
        &mut self,
        numbers: Range<u64>,
        step: u64,
        ids: &mut Vec<i64>,
    ) -> Result<()> {
        let mut wait = Wait { left: STALL, total: Duration::ZERO, stall: None, step };
        for number in numbers {
            self.go_to(number)?;
            loop {
                if let Some(sequence) = self.block.sequence(number) {
                    ids.extend(sequence.iter().map(|id| i64::from(*id)));
                    break;
                }
                self.block = wait.receive(&self.blocks).ok_or_else(gone)?.map_err(failed)?;
            }
        }
        self.wait += wait.total;
        self.stalls += u64::from(wait.stall.is_some());
        Ok(())
    }

    /// Begins anew at the last known place before a sequence, where that is nearer than what is at hand.
    fn go_to(&mut self, number: u64) -> Result<()> {
        let far = self.block.end().saturating_add(NEAR * self.stream.shuffle as u64);
        let behind = number < self.block.bookmark.sequence;
        if !behind && number < far {
            return Ok(());
        }
        let place = lock(&self.bookmarks).before(number);
        if !behind && place.sequence < far {
            return Ok(());
        }
        let packer = Packer::new(Arc::clone(&self.stream), self.seq, self.seed, place);
        // The old thread ends when it finds nobody listening.
        self.blocks = start(packer, Arc::clone(&self.bookmarks), Arc::clone(&self.made))?;
        Ok(())
    }

    /// What was done until now.
    pub(crate) fn report(&self) -> LoaderReport {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let seconds = of(&self.made.ns) as f64 / 1e9;
        LoaderReport {
            format: self.stream.source.form.name().to_owned(),
            documents: of(&self.made.documents),
            tokens_per_s: Some(of(&self.made.tokens) as f64 / seconds.max(1e-9)),
            samples_per_s: None,
            wait_ns: self.wait.as_nanos() as u64,
            stalls: self.stalls,
        }
    }
}

/// Starts a thread that reads until nobody takes what it reads.
fn start(
    packer: Packer,
    bookmarks: Arc<Mutex<Bookmarks>>,
    made: Arc<Made>,
) -> Result<Receiver<Read>> {
    let (to, blocks) = bounded(AHEAD);
    std::thread::Builder::new()
        .name("loader".to_owned())
        .spawn(move || read(packer, &to, &bookmarks, &made))
        .map_err(|e| Failure::run(format!("no thread to read the data can be started: {e}")))?;
    Ok(blocks)
}

fn read(mut packer: Packer, to: &Sender<Read>, bookmarks: &Mutex<Bookmarks>, made: &Made) {
    marks::name_thread(c"loader");
    loop {
        let (begun, before) = (Instant::now(), packer.read);
        let block = packer.block();
        made.ns.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        made.documents.fetch_add(packer.read - before, Ordering::Relaxed);
        if let Ok(block) = &block {
            made.tokens.fetch_add(block.tokens(), Ordering::Relaxed);
            lock(bookmarks).pass(block.bookmark);
        }
        let last = block.is_err();
        if to.send(block).is_err() || last {
            return;
        }
    }
}

fn lock(bookmarks: &Mutex<Bookmarks>) -> std::sync::MutexGuard<'_, Bookmarks> {
    bookmarks.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(fault: Fault) -> Failure {
    match fault {
        Fault::Damage(damage) => damage.in_training(),
        Fault::Short(tokens) => Failure::run(format!(
            "the data has shrunk to {tokens} tokens since training began; leave its files alone"
        )),
    }
}

fn too_short(tokens: usize, stream: &Stream, seq: usize) -> Failure {
    Failure::input(format!(
        "the data is too short: {tokens} tokens to train on and {} to validate on, and --seq {seq} needs {} of each; give more documents (one in twenty is for validation) or a smaller --seq",
        stream.validation.len(),
        seq + 2
    ))
}

fn gone() -> Failure {
    Failure::run("the thread that reads the data has ended without a reason")
}
