#!/usr/bin/python3
"""The calls of the API about judging: verdicts, long-polls, event streams, orders and samples, asked well and badly. The
last test but one holds the routes to the calls that were made here."""
import gzip
import json
import threading
import time

from api_common import CONFIG, SEEN, Watched, done, is_judging, problem, put, routes_were_asked
from judged import Answer, Feeder, Suite, check, quick_spec, wait_for
from stack import Resp

suite = Suite()


# ---- verdicts ----

@suite.test
def a_long_poll_answers_with_the_next_verdict(j):
    put(j, "polled")
    seq = wait_for("verdict", lambda: (v := j.release("polled")["verdict"]) and v["phase"] == "judging" and v["seq"])
    got = {}
    def ask():
        start = time.monotonic()
        got["answer"] = j.get(f"/v1/releases/polled/verdict?after={seq}&wait=20s")
        got["s"] = time.monotonic() - start
    waiting = threading.Thread(target=ask)
    waiting.start()
    time.sleep(0.3)
    check(waiting.is_alive(), "it waits:", got)
    j.post("/v1/releases/polled/pause", {"why": "to make a verdict"})
    waiting.join(10)
    a = got["answer"]
    check(a.status == 200 and a.json["seq"] > seq and a.json["verdict"] == "hold" and got["s"] < 5, a, got["s"])
    SEEN.add(("GET", "/v1/releases/{id}/verdict"))
    check("to make a verdict" in a.json["reason"], a.json["reason"])


@suite.test
def a_long_poll_ends_in_time(j):
    put(j, "silent")
    seq = wait_for("verdict", lambda: (v := j.release("silent")["verdict"]) and v["phase"] == "judging" and v["seq"])
    start = time.monotonic()
    a = j.get(f"/v1/releases/silent/verdict?after={seq + 100}&wait=400ms")
    took = time.monotonic() - start
    check(a.status == 200 and a.json["seq"] >= seq and 0.35 < took < 3, a, took)
    start = time.monotonic()
    check(j.get("/v1/releases/silent/verdict").status == 200 and time.monotonic() - start < 0.3)
    for query in ("wait=soon", "wait=-1s", "after=x", "after=-1"):
        problem(j.get("/v1/releases/silent/verdict?" + query), 400, "input", query.split("=")[0])


@suite.test
def a_verdict_has_the_shape_of_the_contract(j):
    put(j, "shaped")
    v = wait_for("verdict", lambda: (v := j.release("shaped")["verdict"]) and v["phase"] == "judging" and v)
    names = list(v)
    contract = ["release", "revision", "seq", "phase", "verdict", "cause", "health", "guarantee", "segment", "share", "advance_to", "at", "fresh_until", "reason", "metrics"]
    check(names[: len(contract)] == contract, names)
    check(v["verdict"] in ("continue", "hold") and v["share"] is None and v["guarantee"] == "proven", v)
    m = v["metrics"][0]
    check({"name", "kind", "role", "state", "test", "effect", "tolerance", "margin", "log_e_fail", "log_e_pass", "alpha", "beta", "dispersion", "baseline", "candidate", "eta_s", "reason"} <= set(m), m)
    check(m["margin"] == {"relative": 0.5, "absolute": 0.005} and m["alpha"] == 0.01 and m["beta"] == 0.05, m)
    all = j.get("/v1/releases/shaped/verdicts").json
    SEEN.add(("GET", "/v1/releases/{id}/verdicts"))
    check([x["seq"] for x in all["verdicts"]] == list(range(1, len(all["verdicts"]) + 1)) and all["next"] == len(all["verdicts"]), all["next"])
    j.post("/v1/releases/shaped/pause", {"why": "one more"})
    wait_for("one more", lambda: j.release("shaped")["verdict"]["verdict"] == "hold")
    check([x["seq"] for x in j.get("/v1/releases/shaped/verdicts?after=1&limit=1").json["verdicts"]] == [2])


def read_events(response, until, seconds=10):
    """Events of a stream as (id, name, data) until one satisfies `until`."""
    events, event, deadline = [], {}, time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = response.readline().decode().rstrip("\n")
        if line.startswith(":"):
            continue
        if line:
            key, _, value = line.partition(":")
            event[key] = event.get(key, "") + value.strip()
            continue
        if "data" in event:
            events.append((event.get("id"), event.get("event"), json.loads(event["data"])))
            if until(events[-1]):
                return events
            event = {}
        elif response.isclosed():
            break
    raise AssertionError(f"the event did not come: {events}")


