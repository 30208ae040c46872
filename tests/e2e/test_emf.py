#!/usr/bin/python3
"""Embedded Metric Format as it comes: AWS' own library (npm aws-embedded-metrics) over TCP and UDP, POST /v1/emf, and what
CloudWatch Logs wraps around documents. What was sent is what Redis holds, to the sample; what the page shows is taken."""
import gzip
import json
import pathlib
import re
import subprocess
import tempfile
import time

from judged import ROOT, Suite, check, free_ports, wait_for
from stack import Stack, stored_totals

HERE = pathlib.Path(__file__).resolve().parent
N = 200
suite = Suite()

SPEC = {
    "apiVersion": "judge/v1", "kind": "Release",
    "metadata": {"name": "emf", "service": "checkout", "environment": "test", "revision": "r2"},
    "strategy": {"type": "canary", "steps": [{"share": "5%", "approval": True}, "100%"], "settle": "0s", "platform": {"kind": "none"}},
    "metrics": [
        {"name": "errors", "kind": "proportion", "margin": {"relative": "50%", "absolute": "5%"}, "source": {"push": {"metric": "Shop.Errors", "of": "Shop.Requests"}}},
        {"name": "p95", "kind": "quantile", "quantile": "95%", "margin": {"relative": "50%"}, "source": {"push": {"metric": "Shop.Latency", "where": {"stage": "canary"}}}},
    ],
    "policy": {"no_data_after": "1h", "deadline": "4h", "lateness": "20s"},
}


def document(cohort="baseline", **values):
    metrics = [{"Name": name} for name in values]
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{"Namespace": "Shop", "Dimensions": [["service"], ["service", "stage"]], "Metrics": metrics}]},
            "service": "checkout", "cohort": cohort, "stage": "canary", **values}


def post(j, *documents, **more):
    return j.post("/v1/emf", "".join(json.dumps(d) + "\n" for d in documents), type="application/x-ndjson", **more)


@suite.test
def documents_of_others(dir):
    port, = free_ports(1)
    with Stack() as s:
        redis = s.redis()
        j = s.judged("--emf", f"127.0.0.1:{port}", redis=redis.url)
        j.start()
        j.apply(SPEC)
        wait_for("routes", lambda: post(j, document(Requests=0)).json["taken"] == 1)
        for scheme in ("tcp", "udp"):
            before = j.metrics()['judge_sample_lines_total{source="emf"}']
            subprocess.run(["node", HERE / "peer_emf.js", f"{scheme}://127.0.0.1:{port}", str(N)], check=True, timeout=60)
            wait_for(f"{N} documents by {scheme}", lambda: j.metrics()['judge_sample_lines_total{source="emf"}'] - before == N, 15)
        check(j.metrics()["judge_sample_lines_refused_total"] == 0, j.log()[-2000:])

        a = post(j, document(Requests=10, Errors=1, Latency=[5, 6]), headers={"Idempotency-Key": "one"})
        check(a.status == 200 and a.json["lines"] == 1 and a.json["taken"] == 3, a)
        body = json.dumps(document(Requests=10, Errors=1, Latency={"Values": [5, 6], "Counts": [2, 3]})).encode()
        a = j.post("/v1/emf?ack=stored", gzip.compress(body), type="application/json", headers={"Content-Encoding": "gzip"})
        check(a.status == 200 and a.json["taken"] == 3, a)
        events = {"logGroupName": "g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": json.dumps(document(Requests=5, Errors=0))}, {"timestamp": 1, "message": "START"}]}
        a = j.post("/v1/emf?ack=stored", json.dumps(events), type="application/x-amz-json-1.1")
        check(a.status == 200 and a.json["taken"] == 2 and a.json["unrouted"] == 1, a)
        a = post(j, {"no": "metrics"}, document(Requests="many"))
        check(a.status == 202 and a.json["refused"] == 2 and "Requests must be a number" in a.json["refusals"][1]["reason"], a)
        check(j.metrics()['judge_sample_lines_refused_by_format_total{format="emf"}'] == 2, j.metrics())
        check(post(j, document(Requests=1), token=None).status == 401)
        check(post(j, document(Requests=1), token=j.make_token("read")).status == 403)

        wait_for("stored totals", lambda: stored_totals(redis.ask, "emf", 0)[1].get("exposure") == 2 * N, 15)
        baseline, candidate = stored_totals(redis.ask, "emf", 0)
        check(candidate["events"] == 2 * N / 10, candidate)
        check(baseline["exposure"] == 25 and baseline["events"] == 2, baseline)
        baseline, candidate = stored_totals(redis.ask, "emf", 1)
        check(candidate["n"] == 4 * N and baseline["n"] == 2 + 5, baseline, candidate)


@suite.test
def the_page_is_true(dir):
    page = (ROOT / "docs" / "collectors" / "emf.md").read_text()
    shown = re.search(r"```json\n(.*?)```", page, re.S)[1]
    with Stack() as s:
        j = s.judged()
        j.start()
        j.apply((ROOT / "deploy" / "examples" / "emf.yaml").read_text())
        def taken():
            d = json.loads(shown)
            d["_aws"]["Timestamp"] = int(time.time() * 1000)
            a = post(j, d)
            check(a.json["refused"] == 0, a)
            return a.json["taken"] == 3
        wait_for("the page's document to be taken", taken)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="judged-test-") as directory:
        suite.run(pathlib.Path(directory))
