#!/usr/bin/python3
"""GET /v1/releases/{id}/verdict of a real judged, with a token, beside an empty reply of bare libmicrohttpd.

Requests per CPU-second of the server's process, all its threads; the load generator (wrk, 16 keep-alive
connections) is another process. Rounds alternate, the median counts. Both have two HTTP threads. The second row
reads the oldest of 200 releases.
"""
import json
import sys

from figures import EmptyServer, cpu_of, figure, median, wrk
from judged import Judged, check, wait_for

ROUNDS = 7
HTTP_THREADS = 2
CROWD = 200

SPEC = {
    "apiVersion": "judge/v1", "kind": "Release",
    "strategy": {"type": "canary", "steps": ["5%", "50%", "100%"], "settle": "0s", "platform": {"kind": "none"}},
    "metrics": [
        {"name": "errors", "kind": "proportion", "margin": {"relative": "50%", "absolute": "0.5%"}, "source": {"push": {"metric": "http.errors", "of": "http.requests"}}},
        {"name": "latency", "kind": "quantile", "quantile": "95%", "margin": {"relative": "20%"}, "unit": "ms", "source": {"push": {"metric": "latency_ms"}}},
    ],
    "policy": {"block": "1s", "lateness": "0s"},
}


def spec(name):
    return json.dumps({**SPEC, "metadata": {"name": name, "service": "checkout"}})


def feed(j):
    """Samples of both cohorts until the verdict counts some."""
    values = {"http.requests": 1000, "http.errors": 10, "latency_ms": 12.5}
    lines = [{"service": "checkout", "cohort": cohort, "metric": metric, "value": value} for cohort in ("baseline", "candidate") for metric, value in values.items()]

    def counted():
        a = j.samples(lines)
        check(a.status == 200, a)
        v = j.get("/v1/releases/bench/verdict").json
        return v.get("metrics") and all(m["candidate"]["n"] > 0 for m in v["metrics"])
    wait_for("verdict with counts", counted, 30, 0.2)


def per_cpu_second(pid, url, token=None):
    before = cpu_of(pid)
    n = wrk(url, token)
    return n / (cpu_of(pid) - before)


def main():
    what = sys.argv[1:]
    with Judged() as j, EmptyServer(HTTP_THREADS) as empty:
        j.apply(spec("bench"))
        feed(j)
        url = f"{j.url}/v1/releases/bench/verdict"
        for crowd in (1, CROWD):
            if crowd > 1:
                for i in range(1, crowd):
                    a = j.post("/v1/releases", spec(f"later-{i}"), type="application/json")
                    check(a.status == 201, a)
            ours, floor = [], []
            for _ in range(ROUNDS if not what else int(what[0])):
                floor.append(per_cpu_second(empty.pid, f"http://127.0.0.1:{empty.port}/"))
                ours.append(per_cpu_second(j.pid, url, j.token))
            size = len(j.get("/v1/releases/bench/verdict").body)
            figure("verdict_reads", f"verdict reads, {crowd} release{'s' * (crowd > 1)}", median(ours), "requests/CPU-s", median(floor), "empty reply of bare libmicrohttpd",
                   at_least=(0.5, ">= 0.5 x"), reply_bytes=size)


main()
