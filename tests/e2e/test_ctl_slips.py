#!/usr/bin/python3
"""What goes wrong at the command line: slips of the hand, outputs that take nothing, services that are not the judge's.
judgectl says what would be right, and its exit status does not lie."""
import contextlib
import http.server
import json
import re
import threading
import time

from judged import Judged, Suite, check, ctl, ends, quick_spec, start_ctl, wait_for
from stack import Resp

suite = Suite()


@contextlib.contextmanager
def answering(status, body, kind="text/html"):
    """A server that answers everything so; gives its address and what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@suite.test
def a_result_that_cannot_be_written_was_not_given(j):
    for args in (("list",), ("report", "slip"), ("report", "slip", "--format", "html")):
        with open("/dev/full", "w") as full, start_ctl(j, *args, stdout=full) as child:
            errors = child.communicate(timeout=20)[1]
        check(child.returncode == 5 and "standard output" in errors, args, child.returncode, errors)


@suite.test
def slips_of_the_hand_are_told(j):
    ends(ctl(j, "run", "-h"), 0, "usage: judgectl run SPEC")
    ends(ctl(j, "--url", j.url, "list"), 2, "no command `--url`", "options follow the command")
    for args in (("get", ""), ("gate", ""), ("pause", "", "--why", "x"), ("traffic", "slip", "")):
        ends(ctl(j, *args), 2, "is empty; want `judgectl " + args[0])
    ends(ctl(j, "gate", "slip", "--timeout", "5s"), 2, "--timeout goes with --wait")


@suite.test
def what_is_no_judged_is_told(j):
    path = j.dir / "slip.json"
    path.write_text(json.dumps(quick_spec("other")))
    commands = (("list",), ("get", "x"), ("apply", path), ("run", path), ("watch", "x"), ("gate", "x"), ("gate", "x", "--wait"), ("pause", "x"),
                ("diff", path), ("doctor",), ("audit",), ("audit", "verify"), ("token", "x"), ("validate", path, "--check"))
    with answering(200, b"<html>Welcome</html>") as (url, _):
        for args in commands:
            ends(ctl(None, *args, "--url", url), 5, "sends no JSON: is it a judged?")
    with answering(200, b"{}", "application/json") as (url, _):
        for args in (a for a in commands if a[0] not in ("run", "watch") and "--wait" not in a):
            r = ctl(None, *args, "--url", url)
            check("(null)" not in r.stdout + r.stderr and r.returncode >= 0, args, r.returncode, r.stdout, r.stderr)
    with answering(404, b"<html>no such page</html>") as (url, _):
        for args in commands:
            ends(ctl(None, *args, "--url", url), 5, "HTTP status 404 without a reason")


@suite.test
def a_service_that_does_not_wait_is_not_asked_without_a_pause(j):
    with answering(200, b'{"seq": 0, "phase": "judging"}', "application/json") as (url, asked):
        ends(ctl(None, "gate", "x", "--wait", "--timeout", "1s", "--url", url), 124)
    check(1 <= len(asked) <= 6, len(asked))


@suite.test
def a_gate_does_not_open_on_a_verdict_that_is_not_of_now(j):
    verdict = {"release": "x", "seq": 1, "phase": "judging", "verdict": "promote", "health": "ok", "share": 0.5, "reason": "said an hour ago"}
    stamp = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    cases = [({"fresh_until": stamp(60)}, 0, ()), ({"fresh_until": stamp(-60)}, 4, ("stale: it was good until",)),
             ({"fresh_until": stamp(60), "health": "srm"}, 4, ()), ({"fresh_until": stamp(60), "verdict": "advance"}, 3, ()),
             ({"fresh_until": stamp(-60), "phase": "done", "outcome": "promoted"}, 0, ()),
             ({"fresh_until": stamp(-60), "verdict": "rollback", "cause": "harm"}, 1, ())]
    for more, status, words in cases:
        v = {**verdict, **more}
        for args, body in ((("gate", "x"), {"release": "x", "verdict": v}), (("gate", "x", "--wait", "--timeout", "900ms"), v)):
            with answering(200, json.dumps(body).encode(), "application/json") as (url, _):
                want = 124 if "--wait" in args and status in (3, 4) else status
                ends(ctl(None, *args, "--url", url), want, *words)


@suite.test
def a_service_that_hangs_does_not_look_like_patience_that_ran_out(j):
    late = json.dumps({"type": "urn:judge:problem:timeout", "detail": "Redis answers late"}).encode()
    with answering(504, late, "application/problem+json") as (url, _):
        for args in (("get", "x"), ("gate", "x"), ("pause", "x")):
            ends(ctl(None, *args, "--url", url), 5, "Redis answers late")


@suite.test
def output_is_of_every_result(j):
    path = j.dir / "dry.json"
    path.write_text(json.dumps(quick_spec("dry")))
    check(json.loads(ends(ctl(j, "run", path, "--dry-run", "-o", "json"), 0).stdout)["release"] == "dry")
    check(json.loads(ends(ctl(j, "report", "slip", "-o", "json"), 0).stdout)["release"] == "slip")
    check(ends(ctl(j, "report", "slip", "-o", "yaml", "--format", "json"), 0).stdout.startswith("release: slip\n"))
    ends(ctl(j, "report", "slip", "-o", "json", "--format", "csv"), 2, "not of --format csv")
    one = ends(ctl(None, "validate", path, "-o", "yaml"), 0).stdout
    check(ends(ctl(None, "validate", path, path, "-o", "yaml"), 0).stdout == one + "---\n" + one, "two documents are two")


@suite.test
def what_others_wrote_does_not_steer_the_terminal(j):
    why = "\x1b[2Jover\nslip: promoted\x9b1m\x7f"
    ends(ctl(j, "pause", "slip", "--why", why), 0)
    wait_for("pause, in the verdict too", lambda: (r := j.release("slip"))["paused"] and "over" in (r["verdict"] or {}).get("reason", ""))
    for args in (("get", "slip"), ("gate", "slip"), ("audit", "slip")):
        out = ctl(j, *args).stdout
        check("?[2Jover slip: promoted??1m?" in out and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out), args, repr(out))
    check(json.loads(ctl(j, "get", "slip", "-o", "json").stdout)["paused_why"] == why, "JSON keeps it, escaped")
    ends(ctl(j, "resume", "slip"), 0)


@suite.test
def the_local_services_token_is_told_to_nobody_else(j):
    env = {"JUDGE_STATE": str(j.state)}
    with answering(200, b"{}", "application/json") as (url, asked):
        port = url.rsplit(":", 1)[1]
        ends(ctl(None, "list", "--url", url, env=env), 0)
        check(asked[-1].headers["Authorization"] == f"Bearer {j.token}", asked[-1].headers)
        for name in ("0.0.0.0", "127.0.0.1@0.0.0.0", "x:127.0.0.1@0.0.0.0", "127.0.0.1.example"):
            seen = len(asked)
            ctl(None, "list", "--url", f"http://{name}:{port}", env=env)
            check(all(a.headers["Authorization"] != f"Bearer {j.token}" for a in asked[seen:]), name)
        check(len(asked) > 1, "none of these was asked")


@suite.test
def a_reason_has_a_limit(j):
    ends(ctl(j, "pause", "slip", "--why", "x" * 501), 2, "at most 500 bytes")
    ends(ctl(j, "pause", "slip", "--why", "x" * 9000), 2, "shorten --why")
    ends(ctl(j, "token", "x", "--services", "a," * 6000), 2, "over 8192 bytes")


@suite.test
def a_trail_of_no_release_is_not_intact(j):
    for args in (("audit", "slipp"), ("audit", "verify", "slipp")):
        r = ends(ctl(j, *args), 5, "no audit trail of a release `slipp`")
        check(r.stdout == "", r.stdout)
    ends(ctl(j, "audit", "verify", "slip"), 0, "intact: ")
    ends(ctl(j, "audit", "verify"), 0, "intact: ")


@suite.test
def a_trail_is_shown_to_its_end(j):
    n, lines = 0, []
    while len(lines) <= 500:  # each order is written down when it is given, and again when it is carried out
        for n in range(n, n + 100):
            check(j.post("/v1/releases/slip/pause", {"why": f"number {n}"}).status == 202)
        n += 1
        lines = ctl(j, "audit", "slip").stdout.splitlines()
    check(all(sum(f" pause  number {i} " in x for x in lines) == 1 for i in range(n)), len(lines))
    r = ends(ctl(j, "audit", "slip", "-o", "json"), 0, "the first 500 entries")
    check(len(json.loads(r.stdout)["entries"]) == 500)


@suite.test
def a_release_without_a_revision_is_promoted(j):
    spec = quick_spec("nameless", policy={"no_data_after": "60s"})
    del spec["metadata"]["revision"]
    j.apply(spec)
    wait_for("judging", lambda: j.release("nameless")["phase"] == "judging")
    ends(ctl(j, "gate", "nameless", "--revision", "4f2c"), 5, "says no revision, want 4f2c")
    ends(ctl(j, "promote", "nameless", "--override", "--why", "it must be"), 0)
    wait_for("the end", lambda: j.release("nameless")["outcome"] == "promoted")
    check(j.child.poll() is None, "judged fell over it:", j.log())
    r = ends(ctl(j, "get", "nameless"), 0)
    check(r.stdout.startswith("release:   nameless (nameless test)\n"), r.stdout)


@suite.test
def the_newest_of_a_long_trail_is_shown(j):
    j.apply(quick_spec("long-trail", policy={"no_data_after": "60s"}))
    wait_for("judging", lambda: j.release("long-trail")["phase"] == "judging")
    with Resp(j.state / "redis" / "redis.sock") as redis:  # as a tool leaves it that reports each shift for a month
        redis("EVAL", """local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
            for n = tonumber(string.match(last[1], '%d+')) + 1, 10600 do
                redis.call('XADD', KEYS[1], n .. '-0', unpack(last[2]))
            end
            redis.call('HSET', KEYS[2], 'n', 10600)""", 2, "judge:{long-trail}:audit", "judge:{long-trail}:audit-head")
    j.post("/v1/releases/long-trail/pause", {"why": "the newest of them"})
    log = wait_for("the newest", lambda: (log := j.get("/v1/releases/long-trail/report?format=json").json["log"])[-1]["why"].endswith("the newest of them") and log)
    check(len(log) == 500, len(log))


if __name__ == "__main__":
    with Judged() as judged:
        judged.apply(quick_spec("slip", policy={"no_data_after": "60s"}))
        suite.run(judged)
