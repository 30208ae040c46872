#!/usr/bin/python3
"""HdrHistogram blobs in NDJSON samples, encoded by hdrhistogram (PyPI) and hdr-histogram-js (npm): what Redis holds is what
those libraries say is recorded, bucket by bucket; what the page shows is taken."""
import collections
import json
import pathlib
import random
import re
import struct
import subprocess
import tempfile
import time

from judged import ROOT, Suite, check, wait_for
from stack import Stack, stored_totals

PYTHON = ROOT / "build" / "venv" / "bin" / "python"
suite = Suite()


def bucket(value):
    """lib/sketch/hist.h: exponent and seven bits of the mantissa, from 2^-40."""
    return (struct.unpack("<Q", struct.pack("<d", value))[0] >> 45) - ((1023 - 40) << 7) + 1 if value >= 2.0 ** -40 else 0


@suite.test
def histograms_of_others(dir):
    seed = random.SystemRandom().randrange(10**6)
    made = subprocess.run([PYTHON, ROOT / "tests" / "golden" / "make_hdr.py", str(seed)], capture_output=True, text=True, check=True).stdout
    with Stack() as s:
        redis = s.redis()
        j = s.judged(redis=redis.url)
        j.start()
        j.apply((ROOT / "deploy" / "examples" / "hdrhistogram.yaml").read_text())
        wait_for("routes", lambda: j.samples([{"service": "checkout", "cohort": "baseline", "metric": "latency_ms", "value": 1}]).json["taken"] == 1)
        want, lines = collections.Counter(), []
        for n, line in enumerate(made.splitlines()):
            name, blob, *recorded = line.split("\t")
            scale = (1, 0.001)[n % 2]
            lines.append({"service": "checkout", "cohort": "candidate", "metric": "latency_ms", "hdr": blob, "scale": scale})
            for low, high, count in (map(int, r.split(":")) for r in recorded):
                want[bucket(low * scale), bucket(high * scale)] += count
        check(len(lines) > 20)
        for at in range(0, len(lines), 5):
            a = j.samples(lines[at:at + 5])
            check(a.status == 200 and a.json["refused"] == 0 and a.json["taken"] == len(lines[at:at + 5]), seed, a)
        got = stored_totals(redis.ask, "checkout-hdr-1", 0)[1]
        check(got["n"] == want.total() and got["cells"] == want, f"seed {seed}: {got['n']} values in {len(got['cells'])} cells, want {want.total()} in {len(want)}")


@suite.test
def the_page_is_true(dir):
    page = (ROOT / "docs" / "collectors" / "hdrhistogram.md").read_text()
    shown = json.loads(re.search(r"```json\n(.*?)```", page, re.S)[1])
    with Stack() as s:
        j = s.judged()
        j.start()
        j.apply((ROOT / "deploy" / "examples" / "hdrhistogram.yaml").read_text())
        wait_for("the page's line to be taken", lambda: j.samples([{**shown, "ts": time.time()}]).json["taken"] == 1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="judged-test-") as directory:
        suite.run(pathlib.Path(directory))
