#!/usr/bin/env python3
"""Calls by lib/aws, from a process of their own: against moto with its signature check on, against ministack, and
against a service of our own for what those cannot do: metadata services, chains of roles, a wrong clock, faults."""
import in_venv  # noqa: F401  (first: it may start us again)

import datetime
import email.utils
import functools
import ipaddress
import json
import pathlib
import ssl
import tempfile
import time
import urllib.parse

import boto3
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aws import Caller, Double, Ministack, Moto
from judged import ROOT, Suite, check
from stack import AtOnce

suite = Suite()
beside = AtOnce(suite, 3)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hushhush", "AWS_REGION": "eu-west-1"}
NO_IMDS = {"AWS_EC2_METADATA_DISABLED": "true"}


def form(request):
    return dict(urllib.parse.parse_qsl(request.body))


def in_an_hour():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- moto: an independent check of signatures ----
def with_user(moto):
    """(access key, secret) of an IAM user who may do everything, and a role that it may take on."""
    iam = boto3.client("iam", endpoint_url=moto.url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    iam.create_user(UserName="judge")
    everything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    iam.put_user_policy(UserName="judge", PolicyName="all", PolicyDocument=everything)
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=everything)
    iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=everything)
    key = iam.create_access_key(UserName="judge")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def change_batch(zone):
    return {"service": "route53", "operation": "ChangeResourceRecordSets", "method": "POST",
            "path": f"/2013-04-01/hostedzone/{zone}/rrset/", "headers": ["Content-Type: application/xml"],
            "body": '<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes><Change>'
                    "<Action>UPSERT</Action><ResourceRecordSet><Name>a.example.com</Name><Type>A</Type><TTL>60</TTL><ResourceRecords>"
                    "<ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes>"
                    "</ChangeBatch></ChangeResourceRecordSetsRequest>"}


