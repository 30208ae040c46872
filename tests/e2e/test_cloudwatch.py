"""CloudWatch from end to end: points on one side, verdicts of judged on the other.

One judged reads our stand-in (tests/doubles/cloudwatch.py, which checks every request against AWS' own model and
signature) for several releases at once, each with a trouble of its own; the tests look at how each was judged."""
import in_venv  # noqa: F401  (first: it may start us again)

import json
import pathlib
import random
import sys
import threading
import time

import boto3

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "doubles"))
from cloudwatch import CloudWatch  # noqa: E402
from judged import Judged, Suite, check, ctl, wait_for  # noqa: E402

suite = Suite()
ROLE = "arn:aws:iam::222222222222:role/reader"
DELAY = 3


def metric(source, kind="proportion", name="errors", **more):
    return {"name": name, "kind": kind, "margin": {"relative": "50%", "absolute": "0.5%"} if kind == "proportion" else {"relative": "50%"}, "source": source, **more}


def plain(namespace, region="eu-west-1", **more):
    return {"cloudwatch": {"region": region, "namespace": namespace, "metric": "errors", "of": "requests", "missing": "zero", "period": "1s", "delay": f"{DELAY}s", "cohorts": {"baseline": {"Version": "1"}, "candidate": {"Version": "2"}}, **more}}


def spec(name, *metrics):
    return {
        "apiVersion": "judge/v1", "kind": "Release", "metadata": {"name": name, "service": name, "revision": "2"},
        "strategy": {"type": "canary", "first_share": "50%", "steps": ["50%", "100%"], "settle": "0s", "platform": {"kind": "none"}},
        "metrics": list(metrics), "policy": {"block": "1s", "no_data_after": "20s"},
    }


def alarm(name):
    return {"name": name, "kind": "alarm", "source": {"alarm": {"region": "us-west-2", "name": name}}}


class Feeder(threading.Thread):
    """Each second, of each world (namespace, region, account): 2,000 requests a cohort, whose errors are as told.

    `put` brings them into the stand-in; worlds of `boto3` come by PutMetricData."""

    def __init__(self, cw):
        super().__init__(daemon=True)
        self.cw, self.worlds, self.ended, self.trouble = cw, {}, threading.Event(), None
        # in us-west-2, where no faults are ordered; CBOR is botocore's choice, the stand-in speaks JSON
        session = boto3.Session(aws_access_key_id=cw.access_key, aws_secret_access_key=cw.secret_key, region_name="us-west-2")
        session._session.get_component("data_loader").load_service_model("cloudwatch", "service-2")["metadata"]["protocols"] = ["json"]
        self.boto3 = session.client("cloudwatch", endpoint_url=cw.url)

    def run(self):
        second = int(time.time())
        while not self.ended.wait(max(0, second + 1 - time.time())):
            try:
                for namespace, world in list(self.worlds.items()):
                    world["put"](self, namespace, second, world)
            except Exception as why:  # the tests end, and say so
                self.trouble = why
            second += 1

    def direct(self, namespace, t, world):
        for version in ("1", "2"):
            for name, value in (("requests", 2000), ("errors", world["errors"][version])):
                if value:
                    self.cw.put(namespace, name, {"Version": version}, at=t + 0.5, values=[(value, 1)], region=world.get("region"), account=world.get("account"))

    def platforms(self, namespace, t, world):
        """A load balancer's target groups and the Auto Scaling groups behind them; no error of the old one's at all."""
        for side, requests, errors, cpu, hosts in (("old", 1900, 0, 50.0 + random.random(), 10), ("new", 100, 5, 26.0 + random.random(), 1)):
            alb = {"LoadBalancer": "app/shop/1", "TargetGroup": f"targetgroup/{side}/1"}
            self.cw.put("AWS/ApplicationELB", "RequestCount", alb, at=t, values=[(1, requests)])
            if errors:
                self.cw.put("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", alb, at=t, values=[(1, errors)])
            self.cw.put("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": f"asg-{side}"}, at=t, values=[(cpu, hosts)])
            self.cw.put("AWS/AutoScaling", "GroupInServiceInstances", {"AutoScalingGroupName": f"asg-{side}"}, at=t, values=[(hosts, 1)])

    def late(self, namespace, t, world):
        """Half of each second comes two seconds later, and has more errors."""
        for version in ("1", "2"):
            for visible_in, errors in ((0, 10), (2, 30)):
                self.cw.put(namespace, "requests", {"Version": version}, at=t, values=[(1000, 1)], visible_in=visible_in)
                self.cw.put(namespace, "errors", {"Version": version}, at=t, values=[(errors, 1)], visible_in=visible_in)

    def by_boto3(self, namespace, t, world):
        data = []
        for version in ("1", "2"):
            dimensions = [{"Name": "Version", "Value": version}]
            data += [{"MetricName": "requests", "Dimensions": dimensions, "Timestamp": t, "Value": 2000, "StorageResolution": 1},
                     {"MetricName": "errors", "Dimensions": dimensions, "Timestamp": t, "Value": world["errors"][version], "StorageResolution": 1},
                     {"MetricName": "latency", "Dimensions": dimensions, "Timestamp": t, "Values": [10.0, 20.0 + random.random(), 30.0], "Counts": [900, 900, 200], "StorageResolution": 1}]
        self.boto3.put_metric_data(Namespace=namespace, MetricData=data)


