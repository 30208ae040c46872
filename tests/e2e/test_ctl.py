#!/usr/bin/python3
"""Every command of judgectl against a running judged, and every exit status, each reached by what it means: releases
that are promoted and rolled back by evidence, that end undecided, without data, or with a platform that does not follow.

The releases run side by side from the start (class Scene); the tests look at how they ended. One secret is planted in
the configuration; the last test looks for it, and for every token, in all that was printed, logged, stored and told."""
import base64
import http.server
import json
import os
import pathlib
import re
import signal
import threading
import time

from judged import ROOT, Endpoint, Feeder, Judged, Suite, check, ctl, ends, free_ports, quick_spec, start_ctl, wait_for

suite = Suite()
SECRET = "whsec_" + base64.b64encode(b"planted-secret-0123456789abcdef").decode()
PRINTED = []  # all that judgectl ever wrote
ONE_STEP = {"steps": ("50%", "100%"), "strategy": {"first_share": "50%"}}
COMMANDS = "run apply diff validate get list watch gate promote rollback pause resume abort traffic report platforms doctor token audit plan simulate backtest eval".split()


def run(j, *args, **more):
    r = ctl(j, *args, **more)
    PRINTED.append(r.stdout + r.stderr)
    return r


class Scene:
    """A release under `judgectl run`, its endpoint and its traffic."""

    def __init__(self, j, name, bad=0.01, requests=50000, feed=True, args=(), **spec):
        self.j, self.name = j, name
        self.endpoint = Endpoint(SECRET)
        platform = {"kind": "webhook", "url": self.endpoint.url, "secret_ref": "router"}
        self.spec = quick_spec(name, platform=platform, **{**ONE_STEP, **spec})
        path = j.dir / f"{name}.json"
        path.write_text(json.dumps(self.spec))
        self.feeder = Feeder(j, name, bad=bad, share=lambda: self.endpoint.share, requests=requests)
        if feed:
            self.feeder.start()
        self.child = start_ctl(j, "run", path, *args)
        self.ended = None

    def end(self, seconds=30):
        """How judgectl ended. The traffic goes on until then."""
        if not self.ended:
            out, errors = self.child.communicate(timeout=seconds)
            self.ended = type("Ended", (), {"returncode": self.child.returncode, "stdout": out, "stderr": errors})
            PRINTED.append(out + errors)
            self.feeder.ended.set()
        return self.ended

    def shares(self):
        return [c["share"] for c in self.endpoint.calls if c["action"] == "set_share"]

    def trail(self):
        return self.j.get(f"/v1/audit?release={self.name}&limit=500").json["entries"]


SCENES = {}


def setup(j):
    chat = Endpoint(SECRET)
    SCENES["chat"] = chat
    (j.dir / "secret").write_text(SECRET + "\n")
    (j.dir / "secret").chmod(0o600)
    j.config_path = j.dir / "judged.yaml"
    j.config_path.write_text(f"""\
secrets:
  router: {{file: {j.dir}/secret}}
  chat: {{env: CHAT_SECRET}}
connections:
  chat: {{kind: webhook, url: "{chat.url}/told", secret_ref: chat}}
""")
    j.env = {"CHAT_SECRET": SECRET}
    j.start()
    told = [{"to": "chat", "on": ["promote", "rollback"]}]
    SCENES["good"] = Scene(j, "good", notify=told)
    SCENES["bad"] = Scene(j, "bad", bad=0.1, notify=told, args=("-o", "json"))
    SCENES["slow"] = Scene(j, "slow", requests=400, policy={"deadline": "3s"})
    SCENES["empty"] = Scene(j, "empty", feed=False, policy={"no_data_after": "1s", "on_no_data": "rollback"})
    SCENES["stuck"] = Scene(j, "stuck")
    SCENES["stuck"].endpoint.refuses = True
    SCENES["shadow"] = Scene(j, "shadow", mode="shadow", args=("-o", "yaml"))
    SCENES["shadow"].endpoint.share = 0.5
    SCENES["approve"] = Scene(j, "approve", steps=[{"share": "50%", "approval": True}, "100%"])
    SCENES["bake"] = Scene(j, "bake", strategy={"first_share": "50%", "bake": "1s"})
    SCENES["steps"] = Scene(j, "steps", steps=("20%", "50%", "100%"))


