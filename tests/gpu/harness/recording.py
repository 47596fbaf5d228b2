"""A recording (.perfdb), read with nothing but sqlite3. The columns are those of agent/recording/SCHEMA.md."""

import sqlite3
from collections import Counter, namedtuple
from urllib.parse import quote

Kernel = namedtuple("Kernel", "name start end stream process graph correlation grid block")
Copy = namedtuple("Copy", "kind bytes start end stream process graph")
Range = namedtuple("Range", "name domain start end depth thread process payload open")


class Recording:
    """Rows in the order of their start."""

    def __init__(self, path):
        self.path = path
        self.database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)

    def rows(self, sql, *values):
        return self.database.execute(sql, values).fetchall()

    def kernels(self, part=""):
        """Kernels whose name contains `part`. Times in ns on the recording's clock."""
        rows = self.rows(
            "SELECT ifnull(value, ''), start_ns, end_ns, stream_id, process_id, graph, correlation,"
            " grid_x, grid_y, grid_z, block_x, block_y, block_z"
            " FROM kernels LEFT JOIN strings ON strings.id = name_id ORDER BY start_ns, kernels.id"
        )
        kernels = [Kernel(*row[:7], tuple(row[7:10]), tuple(row[10:13])) for row in rows]
        return [kernel for kernel in kernels if part in kernel.name]

    def copies(self):
        """Copies and fills (kind `memset`)."""
        return [
            Copy(*row)
            for row in self.rows(
                "SELECT kind, bytes, start_ns, end_ns, stream_id, process_id, graph FROM copies ORDER BY start_ns, id"
            )
        ]

    def ranges(self, name=None):
        """NVTX ranges, or those with this name."""
        ranges = [
            Range(*row)
            for row in self.rows(
                "SELECT ifnull(name.value, ''), ifnull(domain.value, ''), start_ns, end_ns, depth, thread_id, process_id, payload, open"
                # Number 0 stands for no text and has no row.
                " FROM ranges LEFT JOIN strings AS name ON name.id = name_id"
                " LEFT JOIN strings AS domain ON domain.id = domain_id ORDER BY start_ns, ranges.id"
            )
        ]
        return [item for item in ranges if name is None or item.name == name]

    def count(self, table):
        return self.rows(f"SELECT count(*) FROM {table}")[0][0]

    def losses(self):
        """How many events could not be kept, by cause."""
        counter = Counter()
        for cause, count in self.rows("SELECT cause, count FROM losses"):
            counter[cause] += count
        return dict(counter)

    def notes(self):
        return [text for (text,) in self.rows("SELECT text FROM notes ORDER BY id")]

    def meta(self):
        return dict(self.rows("SELECT key, value FROM meta"))

    def counters(self):
        """name -> (unit, [(time_ns, value)]) of the counters of GPUs and of the machine as a whole."""
        found = {}
        for counter, name, unit in self.rows("SELECT id, name, unit FROM counters WHERE process_id IS NULL"):
            samples = self.rows(
                "SELECT time_ns, value FROM counter_samples WHERE counter_id = ? ORDER BY time_ns", counter
            )
            found.setdefault(name, (unit, []))[1].extend(samples)
        return found

    def memory(self):
        """(time_ns, bytes, allocated, reserved, device_bytes, source) of all processes."""
        return self.rows(
            "SELECT time_ns, bytes, allocated_bytes, reserved_bytes, device_bytes, ifnull(value, '')"
            " FROM memory LEFT JOIN strings ON strings.id = source_id ORDER BY time_ns, memory.id"
        )

    def devices(self):
        return self.rows("SELECT ordinal, name, uuid, total_bytes, sm_count, cc_major, cc_minor FROM devices")


def within(items, span):
    """Those that start and end within the range `span`."""
    return [item for item in items if item.start >= span.start and item.end <= span.end]
