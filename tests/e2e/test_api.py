#!/usr/bin/python3
"""The calls of the API about credentials, releases, tokens, the audit trail and the service itself: what they answer
when asked well, and when not. test_api_judging.py has verdicts, events, orders and samples.

The last test holds the table of routes (as /v1/openapi.json tells it) to the calls that were made here: a route nobody
asked successfully is a failure."""
import json
import re
import socket
import time

from api_common import CONFIG, LONG, SEEN, SPEC, Watched, done, has_own_test, is_judging, problem, put, routes_were_asked
from judged import Answer, Judged, Skip, Suite, check, quick_spec, wait_for

suite = Suite()
SCOPES = ["ingest", "read", "apply", "decide", "override", "admin"]


# ---- credentials ----

ROUTES = [  # method, path, a scope that may, body
    ("POST", "/v1/releases?dry_run=1", "apply", json.dumps(quick_spec("scoped"))),
    ("GET", "/v1/releases", "read", None),
    ("GET", "/v1/releases/scoped", "read", None),
    ("GET", "/v1/releases/scoped/verdict?wait=5s", "read", None),
    ("GET", "/v1/releases/scoped/verdicts", "read", None),
    ("GET", "/v1/releases/scoped/report", "read", None),
    ("POST", "/v1/releases/scoped/pause", "decide", "{}"),
    ("POST", "/v1/releases/scoped/resume", "decide", "{}"),
    ("POST", "/v1/releases/scoped/traffic", "decide", '{"share": "5%"}'),
    ("POST", "/v1/releases/scoped/promote", "decide", "{}"),
    ("POST", "/v1/releases/scoped/rollback", "decide", "{}"),
    ("POST", "/v1/releases/scoped/abort", "decide", "{}"),
    ("POST", "/v1/samples", "ingest", '{"service": "scoped", "cohort": "baseline", "metric": "http.errors", "value": 1}\n'),
    ("GET", "/v1/schema", "read", None),
    ("GET", "/v1/openapi.json", "read", None),
    ("GET", "/v1/version", "read", None),
    ("GET", "/v1/connections", "read", None),
    ("GET", "/v1/doctor", "admin", None),
    ("GET", "/v1/tokens", "admin", None),
    ("POST", "/v1/tokens", "admin", '{"name": "made", "scopes": "read"}'),
    ("GET", "/v1/audit", "admin", None),
    ("GET", "/v1/audit/verify", "admin", None),
]


@suite.test
def each_route_wants_its_scope(j):
    put(j, "scoped")
    tokens = {s: j.make_token(s, name=s) for s in SCOPES}
    for method, path, scope, body in ROUTES:
        type = ("application/x-ndjson" if "samples" in path else SPEC if "releases?" in path else "application/json") if body else None
        for have in SCOPES:
            a = j.request(method, path, body, type=type, token=tokens[have])
            if have in (scope, "admin"):
                check(a.status < 300 or (a.status == 409 and "done" in a.text), have, method, path, a)
            else:
                problem(a, 403, "forbidden", scope)
    problem(j.delete("/v1/releases/scoped", token=tokens["apply"]), 403, "forbidden", "admin")
    problem(j.delete("/v1/tokens/0123456789abcdef", token=tokens["apply"]), 403, "forbidden", "admin")
    problem(j.get("/v1/releases/scoped/events", token=tokens["ingest"]), 403, "forbidden", "read")


@suite.test
def without_a_good_token_there_is_nothing(j):
    for path in ("/v1/releases", "/v1/releases/nobody", "/v1/audit", "/v1/schema"):
        a = j.get(path, token=None)
        problem(a, 401, "auth")
        check(a.headers["www-authenticate"].startswith("Bearer"), a.headers)
    problem(j.get("/v1/releases", token="jt_" + "A" * 43), 401, "auth", "not known, was revoked or has expired")
    problem(j.get("/v1/releases", token=None, headers={"Authorization": "Basic YTpi"}), 401, "auth", "Bearer")
    check(j.get("/v1/releases").status == 200, "a good token is taken after bad ones")


@suite.test
def an_expired_token_is_worth_nothing(j):
    short = j.make_token("read", name="short", expires_in="300ms")
    check(j.get("/v1/releases", token=short).status == 200)
    wait_for("expiry", lambda: j.get("/v1/releases", token=short).status == 401, 3, pause=0.2)


