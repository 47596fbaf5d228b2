//! Rows that other rows refer to, each made at its first use.

use std::collections::HashMap;

use perfagent_recording::table::{Device, Stream, Thread};
use perfagent_recording::{DeviceId, ProcessId, StreamId, ThreadId, WriteError, Writer};

use crate::proc;

/// The growing recording, with the threads, devices and streams that it has so far.
pub(crate) struct Tables {
    /// Where rows go.
    pub(crate) writer: Writer,
    threads: HashMap<(ProcessId, u32), ThreadId>,
    devices: HashMap<(ProcessId, u32), DeviceId>,
    by_uuid: HashMap<(ProcessId, String), DeviceId>,
    streams: HashMap<(DeviceId, u32, u32), StreamId>,
}

impl Tables {
    /// Continues with what `writer` holds.
    pub(crate) fn new(writer: Writer) -> Result<Self, WriteError> {
        let mut tables = Self {
            threads: HashMap::new(),
            devices: HashMap::new(),
            by_uuid: HashMap::new(),
            streams: HashMap::new(),
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

    /// The row of a stream and of its device. A device that was not described, because that record was lost, gets a
    /// row with its number only.
    pub(crate) fn stream(
        &mut self,
        process: ProcessId,
        ordinal: u32,
        context: u32,
        stream: u32,
    ) -> Result<(DeviceId, StreamId), WriteError> {
        if !self.devices.contains_key(&(process, ordinal)) {
            self.add_device(Device {
                process_id: process,
                ordinal: i64::from(ordinal),
                name: format!("GPU {ordinal}"),
                ..Device::default()
            })?;
        }
        let device = self.devices[&(process, ordinal)];
        if let Some(id) = self.streams.get(&(device, context, stream)) {
            return Ok((device, *id));
        }
        let id = self.writer.insert(&Stream {
            process_id: process,
            device_id: device,
            stream: i64::from(stream),
            context: Some(i64::from(context)),
            name: String::new(),
        })?;
        self.streams.insert((device, context, stream), id);
        Ok((device, id))
    }
}
