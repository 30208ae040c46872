"""A stand-in for CloudWatch that speaks its JSON 1.0 wire, for what moto and ministack lack: paging, partial data,
late points, percentiles, metric math, alarms, and faults on order.

    with CloudWatch() as cw:
        cw.put("Shop", "Errors", {"Version": "7"}, at=t, values=[(1, 3)], visible_in=90)
        cw.fault("throttle", times=3)             # the next three calls
        cw.alarm("checkout-5xx", "ALARM")
        ... a client against cw.url, with cw.access_key and cw.secret_key ...
        cw.calls                                  # what was asked and how it was answered

Every request is checked against botocore's service model (service_model.py) and its signature is verified, so the
double takes what AWS takes and not what our client happens to send; what AWS checks beyond the model (ids, periods,
unknown ids in expressions) is in _check_queries. test_cloudwatch_double.py drives it with boto3.

Time is the double's own (`now`): a test may set it back and forth. A datum is seen `visible_in` seconds after `now`
at its put, so late points and points that grow are a matter of what is put when. Series are kept a region and
account; STS AssumeRole gives keys of the role's account.
"""
import base64
import datetime
import gzip
import hashlib
import hmac
import http.server
import json
import math
import re
import sys
import threading
import time
import urllib.parse
import uuid

import cloudwatch_math
from service_model import Invalid, ServiceModel

MAX_QUERIES, MAX_POINTS = 500, 100800
HIGH_RESOLUTION = (1, 5, 10, 20, 30)
SKEW_S = 300
TARGET = "GraniteServiceVersion20100801."


class Fault(Exception):
    """An answer other than 200."""

    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def _percentile(pairs, p):
    """Linear between the order statistics of (value, count) pairs."""
    pairs = sorted(pairs)
    n = sum(c for _, c in pairs)
    rank = p / 100 * (n - 1)

    def at(i):
        for v, c in pairs:
            i -= c
            if i < 0:
                return v
        return pairs[-1][0]
    low = math.floor(rank)
    return at(low) + (at(math.ceil(rank)) - at(low)) * (rank - low)


class Datum:
    def __init__(self, at, values, stats, visible_at, resolution):
        self.at, self.values, self.stats, self.visible_at, self.resolution = at, values, stats, visible_at, resolution

    def summary(self):
        if self.stats:
            return self.stats["SampleCount"], self.stats["Sum"], self.stats["Minimum"], self.stats["Maximum"]
        return sum(c for _, c in self.values), sum(v * c for v, c in self.values), min(v for v, _ in self.values), max(v for v, _ in self.values)


def statistic(data, stat):
    """One period's statistic of its data, None when there is none."""
    parts = [d.summary() for d in data]
    n, total = sum(p[0] for p in parts), sum(p[1] for p in parts)
    simple = {"SampleCount": lambda: n, "Sum": lambda: total, "Average": lambda: total / n if n else None, "Minimum": lambda: min(p[2] for p in parts), "Maximum": lambda: max(p[3] for p in parts)}
    if stat in simple:
        return simple[stat]()
    pairs = []
    for d in data:
        if d.values:
            pairs += d.values
        elif d.stats["SampleCount"] == 1 or d.stats["Minimum"] == d.stats["Maximum"]:
            pairs.append((d.stats["Minimum"], d.stats["SampleCount"]))
        else:
            return None  # AWS: percentiles cannot be told from a statistic set
    if m := re.fullmatch(r"p(\d{1,2}(?:\.\d{1,10})?|100)", stat):
        return _percentile(pairs, float(m[1]))
    if m := re.fullmatch(r"tm(\d{1,2}(?:\.\d{1,10})?)", stat):
        limit = _percentile(pairs, float(m[1]))
        kept = [(v, c) for v, c in pairs if v <= limit]
        return sum(v * c for v, c in kept) / sum(c for _, c in kept)
    if m := re.fullmatch(r"PR\((\d*\.?\d*):(\d*\.?\d*)\)", stat):
        low, high = float(m[1] or "-inf"), float(m[2] or "inf")
        return 100 * sum(c for v, c in pairs if low < v <= high) / sum(c for _, c in pairs)
    raise Fault("InvalidParameterValue", f"The value {stat} for parameter Stat is not supported.")


