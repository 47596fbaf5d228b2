"""Two lists of kernels of the same program, from two profilers: which are in one only, and how durations differ."""

from collections import Counter, namedtuple

Comparison = namedtuple("Comparison", "pairs only_left only_right differing_order")


def compare(left, right):
    """`left` and `right` have `name`, `start`, `end` and stand in order of start. Pairs the k-th kernel of a
    name with the k-th of that name on the other side; `differing_order` counts places of the whole
    sequence at which the names differ."""
    queues = {}
    for kernel in right:
        queues.setdefault(kernel.name, []).append(kernel)
    taken = Counter()
    pairs, only_left = [], []
    for kernel in left:
        queue = queues.get(kernel.name, [])
        if taken[kernel.name] < len(queue):
            pairs.append((kernel, queue[taken[kernel.name]]))
            taken[kernel.name] += 1
        else:
            only_left.append(kernel)
    only_right = [kernel for name, queue in queues.items() for kernel in queue[taken[name] :]]
    differing = sum(a.name != b.name for a, b in zip(left, right))
    return Comparison(pairs, only_left, only_right, differing)


def by_name(kernels, most=20):
    """name -> count, the most frequent ones, for a note."""
    return dict(Counter(kernel.name for kernel in kernels).most_common(most))
