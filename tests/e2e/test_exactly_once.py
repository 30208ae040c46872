#!/usr/bin/python3
"""Exactly once. A generator with a ledger of its own sends batches by every acknowledged way (acknowledged.py) to two judged
on one Redis, while these and Redis are killed (SIGKILL) at random, Redis severs their connections at random, and a proxy
before each judged cuts four replies in ten after judged gave them: the samples are stored, the sender does not know. A batch
without an answer is sent again, to either, under its key. At the end the totals in Redis, read here, are those acknowledged:
by metric and cohort, to the sample, and where none was late to the value and to the histogram's bucket.

Batches of samples feed two releases. One waits 20 s for its samples, longer than the outages: what is acknowledged within that
time must never be late there. The other waits a tenth of a second: most that had to be sent again is late there, and counted
so by the store, each once. Cumulative series, of which sealing takes the differences, feed a release of their own that is
sealed in the end, and points of a minute another.

The ledger is a file: a batch is written and fsynced before it is sent for the first time, its acknowledgement when it comes.
EXACTLY_SEED repeats a run's choices, JUDGE_LONG=1 is the long form.
"""
import collections
import http.client
import json
import os
import random
import socket
import threading
import time

from acknowledged import COHORTS, EXCLUDED, SERVICE, WAYS
from judged import Suite, check, free_ports, wait_for
from stack import Resp, Stack, add_summary, late_counts, open_totals, sealed_totals

LONG = os.environ.get("JUDGE_LONG") == "1"
JUDGED_KILLS, REDIS_KILLS, SEVERED = (50, 10, 30) if LONG else (6, 2, 4)
SENDERS_A_WAY = 6 if LONG else 3
CUT = 0.4      # of the replies
PATIENCE = 20  # seconds of lateness of the patient release
STEADY_S = 30 if LONG else 12  # and of the one whose differences are taken when it is sealed
GIVE_UP_S = 60
SEED = int(os.environ.get("EXACTLY_SEED") or random.SystemRandom().randrange(10**6))

suite = Suite()


class Release:
    """A release of the ways with such blocks. Patient: what is acknowledged within its lateness must not be late."""

    def __init__(self, name, block, lateness, is_patient):
        self.name, self.block, self.lateness, self.is_patient = name, block, lateness, is_patient
        self.ways = [w for w in WAYS if w.block == block]
        self.metrics = [{**m, "role": "info"} for w in self.ways for m in w.metrics]
        self.metrics[0]["role"] = "guardrail"

    def spec(self):
        return spec(self.name, self.block, self.lateness, self.metrics)


RELEASES = [Release("minutes", "60s", 60, True), Release("steady", "2s", STEADY_S, True), Release("hasty", "200ms", 0.1, False), Release("patient", "200ms", PATIENCE, True)]


def spec(name, block, lateness, metrics):
    return {
        "apiVersion": "judge/v1", "kind": "Release",
        "metadata": {"name": name, "service": SERVICE, "environment": name, "revision": "r2"},
        "strategy": {"type": "canary", "steps": [{"share": "5%", "approval": True}, "100%"], "settle": "0s", "platform": {"kind": "none"}},
        "metrics": metrics,
        "policy": {"block": block, "lateness": f"{lateness}s" if lateness >= 1 else f"{lateness * 1000:.0f}ms", "no_data_after": "1h", "deadline": "12h"},
    }


