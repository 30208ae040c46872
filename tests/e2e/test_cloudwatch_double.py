"""boto3 against our stand-in for CloudWatch: what the stand-in answers is what AWS's own client reads."""
import in_venv  # noqa: F401  (first: it may start us again)

import pathlib
import sys
import time

import boto3
import botocore.client
import botocore.config
import botocore.exceptions
import botocore.loaders

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "doubles"))
from cloudwatch import CloudWatch  # noqa: E402
from service_model import Invalid  # noqa: E402
from judged import Suite, check  # noqa: E402

suite = Suite()


def client_of(cw, service="cloudwatch", retries=1, **more):
    session = boto3.Session(aws_access_key_id=cw.access_key, aws_secret_access_key=cw.secret_key, region_name=cw.region)
    loader = session._session.get_component("data_loader")
    if service == "cloudwatch":  # botocore prefers CBOR; judged and the double speak JSON
        loader.load_service_model("cloudwatch", "service-2")["metadata"]["protocols"] = ["json"]
    return session.client(service, endpoint_url=cw.url, config=botocore.config.Config(retries={"mode": "standard", "total_max_attempts": retries}, **more))


def query(id, name="m", stat="Sum", period=60, dimensions=None, **more):
    dimensions = [{"Name": k, "Value": v} for k, v in (dimensions or {}).items()]
    return {"Id": id, "MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": name, "Dimensions": dimensions}, "Period": period, "Stat": stat}, **more}


def minute(cw, back):
    return int(cw.now()) // 60 * 60 - 60 * back


def points(answer, id):
    r = next(r for r in answer["MetricDataResults"] if r["Id"] == id)
    return dict(zip((int(t.timestamp()) for t in r["Timestamps"]), r["Values"]))


def refused(call, code):
    try:
        call()
    except botocore.exceptions.ClientError as why:
        check(why.response["Error"]["Code"] == code, why.response["Error"])
        return why.response["Error"]["Message"]
    raise AssertionError(f"not refused with {code}")


@suite.test
def what_is_put_is_got():
    with CloudWatch() as cw:
        c, t = client_of(cw), minute(cw, 5)
        dims = [{"Name": "Version", "Value": "7"}]
        c.put_metric_data(Namespace="Shop", MetricData=[
            {"MetricName": "m", "Dimensions": dims, "Timestamp": t + 3, "Values": [1.0, 2.0, 10.0], "Counts": [2, 1, 1]},
            {"MetricName": "m", "Dimensions": dims, "Timestamp": t + 61, "StatisticValues": {"SampleCount": 4, "Sum": 20, "Minimum": 5, "Maximum": 5}},
            {"MetricName": "m", "Timestamp": t + 3, "Value": 99.0}])
        q = [query(i, stat=s, dimensions={"Version": "7"}) for i, s in (("s", "Sum"), ("n", "SampleCount"), ("a", "Average"), ("lo", "Minimum"), ("hi", "Maximum"), ("p50", "p50"), ("tm", "tm75"))]
        a = c.get_metric_data(MetricDataQueries=q + [query("bare")], StartTime=t, EndTime=t + 120, ScanBy="TimestampAscending")
        check(points(a, "s") == {t: 14, t + 60: 20}, a)
        check(points(a, "n") == {t: 4, t + 60: 4} and points(a, "a") == {t: 3.5, t + 60: 5}, a)
        check(points(a, "lo") == {t: 1, t + 60: 5} and points(a, "hi") == {t: 10, t + 60: 5}, a)
        check(points(a, "p50") == {t: 1.5, t + 60: 5} and points(a, "tm") == {t: (1 + 1 + 2) / 3, t + 60: 5}, a)
        check(points(a, "bare") == {t: 99}, "other dimensions are another series", a)
        check(all(r["StatusCode"] == "Complete" for r in a["MetricDataResults"]), a)


