//! Reads the rings of all processes of the target into the recording.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use perfagent_recording::table::{Loss, Note, Process, Severity, SpoolProgress};
use perfagent_recording::{HostId, ProcessId, Timestamp, WriteError};
use perfagent_spool::{MonotonicNs, ProcessIdentity, Refusal, SpoolError};

use crate::decode::Tables;
use crate::error::CollectError;
use crate::ring::{FINISHED, Ring};
use crate::session::Session;

/// Records that one turn takes from a ring, so that every ring gets its turn.
const TURN_RECORDS: usize = 16 << 10;

/// Where a process stands in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) pid: u32,
    pub(crate) start_ticks: u64,
    pub(crate) row: ProcessId,
}

/// All rings of a run, and the recording that they go into.
pub(crate) struct Drain {
    spool: PathBuf,
    state: PathBuf,
    host: HostId,
    session: Session,
    pub(crate) tables: Tables,
    rings: BTreeMap<String, Ring>,
    processes: Vec<Known>,
    /// Where each ring of an interrupted recording was left.
    left: HashMap<String, SpoolProgress>,
    /// Files that will never be read.
    given_up: BTreeSet<String>,
    /// How processes were seen to end: code and signal.
    exits: HashMap<ProcessId, (Option<i64>, Option<i64>)>,
    reporting: usize,
}

impl Drain {
    /// Drains the rings in `spool` into `tables`, going on where an interrupted recorder stopped.
    pub(crate) fn new(
        spool: PathBuf,
        state: PathBuf,
        host: HostId,
        session: Session,
        mut tables: Tables,
    ) -> Result<Self, WriteError> {
        let left = tables.writer.rows::<SpoolProgress>()?;
        let left =
            left.into_iter().map(|(_, progress)| (progress.ring.clone(), progress)).collect();
        Ok(Self {
            spool,
            state,
            host,
            session,
            tables,
            rings: BTreeMap::new(),
            processes: Vec::new(),
            left,
            given_up: BTreeSet::new(),
            exits: HashMap::new(),
            reporting: 0,
        })
    }

    /// Every process of the recording.
    pub(crate) fn processes(&self) -> &[Known] {
        &self.processes
    }

    /// How many processes have made a ring, or have said that they could not.
    pub(crate) fn reporting(&self) -> usize {
        self.reporting
    }

    /// Writes the row of a process, unless it is there.
    pub(crate) fn add_process(
        &mut self,
        identity: &ProcessIdentity,
        start: Timestamp,
    ) -> Result<ProcessId, WriteError> {
        let same = |known: &&Known| {
            known.pid == identity.pid && known.start_ticks == identity.start_time_ticks
        };
        if let Some(known) = self.processes.iter().find(same) {
            return Ok(known.row);
        }
        let program = identity.command.split(' ').next().unwrap_or_default();
        let name = Path::new(program)
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let row = self.tables.writer.insert(&Process {
            host_id: self.host,
            pid: i64::from(identity.pid),
            parent_pid: Some(i64::from(identity.ppid)),
            rank: identity.rank.map(i64::from),
            local_rank: identity.local_rank.map(i64::from),
            world_size: identity.world_size.map(i64::from),
            name,
            command: identity.command.clone(),
            start_ns: start,
            end_ns: None,
            exit_code: None,
            exit_signal: None,
        })?;
        self.know_process(identity.pid, identity.start_time_ticks, row);
        Ok(row)
    }

    /// The recording has this process already.
    pub(crate) fn know_process(&mut self, pid: u32, start_ticks: u64, row: ProcessId) {
        self.processes.push(Known { pid, start_ticks, row });
    }

    /// The process with this number was seen to end so.
    pub(crate) fn ended(&mut self, pid: u32, code: Option<i64>, signal: Option<i64>) {
        // Of several processes with one number the last is meant.
        if let Some(known) = self.processes.iter().rev().find(|known| known.pid == pid) {
            self.exits.insert(known.row, (code, signal));
        }
    }

    /// Opens rings that have appeared.
    pub(crate) fn scan(&mut self) -> Result<(), CollectError> {
        let spool = self.spool.clone();
        let failed = || CollectError::io(&spool, "list it", "restore its permissions");
        for entry in fs::read_dir(&spool).map_err(failed())? {
            let Ok(name) = entry.map_err(failed())?.file_name().into_string() else { continue };
            let is_new = Path::new(&name).extension() == Some("ring".as_ref())
                && !self.rings.contains_key(&name)
                && !self.given_up.contains(&name);
            if is_new {
                self.open(name)?;
            } else if !self.given_up.contains(&name)
                && let Some(refusal) = Refusal::read(&spool.join(&name))
            {
                self.refused(name, &refusal)?;
            }
        }
        Ok(())
    }