# ---- releases that end by evidence ----

@suite.test
def a_service_that_cannot_answer_yet_is_asked_again_under_the_same_key(j):
    keys = []

    class Late(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            late = len(keys) == 1
            body = json.dumps({"type": "urn:judge:problem:timeout", "detail": "Redis answers late"} if late else {"release": "late"}).encode()
            self.send_response(504 if late else 201)
            self.send_header("Content-Type", "application/problem+json" if late else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Late) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        path = j.dir / "late.json"
        path.write_text(json.dumps(quick_spec("late")))
        r = run(j, "apply", path, "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    ends(r, 0, "late started", "Redis answers late; asking again")
    check(len(keys) == 2 and keys[0] == keys[1] and len(keys[0]) == 32, keys)


@suite.test
def a_harmless_release_is_promoted_with_0(j):
    s = SCENES["good"]
    r = ends(s.end(), 0, "good promoted: ")
    check(r.stdout.count("\n") == 1 and r.stdout.startswith("good promoted: errors: candidate"), r.stdout)
    check("judging at 50 %: continue" in r.stderr and "\033" not in r.stderr, r.stderr)
    check(s.shares() == [0.5, 1], s.shares())
    check(s.endpoint.calls[-1]["action"] == "retire" and not s.endpoint.faults, s.endpoint.faults, s.endpoint.calls)
    check(j.release("good")["outcome"] == "promoted")


@suite.test
def harm_is_rolled_back_with_1(j):
    s = SCENES["bad"]
    r = ends(s.end(), 1)
    v = json.loads(r.stdout)
    check(v["verdict"] == "rollback" and v["cause"] == "harm" and v["outcome"] == "rolled_back" and v["release"] == "bad", v)
    check(s.shares() == [0.5, 0] and s.endpoint.share == 0, s.shares())


@suite.test
def an_undecided_deadline_is_3(j):
    s = SCENES["slow"]
    ends(s.end(), 3, "deadline", "waits for a person")
    check(s.endpoint.share == 0.5, "the traffic stays where it was")
    r = wait_for("pause", lambda: (r := j.release("slow"))["paused"] and r)
    check(r["cause"] == "deadline", r["cause"])
    ends(run(j, "gate", "slow"), 3)
    ends(run(j, "abort", "slow", "--why", "given up"), 0, "slow: abort ordered")
    ends(run(j, "watch", "slow"), 3, "given up")
    check(s.shares()[-1] == 0, s.shares())


@suite.test
def no_data_is_4(j):
    s = SCENES["empty"]
    ends(s.end(), 4, "empty rolled_back: ")
    check(j.release("empty")["cause"] == "no_data")
    ends(run(j, "gate", "empty"), 4)


@suite.test
def a_platform_that_does_not_follow_is_6(j):
    s = SCENES["stuck"]
    r = ends(s.end(), 6, "stuck waits for a person", "500")
    check(s.shares() == [0.5] * 3, "it was tried three times:", s.shares())
    release = j.release("stuck")
    check(release["paused"] and release["cause"] == "platform" and "resume tries again" in release["paused_why"], release)
    check("paused:    the shift" in run(j, "get", "stuck").stdout)
    s.endpoint.refuses = False
    ends(run(j, "resume", "stuck"), 0, "resume ordered")
    wait_for("shift", lambda: s.endpoint.share == 0.5)
    ends(run(j, "rollback", "stuck", "--why", "seen enough"), 0)
    ends(run(j, "watch", "stuck"), 3, "seen enough")


@suite.test
def shadow_moves_nothing_and_says_what_it_would_do(j):
    s = SCENES["shadow"]
    r = ends(s.end(), 0)
    check("verdict: promote\n" in r.stdout and "outcome: promoted\n" in r.stdout and "mode: shadow\n" in r.stdout, r.stdout)
    check({c["action"] for c in s.endpoint.calls} == {"observe"} and s.endpoint.share == 0.5, s.endpoint.calls[-3:])
    check(any("shadow: would" in e["why"] for e in s.trail()), s.trail())


@suite.test
def a_step_with_approval_waits_for_a_person(j):
    s = SCENES["approve"]
    wait_for("promote verdict", lambda: (v := j.release("approve")["verdict"]) and v["verdict"] == "promote", 20)
    wait_for("word that it waits", lambda: "approv" in json.dumps(j.release("approve")["progress"]))
    check(s.endpoint.share == 0.5 and s.child.poll() is None, s.endpoint.share)
    ends(run(j, "gate", "approve"), 0)
    ends(run(j, "promote", "approve", "--why", "looks good"), 0, "approve: promote ordered")
    ends(s.end(), 0, "approve promoted")
    check(s.shares() == [0.5, 1], s.shares())
    check(any(e["what"] == "promote" and e["why"] == "looks good" and e["who"] == "admin" for e in s.trail()))


@suite.test
def a_bake_keeps_the_old_version(j):
    s = SCENES["bake"]
    r = ends(s.end(), 0, "bake promoted")
    check("baking" in r.stderr, r.stderr)
    check(s.shares() == [0.5, 1], s.shares())
    at = [c["action"] for c in s.endpoint.calls]
    check(at.count("retire") == 1 and at[-1] == "retire", "the old version is retired at the end:", at[-5:])


@suite.test
def every_step_is_walked(j):
    s = SCENES["steps"]
    ends(s.end(), 0, "steps promoted")
    check(s.shares() == [0.2, 0.5, 1], s.shares())
    keys = [c["key"] for c in s.endpoint.calls if c["action"] == "set_share"]
    check(len(set(keys)) == 3, "each act has its own key:", keys)


@suite.test
def whoever_wants_is_told_and_it_is_signed(j):
    chat = SCENES["chat"]
    wait_for("notifications", lambda: len(chat.told) >= 4)
    check(not chat.faults, chat.faults)
    told = [(t["release"], t["verdict"], t["phase"] == "done") for t in chat.told]
    check(sorted(told) == [("bad", "rollback", False), ("bad", "rollback", True), ("good", "promote", False), ("good", "promote", True)], told)
    check(len(set(chat.ids)) == len(chat.ids), chat.ids)
    for name in ("good", "bad", "steps", "bake"):
        check(not SCENES[name].endpoint.faults, SCENES[name].endpoint.faults)


# ---- asking and ordering ----

@suite.test
def orders_by_hand(j):
    (j.dir / "hand.json").write_text(json.dumps(quick_spec("hand", policy={"no_data_after": "60s"})))
    ends(run(j, "apply", j.dir / "hand.json", "--dry-run"), 0, "hand would be started")
    ends(run(j, "run", j.dir / "hand.json", "--dry-run"), 0, "hand would be started")
    ends(run(j, "get", "hand"), 5, "no release `hand`")
    ends(run(j, "apply", j.dir / "hand.json", "--idempotency-key", "h1"), 0, "hand started")
    ends(run(j, "apply", j.dir / "hand.json", "--idempotency-key", "h1"), 0, "hand was started before")
    ends(run(j, "apply", j.dir / "hand.json"), 5, "hand")
    wait_for("judging", lambda: j.release("hand")["phase"] == "judging")
    ends(run(j, "pause", "hand", "--why", "lunch"), 0, "hand: pause ordered")
    wait_for("pause", lambda: "paused:    lunch" in run(j, "get", "hand").stdout)
    ends(run(j, "resume", "hand"), 0)
    wait_for("resume", lambda: not j.release("hand")["paused"])
    r = ends(run(j, "traffic", "hand", "5%", "--why", "moved", "-o", "json"), 0)
    check(json.loads(r.stdout)["order"] == "traffic", r.stdout)
    wait_for("share", lambda: "share:     5 %" in run(j, "get", "hand").stdout)
    ends(run(j, "traffic", "hand", "lots"), 2, "share")
    ends(run(j, "traffic", "hand", "25%", "--override"), 2, "needs a reason")
    ends(run(j, "traffic", "hand", "25%", "--override", "--why", "moved too"), 0)
    ends(run(j, "promote", "hand", "--override"), 2, "needs a reason")
    ends(run(j, "gate", "hand"), 3)
    ends(run(j, "gate", "hand", "--revision", "other"), 5, "of revision hand, not other")
    ends(run(j, "gate", "hand", "--wait", "--timeout", "300ms"), 124)
    ends(run(j, "promote", "hand", "--override", "--why", "I know"), 0)
    ends(run(j, "watch", "hand"), 0, "I know")
    ends(run(j, "gate", "hand", "--wait"), 0)
    ends(run(j, "pause", "hand"), 5, "done")
    r = ends(run(j, "audit", "hand"), 0, "lunch", "moved", "I know")
    check(len(r.stdout.splitlines()) >= 6 and r.stderr == "", r.stdout)


@suite.test
def diff_tells_what_a_spec_says_otherwise(j):
    path, spec = j.dir / "diff.json", json.loads((j.dir / "good.json").read_text())
    path.write_text(json.dumps(spec))
    r = ends(run(j, "diff", path), 0, "--- good\n", "no difference")
    spec["metadata"]["revision"] = "another"
    spec["metrics"][0]["margin"] = {"relative": "20%"}
    spec["policy"]["deadline"] = "3h"
    path.write_text(json.dumps(spec))
    r = ends(run(j, "diff", path), 0, "- metrics[errors].margin.relative: ", "+ metrics[errors].margin.relative: ", "+ policy.deadline: ")
    check("revision" not in r.stdout and "name" not in r.stdout.split("\n", 2)[2], r.stdout)
    d = json.loads(ends(run(j, "diff", path, "good", "-o", "json"), 0).stdout)
    fields = [x["field"] for x in d["differences"]]
    check(d["release"] == "good" and "policy.deadline" in fields, d)
    spec["metadata"]["name"] = "never-applied"
    path.write_text(json.dumps(spec))
    ends(run(j, "diff", path), 0, "--- good\n", "policy.deadline")
    spec["metadata"]["service"] = "nobodys"
    path.write_text(json.dumps(spec))
    ends(run(j, "diff", path), 5, "no release `never-applied` and none of service nobodys")
    spec["metrics"][0]["kind"] = "nonsense"
    path.write_text(json.dumps(spec))
    ends(run(j, "diff", path), 2, "nonsense")


@suite.test
def the_audit_trail_is_verified_against_what_was_logged(j):
    heads = lambda: [line for line in j.log().splitlines() if "audit head " in line]
    wait_for("the head of a release that is done", lambda: any("trail=hand " in line for line in heads()))
    r = ends(run(j, "audit", "verify", "hand"), 0, "intact: ", " entries, head ")
    told = next(line for line in heads() if "trail=hand " in line)
    n, digest = re.search(r" n=(\d+) hash=([0-9a-f]{64}) ", told).groups()
    check(f"intact: {n} entries, head {digest}" in r.stdout, r.stdout, told)
    ends(run(j, "audit", "verify", "hand", "--head", f"{n}:{digest}"), 0)
    ends(run(j, "audit", "verify", "hand", "--head", f"{n}:{'0' * 64}"), 5, "made anew")
    ends(run(j, "audit", "verify", "hand", "--head", f"{int(n) + 1}:{digest}"), 5, "was cut")
    ends(run(j, "audit", "verify", "hand", "--head", "lots"), 2, "N:HASH")
    r = ends(run(j, "audit", "verify", "--logged", "-", input=j.log()), 0, "signed by ", " 0 wrong")
    check(f"{len(heads())} heads read" in r.stdout, r.stdout)
    ends(run(j, "audit", "verify", "--logged", "-", input=told.replace(f"n={n}", f"n={int(n) + 1}")), 5, "was changed")
    ends(run(j, "audit", "verify", "--logged", "-", input=told[:-9]), 5, "1 wrong")
    ends(run(j, "audit", "verify", "--logged", "-", input="nothing here\n"), 2, "no line holds")
    ends(run(j, "audit", "hand", "--head", "1:x"), 2, "want `audit")


@suite.test
def a_gate_opens_for_a_step(j):
    with Feeder(j, "gated", share=0.2):
        j.apply(quick_spec("gated"))
        j.post("/v1/releases/gated/traffic", {"share": "20%"})
        wait_for("share", lambda: (v := j.release("gated")["verdict"]) and v["share"] == 0.2)
        r = ends(run(j, "gate", "gated", "--for", "advance", "--wait", "--timeout", "30s", "-o", "json"), 0)
        v = json.loads(r.stdout.splitlines()[-1])
        check(v["verdict"] == "advance" and v["advance_to"] == 0.5, v)
        ends(run(j, "gate", "gated", "--for", "advance"), 0, "gated: advance;")
        ends(run(j, "gate", "gated", "--for", "promote"), 3, "gated: advance;")
    ends(run(j, "rollback", "gated", "--why", "test over"), 0)


@suite.test
def reading_in_three_forms(j):
    SCENES["good"].end()
    r = ends(run(j, "list"), 0)
    check(re.search(r"^RELEASE +SERVICE +ENVIRONMENT +PHASE +SHARE +VERDICT$", r.stdout, re.M), r.stdout)
    check(re.search(r"^good +good +test +promoted +100 % +promote$", r.stdout, re.M), r.stdout)
    check([x["release"] for x in json.loads(run(j, "list", "--service", "good", "-o", "json").stdout)["releases"]] == ["good"])
    check("good" not in run(j, "list", "--active").stdout.split() and run(j, "list", "--environment", "none").stdout.count("\n") == 1)
    r = ends(run(j, "get", "good"), 0, "phase:     done, promoted", "verdict:   promote (ok, guarantee proven)", "errors")
    check(json.loads(run(j, "get", "good", "-o", "json").stdout)["release"] == "good")
    check(run(j, "get", "good", "--output=yaml").stdout.startswith("release: good\n"))
    r = ends(run(j, "watch", "good", "-o", "json"), 0)
    check(json.loads(r.stdout)["outcome"] == "promoted")
    ends(run(j, "report", "good", "--format", "json"), 0)
    r = ends(run(j, "report", "good"), 0)
    check(r.stdout.strip(), "an empty report")
    for form in ("text", "json", "yaml"):
        check("webhook" in ends(run(None, "platforms", "-o", form), 0).stdout)
    check({p["platform"] for p in json.loads(run(None, "platforms", "-o", "json").stdout)} == {"haproxy", "webhook", "none"})


@suite.test
def specs_are_checked_without_a_service(j):
    examples = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))
    r = ends(run(None, "validate", *examples), 0)
    check(r.stdout.count(": ok, release") == len(examples), r.stdout)
    yaml = ends(run(None, "validate", examples[0], "-o", "yaml"), 0).stdout
    again = ends(run(None, "validate", "-", "-o", "yaml", input=yaml), 0).stdout
    check(yaml == again and yaml.startswith("apiVersion: judge/v1\n"), "the canonical form reads back the same")
    canonical = json.loads(run(None, "validate", examples[0], "-o", "json").stdout)
    check(canonical["kind"] == "Release")
    r = ends(run(None, "validate", "-", input="apiVersion: judge/v1\nkind: Release\nmetadata: {name: UP}\nmetrics: []\n"), 2)
    check(r.stdout == "" and "-: line 3: metadata.name" in r.stderr and len(r.stderr.splitlines()) >= 3, r.stderr)
    ends(run(None, "validate", "/nonexistent.yaml"), 2, "cannot open /nonexistent.yaml")
    ends(run(None, "validate", "-", input="a: [1\n"), 2, "-: ")
    (j.dir / "wrong.yaml").write_text("apiVersion: judge/v1\nkind: Release\nmetadata: {name: UP}\n")
    r = ends(run(j, "apply", j.dir / "wrong.yaml"), 2, "metadata.name", "wrong.yaml")
    check(r.stdout == "", r.stdout)