@beside.test
def moto_accepts_every_form_of_request():
    now = int(time.time())
    with Moto() as moto:
        with Caller(AWS_ENDPOINT_URL=moto.url, **KEYS, **NO_IMDS) as c:
            survives_what_moto_does_not_know(c)
        access, secret = with_user(moto)
        route53 = boto3.client("route53", endpoint_url=moto.url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"].split("/")[-1]
        moto.check_signatures()
        env = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": moto.url, **NO_IMDS}
        with Caller(AWS_ACCESS_KEY_ID=access, AWS_SECRET_ACCESS_KEY=secret, **env) as c:
            point = {"MetricName": "errors", "Value": 7, "Timestamp": now - 60, "Unit": "Count", "Dimensions": [{"Name": "V", "Value": "ü/ 1"}]}
            calls = [
                {"service": "cloudwatch", "operation": "PutMetricData", "body": json.dumps({"Namespace": "app", "MetricData": [point]})},
                {"service": "cloudwatch", "operation": "ListMetrics"},
                {"service": "ecs", "operation": "ListClusters"},
                {"service": "elbv2", "operation": "DescribeLoadBalancers", "body": "PageSize=10"},
                {"service": "ec2", "operation": "DescribeInstances", "body": "MaxResults=5"},
                {"service": "sns", "operation": "CreateTopic", "body": "Name=t"},
                {"service": "sts", "operation": "GetCallerIdentity"},
                {"service": "apigateway", "operation": "CreateRestApi", "method": "POST", "path": "/restapis", "body": '{"name": "a"}',
                 "headers": ["Content-Type: application/json"]},
                {"service": "appmesh", "operation": "TagResource", "method": "PUT", "path": "/v20190125/tag",
                 "query": "resourceArn=arn%3Aaws%3Aappmesh%3Aeu-west-1%3A1%3Amesh%2Fm", "body": '{"tags": []}'},
                change_batch(zone),
            ]
            for call in calls:
                for is_async in (False, True):
                    answer = c.call(**call, **{"async": is_async})
                    check(answer["ok"] or answer.get("code") not in ("SignatureDoesNotMatch", "AccessDenied") and answer["status"] == 404, call, answer)
            check('"errors"' in c.call("cloudwatch", "ListMetrics")["body"], "the point is not there")
            role = {"role": "arn:aws:iam::123456789012:role/reader", "session_name": "us"}
            check("assumed-role/reader/us" in c.call("sts", "GetCallerIdentity", **role)["body"], c.said[-1])
            check(c.call("cloudwatch", "ListMetrics", **role)["ok"], c.said[-1])
        with Caller(AWS_ACCESS_KEY_ID=access, AWS_SECRET_ACCESS_KEY=secret[1:], **env) as c:
            for service, operation in (("cloudwatch", "ListMetrics"), ("elbv2", "DescribeLoadBalancers"), ("ecs", "ListClusters")):
                answer = c.call(service, operation)
                check(answer["code"] == "SignatureDoesNotMatch" and answer["kind"] == "auth" and answer["attempts"] == 1, answer)
        with Caller(AWS_ACCESS_KEY_ID="AKIANOBODY", AWS_SECRET_ACCESS_KEY=secret, **env) as c:
            check(c.call("cloudwatch", "ListMetrics")["kind"] == "auth", c.said[-1])


def survives_what_moto_does_not_know(c):
    answer = c.call("ecs", "DescribeServiceDeployments", max_attempts=1)  # 500 in HTML
    check((answer["status"], answer["code"], answer["may_retry"]) == (500, "", True), answer)
    answer = c.call("appconfig", "ListDeployments", path="/applications/a/environments/e/deployments")  # 404 in HTML
    check((answer["kind"], answer["attempts"]) == ("not_found", 1), answer)


@beside.test
def a_presigned_url_is_the_one_botocore_makes():
    with Caller(**KEYS, **NO_IMDS) as c:
        url = c.call("sts", "GetCallerIdentity", presign=True, headers=["x-k8s-aws-id: cluster"])["url"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    check(query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id" and query["X-Amz-Expires"] == "60", query)
    when = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    botocore.auth.get_current_datetime = lambda *_, **__: when
    request = AWSRequest("GET", "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", {"x-k8s-aws-id": "cluster"})
    credentials = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
    botocore.auth.SigV4QueryAuth(credentials, "sts", "eu-west-1", expires=60).add_auth(request)
    theirs = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query))
    check(query == theirs, query, theirs)


@beside.test
def ministack_answers_json_query_and_rest():
    with Ministack() as stack, Caller(AWS_ENDPOINT_URL=stack.url, **KEYS, **NO_IMDS) as c:
        for service, operation, more in (("cloudwatch", "DescribeAlarms", {}), ("sts", "GetCallerIdentity", {}),
                                         ("elbv2", "DescribeTargetGroups", {}), ("appconfig", "ListApplications", {"path": "/applications"}),
                                         ("lambda", "ListFunctions", {"path": "/2015-03-31/functions/"}),
                                         ("route53", "ListHostedZones", {"path": "/2013-04-01/hostedzone"})):
            answer = c.call(service, operation, **more)
            check(answer["ok"], service, answer)


# ---- metadata services ----
class Instance:
    """IMDS as an instance with version 2 only has it."""

    def __init__(self, has_session=True):
        self.has_session, self.keys, self.sessions = has_session, 0, 0

    def __call__(self, request):
        if request.command == "PUT" and request.path == "/latest/api/token":
            if not self.has_session:
                return 403, {}, ""
            check(request.headers["X-aws-ec2-metadata-token-ttl-seconds"] == "21600", request.headers)
            self.sessions += 1
            return 200, {}, f"session-{self.sessions}"
        if self.has_session and request.headers.get("X-aws-ec2-metadata-token") != f"session-{self.sessions}":
            return 401, {}, ""
        if request.path == "/latest/meta-data/placement/region":
            return 200, {}, "ap-south-1"
        if request.path == "/latest/meta-data/iam/security-credentials/":
            return 200, {}, "web-role\n"
        if request.path == "/latest/meta-data/iam/security-credentials/web-role":
            self.keys += 1
            return 200, {}, {"Code": "Success", "AccessKeyId": f"IMDS{self.keys}", "SecretAccessKey": "hushhush", "Token": "hushtoken",
                             "Expiration": in_an_hour()}
        return 404, {}, ""


def ok(_):
    return 200, {}, "{}"


@beside.test
def an_instance_gives_credentials_and_region():
    with Double(Instance()) as imds, Double(ok) as service:
        with Caller(AWS_EC2_METADATA_SERVICE_ENDPOINT=imds.url + "/", AWS_ENDPOINT_URL=service.url) as c:
            for is_async in (False, True):
                check(c.call("cloudwatch", "ListMetrics", **{"async": is_async})["ok"], c.said[-1])
            request = service.requests[-1]
            check(request.key() == "IMDS1" and request.headers["X-Amz-Security-Token"] == "hushtoken", request.headers)
            check("/ap-south-1/monitoring/aws4_request" in request.headers["Authorization"], request.headers["Authorization"])
            check("hush" not in c.everything_said(), "a secret was said")


@beside.test
def version_1_is_used_only_when_it_is_allowed():
    with Double(Instance(has_session=False)) as imds, Double(ok) as service:
        env = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": imds.url, "AWS_ENDPOINT_URL": service.url, "AWS_REGION": "eu-west-1"}
        with Caller(**env) as c:
            answer = c.call("cloudwatch", "ListMetrics")
            check(answer["kind"] == "auth" and "version 1 is used only when AWS_EC2_METADATA_V1_DISABLED is false" in answer["message"], answer)
        check(not service.requests and len(imds.requests) == 1, imds.requests)
        with Caller(AWS_EC2_METADATA_V1_DISABLED="false", **env) as c:
            check(c.call("cloudwatch", "ListMetrics")["ok"], c.said[-1])


@beside.test
def a_container_gives_credentials_with_its_token_file():
    tokens = []

    def answer(request):
        tokens.append(request.headers.get("Authorization"))
        return 200, {}, {"AccessKeyId": f"POD{len(tokens)}", "SecretAccessKey": "hushhush", "Token": "t", "Expiration": in_an_hour()}

    refused = [True]

    def service(_):
        if refused.pop() if refused else False:
            return 400, {}, {"__type": "ExpiredTokenException", "message": "expired"}
        return 200, {}, "{}"

    with Double(answer) as pod, Double(service) as aws:
        c = Caller(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{pod.url}/v1/credentials", AWS_CONTAINER_AUTHORIZATION_TOKEN="worn",
                   AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="/dev/null", AWS_ENDPOINT_URL=aws.url, AWS_REGION="eu-west-1")
        with c:
            answer_ = c.call("cloudwatch", "ListMetrics")
            check("token file /dev/null must hold one line" in answer_["message"], answer_)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("first\n")
            file.flush()
            with Caller(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{pod.url}/v1/credentials", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=file.name,
                        AWS_ENDPOINT_URL=aws.url, AWS_REGION="eu-west-1") as c:
                check(c.call("cloudwatch", "ListMetrics")["ok"], c.said[-1])
            check(tokens == ["first", "first"], tokens)  # fetched again when AWS called them expired
            check([r.key() for r in aws.requests] == ["POD1", "POD2"], [r.key() for r in aws.requests])


# ---- roles ----
def sts(request):
    asked = form(request)
    if "Action" not in asked:
        return 200, {}, "{}"
    name = asked["RoleArn"].split("/")[-1].upper()
    action = asked["Action"]
    return 200, {"Content-Type": "text/xml"}, (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials><AccessKeyId>{name}</AccessKeyId>'
        f"<SecretAccessKey>hushhush</SecretAccessKey><SessionToken>t-{name}</SessionToken><Expiration>{in_an_hour()}</Expiration></Credentials>"
        f"</{action}Result></{action}Response>")


@beside.test
def roles_are_taken_on_one_after_the_other():
    page = (ROOT / "docs" / "aws.md").read_text()
    config = page.split("```ini\n")[1].split("```")[0]
    with Double(sts) as aws:
        with Caller(config=config, credentials="[base]\naws_access_key_id = BASE\naws_secret_access_key = hushhush\n", AWS_PROFILE="judge",
                    AWS_ENDPOINT_URL=aws.url, **NO_IMDS) as c:
            check(c.call("cloudwatch", "ListMetrics", role="arn:aws:iam::2:role/other")["ok"], c.said[-1])
            check("hush" not in c.everything_said(), "a secret was said")
        hub, reader, other, call = aws.requests
        check((hub.key(), form(hub)["RoleArn"], form(hub)["RoleSessionName"]) == ("BASE", "arn:aws:iam::222222222222:role/hub", "release-judge"), form(hub))
        check("ExternalId" not in form(hub) and hub.headers.get("X-Amz-Security-Token") is None, form(hub))
        check((reader.key(), form(reader)["ExternalId"], form(reader)["DurationSeconds"], form(reader)["RoleSessionName"]) == ("HUB", "release judge", "900", "checkout"), form(reader))
        check((other.key(), other.headers["X-Amz-Security-Token"]) == ("JUDGE-READER", "t-JUDGE-READER"), other.headers)
        check((call.key(), "/eu-west-2/" in call.headers["Authorization"]) == ("OTHER", True), call.headers)


@beside.test
def a_web_identity_is_not_signed():
    with Double(sts) as aws, tempfile.NamedTemporaryFile("w") as file:
        file.write("ey.J.token\n")
        file.flush()
        with Caller(AWS_WEB_IDENTITY_TOKEN_FILE=file.name, AWS_ROLE_ARN="arn:aws:iam::1:role/pod", AWS_ROLE_SESSION_NAME="s", AWS_ENDPOINT_URL=aws.url,
                    AWS_REGION="eu-west-1", **NO_IMDS) as c:
            check(c.call("cloudwatch", "ListMetrics")["ok"], c.said[-1])
        asked = form(aws.requests[0])
        check(aws.requests[0].key() is None and asked["WebIdentityToken"] == "ey.J.token" and asked["RoleSessionName"] == "s", asked)
        check(aws.requests[1].key() == "POD", aws.requests[1].headers)


@beside.test
def a_refused_role_says_so():
    def denied(_):
        return 403, {}, ("<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: sts:AssumeRole</Message>"
                         "</Error></ErrorResponse>")

    with Double(denied) as aws, Caller(AWS_ENDPOINT_URL=aws.url, **KEYS, **NO_IMDS) as c:
        answer = c.call("cloudwatch", "ListMetrics", role="arn:aws:iam::2:role/other")
        check(answer["kind"] == "forbidden" and "role arn:aws:iam::2:role/other: sts AssumeRole" in answer["message"]
              and "not authorized to perform: sts:AssumeRole" in answer["message"], answer)


@beside.test
def settings_that_cannot_be_used_are_refused_by_name():
    for config, message in (("[default]\nsso_session = s\n", "needs a browser and is not supported"),
                            ("[default]\nretry_mode = adaptive\n", "only \"standard\" is supported"),
                            ("[default]\nnonsense\n", "line 2: a setting is written name = value")):
        with Caller(config=config) as c:
            answer = c.call("sts", "GetCallerIdentity")
            check("AWS settings: " in answer["message"] and message in answer["message"], answer)
    with Caller(AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s", **NO_IMDS) as c:
        check("no AWS region is set" in c.call("sts", "GetCallerIdentity")["message"], c.said[-1])


# ---- TLS ----
def certificate(folder):
    """A self-signed certificate for 127.0.0.1: (its file, a server's context)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aws double")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256()))
    chain, secret = pathlib.Path(folder, "cert.pem"), pathlib.Path(folder, "key.pem")
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return str(chain), context


@beside.test
def certificates_are_verified():
    with tempfile.TemporaryDirectory() as folder:
        file, context = certificate(folder)
        with Double(ok, tls=context) as aws:
            with Caller(AWS_ENDPOINT_URL=aws.url, **KEYS, **NO_IMDS) as c:
                answer = c.call("cloudwatch", "ListMetrics")
                check((answer["kind"], answer["attempts"]) == ("auth", 1) and not aws.requests, answer)
            with Caller(AWS_ENDPOINT_URL=aws.url, AWS_CA_BUNDLE=file, **KEYS, **NO_IMDS) as c:
                check(c.call("cloudwatch", "ListMetrics")["ok"] and c.call("cloudwatch", "ListMetrics", **{"async": True})["ok"], c.said[-1])


# ---- faults ----
@beside.test
def a_wrong_clock_is_corrected_once():
    ahead = 3600

    def answer(request):
        theirs = time.time() + ahead
        when = datetime.datetime.strptime(request.headers["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        date = {"Date": email.utils.formatdate(theirs, usegmt=True)}
        if abs(when - theirs) > 300:
            return 403, date, {"__type": "InvalidSignatureException", "message": "Signature expired: 2026 is now earlier than 2027"}
        return 200, date, "{}"

    with Double(answer) as aws, Caller(AWS_ENDPOINT_URL=aws.url, **KEYS, **NO_IMDS) as c:
        check(c.call("cloudwatch", "ListMetrics")["attempts"] == 2, c.said[-1])
        check(c.call("cloudwatch", "ListMetrics", **{"async": True})["attempts"] == 1, c.said[-1])
        ahead = -7200
        check(c.call("cloudwatch", "ListMetrics", **{"async": True})["attempts"] == 2, c.said[-1])

    def same_clock(_):
        return 403, {"Date": email.utils.formatdate(usegmt=True)}, {"__type": "SignatureDoesNotMatch", "message": "wrong"}

    with Double(same_clock) as aws, Caller(AWS_ENDPOINT_URL=aws.url, **KEYS, **NO_IMDS) as c:
        check(c.call("cloudwatch", "ListMetrics")["attempts"] == 1, c.said[-1])


def faulty(faults, request):
    """Cut, cut after a moment, 500, throttled; then well."""
    fault = faults.pop(0) if faults else "ok"
    if fault == "cut":
        return None
    if fault == "slow":
        time.sleep(1)
    if fault == "500":
        return 500, {}, "<html>"
    if fault == "throttled":
        return 400, {"x-amzn-ErrorType": "TooManyRequestsException:http://x"}, {"message": "slow down"}
    return 200, {"x-amzn-RequestId": "r-1"}, "{}"


@beside.test
def faults_are_retried_under_one_deadline():
    for fault, is_async in (("cut", False), ("slow", True), ("500", False), ("throttled", True), ("cut", True)):
        with Double(functools.partial(faulty, [fault])) as aws, Caller(AWS_ENDPOINT_URL=aws.url, **KEYS, **NO_IMDS) as c:
            answer = c.call("cloudwatch", "ListMetrics", attempt_timeout_ms=500, **{"async": is_async})
            check(answer["ok"] and answer["attempts"] == 2 and answer["request_id"] == "r-1", fault, answer)
    with Double(functools.partial(faulty, ["cut"] * 9)) as aws, Caller(AWS_ENDPOINT_URL=aws.url, AWS_MAX_ATTEMPTS="2", **KEYS, **NO_IMDS) as c:
        answer = c.call("cloudwatch", "PutMetricData")
        check(answer["attempts"] == 2 and answer["is_unknown"] and answer["may_retry"], answer)
        answer = c.call("cloudwatch", "PutMetricData", max_attempts=1)
        check(answer["attempts"] == 1 and len(aws.requests) == 3, answer)


if __name__ == "__main__":
    suite.run()
