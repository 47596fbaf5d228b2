//! What is exported: recordings, or some of their processes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use perfagent_recording::{DeviceId, ProcessId, Recording, ThreadId};

use crate::error::ExportError;

/// Recordings that are exported together, each with its path as the user gave it.
pub(crate) struct Scene<'a> {
    recordings: &'a [(PathBuf, Recording)],
    rank: Option<i64>,
}

/// One recording of a scene.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) recording: &'a Recording,
    /// Its place in the scene.
    pub(crate) place: usize,
    rank: Option<i64>,
}

impl<'a> Scene<'a> {
    /// All of `recordings`, or one rank of them.
    pub(crate) fn new(
        recordings: &'a [(PathBuf, Recording)],
        rank: Option<i64>,
    ) -> Result<Self, ExportError> {
        let scene = Self { recordings, rank };
        if let Some(rank) = rank
            && scene.views().all(|view| view.processes().next().is_none())
        {
            let of = |(_, recording): &(PathBuf, Recording)| -> BTreeSet<_> {
                recording.processes.iter().filter_map(|process| process.rank).collect()
            };
            let present: BTreeSet<i64> = recordings.iter().flat_map(of).collect();
            let path = recordings.first().map_or(Path::new(""), |(path, _)| path).to_owned();
            return Err(ExportError::no_such_rank(path, rank, &present));
        }
        Ok(scene)
    }

    /// The recordings.
    pub(crate) fn views(&self) -> impl Iterator<Item = View<'a>> + use<'a> {
        let rank = self.rank;
        let recordings = self.recordings.iter().enumerate();
        recordings.map(move |(place, (_, recording))| View { recording, place, rank })
    }

    /// The names of the files.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |path: &Path| {
            path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
        };
        self.recordings.iter().map(|(path, _)| name(path)).collect()
    }
}

impl<'a> View<'a> {
    /// The processes that are exported.
    pub(crate) fn processes(self) -> impl Iterator<Item = ProcessId> + use<'a> {
        let processes = self.recording.processes.iter().enumerate();
        processes
            .filter(move |(_, process)| self.rank.is_none() || process.rank == self.rank)
            .map(|(index, _)| ProcessId(index as i64 + 1))
    }

    /// Whether this process is exported.
    pub(crate) fn has(self, id: ProcessId) -> bool {
        let process = self.recording.process(id);
        process.is_some_and(|process| self.rank.is_none() || process.rank == self.rank)
    }

    /// What a process is called: its rank, where it has one, and its program.
    pub(crate) fn title(self, id: ProcessId) -> String {
        let Some(process) = self.recording.process(id) else { return "process".to_owned() };
        let name = if process.name.is_empty() { "process" } else { &process.name };
        match process.rank {
            Some(rank) => format!("rank {rank}: {name}"),
            None => name.to_owned(),
        }
    }

    /// What a thread is called.
    pub(crate) fn thread_title(self, id: ThreadId) -> String {
        match self.recording.thread(id) {
            Some(thread) if !thread.name.is_empty() => thread.name.clone(),
            Some(thread) => format!("thread {}", thread.tid),
            None => "thread".to_owned(),
        }
    }

    /// The ordinal of a device.
    pub(crate) fn ordinal(self, id: DeviceId) -> i64 {
        self.recording.device(id).map_or(0, |device| device.ordinal)
    }
}
