"""Reads what cuda/buffers.cu writes: CUPTI's activity buffers, byte for byte; the format is described there."""

import json
import struct
from collections import Counter

MAGIC = b"PACUPTI1"


class Capture:
    """`facts`, `buffers` as (address, bytes, [(offset, kind)]), and `texts` by address."""

    def __init__(self, data):
        if data[:8] != MAGIC:
            raise ValueError("not a capture of CUPTI buffers")
        self.facts, self.buffers, self.texts = {}, [], {}
        at = 8
        while at < len(data):
            tag, _, length = struct.unpack_from("<IIQ", data, at)
            payload = data[at + 16 : at + 16 + length]
            if len(payload) < length:
                raise ValueError(f"cut short at byte {at}")
            at += 16 + length
            if tag == 1:
                self.facts = json.loads(payload)
            elif tag == 2:
                self.buffers.append((struct.unpack_from("<Q", payload)[0], payload[8:], []))
            elif tag == 3:
                self.buffers[-1][2].extend(struct.iter_unpack("<II", payload))
            elif tag == 4:
                self.texts[struct.unpack_from("<Q", payload)[0]] = payload[8:].decode(errors="replace")

    def kinds(self):
        """kind -> number of records."""
        return Counter(kind for _, _, records in self.buffers for _, kind in records)

    def sizes(self):
        """kind -> sizes of its records in bytes, by the distance to the next one; the last of a buffer is left out."""
        found = {}
        for _, _, records in self.buffers:
            for (offset, kind), (following, _) in zip(records, records[1:]):
                found.setdefault(kind, set()).add(following - offset)
        return {kind: sorted(sizes) for kind, sizes in sorted(found.items())}

    def pointers(self, kind, offset):
        """The pointers at `offset` of the records of a kind."""
        for _, data, records in self.buffers:
            for start, found in records:
                if found == kind:
                    yield struct.unpack_from("<Q", data, start + offset)[0]
