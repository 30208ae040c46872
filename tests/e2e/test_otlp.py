#!/usr/bin/python3
"""OTLP/HTTP with the OpenTelemetry SDK as the peer: delta and cumulative, through two judged in turn, counted to the sample;
a release judged from it; and the protocol's answers."""
import in_venv  # first: the test runs in build/venv
import gzip
import itertools
import json
import os
import random
import struct
import threading
import time

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from judged import Suite, check, quick_spec, wait_for
from stack import Stack, late_counts, stored_totals

LONG = bool(os.environ.get("JUDGE_LONG"))
PATH = "/v1/otlp/v1/metrics"
suite = Suite()


def push(metric, of=None, **more):
    return {"push": {"metric": metric, **({"of": of} if of else {}), **more}}


def metrics(prefix):
    wide = {"relative": "90%"}
    return [
        {"name": prefix + "errors", "kind": "proportion", "margin": {"relative": "90%", "absolute": "30%"}, "source": push(prefix + ".requests", prefix + ".requests", where={"code": "500"})},
        {"name": prefix + "p95", "kind": "quantile", "quantile": "95%", "role": "info", "margin": wide, "source": push(prefix + ".latency")},
        {"name": prefix + "e95", "kind": "quantile", "quantile": "95%", "role": "info", "margin": wide, "source": push(prefix + ".exponential")},
        {"name": prefix + "slow", "kind": "rate", "role": "info", "margin": wide, "source": push(prefix + ".exponential:count", prefix + ".latency:count")},
        {"name": prefix + "depth", "kind": "mean", "role": "info", "margin": wide, "source": push(prefix + ".depth")},
    ]


SPEC = {
    "apiVersion": "judge/v1", "kind": "Release",
    "metadata": {"name": "sdk", "service": "checkout", "environment": "test", "revision": "v2"},
    "strategy": {"type": "canary", "steps": [{"share": "5%", "approval": True}, "100%"], "settle": "0s", "platform": {"kind": "none"}},
    "metrics": metrics("d") + metrics("c"),
    "policy": {"block": "2s", "lateness": "1s", "no_data_after": "1h", "deadline": "4h"},
}


class InTurn(MetricExporter):
    """Sends each export to the next judged, sometimes to both (a retry whose first answer was lost)."""

    def __init__(self, exporters, twice=0.0):
        super().__init__(preferred_temporality=exporters[0]._preferred_temporality, preferred_aggregation=exporters[0]._preferred_aggregation)
        self.exporters, self.turn, self.twice, self.sent = exporters, itertools.cycle(exporters), twice, 0

    def export(self, data, timeout_millis=10000, **more):
        result = next(self.turn).export(data, timeout_millis, **more)
        if random.random() < self.twice:
            next(self.turn).export(data, timeout_millis, **more)
        self.sent += 1
        check(result is MetricExportResult.SUCCESS, result)
        return result

    def force_flush(self, timeout_millis=10000):
        return True

    def shutdown(self, timeout_millis=30000, **more):
        for e in self.exporters:
            e.shutdown()


class App:
    """One process of a service: a provider whose exports go to these judged in turn."""

    def __init__(self, judgeds, service, attributes, prefix, temporality, **more):
        kind = AggregationTemporality.DELTA if temporality == "delta" else AggregationTemporality.CUMULATIVE
        exporters = [OTLPMetricExporter(j.url + PATH, headers={"Authorization": "Bearer " + j.token}, compression=Compression.Gzip if i else None,
                                        preferred_temporality={Counter: kind, Histogram: kind}) for i, j in enumerate(judgeds)]
        self.exporter = InTurn(exporters, **more)
        self.reader = PeriodicExportingMetricReader(self.exporter, export_interval_millis=3600000)
        resource = Resource.create({"service.name": service, "service.instance.id": f"{service}-{attributes}-{temporality}", **attributes})
        views = [View(instrument_name=prefix + ".exponential", aggregation=ExponentialBucketHistogramAggregation())]
        self.provider = MeterProvider([self.reader], resource=resource, views=views, shutdown_on_exit=False)
        meter = self.provider.get_meter("test")
        self.requests = meter.create_counter(prefix + ".requests")
        self.latency = meter.create_histogram(prefix + ".latency", explicit_bucket_boundaries_advisory=[5, 10, 25, 50, 100])
        self.exponential = meter.create_histogram(prefix + ".exponential")
        self.depth = meter.create_gauge(prefix + ".depth")
        self.busy = meter.create_up_down_counter(prefix + ".busy")
        self.counted = {"requests": 0, "errors": 0, "latency": 0, "fast": 0, "exponential": 0, "depth": 0}

    def request(self, is_error, ms):
        self.requests.add(1, {"code": 500 if is_error else 200, "http.route": f"/r{random.randrange(3)}"})
        self.latency.record(ms)
        self.exponential.record(ms)
        self.busy.add(random.choice((-1, 1)))
        c = self.counted
        c["requests"] += 1
        c["errors"] += is_error
        c["latency"] += 1
        c["fast"] += ms <= 10
        c["exponential"] += 1

    def flush(self):
        self.depth.set(7)
        self.counted["depth"] += 1
        check(self.provider.force_flush(20000), "flush")

    def close(self):
        self.provider.shutdown()