def open_events(j, release, last=None, token="admin"):
    c = j.connect(timeout=10)
    c.request("GET", f"/v1/releases/{release}/events", headers=j.headers(token, extra={"Last-Event-ID": last} if last else None))
    r = c.getresponse()
    check(r.status == 200 and r.getheader("Content-Type").startswith("text/event-stream"), r.status, r.getheaders())
    SEEN.add(("GET", "/v1/releases/{id}/events"))
    return c, r


@suite.test
def events_are_sent_and_resumed(j):
    put(j, "streamed")
    wait_for("verdict", lambda: (v := j.release("streamed")["verdict"]) and v["phase"] == "judging")
    c, r = open_events(j, "streamed")
    first = read_events(r, lambda e: e[1] == "progress")
    check(first[0][1] == "verdict" and int(first[0][0]) == first[0][2]["seq"], first)
    check(first[-1][2]["phase"] == "judging" and first[-1][2]["paused"] is False, first)
    j.post("/v1/releases/streamed/pause", {"why": "an event"})
    seen = read_events(r, lambda e: e[1] == "verdict" and e[2]["verdict"] == "hold")
    check(seen[-1][2]["seq"] > first[0][2]["seq"], seen)
    c.close()
    c, r = open_events(j, "streamed", last="1")
    now = j.release("streamed")["verdict"]["seq"]
    events = [e for e in read_events(r, lambda e: e[1] == "verdict" and e[2]["seq"] >= now) if e[1] == "verdict"]
    check([int(e[0]) for e in events] == list(range(2, now + 1)), "what was missed comes first, in order, once:", [e[0] for e in events])
    j.post("/v1/releases/streamed/rollback", {"why": "the end"})
    read_events(r, lambda e: e[1] == "done")
    check(r.read() == b"", "the stream ends after the release")
    c.close()
    problem(j.get("/v1/releases/streamed/events", headers={"Last-Event-ID": "abc"}), 400, "input", "Last-Event-ID")


@suite.test
def a_stream_ends_with_its_token(j):
    put(j, "watched")
    revoked, expired = j.make_token("read", name="revoked"), j.make_token("read", name="expired", expires_in="1500ms")
    streams = [open_events(j, "watched", token=t) for t in (revoked, expired, "admin")]
    for _, r in streams:
        read_events(r, lambda e: e[1] == "progress")
    row = next(t for t in j.get("/v1/tokens").json["tokens"] if t["name"] == "revoked")
    check(j.delete("/v1/tokens/" + row["id"]).status == 204)
    wait_for("expiry", lambda: j.get("/v1/version", token=expired).status == 401, 5, pause=0.3)
    j.post("/v1/releases/watched/pause", {"why": "not for all eyes"})
    read_events(streams[2][1], lambda e: e[1] == "progress" and e[2]["paused"])
    for c, r in streams[:2]:
        check(not any(b"not for all eyes" in line for line in iter(r.readline, b"")), "a stream goes on without its token")
    for c, _ in streams:
        c.close()


@suite.test
def more_events_than_are_sent_at_once_are_fetched_in_turns(j):
    put(j, "long")
    v = wait_for("verdict", lambda: (v := j.release("long")["verdict"]) and v["phase"] == "judging" and v)
    many = 1200
    with Resp(j.state / "redis" / "redis.sock") as redis:  # as if it had been judged for hours
        first = redis("XREVRANGE", "judge:{long}:verdicts", "+", "-", "COUNT", 1)[0][0]
        for seq in range(int(first.split(b"-")[0]) + 1, many + 1):
            redis("XADD", "judge:{long}:verdicts", f"{seq}-0", "j", json.dumps({**v, "seq": seq}))
        redis("HSET", "judge:{long}:release", "verdict_seq", many)
    # The judge may show a verdict under the old count once more before it takes up the new one.
    on_it = lambda: all(j.release("long")["verdict"]["seq"] >= many for _ in range(20) if not time.sleep(0.05))
    wait_for("judge on the new count", on_it, 20)
    got = [1]
    while got[-1] < many:
        c, r = open_events(j, "long", last=str(got[-1]))
        sent = []
        while not sent or sent[-1] < many:
            line = r.readline()
            if not line:
                break  # the stream has ended, for there is more
            if line.startswith(b"id: "):
                sent.append(int(line[4:]))
        c.close()
        check(sent, "a stream without a verdict")
        got += sent
    # A verdict that is not stored yet is told again, under its number, when what it says has changed.
    got = [n for n, before in zip(got[1:], got) if n != before]
    check(got[: many - 1] == list(range(2, many + 1)), len(got), got[:12], got[-3:])


