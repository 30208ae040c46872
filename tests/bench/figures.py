"""What the process-level benchmarks share: CPU time of other processes, the floor server, load, figures.

A figure is one line `JSON {...}` on standard output: bench, what, value, unit; floor (or null) and floor_is, which
says what the floor was; ratio (value / floor); wanted, in words; met (or null where nothing is wanted).
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

EMPTY_HTTP = os.environ.get("EMPTY_HTTP", str(ROOT / "build" / "bench-bin" / "empty_http"))
CPUCLOCK_SCHED = 2  # linux: the id of a process's CPU clock is (~pid << 3) | 2


def cpu_of(pid):
    """CPU seconds of all threads of a process, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def rss_of(pid):
    """Resident bytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def figure(bench, what, value, unit, floor=None, floor_is=None, at_least=None, at_most=None, **more):
    """Prints one figure. at_least and at_most are (limit, words); with a floor at_least limits the ratio."""
    ratio = value / floor if floor else None
    met = None
    if at_least:
        met = (ratio if floor else value) >= at_least[0]
    if at_most:
        met = value <= at_most[0]
    wanted = (at_least or at_most or (None, None))[1]
    row = {"bench": bench, "what": what, "value": round(value, 4), "unit": unit, "floor": floor and round(floor, 4), "floor_is": floor_is,
           "ratio": ratio and round(ratio, 3), "wanted": wanted, "met": met, **more}
    print("JSON " + json.dumps(row), flush=True)


class EmptyServer:
    """Bare libmicrohttpd that answers everything with an empty 200."""

    def __init__(self, threads):
        self.child = subprocess.Popen([EMPTY_HTTP, str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline())
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(10)


def wrk(url, token=None, seconds=1, connections=16):
    """Requests that were answered 2xx by keep-alive connections that ask again at once."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    if token:
        argv += ["-H", f"Authorization: Bearer {token}"]
    out = subprocess.run([*argv, url], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise AssertionError(out)
    return int(re.search(r"(\d+) requests in", out).group(1))


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(p * len(ordered)))]


median = statistics.median