@suite.test
def tokens_are_made_by_hand(j):
    text = ends(run(j, "token", "robot", "--scopes", "read", "--services", "good", "--expires-in", "1h"), 0).stdout.strip()
    PRINTED.pop()  # the one place where a token is told
    check(text.startswith("jt_") and "\n" not in text, text)
    ends(run(j, "get", "good", token=text), 0)
    ends(run(j, "get", "bad", token=text), 5, "bad")
    ends(run(j, "pause", "good", token=text), 5, "decide")
    path = j.dir / "robot.token"
    path.write_text(text + "\n")
    path.chmod(0o600)
    ends(run(j, "get", "good", "--token-file", path, token=None), 0)
    path.chmod(0o644)
    ends(run(j, "get", "good", "--token-file", path, token=None), 5, "robot.token")
    ends(run(j, "get", "good", token=None, env={"JUDGE_STATE": str(j.state)}), 0)
    SCENES["robot"] = text


@suite.test
def without_a_service_or_a_right_to_ask_it_is_5(j):
    port = free_ports(1)[0]
    r = ends(run(None, "list", "--url", f"http://127.0.0.1:{port}", "--token", "jt_x"), 5, "is judged running there?")
    check(r.stdout == "", r.stdout)
    ends(run(j, "list", token="jt_nobody"), 5, "not known", "--token-file")
    ends(run(j, "list", token=None), 5, "token")
    ends(run(j, "get", "nothing"), 5, "no release `nothing`")
    ends(run(j, "watch", "nothing"), 5)
    ends(run(j, "gate", "nothing", "--wait"), 5)