@suite.test
def pages_order_and_partial_data():
    with CloudWatch() as cw:
        c, t = client_of(cw), minute(cw, 12)
        for i in range(10):
            for name in ("m", "k"):
                cw.put("Shop", name, at=t + 60 * i, values=[(i, 1)], resolution=60)
        ask = {"MetricDataQueries": [query("m"), query("k", "k")], "StartTime": t, "EndTime": t + 600}
        a = c.get_metric_data(**ask)
        check(a["MetricDataResults"][0]["Values"] == [float(i) for i in range(9, -1, -1)], "the newest first unless told otherwise", a)
        got, token, states, n = {"m": [], "k": []}, {}, [], 0
        while True:
            a = c.get_metric_data(**ask, MaxDatapoints=7, ScanBy="TimestampAscending", **token)
            n += 1
            for r in a["MetricDataResults"]:
                got[r["Id"]] += r["Values"]
                states.append((r["Id"], r["StatusCode"]))
            if "NextToken" not in a:
                break
            token = {"NextToken": a["NextToken"]}
        check(n == 3 and got["m"] == got["k"] == [float(i) for i in range(10)], n, got)
        check(("m", "PartialData") in states and states[-1] == ("k", "Complete"), states)
        refused(lambda: c.get_metric_data(**ask, NextToken=a.get("NextToken", "bogus")), "InvalidNextToken")


@suite.test
def what_aws_refuses_is_refused():
    with CloudWatch() as cw:
        c, t = client_of(cw, parameter_validation=False), minute(cw, 5)

        def ask(*queries, start=t, end=t + 120, **more):
            return lambda: c.get_metric_data(MetricDataQueries=list(queries), StartTime=start, EndTime=end, **more)
        check("unique" in refused(ask(query("a"), query("a")), "ValidationError"))
        refused(ask(query("Upper")), "ValidationError")
        refused(ask(*(query(f"q{i}") for i in range(501))), "ValidationError")
        refused(ask(query("a", period=45)), "ValidationError")
        refused(ask(query("a", period=1), start=t - 4 * 3600), "ValidationError")
        refused(ask(query("a", period=60), start=t - 16 * 86400), "ValidationError")
        refused(ask(query("a"), end=t), "ValidationError")
        refused(ask({**query("a"), "Expression": "1"}), "ValidationError")
        refused(ask({"Id": "e", "Expression": "a/b"}), "ValidationError")
        try:
            cw.model.check("GetMetricData", {"MetricDataQueries": [{"Id": "a", "ReturnDate": True}], "StartTime": t, "EndTime": t + 60})
            raise AssertionError("an unknown member was taken")
        except Invalid as why:
            check("ReturnDate" in str(why), why)
        check("Period" in refused(ask(query("a", period="60")), "ValidationError"), "types")
        check("none of" in refused(ask(query("a"), ScanBy="Up"), "ValidationError"), "enumerations")
        check("MetricName" in refused(ask({"Id": "a", "MetricStat": {"Metric": {"Namespace": "N"}, "Period": 60, "Stat": "Sum"}}), "ValidationError"))
        check("more than 30" in refused(ask(query("a", dimensions={f"d{i}": "x" for i in range(31)})), "ValidationError"), "ranges")
        refused(lambda: c.put_metric_data(Namespace="AWS/Mine", MetricData=[{"MetricName": "m", "Value": 1}]), "InvalidParameterValue")


@suite.test
def metric_math():
    with CloudWatch() as cw:
        c, t = client_of(cw), minute(cw, 5)
        for i, (errors, requests) in enumerate([(1, 100), (None, 50), (3, 0)]):
            if errors is not None:
                cw.put("Shop", "errors", at=t + 60 * i, values=[(errors, 1)])
            cw.put("Shop", "requests", at=t + 60 * i, values=[(requests, 1)])
        hidden = [query("e", "errors", ReturnData=False), query("n", "requests", ReturnData=False)]

        def value(expression):
            a = c.get_metric_data(MetricDataQueries=[*hidden, {"Id": "x", "Expression": expression}], StartTime=t, EndTime=t + 180, ScanBy="TimestampAscending")
            check([r["Id"] for r in a["MetricDataResults"]] == ["x"], a)
            return {k - t: v for k, v in points(a, "x").items()}
        check(value("100 * (e / n)") == {0: 1.0}, "no point where one is missing or n is 0")
        check(value("FILL(e, 0) / n") == {0: 0.01, 60: 0.0})
        check(value("FILL(e,0) - 2 * (n ^ 0)") == {0: -1.0, 60: -2.0, 120: 1.0})
        check(value("SUM([e, n])") == {0: 101, 60: 50, 120: 3})
        check(value("IF(n > 60, e, 0)") == {0: 1, 60: 0, 120: 0})
        refused(lambda: value("e +"), "ValidationError")
        refused(lambda: value("NOSUCH(e)"), "ValidationError")