@suite.test
def tokens_are_made_listed_and_revoked(j):
    text = j.make_token("ingest,read", name="ci", services="shop,search", expires_in="30d")
    row = next(t for t in j.get("/v1/tokens").json["tokens"] if t["name"] == "ci")
    check(row["scopes"] == "ingest,read" and row["services"] == "shop,search" and row["expires"] > row["created"], row)
    check(text not in j.get("/v1/tokens").text, "the text of a token is told once")
    check(j.get("/v1/version", token=text).status == 200)
    a = j.delete("/v1/tokens/" + row["id"])
    SEEN.add(("DELETE", "/v1/tokens/{id}"))
    check(a.status == 204 and a.body == b"", a)
    problem(j.get("/v1/version", token=text), 401, "auth")
    problem(j.delete("/v1/tokens/" + row["id"]), 404, "not_found")
    for body, word in (
        ({"scopes": "read"}, "name"),
        ({"name": "x" * 64, "scopes": "read"}, "name"),
        ({"name": "x"}, "scopes"),
        ({"name": "x", "scopes": ""}, "scope"),
        ({"name": "x", "scopes": "read,fly"}, "fly"),
        ({"name": "x", "scopes": ["read"]}, "scopes: want a text"),
        ({"name": "x", "scopes": "read", "services": 7}, "services"),
        ({"name": "x", "scopes": "read", "services": "a, b"}, "services"),
        ({"name": "x", "scopes": "read", "services": ",".join(f"s{i}" for i in range(33))}, "at most 32"),
        ({"name": "x", "scopes": "read", "expires_in": "soon"}, "expires_in"),
        ({"name": "x", "scopes": "read", "expires_in": "0s"}, "expires_in"),
        ({"name": "x", "scopes": "read", "expires_in": 3600}, "expires_in"),
        ({"name": "x", "scopes": "read", "expires": "30d"}, "unknown field"),
        ([], "object"),
    ):
        problem(j.post("/v1/tokens", body), 400, "input", word)


@suite.test
def a_token_of_some_services_sees_no_others(j):
    put(j, "mine", service="mine")
    put(j, "theirs", service="theirs")
    token = j.make_token("admin", name="limited", services="mine")
    ids = [r["release"] for r in j.get("/v1/releases?limit=500", token=token).json["releases"]]
    check(ids == ["mine"], ids)
    check(j.get("/v1/releases/mine", token=token).status == 200)
    for path in ("/v1/releases/theirs", "/v1/releases/theirs/verdict", "/v1/releases/theirs/events", "/v1/releases/theirs/report", "/v1/releases/theirs/verdicts"):
        problem(j.get(path, token=token), 403, "forbidden", "theirs")
    problem(j.post("/v1/releases/theirs/rollback", {"why": "x"}, token=token), 403, "forbidden")
    problem(j.post("/v1/releases?dry_run=1", json.dumps(quick_spec("other", service="theirs")), type=SPEC, token=token), 403, "forbidden")
    for method, path in (("GET", "/v1/tokens"), ("GET", "/v1/audit"), ("GET", "/v1/audit?release=theirs"), ("GET", "/v1/audit/verify?release=theirs")):
        problem(j.request(method, path, token=token), 403, "forbidden")
    problem(j.post("/v1/tokens", {"name": "more", "scopes": "admin"}, token=token), 403, "forbidden", "not limited")
    check(j.get("/v1/audit?release=mine", token=token).status == 200, "its own trail it may see")
    a = j.samples([{"service": s, "cohort": "baseline", "metric": "http.errors", "value": 1} for s in ("mine", "theirs")], ack=False, token=token)
    check(a.json["taken"] == 1 and a.json["refusals"][0]["line"] == 2, a)


