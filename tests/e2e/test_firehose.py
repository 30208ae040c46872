#!/usr/bin/python3
"""CloudWatch Metric Streams through Firehose: both encodings, with and without gzip, sent again and again, the same point in
other deliveries and to two judged at once, keys that are wrong, bodies that are none. Needs the venv (opentelemetry-proto)."""
import os
import pathlib
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HERE.parent.parent / "build" / "venv" / "bin" / "python"
if pathlib.Path(sys.executable) != PYTHON:
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

from firehose import ENCODINGS, Delivery, Firehose, as_json, point
from judged import ROOT, Suite, check, wait_for
from stack import Stack, stored_totals

suite = Suite()
LB = {"LoadBalancer": "app/shop/50dc6c495c0c9188"}
GROUPS = [{"TargetGroup": "targetgroup/blue/943f017f100becff"}, {"TargetGroup": "targetgroup/green/73e2d6bc24d8a067"}]


def minute(requests, errors, at=None):
    """What CloudWatch has of both groups for one minute: the set we ask for, and others it keeps of the same requests."""
    points = []
    for group in GROUPS:
        for dimensions in ({**LB, **group}, {**group, **LB, "AvailabilityZone": "eu-west-1a"}, LB, group):
            points.append(point("RequestCount", dimensions, requests, requests, 1.0, 1.0, at))
            if errors:
                points.append(point("HTTPCode_Target_5XX_Count", dimensions, errors, float(errors), 1.0, 1.0, at, p99=1.0))
            points.append(point("TargetResponseTime", dimensions, requests, requests * 0.25, 0.001, 3.5, at))
    points.append(point("CPUUtilization", {"InstanceId": "i-1"}, 5, 100.0, 10.0, 30.0, at, namespace="AWS/EC2"))
    return points


def totals(redis):
    return stored_totals(redis.ask, "checkout-alb-1", 0), stored_totals(redis.ask, "checkout-alb-1", 1)


def ready(j):
    """Samples of the release are routed: one of its names, of nothing, is taken."""
    line = {"service": "checkout", "metric": "AWS/ApplicationELB.RequestCount", "value": 0, "labels": {**LB, **GROUPS[0]}}
    wait_for("routes", lambda: (a := j.samples([line], ack=False)).status == 202 and a.json["taken"] == 1)


@suite.test
def points_count_once(dir):
    with Stack() as s:
        redis = s.redis()
        one, two = s.judged(redis=redis.url), s.judged(redis=redis.url)
        one.start()
        key = wait_for("token", lambda: one.make_token("ingest"))
        two.start()
        two._token = one.token
        a, b = Firehose(one, key), Firehose(two, key)
        began = time.time() // 60 * 60
        one.apply((ROOT / "deploy" / "examples" / "firehose.yaml").read_text())
        ready(one)
        ready(two)
        now = time.time() // 60 * 60
        first = a.deliver(minute(100, 3, now), "json")
        check(a.send(first)[0] == 200 and b.send(first)[0] == 200)  # the answer was lost
        b.deliver(minute(100, 3, now), "opentelemetry1.0")  # and the records came in another batch
        a.deliver(minute(100, 3, now), "json", compress=False)
        senders = [threading.Thread(target=f.deliver, args=(minute(100, 3, now), e)) for f in (a, b) for e in ENCODINGS for _ in range(2)]
        [t.start() for t in senders], [t.join() for t in senders]

        def stored(n):
            errors, times = totals(redis)
            return all(c.get("exposure") == n and c.get("events") == 3 * n / 100 for c in errors) and all(c.get("exposure") == n and abs(c["events"] - n * 0.25) < 1e-9 for c in times)
        wait_for("100 requests", lambda: stored(100), 10)
        dups = one.metrics()["judge_batches_duplicate_total"] + two.metrics()["judge_batches_duplicate_total"]
        check(dups > 30, dups)
        # another value of a point that counted already: the first stands, and it is said
        b.deliver([point("RequestCount", {**LB, **GROUPS[0]}, 120, 120.0, 1.0, 1.0, now)])
        check(two.metrics()["judge_firehose_points_revised_total"] == 1)
        b.deliver(minute(100, 3, began - 60), "opentelemetry1.0")  # before the release
        check(stored(100), totals(redis))
        check(one.metrics()["judge_sample_lines_refused_total"] == 0, one.log()[-2000:])


@suite.test
def what_is_wrong(dir):
    with Stack() as s:
        j = s.judged()
        j.start()
        key = wait_for("token", lambda: j.make_token("ingest"))
        f = Firehose(j, key)
        example = (ROOT / "deploy" / "examples" / "firehose.yaml").read_text()
        j.apply(example)
        j.apply(example.replace("checkout-alb-1", "seconds").replace("service: checkout", "service: other").replace("block: 60s", "block: 1s"))
        ready(j)
        check(f.send(Delivery([b""])) == (200, None))
        for wrong in ("no", "x" * 4096, None, j.make_token("read")):
            status, why = Firehose(j, wrong).send(Delivery(as_json(minute(1, 1))))
            check(status in (401, 403) and why, status, why)
        check(f.send(Delivery([b""]))[0] == 200)

        d = Delivery([b""], compress=False)
        for body in (b"", b"[]", b"{}", b'{"records": {}}', b'{"records": [{}]}', b'{"records": [{"data": "*"}]}', b'{"records": [{"data": ""}]} x', b'{"records": [' + b'{"data":""},' * 10001):
            d.body = body
            status, why = f.send(d)
            check(status in (400, 413) and why, body[:50], status, why)
        d.body, d.headers["Content-Encoding"] = b"not gzip", "gzip"
        check(f.send(d)[0] == 400)
        d = Delivery([b""])
        d.headers["X-Amz-Firehose-Protocol-Version"] = "2.0"
        check(f.send(d)[0] == 400)

        # records that are none: they are said, and the rest counts; a release with blocks too short is named
        before = j.metrics()
        points = minute(10, 1)
        check(f.send(Delivery([b"broken", b"{\"broken\"", *as_json(points), as_json([point("RequestCount", {**LB, **GROUPS[0]}, 0, 0.0)])[0]])) == (200, None))
        m = j.metrics()
        check(m["judge_firehose_records_total"] - before["judge_firehose_records_total"] == 2 + 1 + (len(points) + 2) // 3, m)
        check(m["judge_sample_lines_refused_total"] - before["judge_sample_lines_refused_total"] == 3, m["judge_sample_lines_refused_total"])
        check(m['judge_sample_lines_refused_by_format_total{format="firehose"}'] == m["judge_sample_lines_refused_total"], m)
        check("points refused, for example" in j.log(), j.log()[-1000:])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="judged-test-") as directory:
        suite.run(pathlib.Path(directory))