class Scene:
    def __init__(self, cw, j):
        self.cw, self.j, self.feeder = cw, j, Feeder(cw)
        good, bad = {"1": 20, "2": 20}, {"1": 20, "2": 60}
        d = Feeder.direct
        self.feeder.worlds = {
            "Good": {"put": Feeder.by_boto3, "errors": good}, "Bad": {"put": Feeder.by_boto3, "errors": bad},
            "Late": {"put": Feeder.late}, "": {"put": Feeder.platforms}, "Silent": {"put": d, "errors": {"1": 20, "2": 0}},
            "Faulty": {"put": d, "errors": good, "region": "eu-central-1"}, "Away": {"put": d, "errors": good, "region": "ap-south-1"},
            "Abroad": {"put": d, "errors": bad, "account": "222222222222"}, "Paged": {"put": d, "errors": good, "region": "sa-east-1"},
        }
        for k in ("Good", "Bad"):
            self.feeder.worlds[k]["region"] = "us-west-2"
        self.feeder.start()
        west = {"region": "us-west-2"}
        common = {**west, "period": "1s", "delay": f"{DELAY}s", "cohorts": {"baseline": {"Version": "1"}, "candidate": {"Version": "2"}}}
        math = {"cloudwatch_math": {**common, "expression": "100 * errors / requests", "metrics": {"errors": "Good:errors:Sum", "requests": "Good:requests:Sum"}}}
        p90 = {"cloudwatch": {**common, "namespace": "Good", "metric": "latency", "stat": "p90"}}
        cw.fault("expired", times=1, region="eu-central-1")
        for kind in ("throttle", "server_error", "lost", "cut", "garbage", "html", "unavailable", "reset"):
            cw.fault(kind, times=2, region="eu-central-1")
        cw.fault("slow", times=3, region="eu-central-1", seconds=1)
        cw.fault("denied", times=10 ** 6, region="ap-south-1")
        groups = {"region": "eu-west-1", "period": "1s", "delay": f"{DELAY}s", "dimensions": {"LoadBalancer": "app/shop/1"}}
        targets = {side: {"TargetGroup": f"targetgroup/{version}/1"} for side, version in (("baseline", "old"), ("candidate", "new"))}
        both = {side: {**targets[side], "AutoScalingGroupName": f"asg-{version}"} for side, version in (("baseline", "old"), ("candidate", "new"))}
        for name, state, composite in (("calm", "OK", False), ("both", "OK", True), ("loud", "OK", False), ("young", "INSUFFICIENT_DATA", False)):
            cw.alarm(name, state, composite, region="us-west-2")
        self.specs = {
            "good": spec("good", metric(plain("Good", **west)), metric(p90, "series", "p90"), metric(math, "series", "error-percent", role="info")),
            "bad": spec("bad", metric(plain("Bad", **west))),
            "late": spec("late", metric(plain("Late"))),
            "silent": spec("silent", metric(plain("Silent"))),
            "faulty": spec("faulty", metric(plain("Faulty", "eu-central-1"))),
            "away": spec("away", metric(plain("Away", "ap-south-1"))),
            "abroad": spec("abroad", metric(plain("Abroad", role_arn=ROLE))),
            "alb": spec("alb", metric({"platform": {**groups, "kind": "alb", "metric": "errors", "cohorts": targets}}),
                        metric({"platform": {**groups, "kind": "asg", "metric": "cpu", "cohorts": both}}, "ratio", "cpu", role="info")),
            "watched": spec("watched", metric(plain("Good", **west)), alarm("calm"), alarm("both")),
            "alarmed": spec("alarmed", metric(plain("Good", **west)), alarm("calm"), alarm("loud")),
            "unwatched": spec("unwatched", metric(plain("Good", **west)), alarm("young"), alarm("no-such")),
        }
        self.began, self.split_at = time.time(), {}
        for name, s in self.specs.items():
            j.apply(s)
            answer = j.post(f"/v1/releases/{name}/traffic", {"share": 0.05 if name == "alb" else 0.5})
            check(answer.status == 202, answer)
            self.split_at[name] = time.time()

    def verdict(self, name, word, seconds=60):
        def ended():
            v = self.j.release(name)["verdict"]
            return v and v["verdict"] == word and v
        try:
            return wait_for(f"{word} of {name}", ended, seconds, 0.2)
        except AssertionError as why:
            raise AssertionError(f"{why}: {self.j.release(name)['verdict']}\n{self.feeder.trouble}\n{[c for c in self.cw.calls if c['status'] != 200][-5:]}\n{self.j.log()[-2000:]}") from why