    /// A process of the target has said that it cannot be recorded.
    fn refused(&mut self, name: String, refusal: &Refusal) -> Result<(), WriteError> {
        self.given_up.insert(name);
        self.reporting += 1;
        let loss = Loss { cause: "no_ring".to_owned(), count: 1, ..Loss::default() };
        self.tables.writer.append(&loss)?;
        let reason = if refusal.reason.is_empty() { "no room" } else { refusal.reason.as_str() };
        let text = format!("process {} is not recorded: {reason}", refusal.pid);
        self.note(None, Severity::Warning, text)
    }

    fn open(&mut self, name: String) -> Result<(), CollectError> {
        let left = self.left.get(&name).cloned();
        if left.as_ref().is_some_and(|left| left.position == FINISHED) {
            // The recorder was killed between the commit and the removal.
            Ring::remove(&self.spool, &self.state, &name);
            self.given_up.insert(name);
            return Ok(());
        }
        let reader = match Ring::reader(&self.spool.join(&name)) {
            Ok(reader) => reader,
            Err(SpoolError::NotReady { .. }) => return Ok(()),
            Err(error) => {
                self.given_up.insert(name);
                self.tables.writer.append(&Loss {
                    cause: "unreadable_ring".to_owned(),
                    count: 1,
                    ..Loss::default()
                })?;
                return Ok(self.note(None, Severity::Warning, error.to_string())?);
            }
        };
        let clock = self.session.clock;
        let first = Ring::first_time(reader.path())
            .map_or_else(|| clock.now(), |time| clock.at(time).min(clock.now()));
        let identity = reader.identity().clone();
        let process = self.add_process(&identity, first)?;
        let source = crate::decode::Source {
            host: self.host,
            process,
            pid: identity.pid,
            clock,
            window: self.session.window,
        };
        let ring = Ring::new(&name, reader, &self.state, source, left.as_ref())?;
        self.reporting += 1;
        self.rings.insert(name, ring);
        Ok(())
    }

    /// Takes one turn of records from every ring. Returns whether all of them are drained.
    pub(crate) fn read(&mut self) -> Result<bool, WriteError> {
        let mut drained = true;
        for ring in self.rings.values_mut() {
            drained &= ring.read(TURN_RECORDS, &mut self.tables)?;
        }
        Ok(drained)
    }

    /// Whether so much has been read that a ring should be released now.
    pub(crate) fn is_pressing(&self) -> bool {
        self.rings.values().any(Ring::is_pressing)
    }

    /// Whether a process may still write: its ring is not closed, and it lives as far as one can see.
    pub(crate) fn is_anyone_writing(&mut self) -> bool {
        self.rings.values_mut().any(|ring| !ring.has_ended())
    }

    /// Finishes the rings of processes that have ended, once they are drained.
    pub(crate) fn finish_ended(&mut self) -> Result<(), WriteError> {
        let ended: Vec<_> = self
            .rings
            .iter_mut()
            .filter_map(|(name, ring)| {
                (ring.is_drained() && ring.has_ended()).then(|| name.clone())
            })
            .collect();
        ended.iter().try_for_each(|name| self.finish_ring(name))
    }

    /// Finishes every ring, whether its process has ended or not.
    pub(crate) fn finish_all(&mut self) -> Result<(), CollectError> {
        for name in self.rings.keys().cloned().collect::<Vec<_>>() {
            if let Some(ring) = self.rings.get_mut(&name)
                && !ring.has_ended()
            {
                let text = format!(
                    "process {} was still running when the recording ended; what it did afterwards is not in it",
                    ring.source().pid
                );
                let process = ring.source().process;
                self.note(Some(process), Severity::Warning, text)?;
            }
            self.finish_ring(&name)?;
        }
        self.commit()
    }

    fn finish_ring(&mut self, name: &str) -> Result<(), WriteError> {
        let Some(ring) = self.rings.get_mut(name) else { return Ok(()) };
        if ring.is_finished() {
            return Ok(());
        }
        let process = ring.source().process;
        let ended = ring.has_ended();
        let last = ring.finish(&mut self.tables)?;
        if ended && !ring.is_closed() {
            let text = format!(
                "process {} ended without closing its ring (it was killed, or left by _exit or exec): events of its last \
                 milliseconds may be missing",
                ring.source().pid
            );
            self.note(Some(process), Severity::Warning, text)?;
        }
        let (code, signal) = self.exits.get(&process).copied().unwrap_or_default();
        if ended {
            self.tables.writer.end_process(process, last, code, signal)?;
        }
        Ok(())
    }

    /// Makes everything read so far part of the recording, and only then gives the room back to the processes.
    pub(crate) fn commit(&mut self) -> Result<(), CollectError> {
        for (name, ring) in &mut self.rings {
            if let Some(position) = ring.save()? {
                let process_id = ring.source().process;
                self.tables.writer.set_spool_progress(&SpoolProgress {
                    ring: name.clone(),
                    process_id,
                    position,
                })?;
            }
        }
        self.tables.writer.commit()?;
        let (spool, state) = (&self.spool, &self.state);
        self.rings.retain(|name, ring| {
            if ring.is_finished() {
                Ring::remove(spool, state, name);
                self.given_up.insert(name.clone());
                return false;
            }
            ring.release();
            true
        });
        Ok(())
    }

