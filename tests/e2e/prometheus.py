"""A Prometheus server of one's own (Debian's package), applications it scrapes, and a relay before its API that can fail.

    with Applications() as apps, Prometheus(apps) as server, Faults(server) as faults: ...

Applications count by themselves in real time; what the server stored can be asked without any code of judged's."""
import base64
import crypt
import http.client
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse
import warnings

from judged import check, die_with_parent, free_ports, wait_for

USER, PASSWORD = "judge", "an-open-secret"
EDGES = tuple(i / 10 for i in range(1, 10))  # latencies are spread evenly over a second


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Application(_Server):
    """One instance: requests a second, a part of them errors, latencies spread over the buckets."""

    def __init__(self, rate, bad):
        self.rate, self.bad, self.lock, self.since = rate, bad, threading.Lock(), time.monotonic()
        self.begin()
        super().__init__(_Exposition)

    def begin(self):
        """The process starts anew: all its counters at zero."""
        with self.lock:
            self.requests = self.errors = 0.0
            self.since = time.monotonic()

    def text(self):
        with self.lock:
            now = time.monotonic()
            n = round((now - self.since) * self.rate)
            self.since += n / self.rate
            self.requests += n
            self.errors += n * self.bad
            requests, errors = int(self.requests), int(self.errors)
        lines = ["# TYPE http_requests_total counter", f'http_requests_total{{code="200"}} {requests - errors}']
        if errors:  # as clients do: the series begins with its first event
            lines.append(f'http_requests_total{{code="500"}} {errors}')
        lines.append("# TYPE latency_seconds histogram")
        lines += [f'latency_seconds_bucket{{le="{edge}"}} {int(requests * part)}' for edge, part in ((*[(e, e) for e in EDGES], ("+Inf", 1)))]
        return "\n".join(lines + ["# TYPE load gauge", "load 0.5", ""])


class _Exposition(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.text().encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # whoever asked is gone

    def log_message(self, *_):
        pass


class Prometheus:
    """Scrapes each application as often as `interval` says; targets: {track: [application ...]}."""

    def __init__(self, targets, interval="200ms"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="prometheus-"))
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        jobs = [{"targets": [f"127.0.0.1:{a.server_port}" for a in apps], "labels": {"track": track}} for track, apps in targets.items()]
        (self.dir / "prometheus.yml").write_text(json.dumps({"global": {"scrape_interval": interval, "scrape_timeout": interval}, "scrape_configs": [{"job_name": "shop", "static_configs": jobs}]}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hashed = crypt.crypt(PASSWORD, "$2b$04$abcdefghijklmnopqrstuu")
        (self.dir / "web.yml").write_text(json.dumps({"basic_auth_users": {USER: hashed}}))
        self.child = None

    def __enter__(self):
        argv = ["prometheus", f"--config.file={self.dir}/prometheus.yml", f"--web.config.file={self.dir}/web.yml", f"--storage.tsdb.path={self.dir}/data", f"--web.listen-address=127.0.0.1:{self.port}"]
        with open(self.dir / "log", "wb") as log:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_for("first scrape", lambda: self.ask("up") and self.ask("http_requests_total"), 20, 0.1)
        return self

    def __exit__(self, *exc):
        self.child.terminate()
        self.child.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)

    def request(self, path, body, headers):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request("POST", path, body, headers)
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def ask(self, query, **range_):
        """The result of a query: of now, or over start, end, step."""
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        try:
            status, body = self.request("/api/v1/query_range" if range_ else "/api/v1/query", urllib.parse.urlencode({"query": query, **range_}), {"Authorization": "Basic " + login, "Content-Type": "application/x-www-form-urlencoded"})
        except OSError:
            return []
        return json.loads(body)["data"]["result"] if status == 200 else []

    def increase(self, query, first, last, block_s):
        """What the counters of a query grew by in each block first..last, added up over all series: {block: sum}."""
        out = {k: 0.0 for k in range(first, last + 1)}
        for series in self.ask(query, start=first * block_s, end=(last + 1) * block_s, step=block_s):
            values = {round(t / block_s): float(v) for t, v in series["values"]}
            for k in out:
                if k + 1 in values:
                    out[k] += values[k + 1] - values.get(k, 0)
        return out

    def boundaries(self, query, first, last, block_s):
        """At which boundaries first..last + 1 the series of a query have a value."""
        return {round(t / block_s) for series in self.ask(query, start=first * block_s, end=(last + 1) * block_s, step=block_s) for t, _ in series["values"]}


class Faults(_Server):
    """A relay before a server's API. `fault`: None, or a function of the path that gives (status, body) in place of the
    server's answer, or an exception to cut the connection."""

    def __init__(self, server):
        self.server, self.fault, self.asked = server, None, 0
        super().__init__(_Relay)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class _Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault, self.server.asked = self.server.fault, self.server.asked + 1
        if fault:
            answer = fault(self.path)
            if answer is None:
                self.close_connection = True
                return
            status, text = answer
        else:
            status, text = self.server.server.request(self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "host"})
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass
