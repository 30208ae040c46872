#!/usr/bin/env python3
"""lib/aws beside botocore, on thousands of random requests: signatures in headers and in queries, hosts of every
service, region, FIPS and dual-stack, and the table of services beside botocore's models.

The programs are the test binaries of lib/aws, fed on their standard input.
AWS_RANDOM_SEED repeats a run.
"""
import in_venv  # noqa: F401  (first: it may start us again)

import datetime
import itertools
import json
import os
import random
import subprocess
import urllib.parse

import botocore.auth
import botocore.loaders
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.endpoint_provider import EndpointProvider

from judged import ROOT, Suite, check

suite = Suite()
BINARIES = ROOT / "build" / "release" / "tests" / "lib" / "aws"
SEED = int(os.environ.get("AWS_RANDOM_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
REQUESTS = 4000
NOW = datetime.datetime(2026, 11, 28, 21, 19, 59, tzinfo=datetime.timezone.utc)


def ours(program, option, text=""):
    return subprocess.run([str(BINARIES / program), option], input=text, check=True, capture_output=True, text=True,
                          timeout=60).stdout.splitlines()


# ---- signatures ----
WORDS = "abcXYZ019-_.~ !\"#$%&'()*+,/:;<=>?@[\\]^`{|}é漢😀"


def word(draw, least=0, most=8, letters=WORDS):
    return "".join(draw.choice(letters) for _ in range(draw.randint(least, most)))


def random_request(draw, is_s3):
    """What is sent: a path and a query encoded once, headers, a body."""
    segments = [draw.choice([word(draw), word(draw, 1), "arn:aws:lambda:eu-west-1:1:function:f", ".", "..", ""])
                for _ in range(draw.randint(0, 5))]
    path = "/" + "/".join(urllib.parse.quote(s, safe="-_.~") for s in segments)
    in_query = draw.random() < 0.3
    query = [(word(draw, 1), word(draw)) for _ in range(draw.randint(0, 6))]
    if in_query:  # botocore keeps the first value of a name
        query = list(dict(query).items())
    headers = {"Content-Type": draw.choice(["application/x-amz-json-1.0", "text/xml; charset=utf-8"])}
    for i in range(draw.randint(0, 4)):
        headers[f"X-{draw.choice(['Amz-', 'a', 'A-', 'B'])}{i}"] = word(draw, 1, 6, "abc 12=,;\"  ") + "z"
    for name in draw.sample(["User-Agent", "X-Amzn-Trace-Id", "Connection", "TE"], draw.randint(0, 2)):
        headers[name] = "left out"
    return {
        "method": draw.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
        "path": path,
        "query": "&".join(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for k, v in query),
        "host": draw.choice(["monitoring.eu-west-1.amazonaws.com", "127.0.0.1:5000", "Example.amazonaws.com"]),
        "headers": headers,
        "body": "" if in_query else word(draw, 0, 200),  # botocore moves a body into the query
        "region": draw.choice(["eu-west-1", "us-gov-west-1", "cn-north-1"]),
        "service": "s3" if is_s3 else draw.choice(["monitoring", "lambda", "elasticloadbalancing"]),
        "key": "AK" + word(draw, 4, 16, "ABC123"),
        "secret": word(draw, 8, 40, "abcXYZ/+="),
        "token": draw.choice(["", word(draw, 20, 400, "abcXYZ/+=")]),
        "expires": draw.randint(1, 604800),
        "in_query": in_query,
        "unsigned": is_s3 and draw.random() < 0.5,
    }


def as_line(r):
    return json.dumps({
        "method": r["method"], "path": r["path"], "query": r["query"], "body": r["body"],
        "headers": [f"Host: {r['host']}"] + [f"{k}: {v}" for k, v in r["headers"].items()],
        "service": r["service"], "region": r["region"], "timestamp": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "credentials": {"access_key_id": r["key"], "secret_access_key": r["secret"], **({"token": r["token"]} if r["token"] else {})},
        "s3": r["service"] == "s3", "normalize": r["service"] != "s3", "sign_body": r["service"] == "s3" and not r["in_query"],
        "unsigned": r["unsigned"] or (r["in_query"] and r["service"] == "s3"),
        "in_query": r["in_query"], "expiration_in_seconds": r["expires"]})


class Clock(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW.replace(tzinfo=None)

    @classmethod
    def now(cls, tz=None):
        return NOW if tz else NOW.replace(tzinfo=None)


def theirs(r):
    """The signature botocore makes, and its canonical request."""
    url = f"http://{r['host']}{r['path']}" + (f"?{r['query']}" if r["query"] else "")
    request = AWSRequest(method=r["method"], url=url, headers={**r["headers"], "Host": r["host"]}, data=r["body"].encode())
    credentials = Credentials(r["key"], r["secret"], r["token"] or None)
    base = {(False, False): botocore.auth.SigV4Auth, (False, True): botocore.auth.SigV4QueryAuth,
            (True, False): botocore.auth.S3SigV4Auth, (True, True): botocore.auth.S3SigV4QueryAuth}[(r["service"] == "s3", r["in_query"])]
    seen = []

    class Auth(base):
        def canonical_request(self, request):
            seen.append(super().canonical_request(request))
            return seen[-1]

    arguments = {"expires": r["expires"]} if r["in_query"] else {}
    if r["service"] == "s3" and not r["in_query"]:
        request.context["client_config"] = type("C", (), {"s3": {"payload_signing_enabled": not r["unsigned"]}})()
        request.context["payload_signing_enabled"] = not r["unsigned"]
    Auth(credentials, r["service"], r["region"], **arguments).add_auth(request)
    if r["in_query"]:
        return request.url.rsplit("X-Amz-Signature=", 1)[1], seen[-1]
    return request.headers["Authorization"].rsplit("Signature=", 1)[1], seen[-1]


def compare(is_s3, count):
    draw = random.Random(SEED + is_s3)
    requests = [random_request(draw, is_s3) for _ in range(count)]
    answers = ours("test_sigv4", "--stdin", "".join(as_line(r) + "\n" for r in requests))
    check(len(answers) == count, f"{len(answers)} answers to {count} requests")
    for r, answer in zip(requests, answers):
        signed, canonical = answer.split("\t")
        got = signed.rstrip("|").rsplit("Signature=", 1)[-1]
        want, their_canonical = theirs(r)
        check(got == want, f"seed {SEED}: {json.dumps(r)}\n  ours   {canonical}\n  theirs {their_canonical!r}".replace("\\n", "|"))


@suite.test
def signs_as_botocore_does():
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None) if remove_tzinfo else NOW
    botocore.auth.datetime = type("M", (), {"datetime": Clock, "timezone": datetime.timezone, "timedelta": datetime.timedelta})
    compare(False, REQUESTS)


@suite.test
def signs_s3_paths_as_botocore_does():
    compare(True, REQUESTS // 2)


# ---- endpoints and services ----
REGIONS = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-2", "ap-southeast-3", "ca-central-1", "sa-east-1",
           "af-south-1", "me-central-1", "us-gov-west-1", "us-gov-east-1", "cn-north-1", "cn-northwest-1"]


def table():
    return [line.split("\t") for line in ours("test_endpoint", "--services")]


@suite.test
def finds_the_hosts_botocore_finds():
    loader = botocore.loaders.Loader()
    partitions = loader.load_data("partitions")
    asked, wanted = [], []
    for name, signing, *_ in table():
        rules = EndpointProvider(loader.load_service_model(name, "endpoint-rule-set-1"), partitions)
        for region, fips, dual in itertools.product(REGIONS, (False, True), (False, True)):
            endpoint = rules.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual)
            schemes = endpoint.properties.get("authSchemes", [{}])
            asked.append(f"{name} {region} {int(fips)} {int(dual)}\n")
            wanted.append(f"{endpoint.url.removeprefix('https://')} {schemes[0].get('signingRegion', region)}")
    got = ours("test_endpoint", "--stdin", "".join(asked))
    check(len(got) == len(asked) > 1000, f"{len(got)} of {len(asked)}")
    wrong = [f"{a.strip()}: {g}, not {w}" for a, g, w in zip(asked, got, wanted) if g != w]
    check(not wrong, wrong[:5])


@suite.test
def knows_the_services_as_botocore_does():
    loader = botocore.loaders.Loader()
    names = {"json 1.0": "json", "json 1.1": "json"}
    for name, signing, protocol, version, target, service_id in table():
        model = loader.load_service_model(name, "service-2")["metadata"]
        check(model.get("signingName", model["endpointPrefix"]) == signing, (name, signing))
        check(names.get(protocol, protocol) in [model["protocol"], *model.get("protocols", [])], (name, protocol))
        check(model["serviceId"].upper().replace(" ", "_").replace("-", "_") == service_id, (name, service_id))
        if protocol.startswith("json"):
            check(model["targetPrefix"] == target and model["jsonVersion"] == protocol.split()[1], (name, target))
        if protocol in ("query", "ec2"):
            check(model["apiVersion"] == version, (name, version))
    page = (ROOT / "docs" / "aws.md").read_text().split("Services: ")[1].split(". Another")[0]
    check(" ".join(page.split()) == ", ".join(row[0] for row in table()), page)


if __name__ == "__main__":
    suite.run()
