//! Questions to a recording.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

/// An open recording.
pub(crate) struct File(Connection);

/// A GPU operation.
pub(crate) struct Operation {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The kernel's name; of copies none.
    pub(crate) kernel: Option<String>,
    /// The kind of the copy; of kernels none.
    pub(crate) copy: Option<String>,
    pub(crate) bytes: i64,
    pub(crate) device: i64,
    pub(crate) stream: i64,
    /// When the call that launched it started.
    pub(crate) launched: Option<i64>,
    /// What it has in common with that call, and with what else that launched.
    pub(crate) correlation: Option<i64>,
}

/// An operator or a range.
pub(crate) struct Span {
    pub(crate) thread: i64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// None for ranges that need not nest.
    pub(crate) depth: Option<i64>,
    pub(crate) domain: String,
    pub(crate) name: String,
    /// The number of the name: it decides between spans that have all else in common.
    pub(crate) number: i64,
    pub(crate) payload: Option<i64>,
    pub(crate) open: bool,
}

/// A row of `collectives`.
pub(crate) struct Call {
    pub(crate) thread: Option<i64>,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) op: String,
    /// The number of the operation's name.
    pub(crate) number: i64,
    pub(crate) dtype: Option<String>,
    pub(crate) bytes: Option<i64>,
    pub(crate) group: Option<String>,
    pub(crate) group_size: Option<i64>,
    pub(crate) open: bool,
    pub(crate) timing: String,
    pub(crate) enqueued: Option<i64>,
    pub(crate) correlation: Option<i64>,
}

/// A row of `kernel_counters`.
pub(crate) struct Measured {
    pub(crate) range: i64,
    pub(crate) kernel: String,
    pub(crate) metric: String,
    pub(crate) value: f64,
    /// Thread, start and end of the call that launched the kernel.
    pub(crate) launch: Option<(i64, i64, i64)>,
}

/// A row of `memory`.
pub(crate) struct Memory {
    pub(crate) device: Option<i64>,
    pub(crate) bytes: Option<i64>,
    pub(crate) allocated: Option<i64>,
    pub(crate) reserved: Option<i64>,
    pub(crate) device_bytes: Option<i64>,
    pub(crate) kind: Option<String>,
}