def routed(j, service):
    wait_for("routes", lambda: j.samples([{"service": service, "cohort": "baseline", "metric": "d.requests", "value": 0}, {"service": service, "cohort": "baseline", "metric": "http.requests", "value": 0}]).json["taken"] >= 1)


@suite.test
def sdk_through_two_judged_is_counted_once():
    with Stack() as s:
        redis = s.redis()
        judgeds = [s.judged(redis=redis.url).start(), s.judged(redis=redis.url).start()]
        judgeds[0].apply(SPEC)
        for j in judgeds:
            routed(j, "checkout")
        who = [("baseline", {"cohort": "baseline"}), ("candidate", {"service.version": "v2"})]
        apps = {(cohort, t): App(judgeds, "checkout", attributes, t[0], t, twice=0.2) for cohort, attributes in who for t in ("delta", "cumulative")}
        for a in apps.values():  # what was before the first point of a cumulative series is only its base
            for route_code in range(12):
                a.request(route_code % 2 == 0, 7)
        time.sleep(2.1)  # the first point is of a later block than the start
        for a in apps.values():
            a.flush()
        base = {k: dict(a.counted) for k, a in apps.items() if k[1] == "cumulative"}
        still = time.monotonic() + 2.1
        while time.monotonic() < still:  # the base is the last point of its block: let all of them say the same
            for a in apps.values():
                a.flush()
            time.sleep(0.2)
        begin, end = time.monotonic(), time.monotonic() + 7
        while time.monotonic() < end:
            for (cohort, _), a in apps.items():
                for _ in range(random.randrange(40)):
                    a.request(random.random() < (0.05 if cohort == "baseline" else 0.1), random.lognormvariate(2, 1))
                if a is apps["candidate", "cumulative"] and time.monotonic() - begin > 4:
                    a.exponential.record(random.choice((0, 1e-3, 5e4)))  # its scale has to change
                    a.counted["exponential"] += 1
                a.flush()
            time.sleep(0.2)
        want = {}
        for k, a in apps.items():
            want[k] = {n: v - (base[k][n] if k in base and n != "depth" else 0) for n, v in a.counted.items()}
            a.close()  # exports once more: a gauge's value again
            want[k]["depth"] += 1
        last = int(time.time() / 2)
        wait_for("sealed", lambda: all(int(redis.ask("HGET", "judge:{sdk}:marks", str(m)) or 0) >= last for m in range(10)), 20)
        for (cohort, t), w in want.items():
            first, c = (0 if t == "delta" else 5), (0 if cohort == "baseline" else 1)
            got = [stored_totals(redis.ask, "sdk", first + i)[c] for i in range(5)]
            check(late_counts(redis.ask, "sdk", first) == [0, 0], "late")
            check((got[0]["events"], got[0]["exposure"]) == (w["errors"], w["requests"]), cohort, t, got[0], w)
            check(got[1]["n"] == w["latency"], cohort, t, got[1], w)
            check(sum(n for (lo, hi), n in got[1]["cells"].items() if hi <= edge(10)) == w["fast"], cohort, t, got[1], w)
            check(got[2]["n"] == w["exponential"], cohort, t, got[2]["n"], w)
            check((got[3]["events"], got[3]["exposure"]) == (w["exponential"], w["latency"]), cohort, t, got[3], w)
            check(got[4]["n"] == w["depth"] and got[4]["sum"] == 7 * w["depth"], cohort, t, got[4], w)
        lost = [sum(j.metrics()[f"judge_cumulative_{n}_total"] for j in judgeds) for n in ("resets", "gaps")]
        check(lost[0] == 0, "resets", lost)
        dups = sum(j.metrics()["judge_batches_duplicate_total"] for j in judgeds)
        check(dups > 5, "nothing was sent twice", dups)


