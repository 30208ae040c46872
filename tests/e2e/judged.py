"""What end-to-end tests share: a `judged` of one's own, requests to it, `judgectl`, and a small test runner.

    from judged import Judged, Suite, check, ctl, wait_for

    with Judged() as j:                       # its own state directory and ports, ready when entered
        answer = j.get("/v1/releases")        # the admin token is sent unless token= says otherwise
        check(answer.status == 200, answer)
        j.kill(); j.start()                   # SIGKILL, and again on the same state and ports

The programs are $JUDGED and $JUDGECTL, or build/judged and build/judgectl. Everything listens on 127.0.0.1 or on
unix sockets in a temporary directory; whatever a test does, at its end no process and no file is left (the
embedded Redis outlives a SIGKILL of its judged, so it is shut down through its socket).
"""
import atexit
import base64
import ctypes
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
JUDGED = os.environ.get("JUDGED", str(ROOT / "build" / "judged"))
JUDGECTL = os.environ.get("JUDGECTL", str(ROOT / "build" / "judgectl"))
READY_S = 20
STOP_S = 20
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def free_ports(n):
    """n ports free right now on 127.0.0.1, for TCP and UDP; below those the system gives to connections, which would take
    them before they are used."""
    held, ports = [], []
    while len(ports) < n:
        tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held += [tcp, udp]
        try:
            tcp.bind(("127.0.0.1", random.randrange(10240, 32000)))
            udp.bind(tcp.getsockname())
        except OSError:
            continue
        ports.append(tcp.getsockname()[1])
    for s in held:
        s.close()
    return ports


def wait_for(what, test, seconds=10, pause=0.02):
    """The first true result of test(); fails when there is none within the time."""
    deadline = time.monotonic() + seconds
    while True:
        result = test()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"within {seconds} s there was no {what}")
        time.sleep(pause)


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what) or "check failed")


def clean_environment(**more):
    """The environment without settings of the programs under test."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("JUDGE_") and k not in ("STATE_DIRECTORY", "NOTIFY_SOCKET")}
    env.update(more)
    return env


def die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Answer:
    """status, headers (lower-case names), body (bytes), json (parsed, or None)."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self):
        return f"{self.status} {self.text[:600]}"


class Judged:
    """One judged: args are further flags; redis= a URL instead of the embedded server; config= text of a -c file."""

    def __init__(self, *args, redis=None, config=None, env=None, listen=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="judged-"))
        self.state = self.dir / "state"
        self.log_path = self.dir / "judged.log"
        self.port, self.statsd_port = free_ports(2)
        self.listen = listen or f"127.0.0.1:{self.port}"
        self.host = "127.0.0.1"
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis = redis
        self.args = list(args)
        self.env = env or {}
        self.config_path = None
        if config is not None:
            self.config_path = self.dir / "judged.yaml"
            self.config_path.write_text(config)
        self.child = None
        self._token = None
        _running.append(self)

    def argv(self):
        argv = [JUDGED, "--listen", self.listen, "--statsd", f"127.0.0.1:{self.statsd_port}", "--state", str(self.state)]
        if self.config_path:
            argv += ["-c", str(self.config_path)]
        if self.redis:
            argv += ["--redis", self.redis]
        return argv + self.args

    def start(self, ready=True):
        """Starts it, and waits for /readyz unless ready is False."""
        check(self.child is None or self.child.poll() is not None, "judged runs already")
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir, env=clean_environment(**self.env), preexec_fn=die_with_parent)
        if ready:
            wait_for("ready judged", self.is_ready, READY_S)
        return self

    def is_ready(self):
        if self.child.poll() is not None:
            raise AssertionError(f"judged ended with {self.child.returncode}:\n{self.log()[-3000:]}")
        try:
            return self.get("/readyz", token=None, timeout=2).status == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self.child.pid

    def stop(self):
        """SIGTERM; gives the exit status."""
        if self.child is None:
            return None
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"judged did not stop within {STOP_S} s:\n{self.log()[-3000:]}")
        return self.child.returncode

    def kill(self):
        """SIGKILL; the embedded Redis goes on."""
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def close(self):
        """Ends everything and removes the files."""
        try:
            self.stop()
        finally:
            self.kill()
            end_redis(self.state / "redis" / "redis.sock")
            shutil.rmtree(self.dir, ignore_errors=True)
            if self in _running:
                _running.remove(self)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exc):
        self.close()

    def log(self):
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    # ---- the API ----

    @property
    def token(self):
        """The admin token judged left in its state directory."""
        if self._token is None:
            self._token = (self.state / "admin.token").read_text().strip()
        return self._token

    def connect(self, timeout=30):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def headers(self, token="admin", extra=None):
        headers = dict(extra or {})
        if token:
            headers["Authorization"] = "Bearer " + (self.token if token == "admin" else token)
        return headers

    def request(self, method, path, body=None, type=None, token="admin", headers=None, timeout=30):
        """body: bytes, text, or anything that becomes JSON. token: "admin", None or a token's text."""
        headers = self.headers(token, headers)
        if body is not None and not isinstance(body, (bytes, str)):
            body, type = json.dumps(body), type or "application/json"
        if isinstance(body, str):
            body = body.encode()
        if type:
            headers["Content-Type"] = type
        c = self.connect(timeout)
        try:
            c.request(method, path, body=body, headers=headers)
            r = c.getresponse()
            return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        finally:
            c.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body=body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    def make_token(self, scopes, name="test", **more):
        """The text of a new token."""
        a = self.post("/v1/tokens", {"name": name, "scopes": scopes, **more})
        check(a.status == 201, a)
        return a.json["token"]

    def apply(self, spec):
        """Starts a release from a spec (YAML text or an object) and waits until it can be read. A disk that
        stalls makes Redis answer late: then it is asked again, with the same key, as a client should."""
        body = spec if isinstance(spec, str) else json.dumps(spec)
        key = {"Idempotency-Key": os.urandom(16).hex()}

        def started():
            a = self.post("/v1/releases", body, type="application/yaml", headers=key)
            check(a.status in (201, 503, 504), a)
            return a if a.status == 201 else None

        release = wait_for("release", started, 30).json["release"]
        wait_for(f"release {release} on the board", lambda: self.get(f"/v1/releases/{release}").status == 200)
        return release

    def release(self, release):
        a = self.get(f"/v1/releases/{release}")
        check(a.status == 200, a)
        return a.json

    def samples(self, lines, ack=True, **more):
        """lines: objects, one sample each."""
        body = "".join(json.dumps(line) + "\n" for line in lines)
        return self.post("/v1/samples" + ("?ack=stored" if ack else ""), body, type="application/x-ndjson", **more)

    def metrics(self):
        """/metrics as {name{labels}: value}."""
        out = {}
        for line in self.get("/metrics", token=None).text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                out[name] = float(value)
        return out