# ---- orders ----

@suite.test
def orders_are_taken_and_audited(j):
    put(j, "ordered")
    wait_for("judging", lambda: j.release("ordered")["phase"] == "judging")
    decide = j.make_token("decide,read", name="release-manager")
    a = j.post("/v1/releases/ordered/pause", {"why": "lunch"}, token=decide)
    check(a.status == 202 and a.json == {"release": "ordered", "order": "pause", "seq": 1}, a)
    r = wait_for("pause", lambda: (r := j.release("ordered"))["paused"] and r)
    check(r["paused_why"] == "lunch" and r["cause"] == "person", r)
    j.post("/v1/releases/ordered/resume", token=decide)
    wait_for("resume", lambda: not j.release("ordered")["paused"])
    check(j.post("/v1/releases/ordered/traffic", {"share": "25%", "why": "our tool did"}, token=decide).status == 202)
    wait_for("share", lambda: (v := j.release("ordered")["verdict"]) and v["share"] == 0.25)
    problem(j.post("/v1/releases/ordered/promote", {"override": True, "why": "I know better"}, token=decide), 403, "forbidden", "override")
    may = j.make_token("decide,override", name="boss")
    problem(j.post("/v1/releases/ordered/promote", {"override": True}, token=may), 400, "input", "why")
    problem(j.post("/v1/releases/ordered/traffic", {"share": "50%", "override": True, "why": "x"}, token=decide), 403, "forbidden", "override")
    check(j.post("/v1/releases/ordered/traffic", {"share": "50%", "override": True, "why": "x"}, token=may).status == 202)
    problem(j.post("/v1/releases/ordered/rollback", {"override": True, "why": "x"}, token=may), 400, "input", "promote and traffic only")
    check(j.post("/v1/releases/ordered/promote", {"override": True, "why": "I know better"}, token=may).status == 202)
    wait_for("promote", lambda: (v := j.release("ordered")["verdict"])["verdict"] == "promote" and v["cause"] == "person" and "I know better" in v["reason"] and v["guarantee"] == "none")
    check(done(j, "ordered")["outcome"] == "promoted")
    for verb in ("promote", "rollback", "pause", "resume", "abort"):
        problem(j.post(f"/v1/releases/ordered/{verb}", {"why": "late"}), 409, "conflict", "done")
    trail = [(e["what"], e["who"], e["why"]) for e in j.get("/v1/audit?release=ordered&limit=500").json["entries"]]
    for entry in (("pause", "release-manager", "lunch"), ("resume", "release-manager", ""), ("traffic", "release-manager", "our tool did"), ("promote", "boss", "I know better")):
        check(entry in trail, entry, "is not in", trail)


@suite.test
def an_order_refused_while_queued_is_not_followed_later(j):
    put(j, "turn-1", service="turn")
    wait_for("first", lambda: j.release("turn-1")["phase"] == "judging")
    put(j, "turn-2", service="turn")
    check(j.post("/v1/releases/turn-2/promote", {"override": True, "why": "too early"}).status == 202)
    wait_for("refusal", lambda: "refused" in j.get("/v1/audit?release=turn-2").text)
    check(j.post("/v1/releases/turn-1/abort", {"why": "next"}).status == 202)
    wait_for("second", lambda: j.release("turn-2")["phase"] == "judging")
    v = j.get("/v1/releases/turn-2/verdict?wait=5s").json
    after = j.get(f"/v1/releases/turn-2/verdict?wait=2s&after={v['seq']}").json
    check(v["verdict"] == after["verdict"] == "continue", v, after)
    check(j.release("turn-2")["phase"] == "judging", j.release("turn-2"))


@suite.test
def resuming_after_the_deadline_begins_it_anew(j):
    j.apply(quick_spec("twice", policy={"deadline": "4s", "no_data_after": "60s"}))
    wait_for("deadline", lambda: (r := j.release("twice"))["paused"] and r["verdict"]["verdict"] == "inconclusive")
    check(j.post("/v1/releases/twice/resume", {"why": "more time"}).status == 202)
    wait_for("judging goes on", lambda: (r := j.release("twice"))["verdict"]["verdict"] == "continue" and not r["paused"], 3)
    wait_for("deadline again", lambda: (r := j.release("twice"))["paused"] and r["verdict"]["verdict"] == "inconclusive")


