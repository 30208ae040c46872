#!/usr/bin/python3
"""Prometheus remote write with a real Prometheus server (Debian's) as the peer, through two judged in turn: counted to the
event; releases judged from it, one promoted and one rolled back; and the protocol's answers."""
import in_venv  # first: the test runs in build/venv
import http.client
import http.server
import itertools
import os
import random
import struct
import subprocess
import threading
import time

import cramjam

from judged import Suite, check, die_with_parent, free_ports, quick_spec, wait_for
from stack import Stack, late_counts, stored_totals

PATH = "/v1/prometheus/write"
EDGES = (0.05, 0.1, 0.5, 1.0)
LONG = bool(os.environ.get("JUDGE_LONG"))
suite = Suite()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.text().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Target(http.server.ThreadingHTTPServer):
    """A process that is scraped: counters of requests by code, a histogram, a gauge."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.codes, self.buckets, self.depth, self.is_gone = {"200": 1000}, [100, 200, 300, 400, 500], 3, False
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def request(self, code, seconds):
        with self.lock:
            self.codes[code] = self.codes.get(code, 0) + 1
            for i, edge in enumerate((*EDGES, float("inf"))):
                self.buckets[i] += seconds <= edge

    def text(self):
        with self.lock:
            lines = ["# TYPE http_requests_total counter"]
            lines += [f'http_requests_total{{code="{c}"}} {n}' for c, n in self.codes.items()]
            lines += ["# TYPE latency_seconds histogram"]
            lines += [f'latency_seconds_bucket{{le="{e}"}} {n}' for e, n in zip((*EDGES, "+Inf"), self.buckets)]
            lines += [f"latency_seconds_count {self.buckets[-1]}", "latency_seconds_sum 17.5"]
            lines += [] if self.is_gone else [f"queue_depth {self.depth}"]
            return "\n".join(lines) + "\n"


class InTurn(http.server.ThreadingHTTPServer):
    """A load balancer: each request goes to the next judged; sometimes the answer is lost, and the sender repeats."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            b = self.server
            with b.lock:
                j, is_lost = next(b.turn), random.random() < b.lose
                b.bodies += 1
                b.lost += is_lost
            c = http.client.HTTPConnection("127.0.0.1", j.port, timeout=30)
            c.request("POST", self.path, body, {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")})
            r = c.getresponse()
            text = r.read()
            c.close()
            if r.status != 204:
                b.others.append((r.status, text))
            self.send_response(500 if is_lost else r.status)
            if is_lost or r.status != 204:
                self.send_header("Content-Length", "0" if is_lost else str(len(text)))
            self.end_headers()
            self.wfile.write(b"" if is_lost else text)

        def log_message(self, *_):
            pass

    def __init__(self, judgeds, lose=0.0):
        super().__init__(("127.0.0.1", 0), self.Proxy)
        self.turn, self.lock, self.lose, self.bodies, self.lost, self.others = itertools.cycle(judgeds), threading.Lock(), lose, 0, 0, []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Prometheus:
    """The server from Debian: scrapes `targets` {(job, cohort): Target} and writes on to port."""

    def __init__(self, dir, targets, port, token):
        self.port = free_ports(1)[0]
        jobs = {}
        for (job, cohort), t in targets.items():
            jobs.setdefault(job, []).append(f"      - targets: ['127.0.0.1:{t.server_address[1]}']\n        labels: {{cohort: {cohort}}}\n")
        config = "global: {scrape_interval: 300ms, scrape_timeout: 300ms}\nscrape_configs:\n"
        for job, lines in jobs.items():
            config += f"  - job_name: {job}\n    static_configs:\n{''.join(lines)}"
        config += f"remote_write:\n  - url: http://127.0.0.1:{port}{PATH}\n    authorization: {{credentials: {token}}}\n"
        config += "    queue_config: {batch_send_deadline: 100ms, min_backoff: 20ms, max_backoff: 100ms, max_samples_per_send: 20, min_shards: 2}\n"
        (dir / "prometheus.yml").write_text(config)
        self.log = open(dir / "prometheus.log", "ab")
        self.child = subprocess.Popen(["prometheus", f"--config.file={dir}/prometheus.yml", f"--storage.tsdb.path={dir}/data", f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
                                      stdout=self.log, stderr=self.log, preexec_fn=die_with_parent)

    def close(self):
        self.child.terminate()
        self.child.wait(20)
        self.log.close()


def push(metric, of=None, **more):
    return {"push": {"metric": metric, **({"of": of} if of else {}), **more}}


def spec(name, service):
    wide = {"relative": "90%"}
    return {
        "apiVersion": "judge/v1", "kind": "Release",
        "metadata": {"name": name, "service": service, "environment": "test", "revision": "v2"},
        "strategy": {"type": "canary", "steps": [{"share": "5%", "approval": True}, "100%"], "settle": "0s", "platform": {"kind": "none"}},
        "metrics": [
            {"name": "errors", "kind": "proportion", "margin": {"relative": "90%", "absolute": "30%"}, "source": push("http_requests_total", "http_requests_total", where={"code": "500"})},
            {"name": "p95", "kind": "quantile", "quantile": "95%", "role": "info", "margin": wide, "source": push("latency_seconds")},
            {"name": "slow", "kind": "rate", "role": "info", "margin": wide, "source": push("latency_seconds_bucket", "latency_seconds_count", where={"le": "0.1"}, of_where={"job": service})},
            {"name": "depth", "kind": "mean", "role": "info", "margin": wide, "source": push("queue_depth")},
            {"name": "by-labels", "kind": "rate", "role": "info", "margin": wide,
             "source": push("http_requests_total", "http_requests_total", where={"code": "500"}, cohorts={c: {"job": service, "cohort": c} for c in ("baseline", "candidate")})},
        ],
        "policy": {"block": "2s", "lateness": "8s", "no_data_after": "1h", "deadline": "4h"},
    }


def judged_spec(name):
    """Judged by its errors and, from the buckets of its histogram, by how many requests took at most 0.1 s; its p95 is shown."""
    r = quick_spec(name, policy={"block": "2s", "lateness": "2s", "no_data_after": "20s"}, steps=("50%", "100%"), strategy={"first_share": "50%"})
    r["metrics"] = [
        {"name": "errors", "kind": "proportion", "margin": {"relative": "90%", "absolute": "8%"}, "source": push("http_requests_total", "http_requests_total", where={"code": "500"})},
        {"name": "fast", "kind": "proportion", "harm": "decrease", "margin": {"relative": "20%", "absolute": "8%"},
         "source": push("latency_seconds_bucket", "latency_seconds_count", where={"le": "0.1"}, of_where={"job": name})},
        {"name": "p95", "kind": "quantile", "quantile": "95%", "role": "info", "margin": {"relative": "400%"}, "source": push("latency_seconds")},
    ]
    return r


def feed(targets, stop):
    """The candidate of `harmful` fails three in ten, all others one in a hundred; two in a hundred take more than 0.1 s."""
    while not stop.wait(0.05):
        for (job, cohort), t in targets.items():
            errors = 0.3 if (job, cohort) == ("harmful", "candidate") else 0.01
            for _ in range(40):
                t.request("500" if random.random() < errors else "200", 0.06 if random.random() < 0.98 else 0.3)


def verdict(j, name, wanted, cause):
    """Waits for it; the metrics' evidence by name."""
    v = wait_for(f"{wanted} of {name}", lambda: (v := j.release(name)["verdict"]) and v["verdict"] == wanted and v, 120)
    check((v["cause"], v["guarantee"]) == (cause, "proven"), v)
    return {m["name"]: m for m in v["metrics"]}


def outcome(j, name):
    return wait_for(f"the end of {name}", lambda: (r := j.release(name))["phase"] == "done" and r["outcome"], 20)


@suite.test
def a_prometheus_server_through_two_judged_is_counted_once():
    with Stack() as s:
        stop = threading.Event()
        redis = s.redis()
        judgeds = [s.judged(redis=redis.url).start(), s.judged(redis=redis.url).start()]
        judgeds[0].apply(spec("prom", "checkout"))
        judgeds[0].apply(judged_spec("harmful"))
        judgeds[1].apply(judged_spec("harmless"))
        wait_for("both know them", lambda: all(j.get("/v1/releases/" + r).status == 200 for j in judgeds for r in ("prom", "harmful", "harmless")))
        check(judgeds[0].post("/v1/releases/harmless/traffic", {"share": "50%"}).status == 202)
        targets = {("checkout", c): Target() for c in ("baseline", "candidate")}
        fed = {(name, c): Target() for name in ("harmful", "harmless") for c in ("baseline", "candidate")}
        balancer = InTurn(judgeds, lose=0.2)
        p = Prometheus(s.dir, {**targets, **fed}, balancer.server_address[1], judgeds[0].token)
        try:
            wait_for("remote write", lambda: balancer.bodies > 4, 20)
            time.sleep(4.2)  # two blocks of standing still: then the base is what it is now
            want = {}
            threading.Thread(target=feed, args=(fed, stop), daemon=True).start()
            for c, t in enumerate(targets.values()):
                want[c] = {"requests": 0, "errors": 0, "fast": 0, "start": dict(t.codes)}
            end = time.monotonic() + 5
            while time.monotonic() < end:
                for c, t in enumerate(targets.values()):
                    for _ in range(random.randrange(60)):
                        is_error, seconds = random.random() < 0.05, random.lognormvariate(-2, 1)
                        t.request("500" if is_error else "200", seconds)
                        want[c]["requests"] += 1
                        want[c]["errors"] += is_error
                        want[c]["fast"] += seconds <= 0.1
                time.sleep(0.1)
            last = int(time.time() / 2) + 1
            time.sleep(2.5)  # the last counts are scraped, in a block of the same series
            for t in targets.values():
                t.is_gone = True
            wait_for("sealed", lambda: all(int(redis.ask("HGET", "judge:{prom}:marks", str(m)) or 0) >= last for m in range(5)), 60)
            for c, w in want.items():
                got = [stored_totals(redis.ask, "prom", i)[c] for i in range(5)]
                check((got[0]["events"], got[0]["exposure"]) == (w["errors"], w["requests"]), c, got[0], w)
                check(got[1]["n"] == w["requests"], c, got[1], w)
                check(sum(n for (lo, hi), n in got[1]["cells"].items() if hi <= edge(0.1)) == w["fast"], c, got[1], w)
                check((got[2]["events"], got[2]["exposure"]) == (w["fast"], w["requests"]), c, got[2], w)
                check(got[3]["n"] > 10 and got[3]["sum"] == 3 * got[3]["n"], c, got[3])
                check((got[4]["events"], got[4]["exposure"]) == (w["errors"], w["requests"]), c, got[4], w)
            check(late_counts(redis.ask, "prom", 0) == [0, 0], "late")
            m = [j.metrics() for j in judgeds]
            check(sum(x["judge_cumulative_resets_total"] for x in m) == 0, "resets")
            check(all(x['judge_sample_lines_total{source="remote_write"}'] > 50 for x in m), "one judged had nothing")
            check(balancer.lost > 3 and sum(x["judge_batches_duplicate_total"] for x in m) >= 1, balancer.lost, [x["judge_batches_duplicate_total"] for x in m])
            wait_for("stale markers", lambda: sum(j.metrics()["judge_points_without_value_total"] for j in judgeds) >= 2, 10)
            check(not balancer.others, balancer.others[:3])
            m = verdict(judgeds[1], "harmful", "rollback", "harm")
            check([m[k]["state"] == "harmful" for k in ("errors", "fast", "p95")] == [True, False, False], m)
            check(outcome(judgeds[0], "harmful") == "rolled_back")
            m = verdict(judgeds[0], "harmless", "promote", None)
            check(m["errors"]["state"] == m["fast"]["state"] == "harmless", m)
            check(m["p95"]["candidate"]["n"] > 1000 and 0.05 < m["p95"]["candidate"]["quantile"] < 0.1, m)
            judgeds[1].post("/v1/releases/harmless/traffic", {"share": "100%"})
            check(outcome(judgeds[0], "harmless") == "promoted")
        finally:
            stop.set()
            p.close()


def edge(value):
    """The histogram's bucket of a value (lib/sketch/hist.h)."""
    return (struct.unpack("<Q", struct.pack("<d", value))[0] >> 45) - ((1023 - 40) << 7) + 1


# ---- the protocol ----

def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def series(samples, name="requests_total", native=False, **labels):
    labels = {"__name__": name, "cohort": "baseline", "job": "proto", "instance": "i:1", **labels}
    out = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
    for value, t in samples:
        out += field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(int(t * 1000)))
    return field(1, out + (field(4, b"") if native else b""))


def send(j, body, snappy=True, type="application/x-protobuf", headers=None, **more):
    headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0", **(headers or {})}
    return j.post(PATH, bytes(cramjam.snappy.compress_raw(body)) if snappy else body, type=type, headers=headers, **more)


@suite.test
def the_protocols_answers():
    with Stack() as s:
        redis = s.redis()
        j = s.judged(redis=redis.url).start()
        r = spec("proto", "proto")
        r["metrics"] = [{"name": "errors", "kind": "rate", "margin": {"relative": "90%"}, "source": push("errors_total", "requests_total")},
                        {"name": "depth", "kind": "mean", "role": "info", "margin": {"relative": "90%"}, "source": push("depth")}]
        r["policy"]["block"], r["policy"]["lateness"] = "1s", "1s"
        j.apply(r)
        wait_for("routes", lambda: j.samples([{"service": "proto", "cohort": "baseline", "metric": "depth", "value": 1}]).json["taken"] == 1)
        t = int(time.time()) + 1.5
        time.sleep(max(0, t - time.time()))
        a = send(j, series([(7, t)]) + series([(2, t)], "errors_total") + series([(5, t)], "depth"))
        check(a.status == 204 and a.body == b"", a)
        # out of order, and again: the newest of each block stays
        body = series([(20, t + 1.2), (12, t + 1)]) + series([(4, t + 1.1)], "errors_total") + series([(float("nan"), t)], "depth")
        time.sleep(1.2)
        check(send(j, body).status == 204)
        again = send(j, body)
        check(again.status == 204 and again.headers["idempotent-replay"] == "true", again.headers)
        check(send(j, series([(12, t + 1), (20, t + 1.2)])).status == 204)
        a = send(j, series([(1, t)], "depth", job="another"))  # nobody's
        check(a.status == 204, a)
        refused = [(series([(-1, t)]), "negative"), (series([(1, time.time() + 60)]), "ahead"), (series([(1, t)], "depth", x="y" * 5000), "longer"),
                   (series([(9, t + 1.9)], native=True), "native histograms")]
        for body, why in refused:
            a = send(j, body)
            check(a.status == 400 and why in a.text and "refused, the others are stored" in a.text, a)
        whole = [(b"\xff\xff\xff\xff", False, "snappy"), (b"\xff\xff", True, "WriteRequest"), (series([(1, t)])[:-2], True, "WriteRequest"), (field(1, field(2, b"")), True, "WriteRequest")]
        for body, snappy, why in whole:
            a = send(j, body, snappy)
            check(a.status == 400 and why in a.text, a)
        check(send(j, bytes(40 << 20)).status == 413)
        good = series([(1, t)])
        check("2.0 is not taken" in (a := send(j, good, type="application/x-protobuf;proto=io.prometheus.write.v2.Request")).text and a.status == 415, a)
        check(send(j, good, headers={"X-Prometheus-Remote-Write-Version": "2.0.0"}).status == 415)
        check(send(j, good, headers={"Content-Encoding": "gzip"}).status == 415)
        check(send(j, good, token=None).status == 401)
        last = int(t) + 1
        wait_for("sealed", lambda: int(redis.ask("HGET", "judge:{proto}:marks", "0") or 0) >= last, 20)
        got = stored_totals(redis.ask, "proto", 0)[0]
        check((got["events"], got["exposure"]) == (2, 13), got)
        check(stored_totals(redis.ask, "proto", 1)[0]["n"] == 2, "depth")
        if LONG:  # it waits half a minute for Redis
            redis.kill()
            a = send(j, series([(50, time.time())]), timeout=60)
            check(a.status == 503 and a.headers["retry-after"], a)


if __name__ == "__main__":
    suite.run()
