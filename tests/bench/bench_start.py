#!/usr/bin/python3
"""Start to ready with the embedded Redis, and the memory of an idle judged.

Start: from fork to the first 200 of /readyz, asked every millisecond; on a fresh state directory and again on the
same one after an orderly stop. The floor is the same for a bare redis-server with the same persistence: fork to PONG.
Memory: resident bytes of judged without a release, right after the start and after half a minute of being scraped
for /metrics once a second; its floor is a process that holds nothing but libmicrohttpd.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from figures import EmptyServer, figure, median, rss_of
from judged import Judged, check

STARTS = int(os.environ.get("BENCH_STARTS", 11))
IDLE_S = float(os.environ.get("BENCH_IDLE_S", 30))
GIVE_UP_S = 30
READY_MS = 300
RSS_MB = 40


def until(test):
    """Milliseconds until test() is true, asked every millisecond."""
    began = time.monotonic()
    while not test():
        check(time.monotonic() - began < GIVE_UP_S, "it did not start")
        time.sleep(0.001)
    return (time.monotonic() - began) * 1000


def is_ready(j):
    try:
        return j.get("/readyz", token=None, timeout=5).status == 200
    except OSError:
        return False


def start_ms(j):
    began = time.monotonic()
    j.start(ready=False)
    until(lambda: is_ready(j))
    return (time.monotonic() - began) * 1000


def redis_ms():
    where = tempfile.mkdtemp(prefix="bench-redis-")
    path = os.path.join(where, "sock")

    def pong():
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(path)
                s.sendall(b"PING\r\n")
                return s.recv(64).startswith(b"+PONG")
        except OSError:
            return False
    began = time.monotonic()
    child = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--dir", where, "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(pong)
        return (time.monotonic() - began) * 1000
    finally:
        child.terminate()
        child.wait(10)
        shutil.rmtree(where, ignore_errors=True)


def starts():
    fresh, again, floor = [], [], []
    for _ in range(STARTS):
        floor.append(redis_ms())
        j = Judged()
        try:
            fresh.append(start_ms(j))
            j.stop()
            again.append(start_ms(j))
        finally:
            j.close()
    for what, values in (("fresh state", fresh), ("existing state", again)):
        figure("start", f"start to ready, {what}", median(values), "ms", median(floor), "bare redis-server, fork to PONG", at_most=(READY_MS, f"<= {READY_MS} ms"),
               worst=round(max(values), 1), starts=STARTS)


def memory():
    with Judged() as j, EmptyServer(2) as empty:
        floor = rss_of(empty.pid) / 1e6
        figure("memory", "idle judged, resident after start", rss_of(j.pid) / 1e6, "MB", floor, "bare libmicrohttpd", at_most=(RSS_MB, f"<= {RSS_MB} MB"))
        end = time.monotonic() + IDLE_S
        while time.monotonic() < end:
            check(j.get("/metrics", token=None).status == 200)
            time.sleep(1)
        figure("memory", f"idle judged, resident after {IDLE_S:.0f} s", rss_of(j.pid) / 1e6, "MB", floor, "bare libmicrohttpd", at_most=(RSS_MB, f"<= {RSS_MB} MB"))


starts()
memory()
