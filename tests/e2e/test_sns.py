"""CloudWatch alarms through SNS: a release ends because an alarm notified it; moto publishes and signs by itself, our own
stand-in does what moto does not; whatever is not what SNS would send is refused, counted, and changes nothing."""
import in_venv  # noqa: F401  (first: it may start us again)

import concurrent.futures
import json
import pathlib
import sys
import tempfile
import time
import urllib.request
import uuid

import boto3
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "doubles"))
from aws import Double, Ministack, Moto  # noqa: E402
from cloudwatch import CloudWatch  # noqa: E402
from judged import ROOT, Judged, Suite, check, ctl, wait_for  # noqa: E402
from sns import REGION, TOPIC, Signer, Sns, alarm_arn, alarm_message, make_certificate, pem, stamp  # noqa: E402
from stack import INLINE, Stack  # noqa: E402

suite = Suite()
NO_AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
ERRORS = {"name": "errors", "kind": "proportion", "margin": {"relative": "50%", "absolute": "0.5%"}, "source": {"push": {"metric": "http.errors", "of": "http.requests"}}}


def pushed(name):
    return {"name": name, "kind": "alarm", "source": {"pushed_alarm": {"arn": alarm_arn(name)}}}


def release(name, *metrics, block="1s"):
    return {
        "apiVersion": "judge/v1", "kind": "Release", "metadata": {"name": name, "service": name, "revision": "2"},
        "strategy": {"type": "canary", "first_share": "50%", "steps": ["50%", "100%"], "settle": "0s", "platform": {"kind": "none"}},
        "metrics": [ERRORS, *metrics], "policy": {"block": block, "no_data_after": "20s"},
    }


def begin(j, spec):
    j.apply(spec)
    check(j.post(f"/v1/releases/{spec['metadata']['name']}/traffic", {"share": 0.5}).status == 202)


def metric_of(j, release, name):
    v = j.release(release)["verdict"]
    return next((m for m in v["metrics"] if m["name"] == name), None) if v else None


def known(j, release, name):
    """The alarm was seen not to be in ALARM in so many blocks."""
    m = metric_of(j, release, name)
    return m and m["candidate"]["n"] > 0 and m["candidate"]["events"] == 0


def rolled_back(j, release, reason):
    def ended():
        v = j.release(release)["verdict"]
        return v and v["verdict"] == "rollback" and v
    try:
        v = wait_for(f"rollback of {release}", ended, 60, 0.1)
    except AssertionError as why:
        raise AssertionError(f"{why}: {j.release(release)['verdict']}\n{j.log()[-3000:]}") from why
    check(v["cause"] == "harm" and v["reason"] == f"{reason}: the alarm is in ALARM, which is harm by decree", v)


def judged_for(sns, *args, **more):
    env = {**NO_AWS, "AWS_ENDPOINT_URL_SNS": sns.url, **more.pop("env", {})}
    return Judged("--sns-topic", TOPIC, "--sns-ca", str(sns.ca), *args, env=env, **more)


def hook(j):
    return f"{j.url}/hooks/sns"


def counted(j, what):
    m = j.metrics()
    kind = "refused_total{why" if what in ("unreadable", "topic", "time", "sender", "signature", "unavailable") else "messages_total{what"
    return m[f'judge_sns_{kind}="{what}"}}']


