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
    status: int = 200  # when all is stored


@dataclasses.dataclass
class Way:
    name: str      # of its metrics, too
    metrics: list  # of the spec
    make: object   # make(sender, key, rng, ts) -> Request; sender.state is the sender's own, for counters that go on
    block: str = "200ms"  # of its release
    senders: int = 0      # 0: some
    every: float = 0      # seconds of time from batch to batch, however late it is sent; 0: as it comes


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


# ---- protobuf and snappy, as little as it takes ----


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    """bytes or text: length-delimited; float: 64 bits; int: varint."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def snappy(data):
    """The block format, all of it literals."""
    out = varint(len(data))
    for i in range(0, len(data), 65536):
        part = data[i:i + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return out


def attribute(name, text):
    return field(1, name) + field(2, field(1, text))


def proportion(way):
    return {"name": f"{way}_errors", "kind": "proportion", "role": "info", "margin": {"relative": "90%", "absolute": "30%"},
            "source": {"push": {"metric": f"{way}.e", "of": f"{way}.r"}}}


def mean(way):
    return {"name": f"{way}_size", "kind": "mean", "role": "info", "margin": {"relative": "90%"}, "source": {"push": {"metric": f"{way}.size"}}}


# ---- OTLP ----


def make_otlp_delta(sender, key, rng, ts):
    """Sums and a gauge, in protobuf. Bodies are known by their digest: the start time makes each another one."""
    ns, adds, resources = int(ts * 1e9), {"otlp_errors": {}, "otlp_size": {}}, b""
    start = ns - 10**9 - sender.number * 10**6 - sender.batches
    for cohort in COHORTS:
        points = {"otlp.r": [rng.randint(1, 500) for _ in range(rng.randint(1, 4))], "otlp.e": [rng.randint(0, 9)], "otlp.size": [rng.randint(1, 1000) for _ in range(rng.randint(1, 4))]}
        metrics = b""
        for name, values in points.items():
            data = b"".join(field(1, fixed64(2, start) + fixed64(3, ns) + field(4, float(v)) + field(7, attribute("route", f"/{i}"))) for i, v in enumerate(values))
            kind = field(5, data) if name == "otlp.size" else field(7, data + field(2, 1) + field(3, 1))  # a gauge; a monotonic sum of deltas
            metrics += field(2, field(1, name) + kind)
        resource = field(1, field(1, attribute("service.name", SERVICE)) + field(1, attribute("cohort", cohort)))
        resources += field(1, resource + field(2, metrics))
        adds["otlp_errors"][cohort] = {"samples": len(points["otlp.r"]) + 1, "events": points["otlp.e"][0], "exposure": sum(points["otlp.r"])}
        adds["otlp_size"][cohort] = {"samples": len(points["otlp.size"]), "n": len(points["otlp.size"]), "sum": sum(points["otlp.size"])}
    return Request("/v1/otlp/v1/metrics", "application/x-protobuf", resources, {}, adds)


def grow(sender, rng, way):
    """Counters of both cohorts, how far they stand now, and what that adds: nothing at first, for it is what later ones are measured from."""
    adds, first = {f"{way}_errors": {}}, not sender.state
    for cohort in COHORTS:
        e, r = sender.state.get(cohort, (50, 1000))
        more = (0, 0) if first else (rng.randint(0, 3), rng.randint(3, 90))
        sender.state[cohort] = e + more[0], r + more[1]
        if not first:
            adds[f"{way}_errors"][cohort] = {"events": more[0], "exposure": more[1]}
    return {} if first else adds


def make_otlp_cumulative(sender, key, rng, ts):
    adds, resources = grow(sender, rng, "total"), []
    for cohort in COHORTS:
        e, r = sender.state[cohort]
        metrics = [{"name": name, "sum": {"isMonotonic": True, "aggregationTemporality": 2, "dataPoints": [
            {"startTimeUnixNano": str(sender.since * 10**9), "timeUnixNano": str(int(ts * 1e9)), "asInt": str(v)}]}} for name, v in (("total.e", e), ("total.r", r))]
        who = {"service.name": SERVICE, "cohort": cohort, "service.instance.id": f"{cohort}-{sender.number}"}
        resources.append({"resource": {"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in who.items()]}, "scopeMetrics": [{"metrics": metrics}]})
    return Request("/v1/otlp/v1/metrics", "application/json", json.dumps({"resourceMetrics": resources}).encode(), {}, adds)


# ---- Prometheus remote write ----


def series(name, cohort, value, ts, **labels):
    labels = {"__name__": name, "cohort": cohort, "instance": f"{cohort}:80", "job": SERVICE, **labels}
    text = b"".join(field(1, field(1, n) + field(2, v)) for n, v in sorted(labels.items()))
    return field(1, text + field(2, field(1, float(value)) + field(2, int(ts * 1000))))


def make_remote_write(sender, key, rng, ts):
    """Counters, kept as points, and a gauge, each sample of which is an observation."""
    adds = grow(sender, rng, "remote")
    body = b""
    for cohort in COHORTS:
        e, r = sender.state[cohort]
        body += series("remote_e_total", cohort, e, ts) + series("remote_r_total", cohort, r, ts)
        sizes = [rng.randint(1, 1000) for _ in range(rng.randint(1, 4))]
        body += b"".join(series("remote_size", cohort, v, ts, shelf=str(i)) for i, v in enumerate(sizes))
        adds.setdefault("remote_size", {})[cohort] = {"samples": len(sizes), "n": len(sizes), "sum": sum(sizes)}
    headers = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    return Request("/v1/prometheus/write", "application/x-protobuf", snappy(body), headers, adds, status=204)


# ---- Firehose ----


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


REMOTE = {"name": "remote_errors", "kind": "proportion", "role": "info", "margin": {"relative": "90%", "absolute": "30%"},
          "source": {"push": {"metric": "remote_e_total", "of": "remote_r_total"}}}
REMOTE_SIZE = {"name": "remote_size", "kind": "mean", "role": "info", "margin": {"relative": "90%"}, "source": {"push": {"metric": "remote_size"}}}

WAYS = [
    Way("ndjson", metric_trio("ndjson"), make_ndjson),
    Way("text", metric_trio("text"), make_text),
    Way("emf", metric_trio("emf"), make_emf),
    Way("otlp delta", [proportion("otlp"), mean("otlp")], make_otlp_delta),
    # differences need a point in each block, so these tell each block's, late or not; two seconds a batch can be kept up
    Way("otlp cumulative", [proportion("total")], make_otlp_cumulative, block="2s", senders=1, every=2),
    Way("remote write", [REMOTE, REMOTE_SIZE], make_remote_write, block="2s", senders=1, every=2),
    Way("firehose", firehose_metrics(), make_firehose, block="60s"),
]
