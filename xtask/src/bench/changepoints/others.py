# Change points of the series in a folder by the detectors of asv and otava, at their defaults, as one JSON document.
import json
import pathlib
import sys

from asv.step_detect import detect_steps
from otava.series import AnalysisOptions, Metric, Series


def asv(values):
    # Steps are (first, one past the last, level, ...), and the first level begins the series.
    return [int(step[0]) for step in detect_steps(values)][1:]


def otava(values):
    times = list(range(len(values)))
    series = Series("series", None, times, {"value": Metric(1, 1.0)}, {"value": values}, {})
    found = series.analyze(AnalysisOptions()).change_points["value"]
    return [int(change.index) for change in found]


folder = pathlib.Path(sys.argv[1])
names = json.loads((folder / "annotations.json").read_text())
series = {name: json.loads((folder / "tcpd" / f"{name}.json").read_text())["values"] for name in names}
found = {tool.__name__: {name: tool(values) for name, values in series.items()} for tool in (asv, otava)}
json.dump(found, sys.stdout)