@suite.test
def an_alarm_ends_a_release():
    with Sns() as sns, judged_for(sns) as j:
        (status, said), m = sns.subscribe(hook(j))
        check((status, said) == (200, {"taken": "subscription"}), status, said)
        check(sns.tokens[m["Token"]] == TOPIC, sns.asked)
        example = (ROOT / "deploy" / "examples" / "pushed-alarm.yaml").read_text()
        begin(j, release("one", pushed("loud"), pushed("both")))
        j.apply(example)
        # nothing has come: not known, which is not fine
        wait_for("verdict", lambda: metric_of(j, "one", "loud"))
        check(metric_of(j, "one", "loud")["candidate"]["n"] == 0 and "not known" in metric_of(j, "one", "loud")["reason"], metric_of(j, "one", "loud"))
        for name in ("loud", "both"):
            check(sns.publish(hook(j), alarm_message(name, "OK", composite=name == "both"), subject=f'OK: "{name}" in EU (Ireland)') == (200, {"taken": "alarm"}))
        wait_for("state of the alarms", lambda: known(j, "one", "loud") and known(j, "one", "both"))
        check(sns.publish(hook(j), alarm_message("another", "ALARM")) == (200, {"taken": "alarm"}))
        check(sns.publish(hook(j), "good morning", subject="hello") == (200, {"taken": "other"}))
        check(j.release("one")["verdict"]["verdict"] != "rollback")
        sns.publish(hook(j), alarm_message("both", "ALARM", composite=True))
        rolled_back(j, "one", "both")
        # one certificate and its issuer were asked for, and the confirmation
        check(len(sns.asked) == 3 and sns.asked[1] == "/r2m01.cer", sns.asked)
        # what a check of a spec finds of an alarm that has told something, and of one that has not
        path = j.dir / "checked.json"
        path.write_text(json.dumps(release("checked", pushed("both"), pushed("silent"))))
        got = {m["metric"]: m for m in json.loads(ctl(j, "validate", path, "--check", "-o", "json").stdout)["check"]}
        check(got["both"]["ok"] and got["both"]["candidate"]["series"] == [alarm_arn("both")], got)
        check("no notification of it has come" in got["silent"]["problem"], got)
        check(counted(j, "alarm") == 4 and counted(j, "other") == 1 and counted(j, "subscription") == 1)
        # an alarm that was in ALARM before a release begins ends it, and the state outlives judged
        begin(j, release("two", pushed("both")))
        rolled_back(j, "two", "both")
        j.kill()
        j.start()
        begin(j, release("three", pushed("both")))
        rolled_back(j, "three", "both")
        m = sns.message("UnsubscribeConfirmation", "You have chosen to deactivate the subscription.")
        check(sns.deliver(hook(j), m) == (200, {"taken": "unsubscription"}) and "the subscription has ended" in j.log())


@suite.test
def any_judged_may_be_told():
    """Messages reach the judged that does not own the release, more than once, in any order."""
    with Sns() as sns, Stack() as s:
        redis = s.redis()
        flags = ("--sns-topic", f"{TOPIC}2", "--sns-topic", TOPIC, "--sns-ca", str(sns.ca), *INLINE)
        one, two = (s.judged(*flags, redis=redis.url) for _ in range(2))
        for j in (one, two):
            j.env |= {**NO_AWS, "AWS_ENDPOINT_URL_SNS": sns.url}
        one.start()
        before = time.time()
        begin(one, release("shared", pushed("loud"), pushed("calm")))
        wait_for("verdict", lambda: metric_of(one, "shared", "loud"))  # it owns it
        two.start()
        ok = sns.message("Notification", alarm_message("calm", "OK", before - 1))
        check(sns.deliver(hook(two), ok) == (200, {"taken": "alarm"}))
        for j in (two, one):
            check(sns.deliver(hook(j), ok) == (200, {"taken": "repeated"}))
        # an older change that comes later changes nothing that is
        check(sns.publish(hook(two), alarm_message("calm", "ALARM", before - 3000)) == (200, {"taken": "alarm"}))
        wait_for("state of the alarm", lambda: known(one, "shared", "calm"))
        sns.publish(hook(two), alarm_message("loud", "ALARM"))
        rolled_back(one, "shared", "loud")
        check(metric_of(one, "shared", "calm")["candidate"]["events"] == 0)