@suite.test
def an_order_that_cannot_be_read_is_refused(j):
    put(j, "refusing")
    for verb, body, word in (
        ("pause", "{", ""), ("pause", "[]", "object"), ("pause", '{"reason": "x"}', "unknown field"),
        ("pause", '{"why": 7}', "why"), ("pause", json.dumps({"why": "x" * 501}), "500"),
        ("promote", '{"override": "yes", "why": "x"}', "override"), ("pause", '{"share": "5%"}', "traffic only"),
        ("traffic", "{}", "share"), ("traffic", '{"share": "150%"}', "share"), ("traffic", '{"share": -1}', "share"), ("traffic", '{"share": "much"}', "share"),
    ):
        problem(j.post(f"/v1/releases/refusing/{verb}", body, type="application/json"), 400, "input", word)
    check(j.post("/v1/releases/refusing/abort", {"why": "enough"}).status == 202)
    check(done(j, "refusing")["outcome"] in ("stopped", "rolled_back"))


# ---- samples ----

def sample(service, cohort, metric, value, **more):
    return {"service": service, "cohort": cohort, "metric": metric, "value": value, **more}


def totals(j, release):
    """Requests and errors of both cohorts the judge has counted."""
    m = j.release(release)["verdict"]["metrics"][0]
    return [m[c][k] for c in ("baseline", "candidate") for k in ("n", "events")]


def routed(j, service):
    """Waits until samples of the service have a release to go to."""
    wait_for("routes", lambda: j.samples([sample(service, "baseline", "http.requests", 0)], ack=False).json["taken"])


@suite.test
def samples_arrive_and_are_counted(j):
    j.apply(quick_spec("fed"))
    wait_for("judging", lambda: j.release("fed")["phase"] == "judging")
    routed(j, "fed")
    time.sleep(0.3)  # into the first whole block of the step
    a = j.samples([sample("fed", c, m, v) for c in ("baseline", "candidate") for m, v in (("http.requests", 100), ("http.errors", 3))])
    check(a.status == 200 and a.json["taken"] == 4 and a.json["refused"] == 0 and a.json["refusals"] == [], a)
    body = "".join(f"http.requests:{n}|c|#service:fed,cohort:{c}\n" for n, c in ((50, "baseline"), (60, "candidate")))
    a = j.post("/v1/samples?ack=stored", body, type="text/plain")
    check(a.status == 200 and a.json["taken"] == 2, a)
    wait_for("counts", lambda: (v := j.release("fed")["verdict"]) and totals(j, "fed") == [150, 3, 160, 3], 5)


@suite.test
def bad_lines_are_named_and_good_ones_kept(j):
    put(j, "lines")
    wait_for("judging", lambda: j.release("lines")["phase"] == "judging")
    routed(j, "lines")
    lines = [
        json.dumps(sample("lines", "baseline", "http.requests", 1)),
        "{not json",
        json.dumps(sample("lines", "baseline", "http.requests", 1, ts=time.time() + 60)),
        json.dumps({"service": "lines", "cohort": "baseline", "value": 1}),
        json.dumps(sample("lines", "elsewhere", "http.requests", 1)),
        json.dumps(sample("lines", "candidate", "http.requests", "many")),
        json.dumps(sample("lines", "candidate", "http.requests", 2)),
    ]
    a = j.post("/v1/samples", "\n".join(lines) + "\n", type="application/x-ndjson")
    check(a.status == 202 and a.json["taken"] == 2, a)
    refused = {r["line"]: r["reason"] for r in a.json["refusals"]}
    check(set(refused) == {2, 3, 4, 5, 6} and all(refused.values()), refused)
    check("ts" in refused[3] or "ahead" in refused[3], refused)
    text = "http.requests:1|c|#service:lines,cohort:baseline\nnonsense\nhttp.requests:x|c|#service:lines,cohort:baseline\n"
    a = j.post("/v1/samples", text, type="text/plain; charset=utf-8")
    check(a.status == 202 and a.json["taken"] == 1 and [r["line"] for r in a.json["refusals"]] == [2, 3], a)
    problem(j.post("/v1/samples?ack=maybe", lines[0], type="application/x-ndjson"), 400, "input", "ack")
    packed = {"Content-Encoding": "gzip"}
    a = j.post("/v1/samples", gzip.compress(text.encode()), type="text/plain", headers=packed)
    check(a.status == 202 and a.json["taken"] == 1 and a.json["refused"] == 2, a)
    problem(j.post("/v1/samples", text, type="text/plain", headers=packed), 400, "input", "gzip")
    problem(j.post("/v1/samples", gzip.compress(bytes(33 << 20)), type="text/plain", headers=packed), 413, "too_large")
    problem(j.post("/v1/samples", text, type="text/plain", headers={"Content-Encoding": "br"}), 415, "media_type", "gzip")


