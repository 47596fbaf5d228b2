import unittest

from harness import figures
from harness.answer import finite


class Figures(unittest.TestCase):
    def test_the_median_ignores_an_outlier(self):
        self.assertEqual(figures.median([1, 100, 2]), 2)
        self.assertEqual(figures.median([4, 1, 2, 3]), 2.5)
        self.assertIsNone(figures.median([]))

    def test_the_interval_covers_what_the_table_says(self):
        # Known: n = 9 gives ranks 2 and 8 (96.1 %), n = 15 gives 4 and 12 (96.5 %).
        self.assertEqual(figures.median_interval(range(1, 8)), (1, 7))
        self.assertEqual(figures.median_interval(range(1, 10)), (2, 8))
        self.assertEqual(figures.median_interval(range(1, 16)), (4, 12))
        self.assertEqual(figures.median_interval([5]), (5, 5))
        self.assertIsNone(figures.median_interval([]))

    def test_quantiles_interpolate(self):
        self.assertEqual(figures.quantile([0, 10], 0.25), 2.5)
        self.assertEqual(figures.quantile([3, 1, 2], 1.0), 3)
        self.assertIsNone(figures.quantile([], 0.5))

    def test_a_slope_is_found(self):
        self.assertAlmostEqual(figures.slope([(0, 5), (1, 7), (2, 9)]), 2)
        self.assertIsNone(figures.slope([(1, 1), (1, 2)]))

    def test_json_gets_no_infinity(self):
        self.assertEqual(finite([1.0, float("nan"), (float("inf"), 2)]), [1.0, None, [None, 2]])