@suite.test
def harm_is_seen(s):
    v = s.verdict("bad", "rollback")
    m = v["metrics"][0]
    check(v["cause"] == "harm" and m["state"] == "harmful", v)
    check(m["baseline"]["events"] / m["baseline"]["n"] == 0.01 and m["candidate"]["events"] / m["candidate"]["n"] == 0.03, m)


@suite.test
def another_account_is_read_under_its_role(s):
    v = s.verdict("abroad", "rollback")
    check(v["metrics"][0]["candidate"]["events"] / v["metrics"][0]["candidate"]["n"] == 0.03, v)
    check(len(s.cw.answered("AssumeRole", True)) == 1, "one role is taken on once by one judged")
    check({c["account"] for c in s.cw.answered("GetMetricData", True) if c["account"]} == {"111111111111", "222222222222"})


@suite.test
def a_platform_is_read_by_its_own_series(s):
    v = s.verdict("alb", "rollback")
    errors, cpu = v["metrics"]
    check(errors["baseline"]["events"] == 0 and errors["candidate"]["events"] / errors["candidate"]["n"] == 0.05, errors)
    check(0.95 < cpu["effect"]["estimate"] < 1.05, "a request costs the same, though the new group's CPU is half:", cpu)


@suite.test
def an_alarm_is_harm_by_decree(s):
    check(s.j.release("alarmed")["verdict"]["verdict"] == "continue")
    s.cw.alarm("loud", "ALARM", region="us-west-2")
    v = s.verdict("alarmed", "rollback", 30)
    check(v["cause"] == "harm" and v["reason"] == "loud: the alarm is in ALARM, which is harm by decree", v)
    check([m["state"] for m in v["metrics"]] == ["undecided", "undecided", "harmful"], v)


@suite.test
def a_new_owner_reads_what_the_old_one_had_not(s):
    s.j.kill()
    time.sleep(3)
    s.j.start()
    v = s.verdict("late", "promote")
    blocks = v["last_block"] - (int(s.split_at["late"]) + 1) + 1
    check(v["metrics"][0]["candidate"]["n"] / 2000 >= blocks, "no block is missing:", blocks, v)


@suite.test
def a_check_shows_series_and_points(s):
    path = s.j.dir / "checked.json"
    nothing = plain("Good", region="us-west-2", metric="nothing", missing="missing")
    path.write_text(json.dumps(spec("checked", *s.specs["good"]["metrics"], alarm("both"), metric(nothing, name="nothing"), metric(plain("Good", "ap-south-1"), name="denied"))))
    r = ctl(s.j, "validate", path, "--check", "-o", "json")
    check(r.returncode == 4, r.returncode, r.stderr)
    got = {m["metric"]: m for m in json.loads(r.stdout)["check"]}
    check([m for m in got if got[m]["ok"]] == ["errors", "p90", "error-percent", "both"], got)
    for cohort, version in (("baseline", "1"), ("candidate", "2")):
        c = got["errors"][cohort]
        check(c["series"] == [f"Sum of Good errors {{Version={version}}}", f"Sum of Good requests {{Version={version}}}"], c)
        check(c["points"] and all(p["events"] / p["exposure"] == 0.01 for p in c["points"]), c)
        check(got["error-percent"][cohort]["n_series"] == 2 and abs(got["error-percent"][cohort]["points"][0]["value"] - 1) < 1e-9, got["error-percent"])
    check("no points in the last hour" in got["nothing"]["problem"] and "AccessDenied" in got["denied"]["problem"], got["nothing"], got["denied"])
    text = ctl(s.j, "validate", path, "--check").stdout
    check("CloudWatch: 18 metrics asked for each 1s, about $0.6480 an hour" in text, text)


