#!/usr/bin/env python3
"""The demo: four releases judged side by side behind a real HAProxy.

Starts HAProxy, two versions of four small services, a bounded load generator and `judged` with its embedded
Redis; applies one spec a service with `judgectl`; shows a live table; kills `judged` with SIGKILL in the
middle of one harmless release and starts it again; stops everything; and lets demo/check.py, which shares no
code with `judged`, read every line of the summary back from HAProxy and Redis. The exit status is the
checker's. Non-interactive, bounded in time, everything on 127.0.0.1 and under build/demo.

Environment: DEMO_SWAP=1 exchanges the behaviour of the first two services; DEMO_RATE requests a second for
each service (1200); DEMO_DIR where files go (build/demo).
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIR = pathlib.Path(os.environ.get("DEMO_DIR", ROOT / "build" / "demo")).resolve()
RATE = int(os.environ.get("DEMO_RATE", "1200"))
SWAP = os.environ.get("DEMO_SWAP") == "1"
LIMIT_S = 165
SOCKET_PATH_MAX = 107  # of a unix socket; Redis's is the longest: DIR/state/redis/redis.sock
STEPS = "1%, 5%, 25%, 50%, 100%"
BASE_ERRORS, BASE_LATENCY_MS = 0.01, 20.0

HARMLESS = {"what": "harmless", "errors": BASE_ERRORS, "latency": BASE_LATENCY_MS, "expect": "promoted"}
ERRORS = {"what": "3 % extra errors", "errors": BASE_ERRORS + 0.03, "latency": BASE_LATENCY_MS, "expect": "rolled_back"}
SLOW = {"what": "p95 60 % slower", "errors": BASE_ERRORS, "latency": BASE_LATENCY_MS * 1.6, "expect": "rolled_back"}
STORY = [
    ("a", "checkout", ERRORS if SWAP else HARMLESS),
    ("b", "search", HARMLESS if SWAP else ERRORS),
    ("c", "catalog", SLOW),
    ("d", "payment", dict(HARMLESS, kill=True)),
]

SPEC = """\
apiVersion: judge/v1
kind: Release
metadata: {{name: {release}, service: {service}, environment: demo, revision: {revision}}}
strategy:
  type: canary
  steps: [{steps}]
  settle: 2s
  platform: {{kind: haproxy, socket: "{socket}", backend: {service}, stable: stable, candidate: candidate}}
metrics:
  - name: errors
    kind: proportion
    harm: increase
    margin: {{relative: 50%, absolute: 0.5%}}
    role: guardrail
    source:
      scrape:
        target: "{exporter}"
        metric: haproxy_server_http_responses_total
        labels: {{proxy: {service}, code: 5xx}}
        of: haproxy_server_http_responses_total
        of_labels: {{proxy: {service}}}
        cohorts: {{baseline: {{server: stable}}, candidate: {{server: candidate}}}}
  - name: latency
    kind: quantile
    quantile: 95%
    harm: increase
    margin: {{relative: 20%}}
    role: guardrail
    unit: ms
    source: {{push: {{metric: latency_ms}}}}
