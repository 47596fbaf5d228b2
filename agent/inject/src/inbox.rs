//! Rare things that any thread hands to the writer thread: names, devices, remarks. These may lock and allocate; they
//! happen while a program sets itself up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use perfagent_spool::{LossCause, MonotonicNs};

use crate::losses;

/// One of the rare things.
#[derive(Debug)]
pub(crate) enum Item {
    /// A domain was created.
    Domain { domain: u32, name: Vec<u8> },
    /// A string was registered; handles are numbered from 1 without gaps.
    Registered { text: Vec<u8> },
    /// A category was named.
    Category { domain: u32, category: u32, name: Vec<u8> },
    /// A thread was named by the program.
    ThreadName { tid: u32, name: Vec<u8> },
    /// A GPU was found.
    Device(Box<Device>),
    /// A communicator of NCCL was created, or its name became known.
    Communicator(Box<Communicator>),
    /// A capture range is waited for (`None`), has begun or has ended.
    Capture { time: MonotonicNs, name: String, opened: Option<bool> },
    /// GPU operations of a time are missing.
    Gap { cause: LossCause, start: MonotonicNs, end: MonotonicNs, count: u64 },
    /// Something that the user should know.
    Note(String),
}

/// What CUDA says about a GPU.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) ordinal: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) uuid: [u8; 16],
    pub(crate) total_bytes: u64,
    pub(crate) sm_count: u32,
    pub(crate) cc_major: u32,
    pub(crate) cc_minor: u32,
}

/// What NCCL says about a communicator.
#[derive(Debug)]
pub(crate) struct Communicator {
    pub(crate) number: u32,
    /// 0 when not told.
    pub(crate) hash: u64,
    pub(crate) name: Vec<u8>,
    /// -1 when not told.
    pub(crate) rank: i32,
    /// 0 when not told.
    pub(crate) ranks: i32,
    /// 0 when not told.
    pub(crate) nodes: i32,
    pub(crate) version: u8,
}

/// More than these are refused, so that a program that makes them in a loop cannot grow us without bound.
const MAX_DOMAINS: u32 = 4096;
const MAX_REGISTERED: u32 = 1 << 16;
const MAX_WAITING: usize = 1 << 16;

struct Inbox {
    items: Vec<Item>,
    domains: u32,
    registered: u32,
}

static INBOX: Mutex<Inbox> = Mutex::new(Inbox { items: Vec::new(), domains: 0, registered: 0 });

fn inbox() -> MutexGuard<'static, Inbox> {
    INBOX.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands one thing over.
pub(crate) fn put(item: Item) {
    let mut inbox = inbox();
    if inbox.items.len() < MAX_WAITING {
        inbox.items.push(item);
    } else {
        losses::add(LossCause::RegistryFull, 1);
    }
}

/// Creates a domain; its number, or 0 (the default domain) when there are too many.
pub(crate) fn create_domain(name: Vec<u8>) -> u32 {
    let mut inbox = inbox();
    if inbox.domains == MAX_DOMAINS {
        losses::add(LossCause::RegistryFull, 1);
        return 0;
    }
    inbox.domains += 1;
    let domain = inbox.domains;
    inbox.items.push(Item::Domain { domain, name });
    domain
}

/// Registers a string; its number, or 0 when there are too many.
pub(crate) fn register_string(text: Vec<u8>) -> u32 {
    let mut inbox = inbox();
    if inbox.registered == MAX_REGISTERED {
        losses::add(LossCause::RegistryFull, 1);
        return 0;
    }
    inbox.registered += 1;
    inbox.items.push(Item::Registered { text });
    inbox.registered
}

/// Takes what has come in.
pub(crate) fn take() -> Vec<Item> {
    std::mem::take(&mut inbox().items)
}