class Ledger:
    """The file, and what it says in the end."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def write(self, **entry):
        with self.lock:
            os.write(self.fd, json.dumps(entry).encode() + b"\n")
            os.fdatasync(self.fd)

    def read(self):
        """({metric: {cohort: sums}} of what was acknowledged, batches, keys never acknowledged)."""
        sent, acknowledged = {}, set()
        for line in self.path.read_text().splitlines():
            entry = json.loads(line)
            if "adds" in entry:
                check(entry["key"] not in sent, "key used twice", entry["key"])
                sent[entry["key"]] = entry["adds"]
            else:
                acknowledged.add(entry["acknowledged"])
        totals = {}
        for key in acknowledged:
            for metric, cohorts in sent[key].items():
                for cohort, sums in cohorts.items():
                    total = totals.setdefault(metric, {}).setdefault(cohort, {})
                    cells = {"cells": collections.Counter({tuple(map(int, k.split())): n for k, n in sums["cells"].items()})} if "cells" in sums else {}
                    add_summary(total, {**sums, **cells})
        return totals, len(acknowledged), sorted(set(sent) - acknowledged)


class Cutter:
    """Before one judged: passes requests on, and of the answers all but some. A cut one was given by judged in full; the client
    sees its connection end, with nothing or with the first bytes of a status line."""

    def __init__(self, port, seed):
        self.to, self.rng, self.lock = port, random.Random(seed), threading.Lock()
        self.given = self.cut = self.stored = self.stored_cut = 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.socket.close()

    def serve(self, client):
        with client:
            try:
                client.settimeout(30)
                request = self.read_request(client)
                with socket.create_connection(("127.0.0.1", self.to), timeout=30) as server:
                    server.sendall(request)
                    answer = b"".join(iter(lambda: server.recv(65536), b""))
                if not is_whole(answer):
                    return  # judged was killed
                with self.lock:
                    is_cut, is_stored = self.rng.random() < CUT, answer[9:11] == b"20"
                    self.given += 1
                    self.cut += is_cut
                    self.stored += is_stored
                    self.stored_cut += is_cut and is_stored
                    some = self.rng.choice((0, 0, 9))
                client.sendall(answer[:some] if is_cut else answer)
            except OSError:
                pass  # the client's or judged's end is gone: so is this one

    @staticmethod
    def read_request(client):
        """One request; the client sends `Connection: close` and a Content-Length."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += receive(client)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += receive(client)
        return head + b"\r\n\r\n" + body


def receive(s):
    part = s.recv(65536)
    if not part:
        raise ConnectionError("the other end closed")
    return part