@suite.test
def a_slow_body_arrives_when_it_is_whole(j):
    """Its samples are of the time they say, up to 5 s ahead of its end and not of its beginning."""
    put(j, "slow")
    routed(j, "slow")
    began = time.time()
    body = json.dumps(sample("slow", "baseline", "http.requests", 1, ts=began + 5.9)) + "\n"
    c = j.connect()
    c.putrequest("POST", "/v1/samples")
    for name, value in {**j.headers(), "Content-Type": "application/x-ndjson", "Content-Length": str(len(body))}.items():
        c.putheader(name, value)
    c.endheaders(body[:10].encode())
    time.sleep(max(0, began + 1 - time.time()))  # what makes it slow
    c.send(body[10:].encode())
    r = c.getresponse()
    a = Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
    c.close()
    check(a.status == 202 and a.json["taken"] == 1, a)


@suite.test
def a_batch_sent_twice_counts_once(j):
    j.apply(quick_spec("batched"))
    wait_for("judging", lambda: j.release("batched")["phase"] == "judging")
    routed(j, "batched")
    time.sleep(0.3)
    body = "".join(json.dumps(sample("batched", c, "http.requests", 10)) + "\n" for c in ("baseline", "candidate"))
    key = {"Idempotency-Key": "batch-1"}
    first = j.post("/v1/samples", body, type="application/x-ndjson", headers=key)
    again = j.post("/v1/samples", body, type="application/x-ndjson", headers=key)
    check(first.status == 200 and again.status == 200, first, again)
    check(again.headers.get("idempotent-replay") == "true" and "idempotent-replay" not in first.headers, again.headers)
    problem(j.post("/v1/samples", body + "\n" + body, type="application/x-ndjson", headers=key), 422, "reused_key")
    wait_for("counts", lambda: totals(j, "batched") == [10, 0, 10, 0], 5)
    time.sleep(0.5)
    check(totals(j, "batched") == [10, 0, 10, 0], totals(j, "batched"))


@suite.test
def evidence_rolls_back_and_promotes(j):
    with Feeder(j, "harmful", bad=0.08), Feeder(j, "harmless"):
        j.apply(quick_spec("harmful"))
        j.apply(quick_spec("harmless"))
        j.post("/v1/releases/harmless/traffic", {"share": "50%", "why": "shifted"})
        r = done(j, "harmful", 15)
        check(r["outcome"] == "rolled_back" and r["cause"] == "harm" and r["verdict"]["verdict"] == "rollback", r)
        check("harm shown" in r["verdict"]["reason"], r["verdict"]["reason"])
        wait_for("promote", lambda: j.release("harmless")["verdict"]["verdict"] == "promote", 15)
        j.post("/v1/releases/harmless/traffic", {"share": "100%"})
        check(done(j, "harmless")["outcome"] == "promoted")
    SEEN.add(("GET", "/v1/releases/{id}/report"))
    check(j.get("/v1/releases/harmless/report").status == 200)


@suite.test
def every_route_was_asked(j):
    routes_were_asked(j, is_judging)


@suite.test
def stopping_answers_those_who_wait(j):
    put(j, "waiting")
    seq = wait_for("verdict", lambda: (v := j.release("waiting")["verdict"]) and v["phase"] == "judging" and v["seq"])
    got = {}
    waiting = threading.Thread(target=lambda: got.update(answer=j.get(f"/v1/releases/waiting/verdict?after={seq + 100}&wait=60s", timeout=70)))
    waiting.start()
    c, r = open_events(j, "waiting")
    read_events(r, lambda e: e[1] == "progress")
    start = time.monotonic()
    check(j.stop() == 0, "exit status")
    waiting.join(5)
    check(not waiting.is_alive(), "the long-poll was left hanging")
    problem(got["answer"], 503, "unavailable", "shutting down")
    check(got["answer"].headers["retry-after"], got["answer"].headers)
    while r.readline():
        pass
    check(time.monotonic() - start < 10, "stopping took", time.monotonic() - start)


if __name__ == "__main__":
    with Watched(config=CONFIG) as judged:
        suite.run(judged)
