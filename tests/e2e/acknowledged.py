"""The acknowledged ways in, one entry a way, for the proof that each sample counts exactly once (test_exactly_once.py).

A way has metrics of its own in the release, so that it is counted apart. Its `make` gives one request and what the request
adds: {metric name: {cohort: {"samples", then "events" and "exposure", or "n" and "sum", or "n" and "cells"}}}, in the words
of stack.read_summary, the cells in those of histograms.py. EXCLUDED are ways on which nobody answers, so nothing is promised.
"""
import dataclasses
import json
import struct

import firehose
import histograms

COHORTS = ("baseline", "candidate")
SERVICE = "shop"
EXCLUDED = ("DogStatsD over UDP", "DogStatsD over unix datagrams", "EMF over UDP", "EMF over TCP")


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
        adds[f"{way}_errors"][cohort] = {"samples": requests + errors, "events": errors, "exposure": requests}
        adds[f"{way}_size"][cohort] = {"samples": len(sizes), "n": len(sizes), "sum": sum(sizes)}
        adds[f"{way}_latency"][cohort] = {"samples": len(times), "n": len(times), "cells": histograms.raw_cells(times)}
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


def pushed(name, kind, metric, of=None, margin=None, **more):
    """A metric of the spec, for information only."""
    push = {"metric": metric, **({"of": of} if of else {}), **more.pop("push", {})}
    return {"name": name, "kind": kind, "role": "info", "margin": margin or {"relative": "90%"}, "source": {"push": push}, **more}


def proportion(name, metric, of, **more):
    return pushed(name, "proportion", metric, of, {"relative": "90%", "absolute": "30%"}, **more)


def quantile(name, metric):
    return pushed(name, "quantile", metric, quantile="95%")


def add_cells(adds, metric, cohort, cells, **more):
    """Cells of one more series of a histogram."""
    total = adds.setdefault(metric, {}).setdefault(cohort, {"n": 0, "cells": {}})
    for k, n in cells.items():
        total["cells"][k] = total["cells"].get(k, 0) + n
    total["n"] += sum(cells.values())
    return total


# ---- OTLP ----


OTLP_DELTA = [
    proportion("otlp_errors", "otlp.e", "otlp.r"), pushed("otlp_size", "mean", "otlp.size"),
    quantile("otlp_explicit", "otlp.ms"), quantile("otlp_exponential", "otlp.fine"), pushed("otlp_number", "rate", "otlp.ms:count", "otlp.fine:count"),
]


def packed64(number, values, form):
    return field(number, struct.pack(f"<{len(values)}{form}", *values))


def zigzag(n):
    return n << 1 if n >= 0 else (-n << 1) - 1


def explicit_point(counts):
    return fixed64(4, sum(counts)) + packed64(6, counts, "Q") + packed64(7, histograms.EDGES, "d")


def exponential_point(e):
    offset, counts = e.dense()
    buckets = field(1, zigzag(offset)) + field(2, b"".join(varint(n) for n in counts))
    return fixed64(4, e.zeros + sum(counts)) + field(6, zigzag(e.scale)) + fixed64(7, e.zeros) + field(8, buckets) + field(14, histograms.ZERO_EDGE)


def delta_histograms(rng, cohort, adds):
    """[(metric, field of its kind, field of attributes, a point's own part)], one or more series each."""
    points, numbers = [], []
    for name, metric in (("otlp.ms", "otlp_explicit"), ("otlp.fine", "otlp_exponential")):
        for _ in range(rng.randint(1, 3)):
            values = histograms.draw(rng)
            if metric == "otlp_explicit":
                counts = histograms.explicit(values)
                cells = histograms.explicit_cells(counts)
                points.append((name, 9, 9, explicit_point(counts)))
            else:
                e = histograms.Exponential(rng.randint(-2, 4))
                cells = e.add(values)
                points.append((name, 10, 1, exponential_point(e)))
            total = add_cells(adds, metric, cohort, cells)
        total["samples"] = total["n"]
        numbers.append(total["n"])
    adds.setdefault("otlp_number", {})[cohort] = {"samples": sum(numbers), "events": numbers[0], "exposure": numbers[1]}
    return points


