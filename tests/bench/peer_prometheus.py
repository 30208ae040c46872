#!/usr/bin/env python3
"""A Prometheus server (Debian's) as a peer: samples taken by its remote-write receiver per CPU-second of its process.

It keeps what it takes in a write-ahead log and in memory, where judged keeps sums: another job with the same input. Bodies
hold 2,000 series with two labels besides job and instance, ten samples each.
"""
import http.client
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from figures import cpu_of, figure

from acknowledged import field, snappy, varint

SERIES, SAMPLES, BODIES = 2000, 10, 12


def body(start_ms):
    """Samples a millisecond apart, from start_ms on."""
    times = [field(2, start_ms + i) for i in range(SAMPLES)]
    out = []
    for s in range(SERIES):
        labels = {"__name__": ("http_errors_total", "http_requests_total", "latency_ms")[s % 3], "cohort": ("baseline", "candidate")[s // 3 % 2], "instance": "a:80", "job": f"s{s // 6}"}
        text = b"".join(field(1, field(1, n) + field(2, v)) for n, v in labels.items())
        values = b"".join(field(2, b"\x09" + struct.pack("<d", s + i) + t) for i, t in enumerate(times))
        out.append(b"\x0a" + varint(len(text) + len(values)) + text + values)
    return snappy(b"".join(out))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def post(port, data):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    c.request("POST", "/api/v1/write", data, {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"})
    r = c.getresponse()
    text = r.read()
    c.close()
    if r.status not in (200, 204):
        raise SystemExit(f"Prometheus answers {r.status} {text[:200]}")


def main():
    program = shutil.which("prometheus")
    if not program:
        print("peer prometheus: skipped, prometheus is not installed")
        return 0
    dir, port = pathlib.Path(tempfile.mkdtemp(prefix="peer-")), free_port()
    (dir / "prometheus.yml").write_text("global: {}\n")
    server = subprocess.Popen([program, f"--config.file={dir}/prometheus.yml", f"--storage.tsdb.path={dir}/data", f"--web.listen-address=127.0.0.1:{port}",
                               "--web.enable-remote-write-receiver", "--log.level=error"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        now = int(time.time() * 1000) - 1000 * BODIES
        bodies = [body(now + 100 * i) for i in range(BODIES)]
        deadline = time.monotonic() + 30
        while True:
            try:
                post(port, bodies[0])  # series are made by the first
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.1)
        cpu = cpu_of(server.pid)
        for b in bodies[1:]:
            post(port, b)
        cpu = cpu_of(server.pid) - cpu
        rate = (BODIES - 1) * SERIES * SAMPLES / cpu
        print(f"peer: Prometheus remote-write receiver {SERIES} series {rate:12.0f}/s")
        version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()[2]
        figure("peer_prometheus", f"peer: Prometheus {version} taking remote write, {SERIES} series", rate, "samples/CPU-s")
        return 0
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(dir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