def is_whole(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(body) == lengths[0] if lengths else head.startswith(b"HTTP/1.1 204 ")


class Sender(threading.Thread):
    """Sends batches of one way, one after the other, each until it is acknowledged."""

    def __init__(self, way, number, ledger, cutters, token, stopped):
        super().__init__(daemon=True)
        self.way, self.number, self.ledger, self.cutters, self.token, self.stopped = way, number, ledger, cutters, token, stopped
        self.rng = random.Random(f"{SEED} {way.name} {number}")
        self.batches = self.attempts = 0
        self.oldest = 0.0  # seconds from a batch's time to its acknowledgement, the most
        self.state, self.wrong = {}, None
        self.since = int(time.time())
        self.last_ts = self.since + 0.5

    def run(self):
        try:
            while not self.stopped.wait(self.pause()):
                key = f"{self.way.name}-{self.number}-{self.batches}-{SEED}".replace(" ", "-")
                ts = self.last_ts = self.last_ts + self.way.every if self.way.every else round(time.time(), 3)
                request = self.way.make(self, key, self.rng, ts)
                self.ledger.write(key=key, adds=request.adds)
                self.send(key, request)
                self.ledger.write(acknowledged=key)
                self.batches += 1
                self.oldest = max(self.oldest, time.time() - ts)
        except Exception as e:
            self.wrong = f"{self.way.name} {self.number}: {type(e).__name__} {e}"

    def pause(self):
        if self.way.every:
            return max(0, self.last_ts + self.way.every - time.time())
        return self.rng.uniform(0, 0.06)

    def send(self, key, request):
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            self.attempts += 1
            answer = self.attempt(request)
            if answer and answer[0] == request.status:
                break
            check(answer is None or answer[0] == 503, f"batch {key}: {answer}")
            check(time.monotonic() < deadline, f"batch {key} was not taken in time: {answer}")
            time.sleep(self.rng.uniform(1, 4) if self.rng.random() < 0.05 else self.rng.uniform(0.02, 0.2))
        said = json.loads(answer[1]) if answer[1] else {}  # the empty message, or no content
        for word in ("refused", "unrouted", "partialSuccess", "errorMessage"):
            check(not said.get(word), f"batch {key}: {answer}")
        check(not request.lines or said["lines"] == request.lines, f"batch {key}: {answer}")

    def attempt(self, request):
        """(status, body), or None: nobody knows what became of it."""
        c = http.client.HTTPConnection("127.0.0.1", self.rng.choice(self.cutters).port, timeout=self.rng.choice((1, 4)))
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": request.type, "Connection": "close", **request.headers}
        try:
            c.request("POST", request.path, request.body, headers)
            r = c.getresponse()
            return r.status, r.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            c.close()


class Killer(threading.Thread):
    """Kills one thing at random moments, `times` times, and starts it again. The thread then stays: what it started would end
    with it (PR_SET_PDEATHSIG asks for the thread, not for the process)."""

    def __init__(self, name, times, pause, kill):
        super().__init__(daemon=True)
        self.times, self.pause, self.kill, self.wrong, self.done = times, pause, kill, None, threading.Event()
        self.rng = random.Random(f"{SEED} {name}")

    def run(self):
        try:
            for _ in range(self.times):
                time.sleep(self.rng.uniform(*self.pause))
                self.kill(self.rng)
        except Exception as e:
            self.wrong = f"{type(e).__name__} {e}"
        self.done.set()
        threading.Event().wait()


def bring_up(j, seconds=40):
    """Ready again: started as often as it ends by itself, as a supervisor would."""
    def is_up():
        if j.child.poll() is not None:
            j.start(ready=False)
        try:
            return j.get("/readyz", token=None, timeout=2).status == 200
        except (OSError, http.client.HTTPException):
            return False
    try:
        wait_for("ready judged", is_up, seconds, 0.05)
    except AssertionError as e:
        raise AssertionError(f"{e}\n{j.log()[-3000:]}")


def kill_judged(j):
    def kill(rng):
        j.kill()
        time.sleep(rng.choice((0, 0, rng.uniform(0, 0.5))))
        j.start(ready=False)
        if rng.random() < 0.8:  # else it may be killed while it starts
            bring_up(j)
    return kill


def kill_redis(redis):
    def kill(rng):
        redis.kill()
        time.sleep(rng.choice((0, rng.uniform(0, 2))))
        redis.start()
    return kill


def sever(redis):
    def kill(rng):
        try:
            redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        except OSError:
            pass  # it is being killed
    return kill


def is_sealed(redis, release, ts):
    """All metrics, past the block of two seconds that holds ts."""
    try:
        flat = redis.ask("HGETALL", f"judge:{{{release}}}:marks")
    except OSError:
        return False
    marks = [int(v) for v in flat[1::2]]
    return len(marks) == len(next(r for r in RELEASES if r.name == release).metrics) and min(marks) >= int(ts) // 2


def compare(redis, release, metrics, wanted, is_patient):
    """Lines that say what differs; samples in Redis by (sealed, open, late)."""
    wrong, counted = [], [0, 0, 0]
    for i, metric in enumerate(m["name"] for m in metrics):
        sealed, still_open, late = sealed_totals(redis, release, i), open_totals(redis, release, i), late_counts(redis, release, i)
        for c, cohort in enumerate(COHORTS):
            total, want = {}, wanted.get(metric, {}).get(cohort, {})
            for part in (sealed[c], still_open[c]):
                add_summary(total, part)
            for k, n in enumerate((sealed[c].get("samples", 0), still_open[c].get("samples", 0), late[c])):
                counted[k] += n
            where = f"{release} {metric} {cohort}"
            if not want:
                wrong.append(f"{where}: nothing was acknowledged, so nothing is shown")
            if total.get("samples", 0) + late[c] != want.get("samples", total.get("samples", 0) + late[c]):
                wrong.append(f"{where}: {total.get('samples', 0)} samples and {late[c]} late, {want.get('samples')} acknowledged")
            if is_patient and late[c]:
                wrong.append(f"{where}: {late[c]} are late although all were acknowledged in time")
            if late[c] == 0 or "samples" not in want:
                wrong += [f"{where}: {k} is {total.get(k)}, {v} acknowledged" for k, v in want.items()
                          if (abs(total.get(k, 0) - v) > 1e-9 * v if k == "sum" else total.get(k) != v)]
    return wrong, counted


@suite.test
def each_acknowledged_sample_counts_once():
    began = time.monotonic()
    print(f"figure seed {SEED}: {', '.join(w.name for w in WAYS)}; excluded, since nobody answers: {', '.join(EXCLUDED)}", flush=True)
    with Stack() as stack:
        redis = stack.redis()
        judgeds = [stack.judged(redis=redis.url) for _ in range(2)]
        for j in judgeds:
            j.start()
        judgeds[1]._token = judgeds[0].token
        for release in RELEASES:
            judgeds[0].apply(release.spec())
        # a gauge is refused by its type where the metric is routed: nothing is counted
        probes = [f"{r.metrics[0]['source']['push']['of']}:1|g|#service:{SERVICE},cohort:baseline\n" for r in RELEASES[1:]]  # the first is routed when the others are
        for j in judgeds:
            wait_for("all releases", lambda: len(j.get("/v1/releases").json["releases"]) == len(RELEASES), 20)
            for probe in probes:
                wait_for("a route", lambda: j.post("/v1/samples", probe, type="text/plain").json["refused"] == 1, 20)
        cutters = [Cutter(j.port, f"{SEED} {i}") for i, j in enumerate(judgeds)]
        ledger, stopped = Ledger(stack.dir / "ledger"), threading.Event()
        senders = [Sender(way, n, ledger, cutters, judgeds[0].token, stopped) for way in WAYS for n in range(way.senders or SENDERS_A_WAY)]
        killers = [Killer(f"judged {i}", JUDGED_KILLS // 2, (0.5, 4) if LONG else (0.2, 3), kill_judged(j)) for i, j in enumerate(judgeds)]
        killers += [Killer("redis", REDIS_KILLS, (1, 8) if LONG else (1, 5), kill_redis(redis)), Killer("sever", SEVERED, (0.3, 3), sever(redis))]
        for t in senders + killers:
            t.start()
        for k in killers:
            k.done.wait()
        for j in judgeds:
            bring_up(j)
        time.sleep(1)
        stopped.set()
        for t in senders:
            t.join()
        check(not [t.wrong for t in senders + killers if t.wrong], [t.wrong for t in senders + killers if t.wrong])
        last = max(s.last_ts for s in senders)
        wait_for("seal of the cumulative series", lambda: is_sealed(redis, "steady", last), STEADY_S + 20, 0.2)
        for j in judgeds:
            j.kill()  # Redis stands still and is read
        wanted, batches, missing = ledger.read()
        check(not missing, "never acknowledged:", missing)
        oldest = max(s.oldest for s in senders)
        with Resp(redis.path) as r:
            results = [(x.name, *compare(r, x.name, x.metrics, wanted, x.is_patient and oldest < x.lateness)) for x in RELEASES]
        given, cut, stored, stored_cut = (sum(getattr(c, k) for c in cutters) for k in ("given", "cut", "stored", "stored_cut"))
        samples = sum(c.get("samples", 0) for m in wanted.values() for c in m.values())
        attempts = sum(s.attempts for s in senders)
        print(f"figure {batches} batches of {samples} samples acknowledged after {attempts} attempts, the slowest after {oldest:.1f} s; "
              f"judged killed {JUDGED_KILLS} times, Redis {REDIS_KILLS}, connections severed {SEVERED}; "
              f"{stored_cut} of {stored} acknowledgements cut ({100 * stored_cut / stored:.0f} %)", flush=True)
        for name, wrong, (sealed, still_open, late) in results:
            print(f"figure release {name}: {sealed} samples sealed, {still_open} open, {late} late", flush=True)
            if name == "steady" and oldest >= STEADY_S:
                print("figure differences are exact only when each point comes in time: not compared", flush=True)
                continue
            check(not wrong, "\n".join(wrong[:20]))
        check(stored_cut >= 0.3 * stored, "too few answers were cut")
        print(f"figure took {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    suite.run()
