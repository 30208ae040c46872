"""What the tests of crashes and outages stand on: a redis-server and an HAProxy of one's own, the relay before them,
a few Redis commands, and the stored blocks read without any code of judged's.

    with Stack() as s:                     # a directory; everything started in it is gone at the end
        redis = s.redis(); proxy = s.haproxy()
        j = s.judged(redis=redis.url)      # not started yet
"""
import collections
import concurrent.futures
import functools
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import judged
import packed
from judged import Judged, check, die_with_parent, wait_for

RELAY = judged.ROOT / "build" / "doubles" / "relay"
HAPROXY = """
global
    stats socket {socket} mode 600 level admin
    nbthread 1
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
backend app
    balance roundrobin
    server stable 127.0.0.1:9 weight 100
    server candidate 127.0.0.1:9 weight 0
"""
INLINE = ("--inline-targets", "on", "--private-targets", "on")


class AtOnce:
    """Tests of a suite that run beside each other, for they mostly wait: `@beside.test` in place of `@suite.test`.
    The first that is asked for starts all that are wanted; each then gives its own result."""

    def __init__(self, suite, jobs):
        self.suite, self.tests, self.futures = suite, [], None
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)

    def test(self, function):
        @functools.wraps(function)
        def result():
            if self.futures is None:
                wanted = [t for t in self.tests if not sys.argv[1:] or any(w in t.__name__ for w in sys.argv[1:])]
                self.futures = {t: self.pool.submit(t) for t in wanted}
            return self.futures[function].result()

        self.tests.append(function)
        return self.suite.test(result)


class RedisError(Exception):
    pass


