#!/usr/bin/python3
"""A whole canary while Redis is a Cluster whose slot moves and whose master dies, and while it is a Sentinel's master that
dies: two judged take its samples, the release is promoted, HAProxy was told each step once, there is one stream of
verdicts, and every acknowledged batch is counted once.
"""
import http.client
import threading
import time

from judged import Suite, check, wait_for
from redis_stack import Cluster, Sentinels
from stack import AtOnce, Relay, Stack, harmless, late_counts, stored_totals

RELEASE, COUNTED = "canary-1", "counted-1"
TAG, COUNTED_TAG = "{%s}" % RELEASE, "{%s}" % COUNTED
SPEC = """
apiVersion: judge/v1
kind: Release
metadata: {name: %s, service: shop, revision: r2}
strategy:
  type: canary
  steps: ["5%%", "50%%", "100%%"]
  settle: 0s
  platform: {kind: haproxy, socket: %s, backend: app, stable: stable, candidate: candidate}
metrics:
  - name: errors
    kind: proportion
    margin: {relative: 50%%, absolute: 0.5%%}
    source: {push: {metric: e, of: r}}
policy: {block: 100ms, lateness: 5s, no_data_after: 60s}
"""
# Takes the same samples and goes on when the canary is over: what it holds is what was acknowledged.
COUNTED_SPEC = {
    "apiVersion": "judge/v1", "kind": "Release",
    "metadata": {"name": COUNTED, "service": "shop", "environment": "elsewhere", "revision": "r2"},
    "strategy": {"type": "canary", "steps": [{"share": "5%", "approval": True}, "100%"], "settle": "0s", "platform": {"kind": "none"}},
    "metrics": [{"name": "errors", "kind": "proportion", "margin": {"relative": "50%"}, "source": {"push": {"metric": "e", "of": "r"}}}],
    "policy": {"block": "1s", "lateness": "20s", "no_data_after": "1h"},
}
PLAN = [
    "set weight app/stable 95; set weight app/candidate 5",
    "set weight app/stable 50; set weight app/candidate 50",
    "set weight app/candidate 100; set weight app/stable 0",
]

suite = Suite()
beside = AtOnce(suite, 2)


class Senders:
    """Batches with a key to each judged in turn, the same again until it is answered 200; their sums."""

    def __init__(self, judgeds, lines):
        self.judgeds, self.lines, self.lock = judgeds, lines, threading.Lock()
        self.totals, self.batches, self.again = {0: {}, 1: {}}, 0, 0
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(4)]

    def run(self, n):
        i = 0
        while not self.is_over.wait(0.05):
            lines, key, tries = self.lines(), f"{n}-{i}", 0
            while lines and not self.is_stored(self.judgeds[(n + i + tries) % len(self.judgeds)], lines, key):
                tries += 1
                time.sleep(0.05)
            i += 1
            with self.lock:
                self.batches += 1
                self.again += tries > 0
                for line in lines:
                    sums = self.totals[0 if line["cohort"] == "baseline" else 1]
                    field = {"e": "events", "r": "exposure"}[line["metric"]]
                    sums[field] = sums.get(field, 0) + line["value"]

    def is_stored(self, j, lines, key):
        try:
            return j.samples(lines, headers={"Idempotency-Key": key}, timeout=40).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.is_over.set()
        for t in self.threads:
            t.join(60)


def canary(stack, redis, strikes):
    """Strikes fall when the first and the second share are reached."""
    haproxy = stack.haproxy()
    relay = stack.add(Relay(stack.dir, haproxy, haproxy))  # before HAProxy only
    judgeds = [stack.judged(redis=redis.url) for _ in range(2)]
    judgeds[0].start()
    judgeds[1].start()
    judgeds[1]._token = judgeds[0].token
    judgeds[0].apply(COUNTED_SPEC)  # first: who knows the other knows this one
    judgeds[0].apply(SPEC % (RELEASE, relay.haproxy_path))
    for j in judgeds:  # a gauge is refused by its type where the metric is routed: nothing is counted of it
        gauge = "r:1|g|#service:shop,cohort:baseline\n"
        wait_for("a route", lambda j=j: j.post("/v1/samples", gauge, type="text/plain").json["refused"] == 1, 20)
    wait_for("the first share", lambda: haproxy.weights() == (95, 5), 20)
    with Senders(judgeds, harmless(haproxy)) as senders:
        strikes[0]()
        wait_for("the second share", lambda: haproxy.weights() == (50, 50), 40)
        strikes[1]()
        wait_for("the end", lambda: (judgeds[0].get(f"/v1/releases/{RELEASE}").json or {}).get("phase") == "done", 60, 0.1)
    check(judgeds[1].release(RELEASE)["outcome"] == "promoted", judgeds[1].release(RELEASE))
    marker = "haproxy set weight"
    told = [line[line.index("set weight"):] for line in relay.log.read_text("utf-8", "replace").splitlines() if marker in line]
    check(told == PLAN, "HAProxy was told", told)
    names = [int(name.split(b"-")[0]) for name, _ in redis("XRANGE", f"judge:{TAG}:verdicts", "-", "+")]
    check(names == list(range(1, len(names) + 1)), "verdicts", names)
    print(f"  {senders.batches} batches acknowledged, {senders.again} of them sent more than once; {len(names)} verdicts")
    return senders


def compare(redis, senders):
    check(late_counts(redis, COUNTED, 0) == [0, 0], "late", late_counts(redis, COUNTED, 0))

    def is_equal():
        totals = stored_totals(redis, COUNTED, 0)
        return all(totals[c].get(f) == v for c in (0, 1) for f, v in senders.totals[c].items())
    try:
        wait_for("equal totals", is_equal, 5, 0.2)
    except AssertionError:
        check(False, "acknowledged", senders.totals, "stored", stored_totals(redis, COUNTED, 0))


@beside.test
def on_a_cluster_whose_slot_moves_and_whose_master_dies():
    with Stack() as stack:
        cluster = Cluster(stack)
        def move():
            check(cluster.move(TAG) > 5, "few keys")
            check(cluster.move(COUNTED_TAG) > 3, "few keys")

        def kill():
            check(cluster.owner(TAG) is not cluster.owner(COUNTED_TAG), "one master has both: its replica cannot die too")
            cluster.kill_master(TAG)
            cluster.kill_master(COUNTED_TAG)
        compare(cluster, canary(stack, cluster, (move, kill)))


@beside.test
def behind_sentinels_whose_master_dies():
    with Stack() as stack:
        sentinels = Sentinels(stack)
        compare(sentinels, canary(stack, sentinels, (sentinels.kill_master, lambda: None)))


suite.run()
