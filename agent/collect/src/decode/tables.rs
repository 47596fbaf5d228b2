//! Rows that other rows refer to, each made at its first use.

use perfagent_recording::table::{Context, Device, Stream, Thread};
use perfagent_recording::{DeviceId, ProcessId, StreamId, ThreadId, WriteError, Writer};
use rustc_hash::FxHashMap;

use crate::proc;

/// The growing recording, with the threads, devices and streams that it has so far.
pub(crate) struct Tables {
    /// Where rows go.
    pub(crate) writer: Writer,
    threads: FxHashMap<(ProcessId, u32), ThreadId>,
    devices: FxHashMap<(ProcessId, u32), DeviceId>,
    by_uuid: FxHashMap<(ProcessId, String), DeviceId>,
    streams: FxHashMap<(DeviceId, u32, u32), StreamId>,
    /// Devices and streams by how records name them: process, ordinal, context, stream.
    places: FxHashMap<(ProcessId, u32, u32, u32), (DeviceId, StreamId)>,
    contexts: FxHashMap<(ProcessId, u32), u32>,
    /// What was told of streams whose context is not known yet: priority and kind.
    waiting: FxHashMap<(ProcessId, u32, u32), Attributes>,
}

/// What CUPTI tells of a stream: its priority, and what kind it is.
type Attributes = (i64, Option<&'static str>);

impl Tables {
    /// Continues with what `writer` holds.
    pub(crate) fn new(writer: Writer) -> Result<Self, WriteError> {
        let mut tables = Self {
            threads: FxHashMap::default(),
            devices: FxHashMap::default(),
            by_uuid: FxHashMap::default(),
            streams: FxHashMap::default(),
            places: FxHashMap::default(),
            contexts: FxHashMap::default(),
            waiting: FxHashMap::default(),
            writer,
        };
        for (id, row) in tables.writer.rows::<Thread>()? {
            tables.threads.insert((row.process_id, row.tid as u32), ThreadId(id));
        }
        for (id, row) in tables.writer.rows::<Device>()? {
            tables.devices.insert((row.process_id, row.ordinal as u32), DeviceId(id));
            if let Some(uuid) = row.uuid {
                tables.by_uuid.insert((row.process_id, uuid), DeviceId(id));
            }
        }
        for (_, row) in tables.writer.rows::<Context>()? {
            let ordinal = tables.devices.iter().find(|(_, id)| **id == row.device_id);
            if let Some(((process, ordinal), _)) = ordinal {
                tables.contexts.insert((*process, row.context as u32), *ordinal);
            }
        }
        for (id, row) in tables.writer.rows::<Stream>()? {
            let key = (row.device_id, row.context.unwrap_or(0) as u32, row.stream as u32);
            tables.streams.insert(key, StreamId(id));
        }
        Ok(tables)
    }

    /// The row of a thread; `pid` is asked for its name when it is new.
    pub(crate) fn thread(
        &mut self,
        process: ProcessId,
        pid: u32,
        tid: u32,
    ) -> Result<ThreadId, WriteError> {
        if let Some(id) = self.threads.get(&(process, tid)) {
            return Ok(*id);
        }
        let name = proc::thread_name(pid, tid).unwrap_or_default();
        self.new_thread(process, tid, name)
    }

    /// Names a thread.
    pub(crate) fn name_thread(
        &mut self,
        process: ProcessId,
        tid: u32,
        name: &str,
    ) -> Result<(), WriteError> {
        match self.threads.get(&(process, tid)) {
            Some(id) => self.writer.name_thread(*id, name),
            None => self.new_thread(process, tid, name.to_owned()).map(drop),
        }
    }

    fn new_thread(
        &mut self,
        process: ProcessId,
        tid: u32,
        name: String,
    ) -> Result<ThreadId, WriteError> {
        let id = self.writer.insert(&Thread { process_id: process, tid: i64::from(tid), name })?;
        self.threads.insert((process, tid), id);
        Ok(id)
    }

    /// Adds a device, unless the process has named this one already.
    pub(crate) fn add_device(&mut self, device: Device) -> Result<(), WriteError> {
        let key = (device.process_id, device.ordinal as u32);
        if !self.devices.contains_key(&key) {
            let id = self.writer.insert(&device)?;
            self.devices.insert(key, id);
            if let Some(uuid) = device.uuid {
                self.by_uuid.insert((device.process_id, uuid), id);
            }
        }
        Ok(())
    }

    /// The device with this UUID, when the process uses it.
    pub(crate) fn device_with_uuid(&self, process: ProcessId, uuid: &str) -> Option<DeviceId> {
        self.by_uuid.get(&(process, uuid.to_owned())).copied()
    }

    /// Adds a context. Streams of it that were told of before are described now.
    pub(crate) fn add_context(
        &mut self,
        process: ProcessId,
        ordinal: u32,
        context: u32,
        null_stream: u32,
    ) -> Result<(), WriteError> {
        if self.contexts.insert((process, context), ordinal).is_some() {
            return Ok(());
        }
        let device_id = self.device(process, ordinal)?;
        self.writer.append(&Context {
            process_id: process,
            device_id,
            context: i64::from(context),
            null_stream: i64::from(null_stream),
        })?;
        let ours = |(of, within, _): &(ProcessId, u32, u32)| (*of, *within) == (process, context);
        let waiting: Vec<_> = self.waiting.keys().filter(|key| ours(key)).copied().collect();
        for key in waiting {
            if let Some(attributes) = self.waiting.remove(&key) {
                self.describe_stream(process, context, key.2, attributes)?;
            }
        }
        Ok(())
    }

    /// Notes what CUPTI tells of a stream.
    pub(crate) fn describe_stream(
        &mut self,
        process: ProcessId,
        context: u32,
        stream: u32,
        attributes: Attributes,
    ) -> Result<(), WriteError> {
        let Some(&ordinal) = self.contexts.get(&(process, context)) else {
            self.waiting.insert((process, context, stream), attributes);
            return Ok(());
        };
        let (_, id) = self.stream(process, ordinal, context, stream)?;
        let (priority, kind) = attributes;
        self.writer.describe_stream(id, priority, kind)
    }

    /// The row of a device. One that was not described, because that record was lost or is still to come, gets a row with
    /// its number only.
    pub(crate) fn device(
        &mut self,
        process: ProcessId,
        ordinal: u32,
    ) -> Result<DeviceId, WriteError> {
        if !self.devices.contains_key(&(process, ordinal)) {
            self.add_device(Device {
                process_id: process,
                ordinal: i64::from(ordinal),
                name: format!("GPU {ordinal}"),
                ..Device::default()
            })?;
        }
        Ok(self.devices[&(process, ordinal)])
    }

    /// The row of a stream and of its device.
    pub(crate) fn stream(
        &mut self,
        process: ProcessId,
        ordinal: u32,
        context: u32,
        stream: u32,
    ) -> Result<(DeviceId, StreamId), WriteError> {
        if let Some(place) = self.places.get(&(process, ordinal, context, stream)) {
            return Ok(*place);
        }
        let device = self.device(process, ordinal)?;
        let id = self.stream_of(process, device, context, stream)?;
        self.places.insert((process, ordinal, context, stream), (device, id));
        Ok((device, id))
    }

    fn stream_of(
        &mut self,
        process: ProcessId,
        device: DeviceId,
        context: u32,
        stream: u32,
    ) -> Result<StreamId, WriteError> {
        if let Some(id) = self.streams.get(&(device, context, stream)) {
            return Ok(*id);
        }
        let id = self.writer.insert(&Stream {
            process_id: process,
            device_id: device,
            stream: i64::from(stream),
            context: Some(i64::from(context)),
            ..Stream::default()
        })?;
        self.streams.insert((device, context, stream), id);
        Ok(id)
    }
}