@suite.test
def wrong_usage_is_2(j):
    r = ends(run(j), 2, "usage: judgectl COMMAND")
    check(r.stdout == "", r.stdout)
    ends(run(j, "promot", "x"), 2, "no command `promot`")
    for args, words in (
        (("list", "--activ"), ("--activ", "did you mean --active")), (("get",), ("judgectl get RELEASE",)), (("get", "a", "b"), ("judgectl get RELEASE",)),
        (("list", "-o", "xml"), ("text|json|yaml",)), (("gate", "x", "--for", "fun"), ("advance|promote",)), (("run", "x", "--timeout", "soon"), ("duration",)),
        (("list", "--url"), ("wants a value",)), (("apply", "/nonexistent"), ("cannot open",)), (("apply", "/dev/zero"), ("is over",)),
    ):
        r = ends(run(j, *args), 2, *words)
        check(r.stdout == "" and r.stderr.startswith("judgectl"), r.stderr)


@suite.test
def help_tells_every_command(j):
    r = ends(run(None, "--help"), 0)
    check(r.stderr == "" and re.findall(r"^  ([a-z]+) ", r.stdout, re.M) == COMMANDS, r.stdout)
    check(run(None, "-h").stdout == run(None, "help").stdout == r.stdout)
    check(re.fullmatch(r"judgectl \d+\.\d+\.\d+\n", ends(run(None, "--version"), 0).stdout))
    for command in COMMANDS:
        r = ends(run(None, command, "--help"), 0, f"usage: judgectl {command}", "--output", "--url")
        check(r.stderr == "", r.stderr)


