"""The few statistics that measurements on a shared machine need."""


def median(values):
    """The middle value, or the mean of the two middle ones; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def quantile(values, share):
    """The value below which `share` (0 to 1) of the values lie, by linear interpolation; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_interval(values):
    """A distribution-free interval of the median of independent values: order statistics whose binomial
    coverage is at least 95 % where there are 6 or more values, else the whole range; None of nothing."""
    ordered = sorted(values)
    count = len(ordered)
    if not count:
        return None
    cut = 0
    # P(at most `cut` values below the median), doubled for both sides, stays under 5 %.
    tail = term = 0.5**count
    while 2 * tail <= 0.05 and 2 * (cut + 1) < count:
        cut += 1
        term *= (count - cut + 1) / cut
        tail += term
    low = max(cut - 1, 0)
    return ordered[low], ordered[count - 1 - low]


def slope(points):
    """The least-squares slope of (x, y) points; None of fewer than two different x."""
    count = len(points)
    if count < 2:
        return None
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return None
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
