#!/usr/bin/python3
"""The table of error codes, each reached (tests/golden/errors): a code without a file fails, and so does a file whose
case ends with another status than the table says."""
import json
import os
import pathlib
import re
import signal
import socket
import threading
import time

from judged import ROOT, Endpoint, Judged, Suite, check, ctl, quick_spec, wait_for

suite = Suite()
CORPUS = ROOT / "tests" / "golden" / "errors"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
ROW = re.compile(r'\[ERR_\w+\] = {"(\w+)", (\d+), (\d+), (true|false), LOG_LEVEL_(\w+),\s*"([^"]+)"}')
CODES = {m[1]: {"status": int(m[2]), "exit": int(m[3]), "title": m[6]} for m in ROW.finditer((ROOT / "lib/base/err.c").read_text()) if m[1] != "none"}
CASES = {p.stem: json.loads(p.read_text()) for p in sorted(CORPUS.glob("*.json"))}
LONG = {"policy": {"no_data_after": "60s"}}


def redis(j, *args):
    """One command to the embedded Redis of a judged."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(j.state / "redis" / "redis.sock"))
        words = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        answer = s.recv(65536)
        check(not answer.startswith(b"-"), answer)
        return answer


def same_as_table(a, name, detail):
    row = CODES[name]
    check(a.status == row["status"] and a.json and a.json["type"] == "urn:judge:error:" + name, f"want {row['status']} {name}, got", a)
    check(a.json["title"] == row["title"] and detail in a.json["detail"], a)


def judging(j, name):
    j.apply(quick_spec(name, **LONG))
    wait_for("judging", lambda: j.release(name)["phase"] == "judging")
    return name


@suite.test
def every_code_has_its_case(j):
    check(len(CODES) >= 22, "the table was not found", CODES)
    check(set(CODES) == set(CASES), "codes without a file, files without a code:", set(CODES) ^ set(CASES))
    for name, case in CASES.items():
        check(case["why"] and len({"request", "judgectl", "driven"} & set(case)) == 1, name, case)


@suite.test
def requests(j):
    judging(j, "there")
    j.post("/v1/releases", json.dumps(quick_spec("first", **LONG)), type="application/yaml", headers={"Idempotency-Key": "used"})
    for name, case in CASES.items():
        if "request" not in case:
            continue
        r = case["request"]
        body = json.dumps(quick_spec(r["spec"], **LONG)) if "spec" in r else r["repeat"] * r["times"] if "repeat" in r else r.get("body")
        token = j.make_token(r["scopes"]) if "scopes" in r else r.get("token", "admin")
        same_as_table(j.request(r["method"], r["path"], body, type=r.get("type"), token=token, headers=r.get("headers")), name, case["detail"])


@suite.test
def command_lines(j):
    for name, case in CASES.items():
        if "judgectl" in case:
            r = ctl(None, *case["judgectl"], env={"JUDGE_TOKEN": "jt_x"})
            check(r.returncode == CODES[name]["exit"] and case["detail"] in r.stderr, name, r)


@suite.test
def driven(j):
    missing = {c["driven"] for c in CASES.values() if "driven" in c} ^ {n.removeprefix("drive_") for n in globals() if n.startswith("drive_")}
    check(not missing, "driven by nobody, or without a file:", missing)
    wrong = []
    for name, case in CASES.items():
        try:
            if "driven" in case:
                globals()["drive_" + case["driven"]](j, name, case.get("detail", ""))
        except AssertionError as why:
            wrong.append(f"{name}: {why}")
    check(not wrong, "\n".join(wrong))


def drive_limit(j, name, detail):
    judging(j, "talkative")
    check(j.post("/v1/releases/talkative/pause", {"why": "x"}).status == 202)
    entry = redis(j, "XRANGE", "judge:{talkative}:orders", "-", "+", "COUNT", 1)
    order = entry.split(b"\r\n$1\r\no\r\n$", 1)[1]
    size, rest = order.split(b"\r\n", 1)
    # as if a thousand had come and none had been taken: those that were taken make room
    script = "for i = 2, 1000 do redis.call('XADD', KEYS[1], i .. '-0', 'o', ARGV[1]) end redis.call('HSET', KEYS[2], 'orders_taken', 0, 'order_seq', 1000)"
    redis(j, "EVAL", script, 2, "judge:{talkative}:orders", "judge:{talkative}:release", rest[: int(size)])
    a = j.post("/v1/releases/talkative/pause", {"why": "one more"})
    same_as_table(a, name, detail)
    check(a.headers["retry-after"], a.headers)


def drive_precondition(j, name, detail):
    judging(j, "raced")
    redis(j, "HINCRBY", "judge:{raced}:release", "version", 1)
    check(j.post("/v1/releases/raced/pause", {"why": "still carried out"}).status == 202)
    wait_for("pause", lambda: j.release("raced")["paused_why"] == "still carried out")


def drive_fenced(j, name, detail):
    judging(j, "stolen")
    lost = j.metrics()["judge_leases_lost_total"]
    redis(j, "SET", "judge:{stolen}:lease", "somebody-else", "PX", 60000)
    redis(j, "HINCRBY", "judge:{stolen}:release", "lease_token", 1)
    check(j.post("/v1/releases/stolen/pause", {"why": "not ours to carry out"}).status == 202)
    wait_for("loss", lambda: j.metrics()["judge_leases_lost_total"] > lost, 15)
    check("stolen is not ours any more" in j.log(), j.log()[-2000:])
    check(not j.release("stolen")["paused"], "what was not ours was changed")


def drive_redis(j, name, detail):
    redis(j, "CONFIG", "SET", "maxmemory", "1")
    try:
        same_as_table(j.post("/v1/releases", json.dumps(quick_spec("refused")), type="application/yaml"), name, detail)
    finally:
        redis(j, "CONFIG", "SET", "maxmemory", "0")
    check(j.post("/v1/releases", json.dumps(quick_spec("refused")), type="application/yaml").status == 201, "and then it goes on")


def drive_timeout(j, name, detail):
    answer = redis(j, "INFO", "server")
    pid = int(re.search(rb"process_id:(\d+)", answer)[1])
    os.kill(pid, signal.SIGSTOP)
    try:
        a = j.post("/v1/releases/there/pause", {"why": "x"})
        check(j.get("/v1/releases/there").status == 200, "what is in memory is answered")
    finally:
        os.kill(pid, signal.SIGCONT)
    same_as_table(a, name, detail)
    wait_for("recovery", lambda: j.post("/v1/releases/there/resume", {}).status == 202, 15)


def drive_corrupt(j, name, detail):
    judging(j, "bent")
    redis(j, "XADD", "judge:{bent}:audit", "*", "nothing", "of ours")
    same_as_table(j.get("/v1/audit?release=bent"), name, detail)


def drive_protocol(j, name, detail):
    with socket.create_server(("127.0.0.1", 0)) as s:
        def answer():
            c, _ = s.accept()
            c.recv(4096)
            c.sendall(b"220 mail.example ESMTP\r\n")
            c.close()
        threading.Thread(target=answer, daemon=True).start()
        r = ctl(None, "list", "--url", f"http://127.0.0.1:{s.getsockname()[1]}", env={"JUDGE_TOKEN": "jt_x"})
    check(r.returncode == CODES[name]["exit"] and detail in r.stderr, r)


def drive_platform(j, name, detail):
    endpoint = Endpoint(SECRET)
    endpoint.refuses = True
    spec = quick_spec("refusing", platform={"kind": "webhook", "url": endpoint.url, "secret_ref": "router"}, **LONG)
    path = j.dir / "refusing.json"
    path.write_text(json.dumps(spec))
    r = ctl(j, "run", path)
    check(r.returncode == CODES[name]["exit"] and detail in r.stderr, r)
    check(j.release("refusing")["cause"] == "platform")
    endpoint.close()


def drive_system(j, name, detail):
    other = Judged()
    try:
        other.listen = f"127.0.0.1:{j.port}"
        other.start(ready=False)
        check(other.child.wait(20) == CODES[name]["exit"], other.child.returncode)
        check(detail in other.log() and "judged: " in other.log(), other.log())
    finally:
        other.close()


def drive_unavailable(j, name, detail):
    with Judged() as own:
        judging(own, "waiting")
        got = {}
        asked = threading.Thread(target=lambda: got.update(a=own.get("/v1/releases/waiting/verdict?after=1000&wait=60s", timeout=70)))
        asked.start()
        time.sleep(0.3)
        own.stop()
        asked.join(10)
        same_as_table(got["a"], name, detail)


if __name__ == "__main__":
    with Judged(config="secrets: {router: {env: ROUTER}}\n", env={"ROUTER": SECRET}) as judged:
        suite.run(judged)