def edge(value):
    """The histogram's bucket of a value (lib/sketch/hist.h)."""
    return (struct.unpack("<Q", struct.pack("<d", value))[0] >> 45) - ((1023 - 40) << 7) + 1


def feed(apps, stop):
    """Requests and exports until told to stop; errors as each app's rate says."""
    while not stop.wait(0.1):
        for a, rate in apps:
            for _ in range(200):
                a.request(random.random() < rate, 5)
            a.flush()


@suite.test
def a_release_is_judged_from_the_sdk():
    with Stack() as s:
        j = s.judged().start()
        policy = {"block": "500ms", "lateness": "500ms", "no_data_after": "5s"}
        source = {"source": push("http.requests", "http.requests", where={"code": "500"}), "margin": {"relative": "90%", "absolute": "8%"}}
        names = ["harmful"] + (["harmless"] if LONG else [])
        for name in names:
            j.apply(quick_spec(name, policy=policy, metric=source, steps=("50%", "100%"), strategy={"first_share": "50%"}))
            routed(j, name)
            check(j.post(f"/v1/releases/{name}/traffic", {"share": "50%", "why": "shifted"}).status < 300)
        apps = []
        for name in names:
            for cohort in ("baseline", "candidate"):
                a = App([j], name, {"cohort": cohort}, "http", "cumulative")
                apps.append((a, 0.3 if name == "harmful" and cohort == "candidate" else 0.01))
        stop = threading.Event()
        feeding = threading.Thread(target=feed, args=(apps, stop))
        feeding.start()
        try:
            r = wait_for("a verdict", lambda: (r := j.release("harmful"))["phase"] == "done" and r, 40)
            check(r["outcome"] == "rolled_back" and r["cause"] == "harm", r)
            if LONG:
                wait_for("promote", lambda: (v := j.release("harmless")["verdict"]) and v["verdict"] == "promote", 90)
        finally:
            stop.set()
            feeding.join()
            for a, _ in apps:
                a.close()


# ---- the protocol ----

def request(points=(), kind="sum", name="http.requests", temporality=1, **more):
    """One resource, one metric; points: dicts of fields of the data point, with `attributes`."""
    r = ExportMetricsServiceRequest()
    rm = r.resource_metrics.add()
    for k, v in (("service.name", "proto"), ("service.instance.id", "i1")):
        rm.resource.attributes.add(key=k).value.string_value = v
    m = rm.scope_metrics.add().metrics.add(name=name)
    data = getattr(m, kind)
    data.SetInParent()
    if kind not in ("gauge", "summary"):
        data.aggregation_temporality = temporality
    for k, v in more.items():
        setattr(data, k, v)
    for p in points:
        p = dict(p)
        attributes = {"cohort": "baseline", **p.pop("attributes", {})}
        q = data.data_points.add(time_unix_nano=time.time_ns(), **p)
        for k, v in attributes.items():
            q.attributes.add(key=k).value.string_value = v
    return r


def send(j, r, type="application/x-protobuf", **more):
    body = r if isinstance(r, bytes) else r.SerializeToString() if "protobuf" in type else json.dumps(as_json(r)).encode()
    return j.post(PATH, body, type=type, **more)


def as_json(r):
    return MessageToDict(r, use_integers_for_enums=True)