    /// Writes how the processes ended that have no ring, or whose exit was seen after their ring was finished.
    pub(crate) fn end_processes(&mut self, now: Timestamp) -> Result<(), WriteError> {
        let rows: HashMap<i64, Process> =
            self.tables.writer.rows::<Process>()?.into_iter().collect();
        for (process, (code, signal)) in &self.exits {
            let end = rows.get(&process.0).and_then(|row| row.end_ns).unwrap_or(now);
            self.tables.writer.end_process(*process, end, *code, *signal)?;
        }
        Ok(())
    }

    /// Tells the reader of the report something.
    pub(crate) fn note(
        &mut self,
        process_id: Option<ProcessId>,
        severity: Severity,
        text: String,
    ) -> Result<(), WriteError> {
        self.note_at(self.session.clock.at(MonotonicNs::now()), process_id, severity, text)
    }

    /// Tells the reader of the report what happened at `time`.
    pub(crate) fn note_at(
        &mut self,
        time: Timestamp,
        process_id: Option<ProcessId>,
        severity: Severity,
        text: String,
    ) -> Result<(), WriteError> {
        self.tables.writer.append(&Note { process_id, time_ns: Some(time), severity, text })
    }

    /// The recording, to be finished.
    pub(crate) fn into_writer(self) -> perfagent_recording::Writer {
        self.tables.writer
    }
}

#[cfg(test)]
mod tests {
    use perfagent_recording::{Reader, Recording, Writer};
    use perfagent_spool::{MIN_CAPACITY, Record, RingWriter, State};

    use super::*;
    use crate::clock::Clock;
    use crate::host;
    use crate::window::Window;

    /// A run's directory with a recording that has begun.
    fn drain(folder: &Path) -> Drain {
        let clock = Clock::measure();
        let session = Session {
            clock,
            started_ns: clock.now().unix_nanos(),
            window: Window::new(clock.now(), perfagent_recording::Span::ZERO, None),
            command: String::new(),
            boot_id: None,
            job: None,
            root: None,
        };
        let mut writer = Writer::create(&folder.join("run.perfdb")).unwrap();
        let host = writer.insert(&host::this_host()).unwrap();
        let tables = Tables::new(writer).unwrap();
        Drain::new(folder.to_owned(), folder.to_owned(), host, session, tables).unwrap()
    }

    /// A training run lost its last step now and then: the process wrote it and ended between the recorder's last
    /// reading of its ring and the recorder's noticing that it had ended.
    #[test]
    fn what_a_process_writes_just_before_it_ends_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut drain = drain(folder.path());
        let identity = ProcessIdentity::of_this_process();
        let mut ring = RingWriter::create(folder.path(), MIN_CAPACITY, &identity).unwrap();
        let mut mark = |number: u32| {
            let time = MonotonicNs::now();
            let payload = perfagent_spool::Payload::U64(number.into());
            ring.push(&Record::Mark {
                time,
                tid: 1,
                domain: 0,
                category: 0,
                color: 0,
                name: 0,
                payload,
            });
            if number == 1 {
                ring.set_state(State::Closed);
            }
        };
        mark(0);
        drain.scan().unwrap();
        assert!(drain.read().unwrap(), "one record is read in one turn");
        mark(1);
        drain.finish_ended().unwrap();
        drain.commit().unwrap();
        drain.into_writer().finish().unwrap();
        let reader = Reader::open(&folder.path().join("run.perfdb")).unwrap();
        let recording = Recording::load(&reader, &mut |_| {}).unwrap();
        assert_eq!(recording.marks.len(), 2);
        assert_eq!(recording.losses.len(), 0);
    }

    /// A process that found no room for its ring was taken for one that uses no NVTX.
    #[test]
    fn a_process_that_could_not_make_its_ring_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let mut drain = drain(folder.path());
        let identity = ProcessIdentity::of_this_process();
        let reason = SpoolError::NoSpace { path: "x.ring".into(), bytes: 4096 };
        Refusal::leave(folder.path(), &identity, &reason);
        drain.scan().unwrap();
        drain.scan().unwrap();
        assert_eq!(drain.reporting(), 1);
        drain.commit().unwrap();
        drain.into_writer().finish().unwrap();
        let reader = Reader::open(&folder.path().join("run.perfdb")).unwrap();
        let recording = Recording::load(&reader, &mut |_| {}).unwrap();
        assert_eq!(recording.losses.len(), 1);
        let note = &recording.notes[0].text;
        assert!(note.contains("is not recorded") && note.contains("no room for a ring"), "{note}");
    }
}
