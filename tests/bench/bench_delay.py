#!/usr/bin/python3
"""From a sample to the verdict that includes it.

One request a block is posted with ack=stored, 1,000 samples of each cohort dated with the moment of sending; another
connection reads the verdict every 2 ms and notes when its counts grow. The delay is from the sample's time to the
reading that includes its block. The floor is the wait that the rule itself demands of the same samples: to the end of
the block, and the lateness; what judged adds is the difference, also shown by itself.
"""
import json
import os
import random
import threading
import time

from figures import figure, median, percentile
from judged import Judged, check, wait_for

PER_BLOCK = 1000
POLL_S = 0.002
RUNS = [  # block, lateness, seconds
    ("1s", "2s", float(os.environ.get("BENCH_DELAY_S", 40))),
    ("100ms", "500ms", float(os.environ.get("BENCH_DELAY_S", 40)) / 2),
]
SECONDS = {"1s": 1.0, "2s": 2.0, "100ms": 0.1, "500ms": 0.5}


def spec(block, lateness):
    return json.dumps({
        "apiVersion": "judge/v1", "kind": "Release", "metadata": {"name": "delay", "service": "checkout"},
        "strategy": {"type": "canary", "steps": ["50%", "100%"], "first_share": "50%", "settle": "0s", "platform": {"kind": "none"}},
        "metrics": [{"name": "errors", "kind": "proportion", "margin": {"relative": "50%", "absolute": "0.5%"}, "source": {"push": {"metric": "http.errors", "of": "http.requests"}}}],
        # so many blocks that the step does not end while we look
        "policy": {"block": block, "lateness": lateness, "min_blocks": 100000, "deadline": "0s"},
    })


class Reader(threading.Thread):
    """Notes (time, candidate's n) whenever the verdict's counts change."""

    def __init__(self, j):
        super().__init__(daemon=True)
        self.j, self.seen, self.stopped = j, [(0.0, 0)], False

    def run(self):
        c, headers = self.j.connect(), self.j.headers()
        while not self.stopped:
            c.request("GET", "/v1/releases/delay/verdict", headers=headers)
            r = c.getresponse()
            body, now = r.read(), time.time()
            n = json.loads(body)["metrics"][0]["candidate"]["n"] if r.status == 200 else 0
            if n != self.seen[-1][1]:
                self.seen.append((now, n))
            time.sleep(POLL_S)


def post_blocks(j, block_s, seconds):
    """One post in each block; gives [(time of its samples, time acknowledged)]."""
    posts, c, headers = [], j.connect(), j.headers(extra={"Content-Type": "application/x-ndjson"})
    rng, end, last = random.Random(20261123), time.time() + seconds, 0
    while time.time() < end:
        block = max(int(time.time() / block_s), last) + 1
        last = block
        time.sleep(max(0, (block + rng.uniform(0.02, 0.9)) * block_s - time.time()))
        ts = time.time()
        if int(ts / block_s) != block:
            continue  # woken too late for this block
        lines = [{"service": "checkout", "cohort": cohort, "metric": metric, "value": value, "ts": ts}
                 for cohort in ("baseline", "candidate") for metric, value in (("http.requests", PER_BLOCK), ("http.errors", 10))]
        c.request("POST", "/v1/samples?ack=stored", "".join(json.dumps(line) + "\n" for line in lines), headers)
        r = c.getresponse()
        check(r.status == 200, r.read())
        r.read()
        posts.append((ts, time.time()))
    return posts


def run(block, lateness, seconds):
    block_s, late_s = SECONDS[block], SECONDS[lateness]
    with Judged() as j:
        j.apply(spec(block, lateness))
        wait_for("first verdict", lambda: j.get("/v1/releases/delay/verdict").status == 200, 20)
        wait_for("open step", lambda: j.get("/v1/releases/delay/verdict").json["segment"], 20)
        reader = Reader(j)
        reader.start()
        before = j.metrics()
        posts = post_blocks(j, block_s, seconds)
        after = j.metrics()
        want = len(posts)
        time.sleep(late_s + 3 * block_s)
        wait_for("verdict with every block", lambda: reader.seen[-1][1] >= (want - 2) * PER_BLOCK, 20)
        reader.stopped = True
        reader.join()
    check(all(n % PER_BLOCK == 0 for _, n in reader.seen), reader.seen)
    # The first block or two may lie before the step: those after it are counted in order.
    counted = posts[want - int(reader.seen[-1][1]) // PER_BLOCK:]
    delays, floors, added, acks = [], [], [], []
    for i, (ts, acked) in enumerate(counted):
        at = next(t for t, n in reader.seen if n >= (i + 1) * PER_BLOCK)
        floor = (int(ts / block_s) + 1) * block_s + late_s - ts
        delays.append((at - ts) * 1000)
        floors.append(floor * 1000)
        added.append((at - ts - floor) * 1000)
        acks.append((acked - ts) * 1000)
    name = f"block {block}, lateness {lateness}"
    rule = "end of block + lateness"
    figure("delay", f"sample to verdict, median, {name}", median(delays), "ms", median(floors), rule, samples=len(delays))
    figure("delay", f"sample to verdict, p95, {name}", percentile(delays, 0.95), "ms", percentile(floors, 0.95), rule)
    figure("delay", f"  of it added by judged, median, {name}", median(added), "ms")
    figure("delay", f"  of it added by judged, p95, {name}", percentile(added, 0.95), "ms")
    figure("delay", f"sample to stored (ack), median, {name}", median(acks), "ms")
    looks = after["judge_looks_total"] - before["judge_looks_total"]
    figure("delay", f"a look at one release, Redis calls and all, mean, {name}", (after["judge_look_us_total"] - before["judge_look_us_total"]) / looks / 1000, "ms", looks=looks)


for r in RUNS:
    run(*r)
