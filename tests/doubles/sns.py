"""A stand-in for Amazon SNS delivering over HTTP, for what moto and ministack do not do: confirmations, the x-amz-sns-*
headers, both signature versions, a certificate that is served without its issuer, as SNS' is, and messages that are
wrong in one thing.

    with Sns() as sns:                               # sns.url for AWS_ENDPOINT_URL_SNS, sns.ca for --sns-ca
        sns.subscribe(url)                           # posts a SubscriptionConfirmation
        sns.publish(url, alarm_message("loud", "ALARM"))

The string to sign is made here from SNS' documentation, the signatures by the package `cryptography`.
"""
import base64
import datetime
import http.client
import http.server
import json
import pathlib
import tempfile
import threading
import time
import urllib.parse
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

ACCOUNT, REGION = "123456789012", "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
CONFIRMED = """<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
<ConfirmSubscriptionResult><SubscriptionArn>{}</SubscriptionArn></ConfirmSubscriptionResult>
<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></ConfirmSubscriptionResponse>"""


def stamp(at=None, offset="Z"):
    """2026-11-23T10:15:00.250Z; CloudWatch writes its offset +0000."""
    at = time.time() if at is None else at
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}{offset}"


def alarm_arn(name, region=REGION, account=ACCOUNT):
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


def alarm_message(name, state, at=None, composite=False, **more):
    """What CloudWatch publishes when an alarm changes."""
    said = {"AlarmName": name, "AlarmDescription": None, "AWSAccountId": ACCOUNT, "AlarmConfigurationUpdatedTimestamp": stamp(1.7e9, "+0000"), "NewStateValue": state,
            "NewStateReason": "Threshold Crossed: 1 datapoint [9.0 (23/11/26 10:14:00)] was greater than the threshold (5.0).", "StateChangeTime": stamp(at, "+0000"),
            "Region": "EU (Ireland)", "AlarmArn": alarm_arn(name), "OldStateValue": "OK", "OKActions": [TOPIC], "AlarmActions": [TOPIC], "InsufficientDataActions": [TOPIC]}
    if composite:
        said |= {"AlarmRule": 'ALARM("a") OR ALARM("b")', "TriggeringChildren": [{"Arn": alarm_arn("a"), "State": {"Value": state, "Timestamp": stamp(at, "+0000")}}]}
    else:
        said["Trigger"] = {"MetricName": "HTTPCode_Target_5XX_Count", "Namespace": "AWS/ApplicationELB", "StatisticType": "Statistic", "Statistic": "SUM", "Unit": None, "Dimensions": [{"value": "app/shop/1", "name": "LoadBalancer"}],
                           "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 5.0, "TreatMissingData": "", "EvaluateLowSampleCountPercentile": ""}
    return json.dumps({**said, **more})


def _name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def make_certificate(subject, issuer, key, issuer_key, is_ca=False, names=(), aia=None, days=(-1, 30)):
    """A certificate of `key`; subject and issuer are names or x509.Names."""
    now = datetime.datetime.now(datetime.timezone.utc)
    as_name = lambda n: n if isinstance(n, x509.Name) else _name(n)  # noqa: E731
    b = (x509.CertificateBuilder().subject_name(as_name(subject)).issuer_name(as_name(issuer)).public_key(key)
         .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1]))
         .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
    if names:
        b = b.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    if aia:
        b = b.add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(aia))]), critical=False)
    return b.sign(issuer_key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Signer:
    """A key and the certificate that SNS serves for it, under a name of its own."""

    def __init__(self, sns, names=("sns.amazonaws.com",), bits=2048, days=(-1, 30), aia="http://crt.r2m01.amazontrust.com/r2m01.cer", chained=False, stranger=False):
        self.key = rsa.generate_private_key(65537, bits)
        issuer_key = rsa.generate_private_key(65537, 2048) if stranger else sns.issuer_key
        certificate = make_certificate(names[0], "Amazon RSA 2048 M01", self.key.public_key(), issuer_key, names=names, aia=None if chained else aia, days=days)
        self.path = f"/SimpleNotificationService-{uuid.uuid4().hex}.pem"
        sns.served[self.path] = pem(certificate) + (pem(sns.issuer) if chained else b"")

    def sign(self, text, version):
        return base64.b64encode(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA1() if version == "1" else hashes.SHA256())).decode()


