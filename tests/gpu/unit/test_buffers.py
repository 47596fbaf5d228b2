import struct
import unittest

from harness.buffers import MAGIC, Capture


def chunk(tag, payload):
    return struct.pack("<IIQ", tag, 0, len(payload)) + payload


class Captures(unittest.TestCase):
    def setUp(self):
        kernel = struct.pack("<I", 10).ljust(104, b"\0") + struct.pack("<Q", 0x1000).ljust(112, b"\0")
        fill = struct.pack("<I", 2).ljust(88, b"\0")
        records = struct.pack("<6I", 0, 10, 216, 10, 432, 2)
        self.data = MAGIC + chunk(2, struct.pack("<Q", 0xABC0) + kernel + kernel + fill) + chunk(3, records)
        self.data += chunk(4, struct.pack("<Q", 0x1000) + b"_Z5plainPf") + chunk(1, b'{"dropped": 0}')

    def test_records_and_texts_are_found(self):
        capture = Capture(self.data)
        self.assertEqual(capture.kinds(), {10: 2, 2: 1})
        self.assertEqual(capture.sizes(), {10: [216]})
        names = [capture.texts[pointer] for pointer in capture.pointers(10, 104)]
        self.assertEqual(names, ["_Z5plainPf", "_Z5plainPf"])
        self.assertEqual(capture.buffers[0][0], 0xABC0)
        self.assertEqual(capture.facts, {"dropped": 0})

    def test_damage_is_told(self):
        with self.assertRaises(ValueError):
            Capture(b"something else")
        with self.assertRaises(ValueError):
            Capture(self.data[:-3])
