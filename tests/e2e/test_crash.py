#!/usr/bin/python3
"""SIGKILL at the messages of a clean canary: judged is killed before or after one message to Redis or HAProxy and
started again. Whatever the moment, the release ends promoted, HAProxy has the weights of that end, and the relay's
log shows each weight set once.

The relay (build/doubles/relay) numbers, in a clean run, every message that names the release and every command to
HAProxy. CRASH_CELLS=24 (the default) takes so many cells spread evenly over (message, before | after), those that set a
weight always among them; CRASH_CELLS=all takes every one (make test-long). CRASH_JOBS cells run at a time.
"""
import concurrent.futures
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import judged
from judged import Judged, Suite, check, die_with_parent, wait_for

RELAY = judged.ROOT / "build" / "doubles" / "relay"
CELLS = os.environ.get("CRASH_CELLS", "24")
JOBS = int(os.environ.get("CRASH_JOBS", "4"))
RELEASE = "crash-1"
END_S = 90
WEIGHTS = [
    "set weight app/stable 95; set weight app/candidate 5",
    "set weight app/stable 50; set weight app/candidate 50",
    "set weight app/candidate 100; set weight app/stable 0",
]
SPEC = """
apiVersion: judge/v1
kind: Release
metadata: {{name: %s, service: shop, revision: r2}}
strategy:
  type: canary
  steps: [5%%, 50%%, 100%%]
  settle: 100ms
  platform: {{kind: haproxy, socket: {socket}, backend: app, stable: stable, candidate: candidate}}
metrics:
  - name: errors
    kind: proportion
    margin: {{relative: 50%%, absolute: 0.5%%}}
    source: {{push: {{metric: e, of: r}}}}
policy: {{block: 100ms, lateness: 300ms, no_data_after: 60s}}
""" % RELEASE
HAPROXY = """
global
    stats socket {dir}/ha mode 600 level admin
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

suite = Suite()


class ToKill(Judged):
    """A judged whose process id is in a file before it sends its first message."""

    def argv(self):
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.dir / "pid"), *super().argv()]


def ask_haproxy(path, command):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(str(path))
        s.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: s.recv(65536), b"")).decode()


def answers(path):
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            return True
    except OSError:
        return False


class World:
    """One Redis, one HAProxy, a relay before both, and a judged behind it."""

    def __init__(self, at=0, when="before"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="crash-"))
        self.log = self.dir / "relay.log"
        self.children = []
        (self.dir / "ha.cfg").write_text(HAPROXY.format(dir=self.dir))
        self.spawn("redis-server", "--port", "0", "--unixsocket", self.dir / "redis", "--dir", self.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always")
        self.spawn("haproxy", "-db", "-f", self.dir / "ha.cfg")
        for name in ("redis", "ha"):
            wait_for(name, lambda name=name: answers(self.dir / name))
        self.judged = ToKill("--inline-targets", "on", "--private-targets", "on", redis=f"unix://{self.dir}/r")
        self.spawn(RELAY, "--log", self.log, "--map", f"redis:redis:{self.dir}/r:{self.dir}/redis", "--map", f"haproxy:line:{self.dir}/h:{self.dir}/ha",
                   "--only", "{" + RELEASE + "}", "--only", "set weight", "--only", "show servers",
                   "--at", at, "--when", when, "--do", "kill", "--pid-file", self.judged.dir / "pid")
        wait_for("relay", lambda: answers(self.dir / "h"))

    def spawn(self, *argv):
        self.children.append(subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            self.judged.close()
        finally:
            for child in reversed(self.children):
                child.kill()
                child.wait()
            shutil.rmtree(self.dir, ignore_errors=True)

    def push(self, stop):
        """A harmless release: the same one per cent of errors on both sides, ten times a second."""
        lines = [{"service": "shop", "cohort": c, "metric": m, "value": v} for c, n in (("baseline", 20000), ("candidate", 20000)) for m, v in (("r", n), ("e", n // 100))]
        while not stop.wait(0.05):
            try:
                self.judged.samples(lines, ack=False, timeout=2)
            except (OSError, AssertionError):
                pass  # it is being killed or started

    def phase(self):
        try:
            a = self.judged.get(f"/v1/releases/{RELEASE}", timeout=2)
            return a.json if a.status == 200 else None
        except (OSError, ValueError):
            return None

    def walk(self):
        """From the spec to the end, starting judged again when it was killed. Gives the release at its end."""
        stop = threading.Event()
        pusher = threading.Thread(target=self.push, args=(stop,), daemon=True)
        is_applied = False
        end = time.monotonic() + END_S
        started = False
        try:
            while time.monotonic() < end:
                child = self.judged.child
                if child is None or child.poll() is not None:
                    check(child is None or child.returncode == -9, f"judged ended with {child and child.returncode}\n{self.judged.log()[-2000:]}")
                    self.judged.start(ready=False)
                if not is_applied:
                    is_applied = self.apply()
                    if is_applied and not started:
                        pusher.start()
                        started = True
                release = self.phase()
                if release and release.get("phase") == "done":
                    return release
                time.sleep(0.05)
        finally:
            stop.set()
            if started:
                pusher.join()
        raise AssertionError(f"no end within {END_S} s: {self.phase()}\n{self.judged.log()[-3000:]}")

    def apply(self):
        try:
            a = self.judged.post("/v1/releases", SPEC.format(socket=f"{self.dir}/h"), type="application/yaml", timeout=5)
        except OSError:
            return False
        if a.status in (503, 500, 502, 504):
            return False
        check(a.status in (200, 201, 409), a)  # 409: it was made by the one that was killed
        return True

    def story(self):
        """Messages counted, texts of them, and the weights HAProxy was given."""
        texts, weights, struck = {}, [], None
        for line in self.log.read_text("utf-8", "replace").splitlines():
            number, _, text = line.partition(" ")
            if text.startswith("! "):
                struck = (int(number), text)
                if text.startswith("! before") and weights and weights[-1][0] == int(number):
                    weights.pop()  # it never arrived
                continue
            if number != "-":
                texts[int(number)] = text
            if text.startswith("haproxy set weight"):
                weights.append((int(number), text[len("haproxy "):]))
        return texts, [w for _, w in weights], struck


def run_cell(at, when):
    """None when all is well, else what is wrong."""
    with World(at, when) as w:
        try:
            release = w.walk()
            texts, weights, struck = w.story()
            check(release["outcome"] == "promoted", "outcome", release["outcome"], release.get("paused"))
            check(weights == WEIGHTS, "weights were set:", weights)
            state = ask_haproxy(w.dir / "ha", "get weight app/stable") + ask_haproxy(w.dir / "ha", "get weight app/candidate")
            check(state.split()[0] == "0" and "100 (initial 0)" in state, "HAProxy says", state)
            return texts, struck, None
        except Exception as e:  # one cell's failure is one line of the report
            texts, _, struck = w.story() if w.log.exists() else ({}, [], None)
            return texts, struck, f"{when} message {at} ({texts.get(at, '?')[:160]}): {e}\n{w.judged.log()[-1500:]}"


@suite.test
def any_kill_ends_right():
    check(RELAY.exists(), f"{RELAY} is missing: make doubles")
    texts, struck, wrong = run_cell(0, "before")
    check(wrong is None, wrong)
    check(struck is None and len(texts) > 40, f"{len(texts)} messages")
    cells = [(n, when) for n in sorted(texts) for when in ("before", "after")]
    if CELLS != "all":
        always = [c for c in cells if texts[c[0]].startswith("haproxy set weight")]
        step = max(1, len(cells) // max(1, int(CELLS) - len(always)))
        cells = sorted(set(always) | set(cells[::step]))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda c: run_cell(*c), cells))
    failures = [wrong for _, _, wrong in results if wrong]
    kills = sum(1 for _, struck, _ in results if struck)
    print(f"{len(texts)} messages, {len(cells)} cells, {kills} kills, {len(cells) - len(failures)} ended right")
    check(not failures, f"{len(failures)} cells failed:\n" + "\n".join(failures[:5]))
    check(kills >= len(cells) * 0.8, f"only {kills} of {len(cells)} cells were struck")


suite.run()
