//! `recover`: completes what an interrupted recorder left.

use std::fs;
use std::path::Path;

use perfagent_recording::table::{Host, Process, Severity, SpoolProgress};
use perfagent_recording::{HostId, ProcessId, Reader, WriteError, Writer};
use perfagent_spool::{MonotonicNs, RealtimeNs, Record, RingReader};

use crate::clock::Clock;
use crate::decode::Tables;
use crate::drain::Drain;
use crate::error::CollectError;
use crate::host;
use crate::run_directory::RunDirectory;
use crate::session::Session;
use crate::summary::Summary;
use crate::window::Window;
use perfagent_recording::Span;

/// Makes the recording `output` of the run directory `path` that an interrupted recorder left: what it had written,
/// and what the rings still hold, every event once. Can itself be interrupted and repeated.
pub fn recover(path: &Path, output: &Path, force: bool) -> Result<Summary, CollectError> {
    let directory = RunDirectory::open(path, output, force)?;
    let (session, remark) = session(&directory)?;
    let (mut writer, damaged) = match resume(&directory.database()) {
        Ok(writer) => (writer, None),
        Err(why) => (rebuild(&directory, &session)?, Some(why)),
    };
    let host = match writer.rows::<Host>()?.first() {
        Some((id, _)) => HostId(*id),
        None => {
            return Err(CollectError::NotARunDirectory {
                path: path.to_owned(),
                missing: "machine in its recording",
            });
        }
    };
    let known = known_processes(&mut writer, &session)?;
    let tables = Tables::new(writer)?;
    let root = session.root.map(|(pid, _)| pid);
    let mut drain = Drain::new(directory.spool(), directory.state(), host, session, tables)?;
    for (pid, start_ticks, row) in known {
        drain.know_process(pid, start_ticks, row);
    }
    drain.scan()?;
    while !drain.read()? {
        if drain.is_pressing() {
            drain.commit()?;
        }
    }
    drain.finish_all()?;
    let mut text = "the recorder was interrupted: samples of processor, memory and GPUs end there, and how the \
                    processes ended is not known"
        .to_owned();
    if let Some(why) = damaged {
        text = format!(
            "{text}; what it had written was unreadable ({why}), so that only what the rings still held is here"
        );
    }
    drain.note(None, Severity::Warning, text)?;
    if let Some(remark) = remark {
        drain.note(None, Severity::Warning, remark)?;
    }
    let mut writer = drain.into_writer();
    writer.set_meta("recovered", "1")?;
    if let Some(root) = root {
        writer.set_meta("root_pid", &root.to_string())?;
    }
    writer.finish()?;
    let output = directory.finish()?;
    Ok(Summary::of(&output)?)
}

/// The facts of the run; where they are lost, the rings tell the clock.
fn session(directory: &RunDirectory) -> Result<(Session, Option<String>), CollectError> {
    let path = directory.session();
    let what = match Session::load(&path) {
        Ok(session) => return Ok((session, None)),
        Err(what) => what,
    };
    let (monotonic, realtime) = any_anchor(&directory.spool())
        .ok_or_else(|| CollectError::BadSession { path, what: what.clone() })?;
    let clock = Clock::from_anchor(monotonic, realtime);
    let started = clock.at(monotonic);
    let session = Session {
        clock,
        started_ns: started.unix_nanos(),
        window: Window::new(started, Span::ZERO, None),
        command: String::new(),
        boot_id: None,
        job: None,
        root: None,
    };
    Ok((
        session,
        Some(format!("the command and the start of the run are not known: session.json: {what}")),
    ))
}

fn any_anchor(spool: &Path) -> Option<(MonotonicNs, RealtimeNs)> {
    let rings = fs::read_dir(spool)
        .ok()?
        .flatten()
        .filter_map(|entry| RingReader::open(&entry.path()).ok());
    rings.into_iter().find_map(|mut ring| {
        let mut anchor = None;
        while anchor.is_none() {
            let outcome = ring.read(4096, &mut |record| {
                if let Record::Anchor { monotonic, realtime } = record {
                    anchor = anchor.or(Some((monotonic, realtime)));
                }
            });
            if outcome.drained || (outcome.records == 0 && outcome.corrupt == 0) {
                break;
            }
        }
        anchor
    })
}

/// Opens the unfinished recording, if it is whole enough to go on with; else says why not.
fn resume(path: &Path) -> Result<Writer, String> {
    let said = |error: &dyn std::error::Error| error.to_string();
    // Opening creates nothing, and reads what the write-ahead log still holds.
    if !path.is_file() {
        return Err("run.perfdb is missing".to_owned());
    }
    let writer = Writer::resume(path).map_err(|error| said(&error))?;
    drop(writer);
    let reader = Reader::open(path).map_err(|error| said(&error))?;
    perfagent_recording::Recording::load(&reader, &mut |_| {}).map_err(|error| said(&error))?;
    drop(reader);
    Writer::resume(path).map_err(|error| said(&error))
}

/// A new recording in place of one that cannot be read, which is kept beside it until the recovery is complete.
fn rebuild(directory: &RunDirectory, session: &Session) -> Result<Writer, CollectError> {
    let path = directory.database();
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        let mut damaged = name.clone();
        damaged.push(".damaged");
        // Most often there is nothing to move.
        let _ = fs::rename(name, damaged);
    }
    let mut writer = Writer::create(&path)?;
    session.describe(&mut writer)?;
    writer.insert::<_, HostId>(&host::this_host())?;
    writer.commit()?;
    Ok(writer)
}

/// The processes of the recording with their numbers and start times, which the names of their rings tell.
fn known_processes(
    writer: &mut Writer,
    session: &Session,
) -> Result<Vec<(u32, u64, ProcessId)>, WriteError> {
    let mut known: Vec<(u32, u64, ProcessId)> = Vec::new();
    for (_, progress) in writer.rows::<SpoolProgress>()? {
        let mut parts = progress.ring.split('-');
        let pid = parts.next().and_then(|pid| pid.parse().ok());
        let start = parts.next().and_then(|start| start.parse().ok());
        if let (Some(pid), Some(start)) = (pid, start) {
            known.push((pid, start, progress.process_id));
        }
    }
    if let Some((pid, start)) = session.root
        && let Some((row, _)) =
            writer.rows::<Process>()?.into_iter().find(|(_, process)| process.pid == i64::from(pid))
        && !known.iter().any(|(.., process)| process.0 == row)
    {
        known.push((pid, start, ProcessId(row)));
    }
    Ok(known)
}