def quick_spec(name, service=None, steps=("5%", "50%", "100%"), platform=None, policy=None, metric=None, **more):
    """A release that is decided in seconds: blocks of 100 ms, one pushed proportion `errors`."""
    return {
        "apiVersion": "judge/v1",
        "kind": "Release",
        "metadata": {"name": name, "service": service or name, "environment": "test", "revision": name},
        "mode": more.pop("mode", "enforce"),
        "strategy": {"type": "canary", "steps": list(steps), "settle": "0s", "platform": platform or {"kind": "none"}, **more.pop("strategy", {})},
        "metrics": [{"name": "errors", "kind": "proportion", "margin": {"relative": "50%", "absolute": "0.5%"}, "source": {"push": {"metric": "http.errors", "of": "http.requests"}}, **(metric or {})}],
        "policy": {"block": "100ms", "lateness": "200ms", "no_data_after": "2s", **(policy or {})},
        **more,
    }


class Feeder(threading.Thread):
    """Sends samples of a service until stopped: every 40 ms, errors and requests of both cohorts.

    share is the candidate's part of `requests` a second (or a function that says it), bad its error rate; both may be
    changed while it runs."""

    def __init__(self, j, service, bad=0.01, share=0.5, requests=50000, good=0.01):
        super().__init__(daemon=True)
        self.j, self.service, self.bad, self.share, self.requests, self.good = j, service, bad, share, requests, good
        self.token, self.ended, self.trouble, self.sent = j.token, threading.Event(), None, 0

    def lines(self, seconds):
        share = self.share() if callable(self.share) else self.share
        for cohort, rate, part in (("baseline", self.good, 1 - share), ("candidate", self.bad, share)):
            if part == 0:
                continue
            n = int(self.requests * seconds * part)
            yield {"service": self.service, "cohort": cohort, "metric": "http.requests", "value": n}
            yield {"service": self.service, "cohort": cohort, "metric": "http.errors", "value": round(n * rate)}

    def run(self):
        connection, at = self.j.connect(), time.monotonic()
        while not self.ended.wait(0.04):
            now = time.monotonic()
            body = "".join(json.dumps(line) + "\n" for line in self.lines(now - at))
            at = now
            try:
                connection.request("POST", "/v1/samples", body, {"Authorization": "Bearer " + self.token, "Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 202:
                    self.trouble = (answer.status, text)
                self.sent += 1
            except (OSError, http.client.HTTPException) as why:  # judged is away: a test may want that
                self.trouble = why
                connection.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.join()


class Endpoint(http.server.ThreadingHTTPServer):
    """An endpoint of the user's: moves traffic for platform webhook, takes notifications under /told.

    Every call's signature is checked as Standard Webhooks says; `faults` lists what was wrong. While `refuses` is
    set, a set_share is answered 500 and nothing moves."""

    def __init__(self, secret):
        super().__init__(("127.0.0.1", 0), _EndpointHandler)
        self.daemon_threads = True
        self.key = base64.b64decode(secret.removeprefix("whsec_"))
        self.share, self.healthy, self.refuses = 0.0, True, False
        self.calls, self.told, self.faults, self.ids = [], [], [], []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def check_signature(self, headers, body):
        sent_at = headers.get("webhook-timestamp", "")
        signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(wanted, headers.get("webhook-signature", "")):
            self.faults.append(f"signature {headers.get('webhook-signature')} of {body[:200]}")
        if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > 30:
            self.faults.append(f"timestamp {sent_at}")

    def close(self):
        self.shutdown()
        self.server_close()


class _EndpointHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        e, body = self.server, self.rfile.read(int(self.headers["Content-Length"]))
        e.check_signature(self.headers, body)
        call, status, answer = json.loads(body), 200, b""
        if self.path == "/told":
            e.told.append(call)
            e.ids.append(self.headers["webhook-id"])
        else:
            e.calls.append(call)
            if call["action"] == "set_share":
                if e.refuses:
                    status = 500
                else:
                    e.share = call["share"]
            answer = json.dumps({"share": e.share, "healthy": e.healthy}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def end_redis(path):
    """Shuts down the redis-server that listens there, if one does, and waits until it is gone."""
    if not path.exists():
        return
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(path))
            s.sendall(b"SHUTDOWN NOSAVE\r\n")
            while s.recv(4096):
                pass
    except OSError:
        pass


def ctl(j, *args, input=None, timeout=60, token="admin", env=None):
    """Runs judgectl against j (or against nothing: None). Gives .returncode, .stdout, .stderr as text."""
    with start_ctl(j, *args, token=token, env=env) as child:
        try:
            out, errors = child.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            out, errors = child.communicate()
            raise AssertionError(f"judgectl {' '.join(args)} went on for {timeout} s:\n{out}\n{errors}")
    return subprocess.CompletedProcess(args, child.returncode, out, errors)


def ends(r, status, *words):
    """The ended judgectl r has this exit status and said these words; gives r."""
    text = r.stdout + r.stderr
    check(r.returncode == status, f"want exit {status}, got {r.returncode}:\n{text}")
    for word in words:
        check(word in text, f"no `{word}` in:\n{text}")
    return r


def start_ctl(j, *args, token="admin", env=None, stdout=subprocess.PIPE):
    """judgectl as a Popen with pipes."""
    more = {"HOME": "/nonexistent"}
    if j:
        more["JUDGE_URL"] = j.url
        if token:
            more["JUDGE_TOKEN"] = j.token if token == "admin" else token
    more.update(env or {})
    return subprocess.Popen([JUDGECTL, *map(str, args)], stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE, text=True, env=clean_environment(**more), preexec_fn=die_with_parent)


_running = []


def _close_all():
    for j in list(_running):
        try:
            j.close()
        except Exception:  # the test's result is out already
            traceback.print_exc()


atexit.register(_close_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


class Suite:
    """Tests in the order they are written: `@suite.test` on each, suite.run() at the end.

    Names given on the command line run only the tests whose names contain one of them."""

    def __init__(self):
        self.tests = []

    def test(self, function):
        self.tests.append(function)
        return function

    def run(self, *args):
        """Calls each test with args; prints what failed and the closing line; exits."""
        wanted = sys.argv[1:]
        passed = failed = skipped = 0
        for test in self.tests:
            if wanted and not any(w in test.__name__ for w in wanted):
                continue
            start = time.monotonic()
            try:
                test(*args)
                passed += 1
                if wanted or os.environ.get("VERBOSE"):
                    print(f"ok {test.__name__} ({time.monotonic() - start:.2f} s)", flush=True)
            except Skip as why:
                skipped += 1
                print(f"skipped {test.__name__}: {why}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {test.__name__}\n{traceback.format_exc()}", flush=True)
        _close_all()
        print(f"{passed} passed, {failed} failed, {skipped} skipped")
        sys.exit(1 if failed else 0)