@suite.test
def waiting_ends_in_time_with_124(j):
    (j.dir / "long.json").write_text(json.dumps(quick_spec("long", policy={"no_data_after": "60s"})))
    start = time.monotonic()
    ends(run(j, "run", j.dir / "long.json", "--timeout", "700ms"), 124, "timed out; the release goes on: judgectl watch long")
    check(0.6 < time.monotonic() - start < 4, time.monotonic() - start)
    check(j.release("long")["phase"] != "done")


@suite.test
def a_signal_ends_waiting_with_130(j):
    (j.dir / "sig.json").write_text(json.dumps(quick_spec("sig", policy={"no_data_after": "60s"})))
    for args in (("run", j.dir / "sig.json"), ("watch", "long"), ("gate", "long", "--wait")):
        for number in (signal.SIGINT, signal.SIGTERM) if args[0] == "watch" else (signal.SIGINT,):
            child = start_ctl(j, *args)
            if args[0] == "run":
                wait_for("release", lambda: j.get("/v1/releases/sig").status == 200)
            time.sleep(0.6)  # it waits for the next verdict by then, which does not come
            check(child.poll() is None, args, "ended by itself")
            start = time.monotonic()
            child.send_signal(number)
            out, errors = child.communicate(timeout=10)
            check(child.returncode == 130, args, child.returncode, errors)
            check(time.monotonic() - start < 2, args, "took", time.monotonic() - start)
    check(j.release("sig")["phase"] != "done", "the release goes on")


