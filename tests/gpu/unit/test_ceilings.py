import copy
import unittest

from harness import ceilings


def rate(name, value, **more):
    return {"name": name, "median_gbps": value, "interval_gbps": {"low": value, "high": value}, **more}


def product(value):
    return {"median_tflops": value, "mean_watts": 600.0}


def row(dtype, value):
    return {
        "dtype": dtype,
        "reason": None,
        "best": product(value),
        "sustained": product(value),
        "shapes": [product(value)],
        "left_out": 0,
    }


# Made up: every figure is round, but for the one that MAMF gives.
DOCUMENT = {
    "schema": "perfagent.ceilings/1",
    "name": "NVIDIA H200",
    "environment": {"power_limit_watts": 700},
    "power": {"method": "made up", "reason": None},
    "datasheet": {"figures": [{"what": "memory copy", "pct": 93.0}, {"what": "memory triad", "pct": 91.0}]},
    "memory_bandwidth": {"kernels": [rate(name, 4000.0) for name in ("copy", "scale", "add", "triad")]},
    "cuda": {
        "l2_cache_bytes": 50 << 20,
        "bandwidth_by_size": {
            "kernels": [
                {
                    "name": name,
                    "points": [
                        rate(name, value, working_set_bytes=size << 20)
                        for size, value in ((2, 9000.0), (8, 8000.0), (128, 4500.0), (1024, 4000.0))
                    ],
                }
                for name in ceilings.KERNELS
            ]
        },
        "multiply_add": [
            {"dtype": "fp32", "median_tflops": 60.0, "mean_watts": 500.0},
            {"dtype": "fp64", "median_tflops": 30.0, "mean_watts": None},
        ],
        "matrix_products": {
            "reason": None,
            "dtypes": [
                row("fp32", 50.0),
                row("tf32", 400.0),
                row("fp16", 780.0),
                row("bf16", 794.5),
                row("fp8_e4m3", 1400.0),
            ],
        },
        "copies": [rate("host_to_device", 50.0), rate("device_to_host", 50.0)],
        "pageable_copies": [rate("host_to_device", 10.0), rate("device_to_host", 10.0)],
        "launch": [{"name": "launch_in_a_row", "median_ns": 2000.0}, {"name": "graph_node", "median_ns": 1000.0}],
        "peer_copies": {"reason": "one device", "peers": []},
        "collectives": {"reason": "one device", "curves": []},
    },
}


def broken(document, copy_by_torch=4100.0):
    return [text for met, text in ceilings.expectations(document, copy_by_torch) if not met]


class Ceilings(unittest.TestCase):
    def test_a_good_answer_meets_everything(self):
        self.assertEqual(broken(DOCUMENT), [])
        figures = {name: value for name, value, _ in ceilings.figures(DOCUMENT)}
        self.assertEqual(figures["bf16_best"], 794.5)
        self.assertEqual(figures["read_of_2_mib"], 9000.0)

    def test_triad_below_both_measures_is_found(self):
        self.assertEqual(len(broken(DOCUMENT, copy_by_torch=5000.0)), 1)
        self.assertIn("triad", broken(DOCUMENT, copy_by_torch=5000.0)[0])

    def test_products_far_from_mamf_are_found(self):
        for value, found in ((760.0, True), (772.0, False), (830.0, True)):
            document = copy.deepcopy(DOCUMENT)
            document["cuda"]["matrix_products"]["dtypes"][3] = row("bf16", value)
            self.assertEqual(any("MAMF" in text for text in broken(document)), found, value)

    def test_a_format_without_figure_and_reason_is_found(self):
        document = copy.deepcopy(DOCUMENT)
        document["cuda"]["matrix_products"]["dtypes"][4]["best"] = None
        self.assertTrue(any("fp8_e4m3" in text for text in broken(document)))

    def test_an_unknown_device_is_held_against_torch_alone(self):
        document = {**copy.deepcopy(DOCUMENT), "datasheet": None, "name": "another"}
        self.assertEqual(broken(document), [])
        self.assertEqual(broken(document, copy_by_torch=None), [])