def make_otlp_delta(sender, key, rng, ts):
    """Sums, a gauge, histograms of both kinds, in protobuf. Bodies are known by their digest: the start time makes each another one."""
    ns, adds, resources = int(ts * 1e9), {"otlp_errors": {}, "otlp_size": {}}, b""
    start = ns - 10**9 - sender.number * 10**6 - sender.batches
    times = fixed64(2, start) + fixed64(3, ns)
    for cohort in COHORTS:
        points = {"otlp.r": [rng.randint(1, 500) for _ in range(rng.randint(1, 4))], "otlp.e": [rng.randint(0, 9)], "otlp.size": [rng.randint(1, 1000) for _ in range(rng.randint(1, 4))]}
        metrics = b""
        for name, values in points.items():
            data = b"".join(field(1, times + field(4, float(v)) + field(7, attribute("route", f"/{i}"))) for i, v in enumerate(values))
            kind = field(5, data) if name == "otlp.size" else field(7, data + field(2, 1) + field(3, 1))  # a gauge; a monotonic sum of deltas
            metrics += field(2, field(1, name) + kind)
        for i, (name, kind, attributes, point) in enumerate(delta_histograms(rng, cohort, adds)):
            data = field(1, times + field(attributes, attribute("route", f"/{i}")) + point)
            metrics += field(2, field(1, name) + field(kind, data + field(2, 1)))
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


OTLP_CUMULATIVE = [
    proportion("total_errors", "total.e", "total.r"),
    quantile("total_explicit", "total.ms"), quantile("total_exponential", "total.fine"), pushed("total_number", "rate", "total.ms:count", "total.fine:count"),
]


def grow_explicit(sender, way, cohort, values):
    """The histogram as it stands now, and the cells that became more."""
    more = histograms.explicit(values)
    counts = sender.state[way, cohort] = [a + b for a, b in zip(sender.state.get((way, cohort), [0] * len(more)), more)]
    return counts, histograms.explicit_cells(more)


def grow_exponential(sender, rng, way, cohort, values):
    """The same. Its buckets become wider now and then; values then lie in wide ones on both sides of the difference."""
    e = sender.state.setdefault((way, cohort), histograms.Exponential(4))
    if e.scale > 0 and rng.random() < 0.2:
        e.widen()
    return e, e.add(values)


