//! A ring, read whole, with its texts put back in place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use perfagent_spool::{LossCause, MonotonicNs, Payload, Record, RingReader, State};

/// An NVTX event of any kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) what: &'static str,
    pub(crate) time: MonotonicNs,
    pub(crate) tid: u32,
    pub(crate) domain: String,
    pub(crate) category: String,
    pub(crate) color: u32,
    pub(crate) name: String,
    pub(crate) payload: Payload,
    pub(crate) id: u64,
}

/// What a ring holds.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) state: State,
    pub(crate) pid: u32,
    pub(crate) losses: HashMap<LossCause, u64>,
    pub(crate) events: Vec<Event>,
    /// Names by thread; the last one given counts.
    pub(crate) threads: HashMap<u32, String>,
    pub(crate) notes: Vec<String>,
    pub(crate) anchors: usize,
    /// GPU operations and devices as they are, with their names.
    pub(crate) gpu: Vec<(Record<'static>, String)>,
    pub(crate) gaps: HashMap<LossCause, u64>,
    /// NCCL's calls, by what they are.
    pub(crate) calls: Vec<Call>,
    pub(crate) communicators: Vec<Communicator>,
    /// What was captured: which range, and 0 for waited for, 1 for begun, 2 for ended.
    pub(crate) captures: Vec<(String, u8)>,
    /// When calls ran that NCCL timed itself, by plan.
    pub(crate) times: HashMap<u64, (MonotonicNs, MonotonicNs)>,
    /// The plan of a correlation id.
    pub(crate) plans: HashMap<u32, u64>,
}

/// A communicator of NCCL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Communicator {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) hash: u64,
    pub(crate) rank: i32,
    pub(crate) ranks: i32,
    pub(crate) version: u8,
}

/// A call of NCCL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) time: MonotonicNs,
    pub(crate) tid: u32,
    pub(crate) communicator: u32,
    /// Operation, element type, and the program's own element type.
    pub(crate) names: [String; 3],
    pub(crate) count: u64,
    pub(crate) sequence: Option<u64>,
    pub(crate) peer: i32,
    pub(crate) plan: u64,
    pub(crate) correlation: u32,
    pub(crate) kernel: bool,
    pub(crate) captured: bool,
}

/// The rings in a spool directory.
pub(crate) fn rings(spool: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path()).collect()
}

impl Recorded {
    /// Reads the one ring of a spool directory.
    pub(crate) fn read(spool: &Path) -> Self {
        let rings = rings(spool);
        assert_eq!(rings.len(), 1, "{rings:?}");
        Self::read_ring(&rings[0])
    }

    /// Reads a ring.
    pub(crate) fn read_ring(ring: &Path) -> Self {
        let mut reader = RingReader::open(ring).unwrap();
        let mut recorded = Self {
            state: reader.state(),
            pid: reader.identity().pid,
            losses: reader.losses().into_iter().collect(),
            events: Vec::new(),
            threads: HashMap::new(),
            notes: Vec::new(),
            anchors: 0,
            gpu: Vec::new(),
            gaps: HashMap::new(),
            calls: Vec::new(),
            communicators: Vec::new(),
            captures: Vec::new(),
            times: HashMap::new(),
            plans: HashMap::new(),
        };
        let mut names = Names::default();
        let outcome = reader.read(usize::MAX, &mut |record| recorded.add(record, &mut names));
        assert_eq!((outcome.corrupt, outcome.drained), (0, true));
        recorded
    }