class CloudWatch(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, region="eu-west-1", account="111111111111", port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.model = ServiceModel("cloudwatch")
        self.region, self.account = region, account
        self.access_key, self.secret_key = "AKIADOUBLE0000000001", "double-secret"
        self.keys = {self.access_key: (self.secret_key, None, account)}
        self.series, self.alarms, self.faults, self.calls = {}, {}, [], []
        self.denied = set()  # role ARNs that may not be assumed
        self.forbidden, self.broken, self.partial = set(), set(), set()  # metric names with such a StatusCode
        self.page_points = MAX_POINTS  # a page holds no more, whatever was asked
        self.offset = 0.0  # of our clock
        self.lock = threading.RLock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    # ---- for tests ----

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def now(self):
        return time.time() + self.offset

    def put(self, namespace, name, dimensions=None, at=None, values=None, stats=None, visible_in=0, resolution=1, region=None, account=None):
        """values: [(value, count)]; stats: a StatisticSet."""
        key = (region or self.region, account or self.account, namespace, name, frozenset((dimensions or {}).items()))
        at = self.now() if at is None else at
        with self.lock:
            self.series.setdefault(key, []).append(Datum(at, values, stats, self.now() + visible_in, resolution))

    def alarm(self, name, state, composite=False, reason="a threshold was crossed", region=None, account=None):
        with self.lock:
            self.alarms[(region or self.region, account or self.account, name)] = (state, composite, reason, self.now())

    def fault(self, kind, times=1, action=None, region=None, **more):
        """throttle, server_error, unavailable, html, garbage, slow (seconds=), lost (done, and no answer), cut (half
        an answer), reset (neither), expired, denied."""
        with self.lock:
            self.faults.append({"kind": kind, "times": times, "action": action, "region": region, **more})

    def answered(self, action=None, ok=None):
        with self.lock:
            return [c for c in self.calls if (action is None or c["action"] == action) and (ok is None or (c["status"] == 200) == ok)]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.shutdown()
        self.server_close()

    # ---- the service ----

    def take_fault(self, action, authorization):
        with self.lock:
            for f in self.faults:
                if f["action"] in (None, action) and (f["region"] is None or f"/{f['region']}/" in authorization) and f["times"] > 0:
                    f["times"] -= 1
                    return f
        return None

    def who(self, headers, method, path, query, body):
        """(region, account) of a signed request."""
        m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", headers.get("Authorization", ""))
        if not m:
            raise Fault("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        key, day, region, service, names, signature = m.groups()
        if key not in self.keys:
            raise Fault("UnrecognizedClientException", "The security token included in the request is invalid.")
        secret, token, account = self.keys[key]
        if token != headers.get("X-Amz-Security-Token"):
            raise Fault("UnrecognizedClientException", "The security token included in the request is invalid.")
        at = headers.get("X-Amz-Date", "")
        sent = datetime.datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
        if abs(sent - self.now()) > SKEW_S:
            raise Fault("InvalidSignatureException", f"Signature {'expired' if sent < self.now() else 'not yet current'}: {at} is more than 5 min away")
        signed = names.split(";")
        if "host" not in signed or "x-amz-date" not in signed or (token and "x-amz-security-token" not in signed):
            raise Fault("InvalidSignatureException", "host, x-amz-date or x-amz-security-token is not signed")
        pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        canonical = "\n".join([
            method, urllib.parse.quote(path, safe="/-_.~%"),
            "&".join(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for k, v in pairs),
            "".join(f"{n}:{' '.join(headers.get(n, '').split())}\n" for n in signed), names, hashlib.sha256(body).hexdigest()])
        scope = f"{day}/{region}/{service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        k = ("AWS4" + secret).encode()
        for part in (day, region, service, "aws4_request"):
            k = hmac.new(k, part.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(hmac.new(k, text.encode(), hashlib.sha256).hexdigest(), signature):
            raise Fault("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
        return region, account, service

    def do(self, action, body, region, account):
        try:
            self.model.check(action, body)
        except Invalid as why:
            raise Fault("ValidationError", f"{why}") from why
        handler = getattr(self, "_" + action, None)
        if handler is None:
            raise Fault("InvalidAction", f"The action {action} is not part of this double")
        with self.lock:
            return handler(body, region, account)

    def assume_role(self, form):
        arn, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
        m = re.fullmatch(r"arn:aws:iam::(\d{12}):role/[\w+=,.@/-]+", arn)
        if not m or not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
            raise Fault("ValidationError", f"1 validation error: RoleArn {arn!r} or RoleSessionName {name!r}")
        if arn in self.denied:
            raise Fault("AccessDenied", f"not authorized to perform: sts:AssumeRole on resource: {arn}", 403)
        key, secret, token = "ASIA" + uuid.uuid4().hex[:16].upper(), uuid.uuid4().hex, uuid.uuid4().hex
        self.keys[key] = (secret, token, m[1])
        expires = datetime.datetime.fromtimestamp(self.now() + int(form.get("DurationSeconds", 3600)), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return (f'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROA:{name}</AssumedRoleId><Arn>arn:aws:sts::{m[1]}:assumed-role/r/{name}</Arn></AssumedRoleUser>'
                f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration></Credentials></AssumeRoleResult>"
                f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></AssumeRoleResponse>")

    # ---- PutMetricData ----

    def _PutMetricData(self, body, region, account):
        namespace = body["Namespace"]
        if namespace.startswith("AWS/"):
            raise Fault("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
        for datum in body.get("MetricData", []):
            ways = [k for k in ("Value", "StatisticValues", "Values") if k in datum]
            if len(ways) != 1 or ("Counts" in datum and "Values" not in datum):
                raise Fault("InvalidParameterCombination", "exactly one of Value, StatisticValues and Values is required")
            values = datum.get("Values", [datum["Value"]] if "Value" in datum else [])
            counts = datum.get("Counts", [1] * len(values))
            if len(values) > 150 or len(counts) != len(values):
                raise Fault("InvalidParameterValue", "Values and Counts are at most 150 and of one length")
            if any(not math.isfinite(v) or abs(v) > 2.0 ** 360 for v in values):
                raise Fault("InvalidParameterValue", "a value is not finite or out of range")
            at = datum.get("Timestamp", self.now())
            if not -14 * 86400 < at - self.now() < 7200:
                raise Fault("InvalidParameterValue", f"The parameter Timestamp {at} is out of range")
            dimensions = {d["Name"]: d["Value"] for d in datum.get("Dimensions", [])}
            self.put(namespace, datum["MetricName"], dimensions, at, list(zip(values, counts)) if values else None, datum.get("StatisticValues"), 0, datum.get("StorageResolution", 60), region, account)
        return None

    # ---- GetMetricData ----

    def _check_queries(self, body):
        queries, start, end = body["MetricDataQueries"], body["StartTime"], body["EndTime"]
        if not 1 <= len(queries) <= MAX_QUERIES:
            raise Fault("ValidationError", f"MetricDataQueries has {len(queries)} entries; 1 to {MAX_QUERIES} are allowed")
        if not start < end:
            raise Fault("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
        ids = [q["Id"] for q in queries]
        for i in ids:
            if not re.fullmatch(r"[a-z][a-zA-Z0-9_]*", i):
                raise Fault("ValidationError", f"Id {i!r} must match ^[a-z][a-zA-Z0-9_]*$")
        if len(set(ids)) != len(ids):
            raise Fault("ValidationError", "The values for parameter id in MetricDataQueries are not unique.")
        if not any(q.get("ReturnData", True) for q in queries):
            raise Fault("ValidationError", "at least one query must return data")
        for q in queries:
            if ("MetricStat" in q) == ("Expression" in q):
                raise Fault("ValidationError", f"{q['Id']}: exactly one of MetricStat and Expression")
            if "MetricStat" in q:
                metric = q["MetricStat"]["Metric"]
                if not metric.get("Namespace") or not metric.get("MetricName"):
                    raise Fault("ValidationError", f"{q['Id']}: Namespace and MetricName are required")
                names = [d["Name"] for d in metric.get("Dimensions", [])]
                if len(set(names)) != len(names):
                    raise Fault("ValidationError", f"{q['Id']}: a dimension is given twice")
                self._check_period(q["MetricStat"]["Period"], start)
            else:
                try:
                    unknown = cloudwatch_math.names(q["Expression"]) - set(ids)
                except cloudwatch_math.MathError as why:
                    raise Fault("ValidationError", str(why)) from why
                if unknown:
                    raise Fault("ValidationError", f"Error in expression {q['Id']!r}: unknown ids {sorted(unknown)}")

    def _check_period(self, period, start):
        age = self.now() - start
        if period not in HIGH_RESOLUTION and period % 60:
            raise Fault("ValidationError", f"Period {period} must be 1, 5, 10, 20, 30 or a multiple of 60")
        least = 1 if age < 3 * 3600 else 60 if age < 15 * 86400 else 300 if age < 63 * 86400 else 3600
        if period % least:
            raise Fault("ValidationError", f"Period {period}: a StartTime {age:.0f} s ago needs a multiple of {least}")

    def _points(self, stat, start, end, region, account):
        metric, period = stat["Metric"], stat["Period"]
        dimensions = frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions", []))
        data = self.series.get((region, account, metric["Namespace"], metric["MetricName"], dimensions), [])
        buckets = {}
        for d in data:
            at = d.at // (1 if d.resolution == 1 else 60) * (1 if d.resolution == 1 else 60)
            if d.visible_at <= self.now() and start <= at < end and (period >= 60 or d.resolution == 1):
                buckets.setdefault(int(start + (at - start) // period * period), []).append(d)
        out = {t: statistic(b, stat["Stat"]) for t, b in buckets.items()}
        return {t: v for t, v in out.items() if v is not None}

    def _results(self, body, region, account):
        """[(query, series, status)] in the order asked."""
        queries = body["MetricDataQueries"]
        step = 60 if any(q["MetricStat"]["Period"] >= 60 for q in queries if "MetricStat" in q) else 1
        start, end = body["StartTime"] // step * step, body["EndTime"]
        series, status = {}, {}
        for q in (q for q in queries if "MetricStat" in q):
            name = q["MetricStat"]["Metric"]["MetricName"]
            status[q["Id"]] = "Forbidden" if name in self.forbidden else "InternalError" if name in self.broken else "PartialData" if name in self.partial else "Complete"
            series[q["Id"]] = {} if status[q["Id"]] in ("Forbidden", "InternalError") else self._points(q["MetricStat"], start, end, region, q.get("AccountId", account))
            if status[q["Id"]] == "PartialData":
                series[q["Id"]] = dict(sorted(series[q["Id"]].items())[::2])
        left = [q for q in queries if "Expression" in q]
        while left:
            ready = [q for q in left if cloudwatch_math.names(q["Expression"]) <= set(series)]
            if not ready:
                raise Fault("ValidationError", "Error in expression: a circle of expressions")
            for q in ready:
                used = cloudwatch_math.names(q["Expression"])
                period = q.get("Period") or max([r["MetricStat"]["Period"] for r in queries if "MetricStat" in r and r["Id"] in used], default=60)
                grid = range(int(start // period * period), math.ceil(end), period)
                states = {status[n] for n in used}
                status[q["Id"]] = next((s for s in ("Forbidden", "InternalError", "PartialData") if s in states), "Complete")
                try:
                    series[q["Id"]] = cloudwatch_math.evaluate(q["Expression"], series, grid) if status[q["Id"]] in ("Complete", "PartialData") else {}
                except cloudwatch_math.MathError as why:
                    raise Fault("ValidationError", str(why)) from why
            left = [q for q in left if q not in ready]
        return [(q, series[q["Id"]], status[q["Id"]]) for q in queries if q.get("ReturnData", True)]

    def _GetMetricData(self, body, region, account):
        self._check_queries(body)
        asked = {k: v for k, v in body.items() if k != "NextToken"}
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
        skip = 0
        if body.get("NextToken"):
            try:
                was, skip = base64.b64decode(body["NextToken"]).decode().split(":")
                skip = int(skip)
            except ValueError as why:
                raise Fault("InvalidNextToken", "The next token is invalid.") from why
            if was != digest:
                raise Fault("InvalidNextToken", "The next token belongs to another request.")
        room = min(body.get("MaxDatapoints", MAX_POINTS), self.page_points, MAX_POINTS)
        newest_first = body.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results, seen, more = [], 0, False
        for q, series, status in self._results(body, region, account):
            points = sorted(series.items(), reverse=newest_first)
            first, last = max(skip - seen, 0), max(skip + room - seen, 0)
            page = points[first:last]
            cut = "Expression" not in q and last < len(points)
            more = more or cut
            if status == "Complete" and last < len(points):
                status = "PartialData"
            seen += len(points)
            if skip == 0 or page or cut:
                results.append({"Id": q["Id"], "Label": q.get("Label") or self._label(q), "Timestamps": [t for t, _ in page], "Values": [v for _, v in page], "StatusCode": status,
                                **({"Messages": [{"Code": "InternalError", "Value": "try again"}]} if status == "InternalError" else {})})
        answer = {"MetricDataResults": results, "Messages": []}
        if more:
            answer["NextToken"] = base64.b64encode(f"{digest}:{skip + room}".encode()).decode()
        return answer

    def _label(self, q):
        return q["Id"] if "Expression" in q else " ".join([d["Value"] for d in q["MetricStat"]["Metric"].get("Dimensions", [])] + [q["MetricStat"]["Metric"]["MetricName"]])

    # ---- DescribeAlarms ----

    def _DescribeAlarms(self, body, region, account):
        names, types = body.get("AlarmNames"), body.get("AlarmTypes") or ["MetricAlarm"]
        if names and body.get("AlarmNamePrefix"):
            raise Fault("ValidationError", "AlarmNames and AlarmNamePrefix are mutually exclusive")
        found = []
        for (r, a, name), (state, composite, reason, at) in sorted(self.alarms.items()):
            kind = "CompositeAlarm" if composite else "MetricAlarm"
            if (r, a) != (region, account) or kind not in types or (names and name not in names) or not name.startswith(body.get("AlarmNamePrefix", "")) or body.get("StateValue", state) != state:
                continue
            alarm = {"AlarmName": name, "AlarmArn": f"arn:aws:cloudwatch:{r}:{a}:alarm:{name}", "ActionsEnabled": True, "StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": at, "StateTransitionedTimestamp": at}
            alarm.update({"AlarmRule": 'ALARM("a")'} if composite else {"MetricName": "m", "Namespace": "N", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"})
            found.append((kind, alarm))
        skip = int(body.get("NextToken") or 0)
        page = found[skip:skip + body.get("MaxRecords", 50)]
        answer = {"MetricAlarms": [a for k, a in page if k == "MetricAlarm"], "CompositeAlarms": [a for k, a in page if k == "CompositeAlarm"], "LogAlarms": []}
        if skip + len(page) < len(found):
            answer["NextToken"] = str(skip + len(page))
        return answer


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.server.now())

    def do_POST(self):
        cw = self.server
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw
        target, kind = self.headers.get("X-Amz-Target", ""), self.headers.get("Content-Type", "")
        is_sts = kind.startswith("application/x-www-form-urlencoded")
        form = dict(urllib.parse.parse_qsl(body.decode())) if is_sts else {}
        action = form.get("Action", "") if is_sts else target.removeprefix(TARGET)
        call = {"action": action, "at": cw.now(), "status": None, "fault": None, "body": form if is_sts else None, "queries": 0, "region": None, "account": None}
        with cw.lock:
            cw.calls.append(call)
        fault = cw.take_fault(action, self.headers.get("Authorization", ""))
        call["fault"] = fault and fault["kind"]
        if self.fault_before(fault, call, is_sts):
            return
        try:
            region, account, service = cw.who(self.headers, "POST", *(self.path.split("?") + [""])[:2], raw)
            call.update(region=region, account=account)
            if is_sts:
                return self.answer(200, cw.assume_role(form).encode(), "text/xml", call)
            if service != "monitoring" or not target.startswith(TARGET) or kind != "application/x-amz-json-1.0":
                raise Fault("UnknownOperationException", f"{target!r} as {kind!r} for service {service!r}", 404)
            call["body"] = json.loads(body)
            call["queries"] = len(call["body"].get("MetricDataQueries", []))
            answer = cw.do(action, call["body"], region, account)
            if fault and fault["kind"] in ("lost", "cut"):
                return self.lose(fault["kind"], json.dumps(answer).encode(), call)
            self.answer(200, json.dumps(answer).encode() if answer is not None else b"{}", "application/x-amz-json-1.0", call)
        except Fault as why:
            self.refuse(why, is_sts, call)
        except ValueError as why:
            self.refuse(Fault("SerializationException", str(why)), is_sts, call)

    def fault_before(self, fault, call, is_sts):
        """True when the answer is out."""
        kind = fault and fault["kind"]
        if kind == "slow":
            time.sleep(fault["seconds"])
            return False
        refusals = {"throttle": ("ThrottlingException", "Rate exceeded", 400), "server_error": ("InternalServiceFault", "internal", 500), "unavailable": ("ServiceUnavailable", "busy", 503),
                    "expired": ("ExpiredTokenException", "The security token included in the request is expired", 400), "denied": ("AccessDeniedException", "not authorized to perform: cloudwatch:GetMetricData", 400)}
        if kind in refusals:
            self.refuse(Fault(*refusals[kind]), is_sts, call)
        elif kind == "html":
            self.answer(502, b"<html><body>Bad Gateway</body></html>", "text/html", call)
        elif kind == "garbage":
            self.answer(200, b'{"MetricDataResults": [{"Id": 7', "application/x-amz-json-1.0", call)
        elif kind == "reset":
            self.lose("lost", b"", call)
        else:
            return False
        return True

    def refuse(self, why, is_sts, call):
        call["error"] = f"{why.code}: {why.message}"
        if is_sts:
            code = why.code.removesuffix("Exception")
            return self.answer(why.status, f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{why.message}</Message></Error><RequestId>r</RequestId></ErrorResponse>".encode(), "text/xml", call)
        body = json.dumps({"__type": f"com.amazonaws.cloudwatch.v2010_08_01#{why.code}", "message": why.message}).encode()
        self.answer(why.status, body, "application/x-amz-json-1.0", call, {"x-amzn-query-error": f"{why.code};Sender"} if self.headers.get("x-amzn-query-mode") == "true" else {})

    def lose(self, kind, body, call):
        call["status"] = 0
        if kind == "cut":
            self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:len(body) // 2])
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()

    def answer(self, status, body, kind, call, more=None):
        call["status"] = status
        try:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), "x-amzn-RequestId": str(uuid.uuid4()), **(more or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client has given up
            self.close_connection = True

    def log_message(self, *_):
        pass


if __name__ == "__main__":  # for a look by hand: python3 cloudwatch.py [PORT]
    with CloudWatch(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as server:
        print(f"{server.url} {server.access_key} {server.secret_key} {server.region}", flush=True)
        threading.Event().wait()