class Resp:
    """A connection to a redis-server's unix socket: Resp(path)("GET", key) gives bytes, int, list or None."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.socket.close()

    def __call__(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return rest


class Process:
    """A child that is started, paused, killed and started again."""

    def __init__(self, argv, is_up):
        self.argv, self.is_up, self.child = [str(a) for a in argv], is_up, None

    def start(self):
        check(self.child is None or self.child.poll() is not None, f"{self.argv[0]} runs already")
        self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        wait_for(f"answer of {self.argv[0]}", self.is_up, 20)
        return self

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()


def pings(path):
    try:
        with Resp(path, 2) as r:
            return r("PING") == b"PONG"
    except (OSError, RedisError):
        return False


class Redis(Process):
    """A redis-server with AOF `always` on a unix socket, without persistence of any other kind."""

    def __init__(self, dir):
        self.path = dir / "redis.sock"
        self.url = f"unix://{self.path}"
        (dir / "aof").mkdir()
        super().__init__(["redis-server", "--port", "0", "--unixsocket", self.path, "--dir", dir / "aof", "--save", "", "--appendonly", "yes", "--appendfsync", "always"], lambda: pings(self.path))

    def ask(self, *words):
        with Resp(self.path) as r:
            return r(*words)

    def shutdown(self):
        """An orderly end."""
        try:
            self.ask("SHUTDOWN", "NOSAVE")
        except (OSError, RedisError):
            pass
        self.child.wait(20)


class Haproxy(Process):
    """One backend `app` with the servers stable (100) and candidate (0)."""

    def __init__(self, dir):
        self.path = dir / "haproxy.sock"
        config = dir / "haproxy.cfg"
        config.write_text(HAPROXY.format(socket=self.path))
        super().__init__(["haproxy", "-db", "-f", config], self.answers)

    def answers(self):
        try:
            return "stable" in self.ask("show servers state app")
        except OSError:
            return False

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.path))
            s.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def weights(self):
        """(stable, candidate), from `show servers state`."""
        lines = self.ask("show servers state app").splitlines()
        columns = lines[1].split()[1:]
        rows = {r[columns.index("srv_name")]: int(r[columns.index("srv_uweight")]) for r in map(str.split, lines[2:]) if r}
        return rows["stable"], rows["candidate"]


class Relay(Process):
    """tests/doubles/relay.c in front of a Redis and an HAProxy; strike: further arguments."""

    def __init__(self, dir, redis, haproxy, *strike):
        self.redis_path, self.haproxy_path, self.log = dir / "r.sock", dir / "h.sock", dir / "relay.log"
        argv = [RELAY, "--log", self.log, "--map", f"redis:redis:{self.redis_path}:{redis.path}", "--map", f"haproxy:line:{self.haproxy_path}:{haproxy.path}", *strike]
        super().__init__(argv, self.accepts)  # a question would be a message

    def accepts(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.haproxy_path))
                return True
        except OSError:
            return False


class Stack:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="stack-"))
        self.parts, self.judgeds = [], []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for part in self.parts:
            if part.child and part.child.poll() is None:
                part.signal(signal.SIGCONT)
        try:
            for j in self.judgeds:
                j.kill()  # how it stops is not asked here
                j.close()
        finally:
            for part in reversed(self.parts):
                part.kill()
            shutil.rmtree(self.dir, ignore_errors=True)

    def add(self, part):
        self.parts.append(part)
        return part.start()

    def redis(self):
        return self.add(Redis(self.dir))

    def haproxy(self):
        return self.add(Haproxy(self.dir))

    def judged(self, *args, **more):
        j = Judged(*INLINE, *args, **more)
        self.judgeds.append(j)
        return j


class Load:
    """Sends the same lines to a judged again and again, whatever becomes of it, until left."""

    def __init__(self, judged, lines, pause=0.05):
        self.judged, self.lines, self.pause = judged, lines, pause
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stopped.wait(self.pause):
            lines = self.lines() if callable(self.lines) else self.lines
            try:
                if lines:
                    self.judged.samples(lines, ack=False, timeout=2)
            except (OSError, AssertionError):
                pass  # it is being killed or started

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopped.set()
        self.thread.join()


def counts(cohort, requests, errors, **more):
    """The lines of so many requests and errors of service shop."""
    return [{"service": "shop", "cohort": cohort, "metric": m, "value": v, **more} for m, v in (("r", requests), ("e", errors))]


def harmless(haproxy, errors_at_half=1):
    """What a harmless candidate gives: the same errors on both sides, the requests split as HAProxy's weights are.
    From a share of one half on it has errors_at_half times as many."""
    def lines():
        try:
            stable, candidate = haproxy.weights()
        except OSError:
            return []
        share = candidate / (stable + candidate)
        worse = errors_at_half if share >= 0.5 else 1
        return [line for cohort, part, times in (("baseline", 1 - share, 1), ("candidate", share, worse)) if part > 0
                for line in counts(cohort, round(40000 * part), round(400 * part * times))]
    return lines


# ---- stored blocks: the bytes of lib/model/summary.c, lib/sketch/counts.c, hist.c and hist_pack.c (packed.py) ----


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        check(self.at + n <= len(self.data), "a block is cut short")
        self.at += n
        return self.data[self.at - n:self.at]

    def byte(self):
        return self.take(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            b = self.byte()
            value |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                return value


def read_summary(r):
    """{samples, events, exposure} of counts, {samples, n, sum} of moments, {samples, n, cells} of a histogram ({(lo, hi): n}),
    {} of nothing."""
    version, kind = r.byte(), r.byte()
    check(version == 2 or (version == 3 and kind == 3), "summary version", version, "kind", kind)
    if kind == 0:
        return {}
    samples = r.varint()
    if kind == 1:
        events, exposure = struct.unpack("<dd", r.take(16))
        return {"samples": samples, "events": events, "exposure": exposure}
    if kind == 2:
        n = r.varint()
        mean = struct.unpack("<ddddd", r.take(40))[0] if n else 0.0
        return {"samples": samples, "n": n, "sum": n * mean}
    check(kind == 3, "summary kind", kind)
    if version == 3:
        cells = packed.cells(r)
        return {"samples": samples, "n": sum(cells.values()), "cells": cells}
    lo, cells = 0, collections.Counter()
    for _ in range(r.varint()):
        head = r.byte()
        lo += head & 15 if head & 15 < 15 else 15 + r.varint()
        n = head >> 4 & 7 or 8 + r.varint()
        cells[lo, lo + (r.varint() if head & 128 else 0)] += n
    return {"samples": samples, "n": sum(cells.values()), "cells": cells}


def read_block(data):
    """(index, [summary of each cohort])."""
    r = Reader(data)
    check(r.byte() == 1, "block version")
    index = struct.unpack("<q", r.take(8))[0]
    cohorts = [read_summary(r) for _ in range(r.byte())]
    check(r.at == len(data), "bytes after a block")
    return index, cohorts


def sealed_blocks(redis, release, metric):
    """[(index, [summary ...])] of a metric, from its stream; the stream's ids must be the blocks' own."""
    blocks = []
    for name, fields in redis("XRANGE", f"judge:{{{release}}}:sealed:{metric}", "-", "+"):
        index, cohorts = read_block(dict(zip(fields[::2], fields[1::2]))[b"b"])
        check(name == b"%d-1" % index, "entry", name, "holds block", index)
        blocks.append((index, cohorts))
    return blocks


def add_summary(total, summary):
    """Adds the sums of one summary to a dict of them."""
    for k, v in summary.items():
        total[k] = total.get(k, collections.Counter() if k == "cells" else 0) + v


def sealed_totals(redis, release, metric):
    """A dict of sums for each cohort: [baseline, candidate]."""
    totals = [{}, {}]
    for _, cohorts in sealed_blocks(redis, release, metric):
        for total, summary in zip(totals, cohorts):
            add_summary(total, summary)
    return totals


def open_totals(redis, release, metric):
    """The same of the blocks that are not sealed: fields `cohort|producer` of one hash a block."""
    totals = [{}, {}]
    for key in redis("KEYS", f"judge:{{{release}}}:open:{metric}:*"):
        flat = redis("HGETALL", key)
        for field, value in zip(flat[::2], flat[1::2]):
            if field == b"v" or field[1:2] == b"+":  # points of cumulative series: nothing is counted of them yet
                continue
            r = Reader(value)
            add_summary(totals[int(field.split(b"|")[0])], read_summary(r))
            check(r.at == len(value), "bytes after a total")
    return totals


def stored_totals(redis, release, metric):
    """Sealed and open together."""
    totals = sealed_totals(redis, release, metric)
    for total, summary in zip(totals, open_totals(redis, release, metric)):
        add_summary(total, summary)
    return totals


def late_counts(redis, release, metric):
    """Samples the store counted as late: [baseline, candidate]."""
    return [int(redis("HGET", f"judge:{{{release}}}:late", f"{metric}:{c}") or 0) for c in (0, 1)]


def stored_verdicts(redis, release):
    """[(seq, JSON bytes)] as appended."""
    rows = redis("XRANGE", f"judge:{{{release}}}:verdicts", "-", "+")
    return [(int(name.split(b"-")[0]), dict(zip(f[::2], f[1::2]))[b"j"]) for name, f in rows]
