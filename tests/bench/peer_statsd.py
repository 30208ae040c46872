#!/usr/bin/env python3
"""statsd (npm, pinned) as a peer: samples received per CPU-second of its process, packed datagrams.

It is installed into build/npm (never globally). The lines are those of bench_statsd without tags, which
it does not read; what it received is asked from its own management port.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

VERSION = "0.9.0"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOME = os.path.join(ROOT, "build", "npm")
MODULE = os.path.join(HOME, "node_modules", "statsd")
SECONDS = 2.0


def install():
    if os.path.exists(os.path.join(MODULE, "stats.js")):
        return
    os.makedirs(HOME, exist_ok=True)
    subprocess.run(
        ["npm", "install", "--silent", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts",
         "--omit=optional", "--prefix", HOME, "statsd@" + VERSION],
        check=True, timeout=180)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def received(port):
    """statsd.metrics_received, from the `counters` command."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(b"counters\n")
        text = b""
        while b"END" not in text:
            part = s.recv(65536)
            if not part:
                break
            text += part
    for line in text.decode().splitlines():
        if "metrics_received" in line:
            return int("".join(c for c in line.split(":", 1)[1] if c.isdigit()))
    return 0


def datagrams(series):
    out, current = [], b""
    for i in range(series * 8):
        name = ("http.errors", "http.requests", "latency_ms")[i % 3]
        line = b"%s.s%d:%d.%d|%s\n" % (name.encode(), i % series, 1 + i % 97, i % 10,
                                       b"ms" if i % 3 == 2 else b"c")
        if len(current) + len(line) > 1400:
            out.append(current)
            current = b""
        current += line
    return out


def send(port, series):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", port))
    packets = datagrams(series)
    while True:
        for p in packets:
            s.send(p)
        time.sleep(0.0005)


def measure(series):
    udp, manage = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    config = os.path.join(HOME, f"config-{series}.js")
    with open(config, "w") as f:
        f.write("{port: %d, address: '127.0.0.1', mgmt_port: %d, mgmt_address: '127.0.0.1',"
                " backends: [], flushInterval: 600000}\n" % (udp, manage))
    server = subprocess.Popen(["node", os.path.join(MODULE, "stats.js"), config],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sender = None
    try:
        deadline = time.time() + 20
        while True:
            try:
                received(manage)
                break
            except OSError:
                if time.time() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.05)
        sender = os.fork()
        if sender == 0:
            send(udp, series)
        time.sleep(0.5)
        before, cpu = received(manage), cpu_seconds(server.pid)
        time.sleep(SECONDS)
        after, cpu = received(manage), cpu_seconds(server.pid) - cpu
        return (after - before) / cpu
    finally:
        if sender:
            os.kill(sender, signal.SIGKILL)
            os.waitpid(sender, 0)
        server.kill()
        server.wait()


def main():
    if not shutil.which("npm") or not shutil.which("node"):
        print("peer statsd: skipped, npm or node is not installed")
        return 0
    try:
        install()
    except (subprocess.SubprocessError, OSError) as e:
        print(f"peer statsd: skipped, it cannot be installed ({e})")
        return 0
    print(f"{'peer: statsd ' + VERSION + ' (npm)':<28} {'samples':>14}")
    for series in (100, 2000):
        rate = measure(series)
        print(f"lines    {series:5d} series {'':11} {rate:12.0f}/s")
        print("JSON " + json.dumps({
            "bench": "peer_statsd", "what": f"peer: statsd {VERSION} (npm), no tags, {series} series",
            "value": round(rate), "unit": "samples/CPU-s", "floor": None, "floor_is": None, "ratio": None,
            "wanted": None, "met": None}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