    fn add(&mut self, record: Record<'_>, names: &mut Names) {
        let bare = |what, time, tid, domain, id| Event {
            what,
            time,
            tid,
            domain,
            category: String::new(),
            color: 0,
            name: String::new(),
            payload: Payload::None,
            id,
        };
        match record {
            Record::String { id, text } => {
                assert!(names.strings.insert(id, text.to_owned()).is_none(), "id {id} twice");
            }
            Record::Domain { domain, name } => {
                names.domains.insert(domain, names.text(name));
            }
            Record::Category { domain, category, name } => {
                names.categories.insert((domain, category), names.text(name));
            }
            Record::ThreadName { tid, name } => {
                self.threads.insert(tid, names.text(name));
            }
            Record::Anchor { .. } => self.anchors += 1,
            Record::Note { text, .. } => self.notes.push(names.text(text)),
            Record::Gap { cause, count, .. } => *self.gaps.entry(cause).or_default() += count,
            Record::RangePop { time, tid, domain } => {
                self.events.push(bare("pop", time, tid, names.domain(domain), 0));
            }
            Record::RangeEnd { time, tid, id } => {
                self.events.push(bare("end", time, tid, String::new(), id));
            }
            Record::RangePush { time, tid, domain, category, color, name, payload } => {
                let names =
                    (names.domain(domain), names.category(domain, category), names.text(name));
                self.named("push", (time, tid, 0), names, color, payload);
            }
            Record::RangeStart { time, tid, id, domain, category, color, name, payload } => {
                let names =
                    (names.domain(domain), names.category(domain, category), names.text(name));
                self.named("start", (time, tid, id), names, color, payload);
            }
            Record::Mark { time, tid, domain, category, color, name, payload } => {
                let names =
                    (names.domain(domain), names.category(domain, category), names.text(name));
                self.named("mark", (time, tid, 0), names, color, payload);
            }
            Record::Kernel { name, .. }
            | Record::Device { name, .. }
            | Record::Api { name, .. } => {
                self.gpu.push((unborrowed(record), names.text(name)));
            }
            Record::Memcpy { .. }
            | Record::Memset { .. }
            | Record::Memory { .. }
            | Record::MemoryPool { .. }
            | Record::Synchronization { .. }
            | Record::Overhead { .. }
            | Record::GraphLaunch { .. }
            | Record::Context { .. }
            | Record::Stream { .. } => {
                self.gpu.push((unborrowed(record), String::new()));
            }
            Record::NcclCommunicator { communicator, hash, name, rank, ranks, version, .. } => {
                let (number, name) = (communicator, names.text(name));
                self.communicators.push(Communicator { number, name, hash, rank, ranks, version });
            }
            Record::NcclTimes { plan, start, end } => {
                self.times.insert(plan, (start, end));
            }
            Record::Capture { name, state, .. } => {
                self.captures.push((names.text(name), state));
            }
            Record::ExternalCorrelation { correlation, id } => {
                self.plans.insert(correlation, id);
            }
            Record::NcclCall {
                time,
                tid,
                communicator,
                op,
                dtype,
                user_dtype,
                count,
                sequence,
                peer,
                plan,
                correlation,
                kernel,
                captured,
                ..
            } => {
                let known = self.communicators.iter().any(|of| of.number == communicator);
                assert!(known, "communicator {communicator} is told of before it is used");
                let names = [op, dtype, user_dtype].map(|name| names.text(name));
                self.calls.push(Call {
                    time,
                    tid,
                    communicator,
                    names,
                    count,
                    sequence,
                    peer,
                    plan,
                    correlation,
                    kernel,
                    captured,
                });
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn named(
        &mut self,
        what: &'static str,
        (time, tid, id): (MonotonicNs, u32, u64),
        (domain, category, name): (String, String, String),
        color: u32,
        payload: Payload,
    ) {
        self.events.push(Event { what, time, tid, domain, category, color, name, payload, id });
    }

    /// The events of one thread as `what name`, in order.
    pub(crate) fn outline(&self, tid: u32) -> Vec<String> {
        let of_thread = self.events.iter().filter(|event| event.tid == tid);
        of_thread.map(|event| format!("{} {}", event.what, event.name).trim().to_owned()).collect()
    }
}

/// The same record; only strings borrow, and this is none.
fn unborrowed(record: Record<'_>) -> Record<'static> {
    macro_rules! same {
        ($($kind:ident { $($field:ident),+ })+) => {
            match record {
                $(Record::$kind { $($field),+ } => Record::$kind { $($field),+ },)+
                other => panic!("not an operation: {other:?}"),
            }
        };
    }
    same! {
        Kernel {
            start, end, device, context, stream, correlation, name, grid, block, registers, static_smem, dynamic_smem,
            graph, graph_node
        }
        Memcpy {
            start, end, device, context, stream, correlation, bytes, kind, src_kind, dst_kind, peer_device, graph,
            graph_node
        }
        Memset { start, end, device, context, stream, correlation, bytes, value, graph, graph_node }
        Device { ordinal, name, uuid, total_bytes, sm_count, cc_major, cc_minor }
        Api { start, end, tid, correlation, name, result }
        Memory { time, device, context, stream, correlation, address, bytes, freed, kind, pool }
        MemoryPool { time, device, correlation, address, operation, size, used }
        Synchronization { start, end, kind, context, stream, event, correlation, recorded_by, recorded_on }
        Overhead { start, end, kind, tid, correlation }
        GraphLaunch { start, end, device, context, stream, correlation, graph }
        Context { context, device, null_stream }
        Stream { context, stream, priority, flag }
    }
}

#[derive(Default)]
struct Names {
    strings: HashMap<u32, String>,
    domains: HashMap<u32, String>,
    categories: HashMap<(u32, u32), String>,
}

impl Names {
    /// The text with this id, which must have been written before.
    fn text(&self, id: u32) -> String {
        if id == 0 { String::new() } else { self.strings[&id].clone() }
    }
    fn domain(&self, domain: u32) -> String {
        if domain == 0 { String::new() } else { self.domains[&domain].clone() }
    }
    fn category(&self, domain: u32, category: u32) -> String {
        self.categories.get(&(domain, category)).cloned().unwrap_or_default()
    }
}