impl File {
    pub(crate) fn open(path: &Path) -> Self {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        Self(connection.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn all<T>(
        &self,
        sql: &str,
        process: i64,
        of: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let mut statement = self.0.prepare(sql).expect(sql);
        let rows = statement.query_map([process], of).expect(sql);
        rows.map(|row| row.expect(sql)).collect()
    }

    /// Every process: its id, its number on the machine, rank and world size.
    pub(crate) fn processes(&self) -> Vec<(i64, i64, Option<i64>, Option<i64>)> {
        let sql = "SELECT id, pid, rank, world_size FROM processes WHERE ?1 = 0 ORDER BY id";
        self.all(sql, 0, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
    }

    pub(crate) fn operations(&self, process: i64) -> Vec<Operation> {
        let sql = "
            WITH calls AS (
                SELECT correlation, min(start_ns) AS launched FROM api_calls
                WHERE process_id = ?1 AND correlation IS NOT NULL GROUP BY correlation),
            operations AS (
                SELECT start_ns, end_ns, name_id, NULL AS way, 0 AS bytes, device_id, stream_id, correlation
                FROM kernels WHERE process_id = ?1
                UNION ALL
                SELECT start_ns, end_ns, NULL, copies.kind, bytes, device_id, stream_id, correlation
                FROM copies WHERE process_id = ?1)
            SELECT start_ns, max(start_ns, end_ns), CASE WHEN way IS NULL THEN coalesce(value, '') END, way, bytes,
                   coalesce(ordinal, 0), coalesce(stream, o.stream_id), launched, correlation
            FROM operations AS o
            LEFT JOIN strings ON strings.id = name_id LEFT JOIN calls USING (correlation)
            LEFT JOIN devices ON devices.id = o.device_id LEFT JOIN streams ON streams.id = o.stream_id";
        self.all(sql, process, |row| {
            Ok(Operation {
                start: row.get(0)?,
                end: row.get(1)?,
                kernel: row.get(2)?,
                copy: row.get(3)?,
                bytes: row.get(4)?,
                device: row.get(5)?,
                stream: row.get(6)?,
                launched: row.get(7)?,
                correlation: row.get(8)?,
            })
        })
    }

    pub(crate) fn operators(&self, process: i64) -> Vec<Span> {
        let columns = "depth, '', NULL";
        self.spans("operators", columns, process)
    }

    pub(crate) fn ranges(&self, process: i64) -> Vec<Span> {
        let payload = "CASE WHEN typeof(payload) = 'integer' THEN payload END";
        let domain = "coalesce((SELECT value FROM strings WHERE id = domain_id), '')";
        self.spans("ranges", &format!("depth, {domain}, {payload}"), process)
    }

    fn spans(&self, table: &str, columns: &str, process: i64) -> Vec<Span> {
        let sql = format!(
            "SELECT thread_id, start_ns, max(start_ns, end_ns), coalesce(value, ''), name_id, open, {columns}
             FROM {table} LEFT JOIN strings ON strings.id = name_id WHERE process_id = ?1"
        );
        self.all(&sql, process, |row| {
            Ok(Span {
                thread: row.get(0)?,
                start: row.get(1)?,
                end: row.get(2)?,
                name: row.get(3)?,
                number: row.get(4)?,
                open: row.get(5)?,
                depth: row.get(6)?,
                domain: row.get(7)?,
                payload: row.get(8)?,
            })
        })
    }

    pub(crate) fn collectives(&self, process: i64) -> Vec<Call> {
        let sql = "
            SELECT thread_id, start_ns, max(start_ns, end_ns), coalesce(op.value, ''), op_id, dtype.value, bytes,
                   name.value, group_size, open, timing, enqueued_ns, correlation
            FROM collectives LEFT JOIN strings AS op ON op.id = op_id LEFT JOIN strings AS dtype ON dtype.id = dtype_id
            LEFT JOIN strings AS name ON name.id = group_id WHERE process_id = ?1 ORDER BY collectives.id";
        self.all(sql, process, |row| {
            Ok(Call {
                thread: row.get(0)?,
                start: row.get(1)?,
                end: row.get(2)?,
                op: row.get(3)?,
                number: row.get(4)?,
                dtype: row.get(5)?,
                bytes: row.get(6)?,
                group: row.get(7)?,
                group_size: row.get(8)?,
                open: row.get(9)?,
                timing: row.get(10)?,
                enqueued: row.get(11)?,
                correlation: row.get(12)?,
            })
        })
    }

    pub(crate) fn measured(&self, process: i64) -> Vec<Measured> {
        let sql = "SELECT 1 FROM sqlite_master WHERE name = 'kernel_counters' AND ?1 > 0";
        if self.all(sql, process, |_| Ok(())).is_empty() {
            // Of a version that had no such table yet.
            return Vec::new();
        }
        let sql = "
            SELECT range_index, coalesce(name.value, ''), coalesce(metric.value, ''), kernel_counters.value,
                   thread_id, api_calls.start_ns, max(api_calls.start_ns, api_calls.end_ns)
            FROM kernel_counters
            LEFT JOIN strings AS name ON name.id = kernel_counters.name_id LEFT JOIN strings AS metric ON metric.id = metric_id
            LEFT JOIN api_calls ON api_calls.id = (
                SELECT id FROM api_calls WHERE process_id = ?1 AND correlation = kernel_counters.correlation
                ORDER BY start_ns, id LIMIT 1)
            WHERE kernel_counters.process_id = ?1";
        self.all(sql, process, |row| {
            let thread: Option<i64> = row.get(4)?;
            let launch = match thread {
                Some(thread) => Some((thread, row.get(5)?, row.get(6)?)),
                None => None,
            };
            Ok(Measured {
                range: row.get(0)?,
                kernel: row.get(1)?,
                metric: row.get(2)?,
                value: row.get(3)?,
                launch,
            })
        })
    }

    pub(crate) fn has_api_calls(&self, process: i64) -> bool {
        let sql = "SELECT count(*) FROM api_calls WHERE process_id = ?1";
        self.all(sql, process, |row| row.get(0)).pop() != Some(0_i64)
    }

    /// In order of time.
    pub(crate) fn memory(&self, process: i64) -> Vec<Memory> {
        let sql = "
            SELECT device_id, bytes, allocated_bytes, reserved_bytes, device_bytes, value
            FROM memory LEFT JOIN strings ON strings.id = kind_id WHERE process_id = ?1 ORDER BY time_ns, memory.id";
        self.all(sql, process, |row| {
            Ok(Memory {
                device: row.get(0)?,
                bytes: row.get(1)?,
                allocated: row.get(2)?,
                reserved: row.get(3)?,
                device_bytes: row.get(4)?,
                kind: row.get(5)?,
            })
        })
    }

    /// The sum over the devices of the greatest sample of what the process held; none without samples.
    pub(crate) fn sampled_memory(&self, process: i64) -> Option<i64> {
        let sql = "
            SELECT sum(peak) FROM (
                SELECT max(CAST(value AS INTEGER)) AS peak
                FROM counter_samples JOIN counters ON counters.id = counter_id
                WHERE process_id = ?1 AND name = 'memory_used' AND (device_id IS NOT NULL OR gpu_index IS NOT NULL)
                GROUP BY device_id, gpu_index)";
        self.all(sql, process, |row| row.get(0)).pop().flatten()
    }
}
