"""The acknowledged ways in, one entry a way, for the proof that each sample counts exactly once (test_exactly_once.py).

A way has metrics of its own in the release, so that it is counted apart. Its `make` gives one request and what the request
adds: {metric name: {cohort: {"samples", then "events" and "exposure", or "n" and "sum", or "n" and "cells"}}}, in the words
of stack.read_summary. UDP (DogStatsD, EMF) is no such way: nobody answers there, so nothing is promised.
"""
import dataclasses
import json
import struct

import firehose

COHORTS = ("baseline", "candidate")
SERVICE = "shop"


@dataclasses.dataclass
class Request:
    path: str
    type: str
    body: bytes
    headers: dict
    adds: dict
    lines: int = 0  # the answer must have taken so many, where it says so


@dataclasses.dataclass
class Way:
    name: str      # of its metrics, too
    metrics: list  # of the spec
    make: object   # make(sender, key, rng, ts) -> Request; sender.state is the sender's own, for counters that go on
    by_minutes: bool = False  # its points cover a minute each, so they need a release with such blocks


def bucket(value):
    """lib/sketch/hist.h: exponent and seven bits of the mantissa, from 2^-40."""
    return (struct.unpack("<Q", struct.pack("<d", value))[0] >> 45) - ((1023 - 40) << 7) + 1 if value >= 2.0 ** -40 else 0


def metric_trio(way, source="push"):
    """A proportion, a mean and a quantile, fed by samples of these names."""
    return [
        {"name": f"{way}_errors", "kind": "proportion", "margin": {"relative": "90%", "absolute": "30%"}, "source": {source: {"metric": f"{way}.e", "of": f"{way}.r"}}},
        {"name": f"{way}_size", "kind": "mean", "role": "info", "margin": {"relative": "90%"}, "source": {source: {"metric": f"{way}.size"}}},
        {"name": f"{way}_latency", "kind": "quantile", "quantile": "95%", "role": "info", "margin": {"relative": "90%"}, "source": {source: {"metric": f"{way}.ms"}}},
    ]


def draw(way, rng):
    """[(name, cohort, value)] and what they add."""
    samples, adds = [], {m["name"]: {} for m in metric_trio(way)}
    for cohort in COHORTS:
        requests, errors = rng.randint(5, 40), rng.randint(0, 5)
        sizes = [rng.randint(1, 1000) for _ in range(rng.randint(1, 8))]
        times = [round(rng.lognormvariate(3, 1), 3) for _ in range(rng.randint(1, 8))]
        cells = {}
        for v in times:
            cells[bucket(v)] = cells.get(bucket(v), 0) + 1
        adds[f"{way}_errors"][cohort] = {"samples": requests + errors, "events": errors, "exposure": requests}
        adds[f"{way}_size"][cohort] = {"samples": len(sizes), "n": len(sizes), "sum": sum(sizes)}
        adds[f"{way}_latency"][cohort] = {"samples": len(times), "n": len(times), "cells": cells}
        samples += [(f"{way}.r", cohort, 1)] * requests + [(f"{way}.e", cohort, 1)] * errors
        samples += [(f"{way}.size", cohort, v) for v in sizes] + [(f"{way}.ms", cohort, v) for v in times]
    rng.shuffle(samples)
    return samples, adds


def make_ndjson(sender, key, rng, ts):
    samples, adds = draw("ndjson", rng)
    body = "".join(json.dumps({"service": SERVICE, "cohort": c, "metric": m, "value": v, "ts": ts}) + "\n" for m, c, v in samples)
    return Request("/v1/samples", "application/x-ndjson", body.encode(), {"Idempotency-Key": key}, adds, len(samples))


def make_text(sender, key, rng, ts):
    samples, adds = draw("text", rng)
    body = "".join(f"{m}:{v}|{'c' if m[-2:] in ('.r', '.e') else 'd'}|#service:{SERVICE},cohort:{c}|T{ts:.6f}\n" for m, c, v in samples)
    return Request("/v1/samples", "text/plain", body.encode(), {"Idempotency-Key": key}, adds, len(samples))


def make_emf(sender, key, rng, ts):
    samples, adds = draw("emf", rng)
    documents = []
    for cohort in COHORTS:
        values = {}
        for m, c, v in samples:
            if c == cohort:
                values.setdefault(m.removeprefix("emf."), []).append(v)
        metrics = {"Namespace": "emf", "Dimensions": [["service"], []], "Metrics": [{"Name": n} for n in values]}
        documents.append({"_aws": {"Timestamp": int(ts * 1000), "CloudWatchMetrics": [metrics]}, "service": SERVICE, "cohort": cohort, "requestId": key, **values})
    body = "".join(json.dumps(d) + "\n" for d in documents)
    return Request("/v1/emf", "application/x-ndjson", body.encode(), {"Idempotency-Key": key}, adds, len(documents))


def firehose_metrics():
    def of(metric, other):
        return {"push": {"metric": f"Shop.{metric}", "of": f"Shop.{other}", "where": {"Stage": "prod"}, "cohorts": {c: {"Group": c} for c in COHORTS}}}
    return [
        {"name": "firehose_errors", "kind": "proportion", "margin": {"relative": "90%", "absolute": "30%"}, "source": of("Errors", "Requests")},
        {"name": "firehose_time", "kind": "ratio", "role": "info", "margin": {"relative": "90%"}, "source": of("Time", "Time:count")},
    ]


def make_firehose(sender, key, rng, ts):
    """Points of this minute; each batch is another account's, or they would be the same points."""
    points, adds = [], {m["name"]: {} for m in firehose_metrics()}
    for cohort in COHORTS:
        requests, errors, spent = rng.randint(5, 40), rng.randint(1, 5), rng.randint(1, 1000)
        for metric, n, total in (("Requests", requests, requests), ("Errors", errors, errors), ("Time", requests, spent)):
            points.append(firehose.point(metric, {"Stage": "prod", "Group": cohort}, n, float(total), 0.0, float(total), ts // 60 * 60, "Shop", account_id=key))
        adds["firehose_errors"][cohort] = {"samples": requests + errors, "events": errors, "exposure": requests}
        adds["firehose_time"][cohort] = {"samples": 2 * requests, "events": spent, "exposure": requests}
    rng.shuffle(points)
    d = firehose.Delivery(firehose.as_json(points))
    return Request("/v1/firehose", "application/json", d.body, d.headers, adds)


WAYS = [
    Way("ndjson", metric_trio("ndjson"), make_ndjson),
    Way("text", metric_trio("text"), make_text),
    Way("emf", metric_trio("emf"), make_emf),
    Way("firehose", firehose_metrics(), make_firehose, by_minutes=True),
]