policy: {{method: anytime, alpha: 1%, beta: 5%, block: 1s, deadline: 10m, on_deadline: hold, on_no_data: hold}}
"""


def free_ports(n):
    """n ports free right now on 127.0.0.1 (TCP and UDP)."""
    held, ports = [], []
    while len(ports) < n:
        tcp = socket.socket()
        tcp.bind(("127.0.0.1", 0))
        held.append(tcp)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held.append(udp)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            continue
        ports.append(tcp.getsockname()[1])
    for s in held:
        s.close()
    return ports


def wait_for(what, seconds, test):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = test()
        if result:
            return result
        time.sleep(0.05)
    raise SystemExit(f"demo: {what} did not happen within {seconds} s")


class Demo:
    def __init__(self):
        self.children = []
        self.judged = None
        self.log = None

    def start(self, name, argv, stdout=None):
        out = open(DIR / f"{name}.log", "ab") if stdout is None else stdout
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=open(DIR / f"{name}.log", "ab"), cwd=DIR)
        self.children.append(child)
        return child

    def wait_ready(self, what, seconds, name, child, test):
        """Waits for the program `name` to be ready; says what it wrote when it ends instead."""
        def ready():
            if child.poll() is None:
                return test()
            sys.stderr.write((DIR / f"{name}.log").read_text()[-2000:])
            raise SystemExit(f"demo: {name} ended with status {child.returncode}")

        wait_for(what, seconds, ready)

    def start_judged(self):
        self.judged = self.start("judged", [ROOT / "build/judged", "--listen", f"127.0.0.1:{self.api}", "--statsd", f"127.0.0.1:{self.statsd}", "--state", DIR / "state"])
        self.wait_ready("judged ready", 20, "judged", self.judged, lambda: self.get("/readyz", raw=True) is not None)

    def get(self, path, raw=False):
        headers = {}
        token = DIR / "state" / "admin.token"
        if token.exists():
            headers["Authorization"] = "Bearer " + token.read_text().strip()
        try:
            with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.api}{path}", headers=headers), timeout=3) as answer:
                body = answer.read()
                return body if raw else json.loads(body)
        except urllib.error.HTTPError:
            return None if raw else {}
        except (OSError, ValueError):
            return None

    def judgectl(self, *args):
        return subprocess.run([str(ROOT / "build/judgectl"), *[str(a) for a in args], "--url", f"http://127.0.0.1:{self.api}", "--token-file", str(DIR / "state" / "admin.token")],
                              capture_output=True, text=True, timeout=30, cwd=DIR)

    def set_up(self):
        if len(os.fsencode(DIR / "state/redis/redis.sock")) > SOCKET_PATH_MAX:
            raise SystemExit(f"demo: {DIR} is too long for the sockets in it; set DEMO_DIR to a shorter one")
        if DIR.is_dir() and any(DIR.iterdir()) and not (DIR / "haproxy.cfg").exists():
            raise SystemExit(f"demo: {DIR} has files that are not a demo's; it would be emptied")
        shutil.rmtree(DIR, ignore_errors=True)
        DIR.mkdir(parents=True)
        ports = free_ports(3 + 3 * len(STORY))
        self.api, self.statsd, exporter = ports[:3]
        self.exporter = f"http://127.0.0.1:{exporter}/metrics?scope=server"
        self.services = []
        for i, (letter, service, behaviour) in enumerate(STORY):
            front, stable, candidate = ports[3 + 3 * i: 6 + 3 * i]
            self.services.append({"letter": letter, "service": service, "release": f"{service}-2", "behaviour": behaviour,
                                  "front": front, "stable": stable, "candidate": candidate})
        self.write_haproxy(exporter)

    def write_haproxy(self, exporter):
        text = f"""\
global
  maxconn 8000
  nbthread 1
  log stdout format raw local0
  stats socket unix@haproxy.sock mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 15s
  timeout server 15s
frontend exporter
  bind 127.0.0.1:{exporter}
  http-request use-service prometheus-exporter if {{ path /metrics }}
"""
        for s in self.services:
            text += f"""\
frontend {s['service']}-front
  bind 127.0.0.1:{s['front']}
  log global
  log-format "%Ts.%ms %b %s %ST"
  default_backend {s['service']}
backend {s['service']}
  balance roundrobin
  server stable 127.0.0.1:{s['stable']} weight 256
  server candidate 127.0.0.1:{s['candidate']} weight 0