def outer_address():
    """An address of this host that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError as why:
            raise Skip(f"this host has no address beside loopback ({why})")
        return s.getsockname()[0]


@suite.test
def guessing_tokens_is_slowed_down(_):
    own = Judged()  # an address that guessed wrong is kept waiting, but never this host's own programs
    own.host = outer_address()
    own.listen = f"0.0.0.0:{own.port}"
    with own:
        for _ in range(5):
            problem(own.get("/v1/releases", token="jt_wrong"), 401, "auth")
        a = wait_for("pause", lambda: (a := own.get("/v1/releases", token="jt_wrong")).status == 429 and a)
        problem(a, 429, "limit", "wait")
        check(int(a.headers["retry-after"]) >= 1, a.headers)


# ---- what every call has in common ----

@suite.test
def what_is_not_there_or_not_taken_is_said(j):
    problem(j.get("/v1/nothing"), 404, "not_found")
    a = j.delete("/v1/releases")
    problem(a, 405, "method", "GET")
    check("GET" in a.headers["allow"] and "POST" in a.headers["allow"], a.headers)
    for path in ("", "/verdict", "/verdicts", "/events", "/report"):
        problem(j.get("/v1/releases/unknown" + path), 404, "not_found", "unknown")
    for order in ("promote", "rollback", "pause", "resume", "abort", "traffic"):
        problem(j.post("/v1/releases/unknown/" + order, {}), 404, "not_found", "unknown")
    problem(j.delete("/v1/releases/unknown"), 404, "not_found")
    problem(j.get("/v1/releases/" + "x" * 5000), 413, "too_large")
    problem(j.post("/v1/releases", "x", type="image/png"), 415, "media_type", "application/yaml")
    problem(j.post("/v1/samples", "x", type="application/json"), 415, "media_type", "application/x-ndjson")
    problem(j.get("/v1/releases", headers={"Content-Length": "3"}, body="abc"), 413, "too_large", "no body")
    problem(j.post("/v1/releases", "a" * (256 * 1024 + 1), type=SPEC), 413, "too_large", "262144")
    c = j.connect()  # what is far too large is refused by its length, unread
    c.putrequest("POST", "/v1/samples")
    for name, value in {**j.headers(), "Content-Type": "text/plain", "Content-Length": str((8 << 20) + 1)}.items():
        c.putheader(name, value)
    c.endheaders()
    r = c.getresponse()
    problem(Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()), 413, "too_large", str(8 << 20))
    c.close()
    problem(j.post("/v1/releases/unknown/pause", "a" * 8193, type="application/json"), 413, "too_large")
    for body in ("{", "a: b: c", "[1, 2", '{"a": 1, "a": 2}', "", "\x00"):
        a = j.post("/v1/releases", body, type=SPEC)
        check(a.status in (400, 422), body, a)
        problem(a, a.status, a.json["type"].split(":")[-1])
    check(j.get("/v1/version", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1")


@suite.test
def head_is_get_without_a_body(j):
    a = j.request("HEAD", "/v1/version")
    check(a.status == 200 and a.body == b"" and int(a.headers["content-length"]) > 0, a.headers)


@suite.test
def the_service_tells_about_itself(j):
    check(j.get("/healthz", token=None).text == "ok\n" and j.get("/readyz", token=None).text == "ready\n")
    check(re.fullmatch(r"\d+\.\d+\.\d+", j.get("/v1/version").json["version"]))
    a = j.get("/metrics", token=None)
    check(a.headers["content-type"].startswith("text/plain; version=0.0.4"), a.headers)
    samples = read_exposition(a.text)
    for name in ("judge_uptime_seconds", "process_resident_memory_bytes", "judge_leases_held", "judge_verdicts_stored_total"):
        check(any(k.split("{")[0] == name for k in samples), "no", name)
    a = j.get("/v1/schema")
    check(a.headers["content-type"] == "application/schema+json", a.headers)
    check(a.json["$schema"].endswith("2020-12/schema") and "metadata" in a.json["properties"] and "strategy" in a.json["required"], a.json.keys())
    api = j.get("/v1/openapi.json").json
    check(api["openapi"] == "3.1.0" and api["info"]["title"] == "Release Judge" and api["info"]["version"], api["info"])
    check(api["components"]["securitySchemes"]["token"]["scheme"] == "bearer" and "Problem" in api["components"]["schemas"])
    create = api["paths"]["/v1/releases"]["post"]
    check({"application/yaml", "application/json"} <= set(create["requestBody"]["content"]), create)
    check({p["name"] for p in create["parameters"]} == {"dry_run", "check", "Idempotency-Key"}, create)
    ids = [op["operationId"] for path in api["paths"].values() for op in path.values()]
    check(len(ids) == len(set(ids)), "an operation id is there twice")
    for path, ops in api["paths"].items():
        for op in ops.values():
            named = {p["name"] for p in op["parameters"] if p["in"] == "path"}
            check(named == set(re.findall(r"{(\w+)", path)), path, "names", named)
    check(j.get("/v1/connections").json == {"connections": [{"name": "chat", "kind": "webhook"}, {"name": "edge", "kind": "haproxy"}]}, j.get("/v1/connections"))


def read_exposition(text):
    """The Prometheus text format, strictly: TYPE before its samples, a family in one piece, no sample twice."""
    types, samples, family, ended = {}, {}, None, set()
    for line in text.splitlines():
        if m := re.fullmatch(r"# (HELP|TYPE) (\S+) (.+)", line):
            if m[2] != family:
                check(m[2] not in ended, "family in two pieces:", m[2])
                ended.add(family)
                family = m[2]
            if m[1] == "TYPE":
                check(m[2] not in types and m[3] in ("counter", "gauge", "histogram", "summary"), line)
                types[m[2]] = m[3]
            continue
        m = re.fullmatch(r'([a-zA-Z_:][\w:]*)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)', line)
        check(m, "cannot be read:", line)
        check(re.sub("_(bucket|sum|count)$", "", m[1]) in types or m[1] in types, "sample without TYPE:", line)
        check(m[1] + (m[2] or "") not in samples, "twice:", line)
        samples[m[1] + (m[2] or "")] = float(m[3])
    check(len(samples) > 20, "few samples")
    return samples


# ---- releases ----

@suite.test
def a_release_is_made_and_read_back(j):
    a = j.post("/v1/releases", json.dumps(quick_spec("made", **LONG)), type="application/json")
    check(a.status == 201 and a.headers["location"] == "/v1/releases/made", a)
    check(a.json["release"] == "made" and a.json["dry_run"] is False and a.json["replayed"] is False, a)
    r = j.release("made")  # at once, by who made it
    SEEN.add(("GET", "/v1/releases/{id}"))
    check(r["service"] == "made" and r["environment"] == "test" and r["revision"] == "made" and r["outcome"] is None, r)
    check(r["spec"] == a.json["spec"] and r["spec"]["policy"]["alpha"] == 0.01, "defaults are written out")
    again = j.post("/v1/releases?dry_run=1", json.dumps({**r["spec"], "metadata": {**r["spec"]["metadata"], "name": "made2"}}), type=SPEC)
    check(again.json["spec"]["policy"] == r["spec"]["policy"], "the canonical form reads back the same")
    problem(j.post("/v1/releases", json.dumps(quick_spec("made")), type=SPEC), 409, "conflict", "made")


@suite.test
def a_dry_run_makes_nothing(j):
    a = j.post("/v1/releases?dry_run=1", json.dumps(quick_spec("dry")), type=SPEC)
    check(a.status == 200 and a.json["dry_run"] is True and a.json["spec"]["metadata"]["name"] == "dry", a)
    problem(j.post("/v1/releases?dry_run=yes", json.dumps(quick_spec("dry")), type=SPEC), 400, "input", "dry_run", "true or false")
    problem(j.get("/v1/releases/dry"), 404, "not_found")
    check(j.post("/v1/releases?dry_run=false", json.dumps(quick_spec("wet")), type=SPEC).status == 201)


@suite.test
def what_is_wrong_with_a_spec_is_listed(j):
    bad = quick_spec("Bad_Name", platform={"kind": "nothing"})
    bad["metrics"][0]["margin"] = {"relative": "2000%"}
    bad["colour"] = "red"
    p = problem(j.post("/v1/releases", json.dumps(bad), type=SPEC), 422, "spec")
    fields = {c["field"] for c in p["complaints"]}
    check({"metadata.name", "strategy.platform.kind", "metrics[0].margin.relative", "colour"} <= fields, fields)
    check(all(c["where"].startswith("/") and c["message"] for c in p["complaints"]), p["complaints"])
    p = problem(j.post("/v1/releases", "apiVersion: judge/v1\nkind: Release\nmetadata:\n  nam: x\n", type=SPEC), 422, "spec")
    check(any(c["where"] == "line 4" for c in p["complaints"]), p["complaints"])
    for connection, status, name in (("nowhere", 422, "spec"), ("edge", 403, "forbidden"), ("chat", 422, "spec")):
        spec = quick_spec("connected", platform={"kind": "haproxy", "connection": connection, "backend": "b", "stable": "s", "candidate": "c"})
        problem(j.post("/v1/releases", json.dumps(spec), type=SPEC), status, name, connection)
    for to, word in (("nowhere", "no connection"), ("edge", "not for service")):
        problem(j.post("/v1/releases", json.dumps(quick_spec("told", notify=[{"to": to}])), type=SPEC), 403 if to == "edge" else 422, "forbidden" if to == "edge" else "spec", word)


@suite.test
def the_same_key_again_makes_nothing_new(j):
    key, body = {"Idempotency-Key": "k-1"}, json.dumps(quick_spec("keyed", **LONG))
    first = j.post("/v1/releases", body, type=SPEC, headers=key)
    second = j.post("/v1/releases", body, type=SPEC, headers=key)
    check(first.status == 201 and second.status == 201, first, second)
    check(second.json["replayed"] is True and second.json["release"] == "keyed", second)
    problem(j.post("/v1/releases", json.dumps(quick_spec("keyed2", **LONG)), type=SPEC, headers=key), 422, "reused_key")
    problem(j.get("/v1/releases/keyed2"), 404, "not_found")
    problem(j.post("/v1/releases", body, type=SPEC, headers={"Idempotency-Key": "x" * 200}), 400, "input", "Idempotency-Key")
    check([e["what"] for e in j.get("/v1/audit?release=keyed").json["entries"]].count("apply") == 1)


@suite.test
def an_unchanged_release_is_not_sent_again(j):
    put(j, "tagged")
    wait_for("verdict", lambda: j.release("tagged")["verdict"])
    def unchanged():
        a = j.get("/v1/releases/tagged")
        tag = a.headers["etag"]
        b = j.get("/v1/releases/tagged", headers={"If-None-Match": tag})
        return b.status == 304 and b.body == b"" and b.headers["etag"] == tag
    wait_for("304", unchanged)
    tag = j.get("/v1/releases/tagged").headers["etag"]
    j.post("/v1/releases/tagged/pause", {"why": "to see a new tag"})
    wait_for("new tag", lambda: j.get("/v1/releases/tagged", headers={"If-None-Match": tag}).status == 200)


@suite.test
def a_tag_means_nothing_to_the_next_process(_):
    with Watched() as j:
        put(j, "tagged")
        tags = set()
        for i in range(20):
            tags.add(j.get("/v1/releases/tagged").headers["etag"])
            j.post("/v1/releases/tagged/" + ("resume" if i % 2 else "pause"), {"why": "another tag"})
            wait_for("another tag", lambda: j.get("/v1/releases/tagged").headers["etag"] not in tags)
        j.stop()
        j.start()
        for i in range(60):  # through as many states as before, and more
            j.post("/v1/releases/tagged/" + ("resume" if i % 2 else "pause"), {"why": "another tag"})
            a = j.get("/v1/releases/tagged", headers={"If-None-Match": ", ".join(tags)})
            check(a.status == 200 and a.headers["etag"] not in tags, a)


@suite.test
def the_list_is_filtered_and_paged(j):
    for i in range(5):
        put(j, f"page-{i}", service="paged" if i % 2 else "paged-too")
    def ids(query):
        a = j.get("/v1/releases" + query)
        check(a.status == 200, a)
        return [r["release"] for r in a.json["releases"]], a.json["next"]
    got, cursor = [], ""
    for _ in range(100):
        page, following = ids("?limit=2" + cursor)
        check(len(page) == 2 or following is None, page, following)
        got += page
        if following is None:
            break
        cursor = "&cursor=" + following
    everything, end = ids("?limit=500")
    check(got == everything and end is None and len(set(got)) == len(got), got)
    check(got.index("page-4") < got.index("page-0"), "newest first")
    check(ids("?service=paged")[0] == ["page-3", "page-1"])
    check(set(ids("?service=paged&environment=prod")[0]) == set())
    check(len(ids("?limit=2&service=paged")[0]) == 2 and ids("?limit=2&service=paged")[1] is None, "a full last page has no next")
    j.post("/v1/releases/page-1/rollback", {"why": "test"})
    done(j, "page-1")
    check(ids("?service=paged&active")[0] == ["page-3"] and ids("?service=paged&phase=done")[0] == ["page-1"])
    for query in ("?limit=0", "?limit=501", "?limit=x", "?phase=flying", "?cursor=nobody"):
        problem(j.get("/v1/releases" + query), 400, "input", query[1:].split("=")[0])


@suite.test
def two_releases_of_a_service_wait_for_each_other(j):
    put(j, "first", service="shared")
    wait_for("judging", lambda: j.release("first")["phase"] == "judging")
    put(j, "second", service="shared")
    wait_for("word that it waits", lambda: "first" in json.dumps(j.release("second")["progress"]))
    check(j.release("second")["phase"] == "queued")
    put(j, "elsewhere", service="shared", metadata={"name": "elsewhere", "service": "shared", "environment": "other", "revision": "x"})
    wait_for("judging in another environment", lambda: j.release("elsewhere")["phase"] == "judging")
    check(j.post("/v1/releases/first/rollback", {"why": "make room"}).status == 202)
    done(j, "first")
    wait_for("the second's turn", lambda: j.release("second")["phase"] == "judging")


@suite.test
def a_release_that_is_done_can_be_forgotten(j):
    put(j, "gone")
    problem(j.delete("/v1/releases/gone"), 409, "conflict")
    j.post("/v1/releases/gone/rollback", {"why": "test"})
    done(j, "gone")
    wait_for("204", lambda: j.delete("/v1/releases/gone").status == 204)
    SEEN.add(("DELETE", "/v1/releases/{id}"))
    problem(j.get("/v1/releases/gone"), 404, "not_found")
    check(any(e["what"] == "delete" and "gone" in e["detail"] for e in j.get("/v1/audit?limit=500").json["entries"]), "the deletion is in the trail")


@suite.test
def the_audit_trail_is_paged(j):
    got, cursor = [], ""
    for _ in range(1000):
        a = j.get("/v1/audit?release=scoped&limit=3" + cursor).json
        got += [e["hash"] for e in a["entries"]]
        if a["next"] is None:
            break
        cursor = "&cursor=" + a["next"]
    all = [e["hash"] for e in j.get("/v1/audit?release=scoped&limit=500").json["entries"]]
    check(got == all and len(set(got)) == len(got) and len(got) > 5, len(got), len(all))
    problem(j.get("/v1/audit?limit=0"), 400, "input", "limit")
    a = j.get("/v1/audit/verify?release=scoped").json
    check(a["intact"] and a["entries"] == len(all) and a["head"] == all[-1] and a["reason"] is None, a)
    check(j.get(f"/v1/audit/verify?release=scoped&head=3:{all[2]}").json["intact"])
    a = j.get(f"/v1/audit/verify?release=scoped&head=3:{all[3]}").json
    check(not a["intact"] and "made anew" in a["reason"], a)
    check(j.get("/v1/audit/verify").json["entries"] > 0, "the common trail")
    problem(j.get("/v1/audit/verify?release=scoped&head=x"), 400, "input", "N:HASH")


@suite.test
def every_route_was_asked(j):
    pages = lambda path: not path.startswith(("/v1/", "/metrics", "/healthz", "/readyz"))  # test_web.py asks these
    routes_were_asked(j, lambda path: not pages(path) and not is_judging(path) and not has_own_test(path))
    served = {f"{m.upper()} {p}" for p, ops in j.get("/v1/openapi.json").json["paths"].items() for m in ops}
    check(set(ROUTE_NAMES) <= served, "a route of the contract is gone:", set(ROUTE_NAMES) - served)


ROUTE_NAMES = ["POST /v1/releases", "GET /v1/releases", "GET /v1/releases/{id}", "GET /v1/releases/{id}/verdict", "GET /v1/releases/{id}/events", "GET /v1/releases/{id}/report", "POST /v1/samples", "GET /metrics", "GET /healthz", "GET /readyz"] + [f"POST /v1/releases/{{id}}/{v}" for v in ("promote", "rollback", "pause", "resume", "abort", "traffic")]

if __name__ == "__main__":
    with Watched(config=CONFIG) as judged:
        suite.run(judged)