def make_otlp_cumulative(sender, key, rng, ts):
    """A monotonic sum, histograms of both kinds, in JSON."""
    is_first = not sender.state
    adds, resources = grow(sender, rng, "total"), []
    times = {"startTimeUnixNano": str(sender.since * 10**9), "timeUnixNano": str(int(ts * 1e9))}
    for cohort in COHORTS:
        e, r = sender.state[cohort]
        metrics = [{"name": name, "sum": {"isMonotonic": True, "aggregationTemporality": 2, "dataPoints": [{**times, "asInt": str(v)}]}} for name, v in (("total.e", e), ("total.r", r))]
        counts, explicit_cells = grow_explicit(sender, "total.ms", cohort, histograms.draw(rng, 30))
        point = {**times, "count": str(sum(counts)), "bucketCounts": [str(n) for n in counts], "explicitBounds": histograms.EDGES}
        metrics.append({"name": "total.ms", "histogram": {"aggregationTemporality": 2, "dataPoints": [point]}})
        x, exponential_cells = grow_exponential(sender, rng, "total.fine", cohort, histograms.draw(rng, 30))
        offset, dense = x.dense()
        point = {**times, "count": str(x.zeros + sum(dense)), "scale": x.scale, "zeroCount": str(x.zeros), "zeroThreshold": histograms.ZERO_EDGE, "positive": {"offset": offset, "bucketCounts": [str(n) for n in dense]}}
        metrics.append({"name": "total.fine", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [point]}})
        if not is_first:
            numbers = [add_cells(adds, m, cohort, cells)["n"] for m, cells in (("total_explicit", explicit_cells), ("total_exponential", exponential_cells))]
            adds.setdefault("total_number", {})[cohort] = {"events": numbers[0], "exposure": numbers[1]}
        who = {"service.name": SERVICE, "cohort": cohort, "service.instance.id": f"{cohort}-{sender.number}"}
        resources.append({"resource": {"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in who.items()]}, "scopeMetrics": [{"metrics": metrics}]})
    return Request("/v1/otlp/v1/metrics", "application/json", json.dumps({"resourceMetrics": resources}).encode(), {}, adds)


# ---- Prometheus remote write ----


def series(name, cohort, value, ts, **labels):
    labels = {"__name__": name, "cohort": cohort, "instance": f"{cohort}:80", "job": SERVICE, **labels}
    text = b"".join(field(1, field(1, n) + field(2, v)) for n, v in sorted(labels.items()))
    return field(1, text + field(2, field(1, float(value)) + field(2, int(ts * 1000))))


REMOTE = [
    proportion("remote_errors", "remote_e_total", "remote_r_total"), pushed("remote_size", "mean", "remote_size"),
    quantile("remote_latency", "remote_ms"), pushed("remote_mean", "ratio", "remote_ms_sum", "remote_ms_count"),
    proportion("remote_fast", "remote_ms_bucket", "remote_ms_count", push={"where": {"le": "25"}, "of_where": {"job": SERVICE}}),
]


def classic_histogram(sender, rng, cohort, ts, adds):
    """`_bucket` by `le` with what is below, `_sum` and `_count`, as Prometheus scrapes and sends them. adds: None at first."""
    values = histograms.draw(rng, 30)
    counts, cells = grow_explicit(sender, "remote_ms", cohort, values)
    total = sender.state["remote_ms_sum", cohort] = sender.state.get(("remote_ms_sum", cohort), 0.0) + sum(values)
    body, below = b"", 0
    for edge, n in zip([f"{e:g}" for e in histograms.EDGES] + ["+Inf"], counts):
        below += n
        body += series("remote_ms_bucket", cohort, below, ts, le=edge)
    if adds is not None:
        add_cells(adds, "remote_latency", cohort, cells)
        adds.setdefault("remote_mean", {})[cohort] = {"events": sum(values), "exposure": len(values)}
        adds.setdefault("remote_fast", {})[cohort] = {"events": sum(v <= 25 for v in values), "exposure": len(values)}
    return body + series("remote_ms_sum", cohort, total, ts) + series("remote_ms_count", cohort, below, ts)


def make_remote_write(sender, key, rng, ts):
    """Counters and a histogram, kept as points, and a gauge, each sample of which is an observation."""
    is_first = not sender.state
    adds = grow(sender, rng, "remote")
    body = b""
    for cohort in COHORTS:
        e, r = sender.state[cohort]
        body += series("remote_e_total", cohort, e, ts) + series("remote_r_total", cohort, r, ts)
        body += classic_histogram(sender, rng, cohort, ts, None if is_first else adds)
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


WAYS = [
    Way("ndjson", metric_trio("ndjson"), make_ndjson),
    Way("text", metric_trio("text"), make_text),
    Way("emf", metric_trio("emf"), make_emf),
    Way("otlp delta", OTLP_DELTA, make_otlp_delta),
    # differences need a point in each block, so these tell each block's, late or not; two seconds a batch can be kept up
    Way("otlp cumulative", OTLP_CUMULATIVE, make_otlp_cumulative, block="2s", senders=1, every=2),
    Way("remote write", REMOTE, make_remote_write, block="2s", senders=1, every=2),
    Way("firehose", firehose_metrics(), make_firehose, block="60s"),
]