@suite.test
def late_points_and_states():
    with CloudWatch() as cw:
        c, t = client_of(cw), minute(cw, 3)
        cw.put("Shop", "m", at=t, values=[(1, 1)])
        cw.put("Shop", "m", at=t, values=[(5, 1)], visible_in=60)
        ask = {"MetricDataQueries": [query("m")], "StartTime": t, "EndTime": t + 60}
        check(points(c.get_metric_data(**ask), "m") == {t: 1})
        cw.offset = 61
        check(points(c.get_metric_data(**ask), "m") == {t: 6}, "a late datum makes the point grow")
        for names, state in ((cw.forbidden, "Forbidden"), (cw.broken, "InternalError"), (cw.partial, "PartialData")):
            names.add("m")
            check(c.get_metric_data(**ask)["MetricDataResults"][0]["StatusCode"] == state)
            names.clear()


@suite.test
def alarms():
    with CloudWatch() as cw:
        c = client_of(cw)
        for i in range(3):
            cw.alarm(f"a{i}", "OK" if i else "ALARM")
        cw.alarm("both", "INSUFFICIENT_DATA", composite=True)
        check([a["AlarmName"] for a in c.describe_alarms(AlarmNames=["a0", "both"])["MetricAlarms"]] == ["a0"])
        check(not c.describe_alarms(AlarmNames=["both"])["CompositeAlarms"], "without AlarmTypes only metric alarms")
        a = c.describe_alarms(AlarmNames=["a0", "both", "none"], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        check(a["CompositeAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA" and len(a["MetricAlarms"]) == 1, a)
        first = c.describe_alarms(MaxRecords=2)
        check(len(first["MetricAlarms"]) == 2 and len(c.describe_alarms(MaxRecords=2, NextToken=first["NextToken"])["MetricAlarms"]) == 1)


@suite.test
def faults_are_read_as_what_they_are():
    with CloudWatch() as cw:
        c, t = client_of(cw), minute(cw, 3)

        def ask(client=None):
            return (client or c).get_metric_data(MetricDataQueries=[query("m")], StartTime=t, EndTime=t + 60)
        for kind, code in (("throttle", "ThrottlingException"), ("server_error", "InternalServiceFault"), ("unavailable", "ServiceUnavailable"), ("expired", "ExpiredTokenException"), ("denied", "AccessDeniedException")):
            cw.fault(kind)
            refused(ask, code)
        for kind in ("lost", "reset", "cut"):
            cw.fault(kind)
            try:
                ask()
                raise AssertionError(kind)
            except (botocore.exceptions.HTTPClientError, botocore.parsers.ResponseParserError):
                pass
        cw.fault("garbage")
        check("MetricDataResults" not in ask(), "botocore takes what is no JSON for an empty answer")
        cw.fault("throttle", times=2)
        ask(client_of(cw, retries=3))  # boto3's own retries get through
        cw.fault("slow", seconds=0.3)
        began = time.monotonic()
        ask()
        check(time.monotonic() - began >= 0.3)
        cw.secret_key = "another"
        refused(lambda: ask(client_of(cw)), "InvalidSignatureException")
        cw.secret_key = "double-secret"
        cw.offset = 3600
        refused(ask, "InvalidSignatureException")


@suite.test
def roles_are_of_their_account():
    with CloudWatch() as cw:
        t = minute(cw, 3)
        cw.put("Shop", "m", at=t, values=[(4, 1)], account="222222222222")
        k = client_of(cw, "sts").assume_role(RoleArn="arn:aws:iam::222222222222:role/reader", RoleSessionName="judged")["Credentials"]
        ask = {"MetricDataQueries": [query("m")], "StartTime": t, "EndTime": t + 60}
        check(points(client_of(cw).get_metric_data(**ask), "m") == {})
        session = boto3.Session(aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"], aws_session_token=k["SessionToken"], region_name=cw.region)
        session._session.get_component("data_loader").load_service_model("cloudwatch", "service-2")["metadata"]["protocols"] = ["json"]
        check(points(session.client("cloudwatch", endpoint_url=cw.url).get_metric_data(**ask), "m") == {t: 4})
        cw.denied.add("arn:aws:iam::222222222222:role/reader")
        refused(lambda: client_of(cw, "sts").assume_role(RoleArn="arn:aws:iam::222222222222:role/reader", RoleSessionName="judged"), "AccessDenied")


suite.run()