@suite.test
def boto3_puts_and_judged_promotes(s):
    v = s.verdict("good", "promote")
    errors, p90, percent = v["metrics"]
    check(errors["state"] == p90["state"] == "harmless", v)
    check(errors["candidate"]["n"] % 2000 == 0 and errors["candidate"]["events"] / errors["candidate"]["n"] == 0.01, errors)
    check(p90["kind"] == "series" and 20 <= p90["baseline"]["mean"] <= 22, p90)
    check(abs(percent["baseline"]["mean"] - 1) < 1e-9, "metric math: 100 * errors / requests", percent)


@suite.test
def late_points_count_and_nothing_is_judged_early(s):
    v = s.verdict("late", "promote")
    m = v["metrics"][0]
    for side in ("baseline", "candidate"):
        check(m[side]["events"] / m[side]["n"] == 0.02, "each second is judged whole or not at all:", m)
    check(v["health"] == "ok", v)


@suite.test
def a_missing_point_is_none_when_the_spec_says_so(s):
    v = s.verdict("silent", "promote")
    m = v["metrics"][0]
    check(m["candidate"]["events"] == 0 and m["candidate"]["n"] > 0, m)


@suite.test
def faults_delay_and_change_nothing(s):
    v = s.verdict("faulty", "promote", 120)
    m = v["metrics"][0]
    check(m["candidate"]["events"] / m["candidate"]["n"] == 0.01 == m["baseline"]["events"] / m["baseline"]["n"], m)
    met = {c["fault"] for c in s.cw.calls if c["fault"]}
    check({"throttle", "server_error", "lost", "cut", "garbage", "html", "unavailable", "reset", "expired"} <= met, met)


@suite.test
def alarms_that_are_ok_hold_nothing_up(s):
    v = s.verdict("watched", "promote")
    check([m["state"] for m in v["metrics"]] == ["harmless", "undecided", "undecided"], v)


@suite.test
def an_alarm_whose_state_is_not_known_is_no_pass(s):
    v = s.j.release("unwatched")["verdict"]
    check(v["verdict"] in ("continue", "hold") and v["metrics"][0]["state"] == "harmless", v)
    check({c["queries"] for c in s.cw.answered("DescribeAlarms", True)} == {0})


@suite.test
def a_source_that_is_away_is_said_and_nothing_passes(s):
    v = s.j.release("away")["verdict"]
    check(v["verdict"] not in ("promote", "advance", "rollback"), v)
    check(v["metrics"][0]["baseline"]["n"] in (0, None), v)


@suite.test
def what_is_asked_is_packed_and_priced(s):
    calls = [c for c in s.cw.answered("GetMetricData", True) if c["region"] == "us-west-2"]
    most = max(c["queries"] for c in calls)
    check(most >= 4 + 4 + 2 + 2, "both releases of us-west-2, math included, come in one call:", most)
    seconds = time.time() - s.began
    check(len(calls) < 3 * seconds, "about one call a block", len(calls), seconds)
    m = s.j.metrics()
    check(m['judge_cloudwatch_release_metrics_requested_total{release="good"}'] >= 8 * 5, m)
    check(m['judge_cloudwatch_release_cost_dollars_total{release="good"}'] > 0, m)
    check(m["judge_cloudwatch_points_total"] > 100 and m["judge_cloudwatch_failures_total"] >= 1, m)
    refused = [c for c in s.cw.calls if c["status"] not in (200, 0) and not c["fault"]]
    check(not refused, "the stand-in found fault with:", refused[:3])


if __name__ == "__main__":
    with CloudWatch() as cloudwatch:
        env = {"AWS_ACCESS_KEY_ID": cloudwatch.access_key, "AWS_SECRET_ACCESS_KEY": cloudwatch.secret_key, "AWS_REGION": "eu-west-1",
               "AWS_ENDPOINT_URL": cloudwatch.url, "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
        with Judged(env=env) as judged:
            scene = Scene(cloudwatch, judged)
            suite.run(scene)
