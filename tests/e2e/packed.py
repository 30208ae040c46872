"""A reader of packed histograms (lib/sketch/hist_pack.c has the theory), written from docs/sketch.md."""
import collections
import functools

SYMBOLS, ESCAPE, TOTAL, LARGEST = 80, 79, 1 << 16, 1 << 32


@functools.lru_cache(maxsize=None)
def frequencies(rate):
    """Where each symbol begins in 0 to 65,536: negative binomial, from the middle outwards, in whole numbers."""
    f, middle = [0] * SYMBOLS, rate // 512
    f[middle] = 1 << 40
    for k in range(middle, SYMBOLS - 1):
        f[k + 1] = f[k] * (64 * k + rate) // (576 * (k + 1))
    for k in range(middle, 0, -1):
        f[k - 1] = f[k] * (576 * k) // (64 * (k - 1) + rate)
    below = [sum(f[:k]) for k in range(SYMBOLS)]
    return [b * (TOTAL - SYMBOLS) // sum(f) + k for k, b in enumerate(below)] + [TOTAL]


class Decoder:
    def __init__(self, data):
        self.data, self.at, self.code, self.range = data, 0, 0, LARGEST - 1
        for _ in range(4):
            self.shift()

    def shift(self):
        self.code = self.code << 8 | (self.data[self.at] if self.at < len(self.data) else 0)
        self.at += 1

    def symbol(self, starts):
        part = self.range >> 16
        at = self.code // part
        symbol = max(k for k in range(len(starts) - 1) if starts[k] <= at)
        return self.narrow(part, starts[symbol], starts[symbol + 1] - starts[symbol], symbol)

    def bits(self, n):
        v = 0
        while n > 0:
            some = min(n, 16)
            part = self.range >> some
            at = self.code // part
            v, n = v << some | self.narrow(part, at, 1, at), n - some
        return v

    def narrow(self, part, start, width, result):
        self.code -= part * start
        self.range = part * width
        while self.range < 1 << 24:
            self.shift()
            self.range <<= 8
        return result

    def count(self, m):
        rate, shift = m + 16, 0
        while rate >> shift >= 1 << 14:
            shift += 1
        octave = (rate >> shift).bit_length() - 1
        quarter = (rate >> shift >> octave - 2) & 3
        high = self.symbol(frequencies((9 + 2 * quarter) << octave - 3))
        if high == ESCAPE:
            length = self.bits(6)
            high = (1 << length | self.bits(length)) + ESCAPE - 1
        return high << shift | self.bits(shift)


def cells(r):
    """{(bucket, bucket): n} from a stack.Reader."""
    first, width, length = r.varint(), r.varint(), r.varint()
    decoder, m, out = Decoder(r.take(length)), 0, collections.Counter()
    for bucket in range(first, first + width + 1):
        n = decoder.count(m)
        if n:
            out[bucket, bucket] = n
        m += 64 * min(n, LARGEST) - (m >> 3)
    return out