class Sns(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked, self.served, self.tokens, self.fails = [], {}, {}, False
        root_key, self.issuer_key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        root = make_certificate("test root", "test root", root_key.public_key(), root_key, is_ca=True)
        self.issuer = make_certificate("Amazon RSA 2048 M01", "test root", self.issuer_key.public_key(), root_key, is_ca=True)
        self.served["/r2m01.cer"] = self.issuer.public_bytes(serialization.Encoding.DER)
        self.dir = tempfile.TemporaryDirectory(prefix="sns-")
        self.ca = pathlib.Path(self.dir.name) / "ca.pem"
        self.ca.write_bytes(pem(root))
        self.signer = Signer(self)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        self.dir.cleanup()

    def message(self, type, message, topic=TOPIC, at=None, subject=None, version="2", signer=None, **more):
        """Signed as it is; what `more` says stands in it before it is signed."""
        signer = signer or self.signer
        region = topic.split(":")[3]
        m = {"Type": type, "MessageId": str(uuid.uuid4()), "TopicArn": topic, "Message": message, "Timestamp": stamp(at), "SignatureVersion": version,
             "SigningCertURL": f"https://sns.{region}.amazonaws.com{signer.path}"}
        if type != "Notification":
            m["Token"] = uuid.uuid4().hex * 4
            m["SubscribeURL"] = f"https://sns.{region}.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token={m['Token']}"
        if subject is not None:
            m["Subject"] = subject
        m.update(more)
        m["Signature"] = signer.sign("".join(f"{k}\n{m[k]}\n" for k in SIGNED.get(type, ()) if k in m), version)
        return m

    def post(self, url, message, headers=None):
        """(status, JSON of the answer): one attempt, as SNS makes it."""
        parts = urllib.parse.urlsplit(url)
        if headers is None:
            headers = {"x-amz-sns-message-type": message["Type"], "x-amz-sns-message-id": message["MessageId"], "x-amz-sns-topic-arn": message["TopicArn"]}
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        c = http.client.HTTPConnection(parts.hostname, parts.port, timeout=15)
        try:
            c.request("POST", parts.path, body, {"Content-Type": "text/plain; charset=UTF-8", "User-Agent": "Amazon Simple Notification Service Agent", **headers})
            r = c.getresponse()
            return r.status, json.loads(r.read() or b"null")
        finally:
            c.close()

    def deliver(self, url, message):
        """Until it is taken, as SNS does: 429 and 5xx are repeated, any other 4xx is final."""
        deadline = time.monotonic() + 30
        while True:
            status, said = self.post(url, message)
            if status not in (429,) and status < 500 or time.monotonic() > deadline:
                return status, said
            time.sleep(0.1)

    def subscribe(self, url, topic=TOPIC, **more):
        m = self.message("SubscriptionConfirmation", f"You have chosen to subscribe to the topic {topic}.", topic, **more)
        self.tokens[m["Token"]] = None
        return self.deliver(url, m), m

    def publish(self, url, text, **more):
        return self.deliver(url, self.message("Notification", text, **more))


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        sns, parts = self.server, urllib.parse.urlsplit(self.path)
        sns.asked.append(self.path)
        q = dict(urllib.parse.parse_qsl(parts.query))
        if sns.fails:
            self.answer(500, b"")
        elif parts.path in sns.served:
            self.answer(200, sns.served[parts.path])
        elif q.get("Action") == "ConfirmSubscription" and q.get("Token") in sns.tokens:
            sns.tokens[q["Token"]] = q["TopicArn"]
            self.answer(200, CONFIRMED.format(f"{q['TopicArn']}:{uuid.uuid4()}", uuid.uuid4()).encode())
        else:
            self.answer(404, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
