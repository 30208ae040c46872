#!/usr/bin/python3
"""A Redis of one's own: TLS with verification, the documented ACL, the password from a file; what is refused at start, in words
that say what would be right; and samples refused with 503 and Retry-After when too many wait for a Redis that is away.
"""
import concurrent.futures
import re
import signal
import subprocess
import time

from judged import JUDGED, ROOT, Suite, check, clean_environment, free_ports, quick_spec, wait_for
from redis_stack import Server
from stack import Stack, stored_totals

ACL = re.search(r"^user judge on .*$", (ROOT / "docs" / "redis.md").read_text(), re.M)[0]
suite = Suite()


def openssl(dir, *words):
    subprocess.run(["openssl", *words], cwd=dir, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificates(dir):
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    openssl(dir, *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign")
    openssl(dir, *new, "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1",
            "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=CA:FALSE")


class SecureServer(Server):
    """Users judge (as documented) and watcher (may look at everything, through the unix socket)."""

    def __init__(self, dir):
        certificates(dir)
        self.tls_port, = free_ports(1)
        (dir / "users.acl").write_text(f"user default off\nuser watcher on nopass ~* &* +@all\n{ACL}\n")
        super().__init__(dir, "secure", "--tls-port", self.tls_port, "--tls-cert-file", dir / "server.pem", "--tls-key-file", dir / "server.key",
                         "--tls-ca-cert-file", dir / "ca.pem", "--tls-auth-clients", "no", "--aclfile", dir / "users.acl")

    def ask(self, *words):
        from stack import Resp
        with Resp(self.path) as r:
            r("AUTH", "watcher", "x")
            return r(*words)


@suite.test
def over_tls_as_the_documented_user():
    with Stack() as stack:
        server = stack.add(SecureServer(stack.dir))
        password = stack.dir / "password"
        password.write_text("sesame\n")
        password.chmod(0o600)
        j = stack.judged("--redis-user", "judge", "--redis-password-file", str(password), "--redis-ca", str(stack.dir / "ca.pem"),
                         redis=f"rediss://127.0.0.1:{server.tls_port}")
        j.start()
        check(b"sesame" not in open(f"/proc/{j.pid}/cmdline", "rb").read(), "the password stands in the list of processes")
        j.apply(quick_spec("tls-1", service="shop", platform={"kind": "none"}))
        batches = [(j.samples([{"service": "shop", "cohort": c, "metric": m, "value": v} for c in ("baseline", "candidate") for m, v in (("http.errors", 3), ("http.requests", 1000))],
                              headers={"Idempotency-Key": f"k{i}"}), i) for i in range(5)]
        check(all(a.status == 200 for a, _ in batches), batches[0][0])
        wait_for("a verdict", lambda: j.get("/v1/releases/tls-1/verdict").status == 200, 20)
        a = j.post("/v1/releases/tls-1/rollback", {"why": "a test"})
        check(a.status == 202, a)
        wait_for("the end", lambda: j.release("tls-1")["phase"] == "done", 20)
        check(j.delete("/v1/releases/tls-1").status in (200, 204), "delete")
        check(j.stop() in (0, None), j.log())
        check(server.ask("ACL", "LOG") == [], "what the documented user was denied", server.ask("ACL", "LOG"))


def says(*args):
    r = subprocess.run([JUDGED, "--check", *args], capture_output=True, text=True, env=clean_environment())
    check(r.returncode != 0, args, "was taken")
    return r.stderr


@suite.test
def forms_nobody_knows_are_refused_with_those_that_are():
    for args, word in [
        (("--redis", "tls://h"), "redis+sentinel://"), (("--redis", "redis+sentinel://h:1"), "redis+sentinel://a,b,c/mymaster"),
        (("--redis", "redis://a,b"), "redis+cluster://a,b,c"), (("--redis", "redis+cluster://a,b/3"), "one database"),
        (("--redis", "redis://h", "--redis-ca", "/x"), "rediss://"), (("--redis", "rediss://h", "--redis-key", "/x"), "--redis-cert"),
        (("--redis-user", "judge"), "--redis"), (("--redis", "redis://h", "--sentinel-user", "x"), "redis+sentinel://host:port/master-name"),
    ]:
        check(word in says(*args), args, "says", says(*args))
    r = subprocess.run([JUDGED, "--check", "--redis", "rediss+sentinel://u:hush@a:1,b,c/shop?db=2"], capture_output=True, text=True, env=clean_environment())
    check(r.returncode == 0 and "rediss+sentinel://...@a:1,b,c/shop?db=2" in r.stdout and "hush" not in r.stdout, r)


@suite.test
def past_the_memory_for_waiting_samples_callers_hear_503():
    with Stack() as stack:
        redis = stack.redis()
        j = stack.judged("--pending", "1MB", redis=redis.url)
        j.start()
        j.apply(quick_spec("full-1", service="shop", policy={"lateness": "60s", "no_data_after": "1h"}))
        # each batch has something for 80 blocks
        began = time.time()
        lines = [{"service": "shop", "cohort": c, "metric": "http.requests", "value": 1, "ts": began + i / 10} for c in ("baseline", "candidate") for i in range(40)]
        send = lambda key, timeout: j.samples(lines, headers={"Idempotency-Key": key}, timeout=timeout)
        check(send("before", 20).status == 200, "before")
        redis.signal(signal.SIGSTOP)
        answers = []

        def try_once(i):
            try:
                return send(f"b{i}", 1)
            except OSError:
                return None  # it waits for Redis; sent again below
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            while not any(answers) and len(answers) < 800:
                answers += pool.map(try_once, range(len(answers), len(answers) + 40))
        refused = [a for a in answers if a is not None]
        check(refused and all(a.status == 503 and int(a.headers["retry-after"]) > 0 for a in refused), refused[:1])
        check(j.metrics()["judge_sample_lines_shed_total"] >= 1, "shed")
        redis.signal(signal.SIGCONT)
        for i in range(len(answers)):  # each again, as a sender does
            wait_for("an answer", lambda: send(f"b{i}", 20).status == 200, 20)
        totals = stored_totals(redis.ask, "full-1", 0)
        check(totals[0]["exposure"] == totals[1]["exposure"] == 40 * (len(answers) + 1), totals, len(answers))


suite.run()
