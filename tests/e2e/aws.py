"""What tests of lib/aws share: calls made by it from a process of their own, moto and ministack as AWS, and a small
service of our own that answers as a script says and keeps what it was asked (metadata services, STS, faults).

    with Caller(AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID=..., ...) as c:
        answer = c.call("cloudwatch", "ListMetrics", body="{}")     # {"ok": true, "body": ..., "attempts": 1}
"""
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request

from judged import ROOT, check, die_with_parent, free_ports, wait_for

PROGRAM = pathlib.Path(os.environ.get("TEST_AWS", ROOT / "build" / "release" / "tests" / "lib" / "aws" / "test_aws"))
BIN = pathlib.Path(sys.prefix) / "bin"


class Caller:
    """`test_aws --stdin` under exactly these variables, a home of its own with the files given (config, credentials)."""

    def __init__(self, config="", credentials="", **variables):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="aws-"))
        (self.home / ".aws").mkdir()
        (self.home / ".aws" / "config").write_text(config)
        (self.home / ".aws" / "credentials").write_text(credentials)
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), **variables}
        self.log = open(self.home / "log", "w+")
        self.child = subprocess.Popen([str(PROGRAM), "--stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                      env=env, preexec_fn=die_with_parent)
        self.said = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        status = self.child.wait(timeout=40)
        self.log.close()
        shutil.rmtree(self.home)
        check(status == 0, f"test_aws ended with {status}")

    def call(self, service, operation, **more):
        try:
            self.child.stdin.write(json.dumps({"service": service, "operation": operation, **more}) + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass  # it ended when it was opened, and said why
        self.said.append(self.child.stdout.readline())
        return json.loads(self.said[-1])

    def everything_said(self):
        self.log.flush()
        return "".join(self.said) + (self.home / "log").read_text()


class Server:
    """A program that serves HTTP on a port of 127.0.0.1."""

    def __init__(self, argv, ready, **env):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="aws-server-"))
        self.log = open(self.dir / "log", "w")
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.dir, preexec_fn=die_with_parent,
                                      env={**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **env})
        self.ready = ready

    def __enter__(self):
        def is_up():
            check(self.child.poll() is None, (self.dir / "log").read_text()[-2000:])
            try:
                return urllib.request.urlopen(self.ready, timeout=2).status == 200
            except OSError:
                return False

        wait_for("server", is_up, 30, 0.1)
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.log.close()
        shutil.rmtree(self.dir)


class Moto(Server):
    def __init__(self):
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        super().__init__([str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], f"{self.url}/moto-api/data.json")

    def check_signatures(self):
        """From now on moto checks signatures and policies."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST")
        urllib.request.urlopen(request, timeout=5).read()


class Ministack(Server):
    def __init__(self):
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        super().__init__([str(BIN / "ministack")], f"{self.url}/_ministack/health", BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port),
                         IOT_MTLS_ENABLED="0", SFTP_ENABLED="0")


class Request:
    """command, path, headers, body of what a Double was asked."""

    def __init__(self, handler):
        self.command, self.path, self.headers = handler.command, handler.path, handler.headers
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()

    def key(self):
        """The access key that signed it, or None."""
        signed = self.headers.get("Authorization", "")
        return signed.split("Credential=")[1].split("/")[0] if "Credential=" in signed else None


class Double:
    """Answers by `answer(request) -> (status, headers, body)` or None (cuts the connection); keeps the requests."""

    def __init__(self, answer, tls=None):
        self.requests, double = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                request = Request(self)
                double.requests.append(request)
                answered = answer(request)
                if answered is None:
                    self.close_connection = True
                    return
                status, headers, body = answered
                body = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response_only(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, str(value))
                try:
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the caller did not wait

            do_GET = do_POST = do_PUT = handle_one

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