"""
        (DIR / "haproxy.cfg").write_text(text)

    def run_services(self):
        access = open(DIR / "access.log", "ab")
        haproxy = self.start("haproxy", ["haproxy", "-db", "-f", DIR / "haproxy.cfg"], stdout=access)
        self.start("tee", [sys.executable, ROOT / "demo/tee.py", "runtime.sock", "haproxy.sock", "commands.log"])
        for s in self.services:
            for cohort in ("stable", "candidate"):
                b = s["behaviour"] if cohort == "candidate" else {"errors": BASE_ERRORS, "latency": BASE_LATENCY_MS}
                self.start(f"{s['service']}-{cohort}", [ROOT / "build/demo-bin/shop", "--port", s[cohort], "--service", s["service"],
                           "--cohort", "candidate" if cohort == "candidate" else "baseline", "--error-rate", b["errors"], "--latency-ms", b["latency"], "--statsd", f"127.0.0.1:{self.statsd}"])
        self.wait_ready("HAProxy's socket", 10, "haproxy", haproxy, lambda: (DIR / "haproxy.sock").exists() and (DIR / "runtime.sock").exists())
        self.crowd = self.start("crowd", [ROOT / "build/demo-bin/crowd", "--rate", RATE, "--seconds", LIMIT_S + 20, "--connections", 128, *[s["front"] for s in self.services]])

    def apply(self):
        for s in self.services:
            path = DIR / f"{s['release']}.yaml"
            path.write_text(SPEC.format(release=s["release"], service=s["service"], revision=f"{s['service']}-v2", steps=STEPS, socket=DIR / "runtime.sock", exporter=self.exporter))
            done = self.judgectl("apply", path)
            if done.returncode != 0:
                raise SystemExit(f"demo: judgectl apply {path}: {done.stderr.strip()}")
            s["applied"] = time.time()

    def kill_judged(self):
        self.judged.kill()
        self.judged.wait()
        self.killed_at = time.time()
        print("\n  judged killed with SIGKILL in the middle of payment-2; starting it again ...\n", flush=True)
        time.sleep(1)
        self.start_judged()

    def row(self, s, v):
        if v is None:
            return f"  ({s['letter']}) {s['service']:<9} {s['behaviour']['what']:<17} judged is not answering"
        if not v:
            return f"  ({s['letter']}) {s['service']:<9} {s['behaviour']['what']:<17} no verdict yet"
        share = "-" if v.get("share") is None else f"{100 * v['share']:g} %"
        cells = []
        for m in v.get("metrics", []):
            e = m.get("effect") or {}
            est = e.get("estimate")
            cells.append(f"{m['name']} {m['state']}" + (f" x{est:.2f}" if isinstance(est, (int, float)) else ""))
        return f"  ({s['letter']}) {s['service']:<9} {s['behaviour']['what']:<17} {v.get('outcome') or v['phase']:<11} {share:>6}  {v['verdict']:<9} {'; '.join(cells)}"

    def watch(self, started):
        tty = sys.stdout.isatty()
        killed, drawn, last_print, seen = False, 0, 0.0, {}
        while time.time() - started < LIMIT_S:
            verdicts = [self.get(f"/v1/releases/{s['release']}/verdict") for s in self.services]
            rows = [self.row(s, v) for s, v in zip(self.services, verdicts)]
            now = time.time()
            for s, v in zip(self.services, verdicts):
                if v and v.get("outcome") and "done" not in s:
                    s["done"] = now
            state = [(v or {}).get("phase", "") + str((v or {}).get("share")) + str((v or {}).get("verdict")) for v in verdicts]
            if tty:
                if drawn:
                    sys.stdout.write(f"\033[{drawn}A")
                for r in rows:
                    sys.stdout.write("\033[K" + r[: shutil.get_terminal_size().columns - 1] + "\n")
                sys.stdout.flush()
                drawn = len(rows)
            elif state != seen or now - last_print > 15:
                print(f"  t = {now - started:5.1f} s")
                print("\n".join(rows), flush=True)
                last_print = now
            seen = state
            d = next((v for s, v in zip(self.services, verdicts) if s["behaviour"].get("kill")), None)
            if not killed and d and d.get("share") and d["share"] >= 0.05 and now - started > 30:
                killed = True
                self.kill_judged()
                drawn = 0
            if all("done" in s for s in self.services):
                break
            time.sleep(0.5)
        self.killed = killed

    def reports(self):
        (DIR / "reports").mkdir(exist_ok=True)
        for s in self.services:
            for form, ending in (("html", "html"), ("json", "json"), ("markdown", "md")):
                done = self.judgectl("report", s["release"], "--format", form)
                if done.returncode == 0:
                    (DIR / "reports" / f"{s['release']}.{ending}").write_text(done.stdout)

    def check(self):
        facts = {"dir": str(DIR), "killed_at": getattr(self, "killed_at", None), "swap": SWAP,
                 "services": [{k: s[k] for k in ("letter", "service", "release", "applied", "stable", "candidate")} |
                              {"what": s["behaviour"]["what"], "expect": s["behaviour"]["expect"], "kill": bool(s["behaviour"].get("kill"))} for s in self.services]}
        (DIR / "facts.json").write_text(json.dumps(facts, indent=1))
        return subprocess.run([sys.executable, str(ROOT / "demo/check.py"), str(DIR / "facts.json")], stdin=subprocess.DEVNULL).returncode

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 15
        for child in reversed(self.children):
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.stop_redis()

    def stop_redis(self):
        """Ends the Redis of a judged that was killed and not started again; a judged that stops ends its own."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as to:
            to.settimeout(10)
            try:
                to.connect(str(DIR / "state/redis/redis.sock"))
                to.sendall(b"SHUTDOWN\r\n")
                to.recv(64)
            except OSError:
                pass


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian has haproxy, and where a user's PATH may not look
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo()
    try:
        demo.set_up()
        demo.start_judged()
        demo.run_services()
        time.sleep(2)  # a little traffic before the first release, as in life
        started = time.time()
        print(f"Release Judge demo: four services behind HAProxy, {RATE} requests a second each, steps {STEPS}")
        print(f"pages: http://127.0.0.1:{demo.api}/  files: {DIR}\n", flush=True)
        demo.apply()
        demo.watch(started)
        demo.reports()
        status = demo.check()
    finally:
        demo.stop()
    sys.exit(status)


if __name__ == "__main__":
    main()
