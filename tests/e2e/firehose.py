"""Amazon Data Firehose delivering a CloudWatch metric stream over HTTP, as its documentation describes the request, and as
strict about the answer: what does not have the documented form counts as a failure and is sent again, 413 drops the batch.

    f = Firehose(judged, access_key)
    f.deliver([point(...), ...], encoding="json")
"""
import base64
import gzip
import http.client
import json
import time
import uuid

from judged import check

ACCOUNT, REGION = "123456789012", "eu-west-1"
ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:metric-stream/judge"


def point(metric, dimensions, count, total, low=0.0, high=1.0, at=None, namespace="AWS/ApplicationELB", account_id=ACCOUNT, **more):
    """One data point; `at` in seconds, a whole minute."""
    return {"metric_stream_name": "judge", "account_id": account_id, "region": REGION, "namespace": namespace, "metric_name": metric, "dimensions": dimensions,
            "timestamp": int(at if at is not None else time.time() // 60 * 60) * 1000, "value": {"max": high, "min": low, "sum": total, "count": count, **more}, "unit": "Count"}


def as_json(points):
    """Some newline-separated objects a record."""
    return ["".join(json.dumps(p, separators=(",", ":")) + "\n" for p in points[i:i + 3]).encode() for i in range(0, len(points), 3)]


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def as_opentelemetry(points):
    """By opentelemetry-proto's own classes: two requests a record, each behind its length."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    messages = []
    for p in points:
        request = ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        for key, text in (("cloud.provider", "aws"), ("cloud.account.id", p["account_id"]), ("cloud.region", p["region"]), ("aws.exporter.arn", ARN)):
            resource.resource.attributes.add(key=key).value.string_value = text
        metric = resource.scope_metrics.add().metrics.add(name=f"amazonaws.com/{p['namespace']}/{p['metric_name']}", unit="{Count}")
        d = metric.summary.data_points.add(start_time_unix_nano=p["timestamp"] * 10**6, time_unix_nano=(p["timestamp"] + 60000) * 10**6, count=int(p["value"]["count"]), sum=p["value"]["sum"])
        d.quantile_values.add(quantile=0.0, value=p["value"]["min"])
        d.quantile_values.add(quantile=0.99, value=p["value"]["max"])
        d.quantile_values.add(quantile=1.0, value=p["value"]["max"])
        d.attributes.add(key="Namespace").value.string_value = p["namespace"]
        d.attributes.add(key="MetricName").value.string_value = p["metric_name"]
        dimensions = d.attributes.add(key="Dimensions").value.kvlist_value
        for name, text in p["dimensions"].items():
            dimensions.values.append(KeyValue(key=name))
            dimensions.values[-1].value.string_value = text
        messages.append(request.SerializeToString())
    return [b"".join(varint(len(m)) + m for m in messages[i:i + 2]) for i in range(0, len(messages), 2)]


ENCODINGS = {"json": as_json, "opentelemetry1.0": as_opentelemetry}


class Delivery:
    """One batch: the same id and body however often it is sent."""

    def __init__(self, records, compress=True):
        self.id = str(uuid.uuid4())
        body = json.dumps({"requestId": self.id, "timestamp": int(time.time() * 1000), "records": [{"data": base64.b64encode(r).decode()} for r in records]}).encode()
        self.body = gzip.compress(body) if compress else body
        self.headers = {"Content-Type": "application/json", "X-Amz-Firehose-Protocol-Version": "1.0", "X-Amz-Firehose-Request-Id": self.id,
                        "X-Amz-Firehose-Source-Arn": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/judge"}
        if compress:
            self.headers["Content-Encoding"] = "gzip"


class Firehose:
    def __init__(self, judged, access_key):
        self.judged, self.access_key = judged, access_key

    def send(self, delivery):
        """(status, errorMessage or None), with everything the documentation asks of the answer checked."""
        c = http.client.HTTPConnection("127.0.0.1", self.judged.port, timeout=60)
        headers = dict(delivery.headers)
        if self.access_key is not None:
            headers["X-Amz-Firehose-Access-Key"] = self.access_key
        try:
            c.request("POST", "/v1/firehose", delivery.body, headers)
            r = c.getresponse()
            body = r.read()
        finally:
            c.close()
        check(r.getheader("Content-Type") == "application/json" and r.getheader("Content-Encoding") is None, r.getheaders())
        check(r.getheader("Content-Length") == str(len(body)) and len(body) <= 1 << 20, r.getheaders())
        said = json.loads(body)
        check(said["requestId"] == delivery.id and isinstance(said["timestamp"], int) and abs(said["timestamp"] / 1000 - time.time()) < 60, said)
        check(set(said) <= {"requestId", "timestamp", "errorMessage"} and len(said.get("errorMessage", "")) <= 8192, said)
        check(not 300 <= r.status < 400 and (r.status == 200) == ("errorMessage" not in said), r.status, said)
        return r.status, said.get("errorMessage")

    def deliver(self, points, encoding="json", compress=True):
        """Until it is delivered, as Firehose does; gives the delivery."""
        d = Delivery(ENCODINGS[encoding](points), compress)
        deadline = time.monotonic() + 20
        while True:
            status, why = self.send(d)
            if status == 200:
                return d
            check(status != 413 and time.monotonic() < deadline, status, why)
            time.sleep(0.1)