@suite.test
def a_restart_of_the_service_is_waited_for(j):
    child = start_ctl(j, "watch", "long")
    check(child.stdout.readline(), "a verdict")
    check(j.stop() == 0)
    time.sleep(0.5)
    check(child.poll() is None, "watch gave up")
    j.start()
    ends(run(j, "abort", "long", "--why", "over"), 0)
    out, errors = child.communicate(timeout=20)
    check(child.returncode == 3 and "over" in out, child.returncode, out, errors)


@suite.test
def no_secret_is_told_anywhere(j):
    needles = {"secret": SECRET, "its base64": SECRET[6:], "its bytes": "planted-secret", "admin token": j.token, "robot's token": SCENES["robot"]}
    j.get("/v1/releases/good", token="jt_planted-wrong-token")
    needles["wrong token"] = "jt_planted-wrong-token"
    places = {"judgectl": "".join(PRINTED), "log": j.log(), "metrics": j.get("/metrics", token=None).text, "audit": j.get("/v1/audit?limit=500").text}
    for name in ("good", "bad", "stuck", "hand"):
        places["release " + name] = j.get("/v1/releases/" + name).text + j.get(f"/v1/releases/{name}/verdicts?limit=500").text
        places["report " + name] = j.get(f"/v1/releases/{name}/report").text
        places["trail " + name] = j.get(f"/v1/audit?release={name}&limit=500").text
    places["told"] = json.dumps(SCENES["chat"].told + SCENES["good"].endpoint.calls)
    places["connections"] = j.get("/v1/connections").text + j.get("/v1/tokens").text
    inline = quick_spec("inline", platform={"kind": "webhook", "url": "http://user:planted-password@127.0.0.1:1/", "secret_ref": "router"})
    needles["password in a spec"] = "planted-password"
    a = j.post("/v1/releases", json.dumps(inline), type="application/yaml")
    check(a.status == 422, a)
    places["refused spec"] = a.text
    for path in (j.state / "redis").glob("appendonlydir/*"):
        places["store " + path.name] = path.read_bytes().decode("latin-1")
    check(any(k.startswith("store ") for k in places), "no append-only file to look at")
    for place, text in places.items():
        check(text, "nothing in", place)
        for what, needle in needles.items():
            check(needle not in text, what, "stands in", place)


if __name__ == "__main__":
    judged = Judged()
    try:
        setup(judged)
    except BaseException:
        judged.close()
        raise
    suite.run(judged)