@suite.test
def the_protocols_answers():
    with Stack() as s:
        redis = s.redis()
        j = s.judged(redis=redis.url).start()
        spec = {**SPEC, "metadata": {**SPEC["metadata"], "name": "proto", "service": "proto"}, "metrics": [
            {"name": "errors", "kind": "proportion", "margin": {"relative": "90%"}, "source": push("http.errors", "http.requests")},
            {"name": "p95", "kind": "quantile", "quantile": "95%", "margin": {"relative": "90%"}, "source": push("latency_ms")}]}
        j.apply(spec)
        routed(j, "proto")
        good = request([{"as_int": 3}, {"as_double": 4}], is_monotonic=True)
        a = send(j, good)
        check(a.status == 200 and a.body == b"" and a.headers["content-type"] == "application/x-protobuf", a, a.headers)
        a = send(j, good)
        check(a.status == 200 and a.headers["idempotent-replay"] == "true", a.headers)
        a = j.post(PATH, gzip.compress(good.SerializeToString()), type="application/x-protobuf", headers={"Content-Encoding": "gzip"})
        check(a.status == 200 and a.headers["idempotent-replay"] == "true", a.headers)
        a = send(j, request([{"as_int": 5}], is_monotonic=True), "application/json")
        check(a.status == 200 and a.json == {} and a.headers["content-type"] == "application/json", a)
        buckets = {"bucket_counts": [1, 2, 3], "explicit_bounds": [10, 20], "count": 6}
        exponential = {"scale": 0, "zero_count": 2, "positive": {"offset": 2, "bucket_counts": [5, 0, 6]}, "count": 13}
        for type in ("application/x-protobuf", "application/json"):
            check(send(j, request([buckets], "histogram", "latency_ms"), type).status == 200)
            check(send(j, request([exponential], "exponential_histogram", "latency_ms"), type).status == 200)
        # an unwanted metric is no error, whatever it is; a wanted one of the wrong kind is refused by name
        check(send(j, request([{"count": 1, "sum": 1.0}], "summary", "rpc.duration")).body == b"")
        refused = [
            (request([{"count": 1, "sum": 1.0}] * 2, "summary", "latency_ms"), 2, "summary"),
            (request([{"as_int": 1}], name="http.requests"), 1, "may fall"),
            (request([{"as_int": 1}], name="http.requests", temporality=0, is_monotonic=True), 1, "temporality"),
            (request([{"as_int": 1}], "gauge", "http.requests"), 1, "gauge"),
            (request([{"as_double": -1.0}, {"as_int": 2}], is_monotonic=True), 1, "negative"),
            (request([{"bucket_counts": [1, 2], "explicit_bounds": [10, 20]}], "histogram", "latency_ms"), 1, "one count more"),
            (request([{"bucket_counts": [1, 2, 3], "explicit_bounds": [20, 10]}], "histogram", "latency_ms"), 1, "do not grow"),
            (request([{"scale": 0, "negative": {"bucket_counts": [1]}}], "exponential_histogram", "latency_ms"), 1, "below zero"),
            (request([{"as_int": 1, "attributes": {"x": "y" * 5000}}], is_monotonic=True), 1, "longer than"),
        ]
        for r, n, why in refused:
            a = send(j, r)
            p = ExportMetricsServiceResponse.FromString(a.body).partial_success
            check(a.status == 200 and p.rejected_data_points == n and why in p.error_message, a.status, p, why)
            a = send(j, r, "application/json").json["partialSuccess"]
            check(a["rejectedDataPoints"] == str(n) and why in a["errorMessage"], a)
        check(send(j, request([{"as_int": 1, "flags": 1}], is_monotonic=True)).body == b"")  # no recorded value
        for body in (b"\xff\xff", good.SerializeToString()[:-3]):
            a = send(j, body)
            check(a.status == 400 and a.headers["content-type"] == "application/x-protobuf" and b"ExportMetricsServiceRequest" in a.body, a)
        a = send(j, b"{", "application/json")
        check(a.status == 400 and a.json["code"] == 3 and a.json["message"], a)
        check(send(j, b"x", "text/plain").status == 415)
        check(send(j, good, token=None).status == 401)
        check(send(j, good, token=j.make_token("read")).status == 403)
        mine = j.make_token("ingest", services="other")
        p = ExportMetricsServiceResponse.FromString(send(j, request([{"as_int": 1}], is_monotonic=True), token=mine).body).partial_success
        check(p.rejected_data_points == 1 and "may not write" in p.error_message, p)
        got = stored_totals(redis.ask, "proto", 0)[0]
        check(got["exposure"] == 3 + 4 + 5 + 2 + 2, got)
        got = stored_totals(redis.ask, "proto", 1)[0]
        check(got["n"] == 2 * 6 + 2 * 13, got)
        check(sum(n for (lo, hi), n in got["cells"].items() if hi <= edge(8)) == 2 * (2 + 5), got)  # zeros and (4, 8]
        if LONG:  # it waits half a minute for Redis
            redis.kill()
            a = send(j, request([{"as_int": 1}], is_monotonic=True), timeout=60)
            check(a.status == 503 and a.headers["retry-after"], a)


if __name__ == "__main__":
    suite.run()