@suite.test
def many_at_once_need_one_certificate():
    with Sns() as sns, judged_for(sns) as j:
        names = [f"alarm-{i}" for i in range(24)]
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            answers = list(pool.map(lambda name: sns.publish(hook(j), alarm_message(name, "OK")), names))
        check(answers == [(200, {"taken": "alarm"})] * len(names), answers)
        check(sns.asked == [sns.signer.path, "/r2m01.cer"], sns.asked)
        begin(j, release("one", *(pushed(name) for name in names[:8])))
        wait_for("states of the alarms", lambda: all(known(j, "one", name) for name in names[:8]), 20)


@suite.test
def what_is_wrong_changes_nothing():
    with Sns() as sns, judged_for(sns) as j:
        begin(j, release("one", pushed("loud")))
        text = alarm_message("loud", "ALARM")
        other = "arn:aws:sns:us-east-1:123456789012:alarms"
        host = f"https://sns.{REGION}.amazonaws.com"

        def message(text=text, **more):
            return sns.message("Notification", text, **more)

        def altered(**more):
            return {**message(), **more}

        def signed_by(**how):
            return message(signer=Signer(sns, **how))

        wrong = [
            ("unreadable", 400, b""), ("unreadable", 400, b"[]"), ("unreadable", 400, b"{\"Type\":\"Notification\"}"), ("unreadable", 400, b'{"Type": 1}'),
            ("unreadable", 400, json.dumps(message())[:-1].encode()),
            ("unreadable", 400, altered(Type="Other")), ("unreadable", 400, altered(SignatureVersion="3")), ("unreadable", 400, altered(Signature="*")),
            ("unreadable", 400, altered(TopicArn="alarms")), ("unreadable", 400, altered(Timestamp="now")), ("unreadable", 400, altered(Message=None)),
            ("unreadable", 400, sns.message("Notification", alarm_message("loud", "ALARM", time.time() + 3600))),
            ("topic", 403, message(topic=TOPIC + "2")), ("topic", 403, message(topic=other)),
            ("time", 403, message(at=time.time() - 4000)), ("time", 403, message(at=time.time() + 400)),
            ("sender", 403, message(version="1")),
            ("signature", 403, altered(Message=text.replace("loud", "calm"))), ("signature", 403, altered(MessageId=str(uuid.uuid4()))), ("signature", 403, altered(Timestamp=stamp(time.time() - 5))),
            ("signature", 403, altered(Subject="not signed")), ("signature", 403, altered(Signature="AAAA")), ("signature", 403, altered(SignatureVersion="2", Signature=sns.message("Notification", text, version="1")["Signature"])),
            ("signature", 403, {**sns.message("SubscriptionConfirmation", text), "Type": "Notification"}),
        ]
        # addresses that are not SNS' in the topic's region are never asked
        wrong += [("sender", 403, message(SigningCertURL=url)) for url in (
            host.replace("https", "http") + sns.signer.path, "https://sns.us-east-1.amazonaws.com" + sns.signer.path, f"{host}.example.com{sns.signer.path}", f"https://evil.com/sns.{REGION}.amazonaws.com{sns.signer.path}",
            f"https://sns.{REGION}.amazonaws.com@evil.com{sns.signer.path}", f"{host}:8443{sns.signer.path}", f"{host}.cn{sns.signer.path}", f"{host}/x/..{sns.signer.path}", f"{host}{sns.signer.path}?a=b", f"{host}/SimpleNotificationService-.pem", f"{host}/SimpleNotificationService-a%2fb.pem")]
        for why, status, m in wrong:
            before = counted(j, why)
            got, said = sns.post(hook(j), m, headers={})
            check(got == status and said["detail"] and counted(j, why) == before + 1, why, got, said, m if isinstance(m, bytes) else m.get("SigningCertURL"))
        check(sns.asked == [sns.signer.path, "/r2m01.cer"], sns.asked)

        # headers that say something else, raw delivery
        for name, value in (("x-amz-sns-message-type", "SubscriptionConfirmation"), ("x-amz-sns-message-id", "1"), ("x-amz-sns-topic-arn", other), ("x-amz-sns-rawdelivery", "true")):
            check(sns.post(hook(j), message(), {name: value})[0] == 400, name)

        # certificates; after one that fails others wait a second, and are told to come again
        made_up = message(SigningCertURL=f"{host}/SimpleNotificationService-{'0' * 32}.pem")
        for how, status, part in (({"names": ("sns.example.com",)}, 403, "names somebody else"), ({"days": (-30, -1)}, 403, "expired"), ({"days": (1, 2)}, 403, "not yet valid"), ({"stranger": True}, 403, "certificate"),
                                  ({"bits": 1024}, 403, "2048 bits"), ({"aia": "http://example.com/ca.cer"}, 403, "not one of Amazon's"), ({"aia": None}, 403, "not one of Amazon's"), (None, 503, "404")):
            m = signed_by(**how) if how else made_up

            def settled():
                got, said = sns.post(hook(j), m)
                return (got, said["detail"]) if "another certificate" not in said["detail"] else None
            got, detail = wait_for("answer", settled, 20, 0.2)
            check(got == status and part in detail, how, got, detail)

        # a confirmation goes to SNS or nowhere
        for url in ("https://evil.com/?Action=ConfirmSubscription&Token=1", f"{host}/?Action=DeleteTopic&Token=1", f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=1", host.replace("https", "http") + "/?Action=ConfirmSubscription&Token=1"):
            check(sns.post(hook(j), sns.message("SubscriptionConfirmation", "", SubscribeURL=url))[0] == 403, url)
        check((sns.subscribe(hook(j), topic=other))[0][0] == 403)
        check(not [a for a in sns.asked if "Action" in a], sns.asked)
        sns.fails = True
        check(sns.post(hook(j), sns.message("SubscriptionConfirmation", ""))[0] == 503)  # and SNS asks again
        sns.fails = False
        check(sns.subscribe(hook(j))[0][0] == 200)

        # certificates of other regions' names, and one that brings its issuer
        for signer in (Signer(sns, names=(f"sns-signing.{REGION}.amazonaws.com", f"sns.{REGION}.amazonaws.com")), Signer(sns, chained=True)):
            check(sns.publish(hook(j), alarm_message("calm", "OK"), signer=signer)[0] == 200)
        check(metric_of(j, "one", "loud")["candidate"]["n"] == 0 and j.release("one")["verdict"]["verdict"] != "rollback")
        check("was refused" in j.log())


@suite.test
def sha1_only_when_it_is_allowed():
    with Sns() as sns, judged_for(sns, "--sns-sha1") as j:
        m = sns.message("Notification", alarm_message("loud", "OK"), version="1", subject="äöü\nline")
        check(sns.deliver(hook(j), m) == (200, {"taken": "alarm"}))
        check(sns.post(hook(j), {**m, "Message": "x"})[0] == 403)
    with Judged() as j:
        check(sns.post(hook(j), m)[0] == 403 and counted(j, "topic") == 1)
        begin(j, release("one", pushed("loud")))
        wait_for("complaint", lambda: "no topic may tell of alarms here" in j.log())


@suite.test
def a_polled_alarm_is_known_between_its_polls():
    """DescribeAlarms says OK before and after: that it was in ALARM for a moment between is known from its notification.
    Without any the poll decides alone."""
    with Sns() as sns, CloudWatch(account="123456789012") as cw:
        for name in ("blip", "calm"):
            cw.alarm(name, "OK")
        env = {"AWS_ENDPOINT_URL_CLOUDWATCH": cw.url, "AWS_ACCESS_KEY_ID": cw.access_key, "AWS_SECRET_ACCESS_KEY": cw.secret_key}
        with judged_for(sns, env=env) as j:
            begin(j, release("polled", *({"name": name, "kind": "alarm", "source": {"alarm": {"region": REGION, "name": name}}} for name in ("blip", "calm")), block="2s"))
            wait_for("polls", lambda: known(j, "polled", "blip") and known(j, "polled", "calm"), 30)

            def seen():
                """A moment of ALARM in the middle of a block that is not over, then OK again, as AWS tells it too."""
                wait_for("beginning of a block", lambda: time.time() % 2 < 0.5, 5, 0.01)
                at = time.time()
                cw.alarm("blip", "OK")
                sns.publish(hook(j), alarm_message("blip", "ALARM", at - 0.1))
                sns.publish(hook(j), alarm_message("blip", "OK", at))
                return j.release("polled")["verdict"]["verdict"] == "rollback"
            wait_for("rollback", seen, 40, 1)
            rolled_back(j, "polled", "blip")
            check(metric_of(j, "polled", "calm")["candidate"]["events"] == 0)


@suite.test
def moto_publishes():
    """A sender that knows nothing of judged: moto's SNS makes keys, certificates, signatures and requests."""
    with Moto() as moto:
        sns = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION).client("sns", endpoint_url=moto.url)
        topic = sns.create_topic(Name="alarms")["TopicArn"]

        def serve(request):
            """moto tells its services apart by the host, which is its own here, or by whom a request is signed for."""
            asked = urllib.request.Request(moto.url + request.path, headers={"Authorization": f"AWS4-HMAC-SHA256 Credential=test/20261123/{REGION}/sns/aws4_request, SignedHeaders=host, Signature=0"})
            with urllib.request.urlopen(asked, timeout=10) as r:
                return r.status, {}, r.read().decode()

        heard, target = [], []

        def forward(request):
            """What moto posts, to judged as soon as there is one."""
            heard.append(request.body)
            if not target:
                return 200, {}, ""
            on = urllib.request.Request(target[0], request.body.encode(), {"Content-Type": request.headers["Content-Type"]})
            with urllib.request.urlopen(on, timeout=10) as r:
                return r.status, {}, r.read().decode()

        with Double(forward) as subscriber, Double(serve) as endpoint, tempfile.NamedTemporaryFile(prefix="moto-", suffix=".pem") as ca:
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
            # a key for each subscription, for which moto is its own authority: the first message shows which
            sns.publish(TopicArn=topic, Message="which key?")
            path = json.loads(heard[0])["SigningCertURL"].split(".amazonaws.com")[1]
            leaf = x509.load_pem_x509_certificate(urllib.request.urlopen(endpoint.url + path, timeout=10).read())
            ca.write(pem(make_certificate(leaf.issuer, "test", leaf.public_key(), rsa.generate_private_key(65537, 2048), is_ca=True)))
            ca.flush()
            with Judged("--sns-topic", topic, "--sns-ca", ca.name, env={**NO_AWS, "AWS_ENDPOINT_URL_SNS": endpoint.url}) as j:
                target.append(hook(j))
                begin(j, release("shop", pushed("5xx")))
                sns.publish(TopicArn=topic, Message=alarm_message("5xx", "OK"))
                wait_for("state of the alarm", lambda: known(j, "shop", "5xx"))
                sns.publish(TopicArn=topic, Message=alarm_message("5xx", "ALARM"))
                rolled_back(j, "shop", "5xx")
                check(counted(j, "alarm") == 2, j.log()[-2000:])


@suite.test
def ministack_signs_nothing():
    """What only looks like SNS is refused: ministack's signatures are a fixed word."""
    with Ministack() as ministack, Sns() as sns:
        client = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1").client("sns", endpoint_url=ministack.url)
        topic = client.create_topic(Name="alarms")["TopicArn"]
        with Judged("--sns-topic", topic, "--sns-ca", str(sns.ca), "--sns-sha1", env={**NO_AWS, "AWS_ENDPOINT_URL_SNS": sns.url}) as j:
            client.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook(j))
            m = wait_for("refusal", lambda: (m := j.metrics())['judge_sns_refused_total{why="unreadable"}'] + m['judge_sns_refused_total{why="sender"}'] + m['judge_sns_refused_total{why="unavailable"}'] > 0 and m, 20, 0.1)
            check(m['judge_sns_messages_total{what="subscription"}'] == 0, m)


if __name__ == "__main__":
    suite.run()
