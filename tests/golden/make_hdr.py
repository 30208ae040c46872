"""Histograms as others encode them, each with what its library itself says is recorded: hdrhistogram (PyPI) and
hdr-histogram-js (npm), compressed, and as it is inside. Prints tests/golden/hdr.txt: name, base64, then
lowest:highest:count of each recorded bucket, with tabs between; the end-to-end test draws others with another seed.

    build/venv/bin/python tests/golden/make_hdr.py > tests/golden/hdr.txt
"""
import base64
import json
import pathlib
import random
import subprocess
import sys
import zlib

from hdrh.histogram import HdrHistogram

PEER = pathlib.Path(__file__).resolve().parent.parent / "e2e" / "peer_hdr.js"


def by_python(seed):
    rng = random.Random(seed)
    for lowest, highest, digits, n in ((1, 3600000000, 3, 2000), (1, 100000, 2, 300), (1, 1 << 20, 1, 200), (64, 1 << 30, 4, 100), (1, 1 << 40, 5, 300), (1, 100, 3, 1), (1, 1000, 3, 0)):
        h = HdrHistogram(lowest, highest, digits)
        for _ in range(n):
            h.record_value(int(min(highest, rng.lognormvariate(8, 3))), rng.randint(1, 1 << rng.randint(1, 30)))
        recorded = [[h.get_lowest_equivalent_value(i.value_iterated_to), h.get_highest_equivalent_value(i.value_iterated_to), i.count_at_value_iterated_to]
                    for i in (h.get_recorded_iterator() if n else ())]
        yield f"python {digits} {lowest} {highest}", h.encode().decode(), recorded


def by_node(seed):
    return json.loads(subprocess.run(["node", PEER, str(seed)], capture_output=True, text=True, check=True).stdout)


def plain(blob):
    """The encoding inside the compressed one."""
    return base64.b64encode(zlib.decompress(base64.b64decode(blob)[8:])).decode()


def histograms(seed):
    for name, blob, recorded in [*by_python(seed), *by_node(seed)]:
        yield name, blob, recorded
        if len(plain(blob)) < 20000:
            yield name + " plain", plain(blob), recorded


if __name__ == "__main__":
    for name, blob, recorded in histograms(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        print(name, blob, *("%d:%d:%d" % tuple(r) for r in recorded), sep="\t")
