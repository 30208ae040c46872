"""Samples counted into other people's buckets, as their senders do, and the cells judged keeps of such a bucket.

A cell is "lo hi": so many values lie in the buckets lo to hi of lib/sketch/hist.h, known to no more than that when lo < hi.
"""
import bisect
import collections
import math
import struct

EDGES = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0)  # each bucket holds what is above the edge before and up to its own
ZERO_EDGE = 0.125  # of an exponential histogram: what is not above it counts as zero


def bucket(value):
    """lib/sketch/hist.h: exponent and seven bits of the mantissa, from 2^-40; the last holds what is too large, too."""
    if value > 2.0 ** 60:
        return 100 * 128 + 1
    return (struct.unpack("<Q", struct.pack("<d", value))[0] >> 45) - ((1023 - 40) << 7) + 1 if value >= 2.0 ** -40 else 0


def cell(lower, upper):
    return f"{bucket(lower)} {bucket(upper)}"


def draw(rng, most=12):
    """Latencies in eighths, whose sums are exact; some are zero."""
    return [0.0 if rng.random() < 0.05 else round(8 * rng.lognormvariate(3, 1.5)) / 8 for _ in range(rng.randint(1, most))]


def raw_cells(values):
    return collections.Counter(cell(v, v) for v in values)


def explicit(values):
    """How many in each of the buckets of EDGES; the last is open."""
    counts = [0] * (len(EDGES) + 1)
    for v in values:
        counts[bisect.bisect_left(EDGES, v)] += 1
    return counts


def explicit_cells(counts):
    edges = (0.0, *EDGES, math.inf)
    return {cell(edges[i], edges[i + 1]): n for i, n in enumerate(counts) if n}


class Exponential:
    """OpenTelemetry's: bucket k holds what lies in (base^k, base^(k + 1)], base = 2^(2^-scale)."""

    def __init__(self, scale):
        self.scale, self.zeros, self.counts = scale, 0, collections.Counter()

    def edge(self, key):
        return math.exp2(key / 2 ** self.scale)

    def add(self, values):
        """Returns the cells that became more."""
        cells = collections.Counter()
        for v in values:
            if v <= ZERO_EDGE:
                self.zeros += 1
                cells[cell(0.0, ZERO_EDGE)] += 1
                continue
            key = math.ceil(math.log2(v) * 2 ** self.scale) - 1
            key += (self.edge(key + 1) < v) - (self.edge(key) >= v)  # where the logarithm was rounded
            self.counts[key] += 1
            cells[cell(self.edge(key), self.edge(key + 1))] += 1
        return dict(cells)

    def widen(self):
        """As an SDK does when its buckets no longer reach: each two become one."""
        wide = collections.Counter()
        for key, n in self.counts.items():
            wide[key >> 1] += n
        self.scale, self.counts = self.scale - 1, wide

    def dense(self):
        """(offset, counts), none left out between the first and the last."""
        if not self.counts:
            return 0, []
        first = min(self.counts)
        return first, [self.counts[k] for k in range(first, max(self.counts) + 1)]
