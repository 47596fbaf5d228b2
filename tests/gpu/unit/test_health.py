import unittest

from checks import health
from harness.smi import Answer

# Made up, with the elements of nvidia-smi 580 that are looked at.
XML = """<?xml version="1.0" ?><nvidia_smi_log><driver_version>580.159.04</driver_version><gpu id="00000000:9B:00.0">
<product_name>NVIDIA H200</product_name><uuid>GPU-1</uuid><vbios_version>96.00</vbios_version>
<persistence_mode>Enabled</persistence_mode><ecc_mode><current_ecc>Enabled</current_ecc></ecc_mode>
<mig_mode><current_mig>Disabled</current_mig></mig_mode><compute_mode>Default</compute_mode>
<temperature><gpu_temp>31 C</gpu_temp><memory_temp>N/A</memory_temp><gpu_temp_tlimit>55 C</gpu_temp_tlimit></temperature>
<pci><pci_gpu_link_info><link_widths><current_link_width>16x</current_link_width></link_widths></pci_gpu_link_info>
<replay_counter>0</replay_counter></pci>
<remapped_rows><remapped_row_pending>No</remapped_row_pending></remapped_rows>
<fabric><state>Completed</state></fabric><gpu_recovery_action>None</gpu_recovery_action>
<clocks_event_reasons><clocks_event_reason_hw_power_brake_slowdown>Not Active</clocks_event_reason_hw_power_brake_slowdown>
</clocks_event_reasons></gpu></nvidia_smi_log>"""


def item(name, value, status="ok", target="GPU 0"):
    return {"name": name, "target": target, "status": status, "value": value}


def document(**changes):
    values = {
        "gpu_persistence": None,
        "gpu_ecc_mode": "on",
        "gpu_mig_mode": "off",
        "gpu_compute_mode": "default",
        "gpu_temperature": 33,
        "gpu_memory_temperature": 40,
        "gpu_temperature_margin": 53.0,
        "gpu_pcie_width": 16,
        "gpu_pcie_replays": 0,
        "gpu_row_remapping": "none pending",
        "gpu_fabric": "completed",
        "gpu_recovery_action": "none",
        "gpu_throttle": "idle",
        **changes,
    }
    checks = [item(name, value) for name, value in values.items()]
    checks.append(item("nvidia_driver", "580.159.04", target="host"))
    checks.append(item("driver_library", "13.580.159.04", target="host"))
    gpu = {"index": 0, "name": "NVIDIA H200", "uuid": "GPU-1", "pci": "0000:9b:00.0", "vbios": "96.00"}
    return {"gpus": [gpu], "checks": checks}


class Listener:
    def __init__(self):
        self.unmet = []

    def expect(self, met, text):
        if not met:
            self.unmet.append(text)
        return bool(met)

    def figure(self, name, value, unit):
        pass

    def note(self, text):
        pass


def unmet(document):
    listener = Listener()
    health.agree(listener, document, Answer(XML))
    return listener.unmet


class HealthBesideNvidiaSmi(unittest.TestCase):
    def test_answers_that_agree_leave_nothing_unmet(self):
        self.assertEqual(unmet(document()), [])

    def test_each_difference_is_told(self):
        for name, value, words in (
            ("gpu_ecc_mode", "off", "ECC"),
            ("gpu_pcie_width", 8, "lanes"),
            ("gpu_temperature", 80, "temperature"),
            ("gpu_fabric", "failed", "fabric"),
            ("gpu_throttle", "power brake", "power brake"),
            ("gpu_row_remapping", "pending", "row to be replaced"),
        ):
            told = unmet(document(**{name: value}))
            self.assertEqual(len(told), 1, told)
            self.assertIn(words, told[0])


if __name__ == "__main__":
    unittest.main()
