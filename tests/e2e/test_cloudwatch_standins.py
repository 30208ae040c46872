"""CloudWatch as moto and ministack keep it, two programs that know nothing of judged: boto3 puts metrics (in CBOR, as
it likes), judged reads them (in JSON) and gives its verdict. What they get wrong is left to our own stand-in: moto
mixes namespaces, has no percentiles and no metric math; ministack's statistic sets are wrong."""
import in_venv  # noqa: F401  (first: it may start us again)

import os
import random
import socket
import subprocess
import threading
import time

import boto3

from judged import Judged, Suite, check, die_with_parent, free_ports, wait_for

suite = Suite()


class StandIn:
    """One of the two, with metrics coming in each second: requests and errors of two cohorts, and latencies."""

    def __init__(self, name):
        self.name = name
        (self.port,) = free_ports(1)
        argv, env = {
            "moto": ([str(in_venv.HOME / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(self.port)], {}),
            "ministack": ([str(in_venv.HOME / "bin" / "ministack")], {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port)}),
        }[name]
        self.child = subprocess.Popen(argv, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        wait_for(name, self.answers, 40)
        self.url = f"http://127.0.0.1:{self.port}"
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
        self.cloudwatch = session.client("cloudwatch", endpoint_url=self.url)
        self.ended, self.trouble = threading.Event(), None
        self.feeder = threading.Thread(target=self.feed, daemon=True)
        self.feeder.start()
        self.judged = Judged(env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL_CLOUDWATCH": self.url, "HOME": "/nonexistent"}).start()

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def feed(self):
        second = int(time.time())
        while not self.ended.wait(max(0, second + 1 - time.time())):
            data = []
            for version, worse in (("1", 20), ("2", 60), ("3", 20)):
                dimensions = [{"Name": "Version", "Value": version}]
                for metric, values in (("Requests", [2000.0]), ("Errors", [float(worse)]), ("Latency", [random.gauss(0.2, 0.01) for _ in range(20)])):
                    data.append({"MetricName": metric, "Dimensions": dimensions, "Timestamp": second, "Values": values, "StorageResolution": 1})
            try:
                self.cloudwatch.put_metric_data(Namespace="Shop", MetricData=data)
            except Exception as why:
                self.trouble = why
            second += 1

    def release(self, name, candidate, *metrics):
        source = {"region": "eu-west-1", "namespace": "Shop", "period": "1s", "delay": "3s", "cohorts": {"baseline": {"Version": "1"}, "candidate": {"Version": candidate}}}
        self.judged.apply({
            "apiVersion": "judge/v1", "kind": "Release", "metadata": {"name": name, "service": name, "revision": candidate},
            "strategy": {"type": "canary", "first_share": "50%", "steps": ["50%", "100%"], "settle": "0s", "platform": {"kind": "none"}},
            "metrics": [{**m, "source": {"cloudwatch": {**source, **m["source"]}}} if m["kind"] != "alarm" else m for m in metrics],
            "policy": {"block": "1s", "no_data_after": "20s"},
        })
        check(self.judged.post(f"/v1/releases/{name}/traffic", {"share": 0.5}).status == 202)

    def alarms(self):
        """Two that are OK, one of them composite where they can be."""
        for name in ("calm", "loud"):
            self.cloudwatch.put_metric_alarm(AlarmName=name, Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1e9, ComparisonOperator="GreaterThanThreshold")
            self.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="quiet")
        if self.name == "ministack":
            self.cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("calm") OR ALARM("loud")')

    def verdict(self, name, word):
        def ended():
            v = self.judged.release(name)["verdict"]
            return v and v["verdict"] == word and v
        try:
            return wait_for(f"{word} of {name} on {self.name}", ended, 60, 0.2)
        except AssertionError as why:
            raise AssertionError(f"{why}: {self.judged.release(name)['verdict']}\n{self.trouble}\n{self.judged.log()[-2000:]}") from why

    def close(self):
        self.ended.set()
        self.feeder.join()
        self.child.terminate()
        self.child.wait()


ERRORS = {"name": "errors", "kind": "proportion", "margin": {"relative": "50%", "absolute": "0.5%"}, "source": {"metric": "Errors", "of": "Requests"}}
LATENCY = {"name": "latency", "kind": "ratio", "margin": {"relative": "20%"}, "source": {"metric": "Latency"}}
CALM, LOUD = ({"name": name, "kind": "alarm", "source": {"alarm": {"region": "eu-west-1", "name": name}}} for name in ("calm", "loud"))
P90 = {"name": "p90", "kind": "series", "margin": {"relative": "20%"}, "source": {"metric": "Latency", "stat": "p90"}}


@suite.test
def harm_is_seen_in_both(standins):
    for s in standins:
        m = s.verdict("bad", "rollback")["metrics"][0]
        check(m["candidate"]["events"] / m["candidate"]["n"] == 0.03 and m["baseline"]["events"] / m["baseline"]["n"] == 0.01, s.name, m)


@suite.test
def an_alarm_ends_a_release_in_both(standins):
    for s in standins:
        wait_for("states of the alarms", lambda: all(m["candidate"]["n"] for m in s.judged.release("alarmed")["verdict"]["metrics"][1:]), 20)
        s.cloudwatch.set_alarm_state(AlarmName="loud", StateValue="ALARM", StateReason="too loud")
    for s in standins:
        v = s.verdict("alarmed", "rollback")
        check(v["reason"].startswith("loud: the alarm is in ALARM") and v["metrics"][1]["state"] == "undecided", s.name, v)


@suite.test
def a_good_release_is_promoted_by_both(standins):
    for s in standins:
        errors, latency, *p90 = s.verdict("good", "promote")["metrics"]
        check(errors["candidate"]["events"] / errors["candidate"]["n"] == 0.01, s.name, errors)
        check(latency["state"] == "harmless" and latency["candidate"]["n"] % 20 == 0, "Sum over SampleCount:", s.name, latency)
        check(s.name == "moto" or 0.19 < p90[0]["candidate"]["mean"] < 0.25, s.name, p90)


if __name__ == "__main__":
    running = [StandIn("moto"), StandIn("ministack")]
    try:
        for standin in running:
            standin.alarms()
            standin.release("bad", "2", ERRORS)
            standin.release("alarmed", "3", ERRORS, CALM, LOUD)
            standin.release("good", "3", ERRORS, LATENCY, *([P90] if standin.name == "ministack" else []))
        suite.run(running)
    finally:
        for standin in running:
            standin.close()
