import unittest

from checks import load


class Check:
    def __init__(self):
        self.failed, self.figures = [], {}

    def expect(self, holds, text):
        if not holds:
            self.failed.append(text)
        return holds

    def note(self, text):
        pass

    def figure(self, name, value, unit):
        self.figures[name] = (value, unit)


def item(name, status="ok", severity="none", value=None, unit=None):
    return {
        "name": name,
        "target": "GPU 0",
        "status": status,
        "severity": severity,
        "value": value,
        "unit": unit,
        "detail": "…",
    }


SOUND = [
    item("host_memory", "critical", "triage"),
    item("memory_pattern", value=0, unit="words"),
    item("memory_bandwidth", value=4100.0, unit="GB/s"),
    item("training_checksum", value="ab"),
    item("training_step", "unknown", "none", 2e7, "ns"),
]


class Load(unittest.TestCase):
    def test_a_sound_gpu_passes_with_its_figures(self):
        check = Check()
        load.judge(check, {"checks": SOUND})
        self.assertEqual(check.failed, [])
        self.assertEqual(check.figures["gpu_0_memory_bandwidth"], (4100.0, "GB/s"))
        self.assertNotIn("gpu_0_training_checksum", check.figures)

    def test_what_was_not_measured_or_is_slow_fails(self):
        for worse in (
            item("memory_pattern", "unknown", "config"),
            item("memory_bandwidth", "critical", "isolate", 100.0, "GB/s"),
        ):
            check = Check()
            load.judge(check, {"checks": [*SOUND, worse]})
            self.assertEqual(len(check.failed), 1)
        check = Check()
        load.judge(check, {"checks": SOUND[:3]})
        self.assertEqual(len(check.failed), 2)
