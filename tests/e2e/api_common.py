"""What the tests of the API share: a judged that notes what was asked of it, and what an error looks like."""
import json
import re

from judged import Judged, check, quick_spec, wait_for

SEEN = set()  # (method, path) answered 2xx or 3xx
SPEC = "application/yaml"
LONG = {"policy": {"no_data_after": "60s"}}


class Watched(Judged):
    """Notes what was asked and answered well."""

    def request(self, method, path, *args, **more):
        a = super().request(method, path, *args, **more)
        if a.status < 400:
            SEEN.add((method, path.split("?")[0]))
        return a


def problem(a, status, name, *words):
    """The answer is a problem of this kind, in the shape RFC 9457 and our contract want."""
    check(a.status == status, "want", status, name, "got", a)
    check(a.headers["content-type"] == "application/problem+json", a.headers)
    p = a.json
    check(p["type"] == "urn:judge:error:" + name and p["status"] == status, p)
    check(p["title"] and p["detail"] and p["instance"].startswith("/") and p["request_id"], p)
    check(a.headers["x-request-id"] == p["request_id"], a.headers)
    for word in words:
        check(word in json.dumps(p), f"no `{word}` in", p)
    return p


def put(j, name, **more):
    return j.apply(quick_spec(name, **{**LONG, **more}))


def done(j, name, seconds=10):
    return wait_for(f"end of {name}", lambda: (r := j.release(name))["phase"] == "done" and r, seconds)


def routes_were_asked(j, is_ours):
    """Each route (method, path) that is_ours says is ours was asked, and answered well."""
    asked, missing = 0, []
    for path, ops in j.get("/v1/openapi.json").json["paths"].items():
        pattern = re.compile("^" + re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$")
        for method in ops:
            if is_ours(path) and any(m == method.upper() and pattern.match(p) for m, p in SEEN):
                asked += 1
            elif is_ours(path):
                missing.append((method, path))
    check(not missing and asked > 5, "nobody asked", missing)


def has_own_test(path):
    """Paths that take samples in another's form: test_emf.py and its like."""
    return path in ("/v1/emf", "/v1/firehose", "/v1/otlp/v1/metrics", "/v1/prometheus/write")


def is_judging(path):
    """The routes of test_api_judging.py; test_api.py has the others."""
    return path == "/v1/samples" or re.search("{id}/(verdicts?|events|report|promote|rollback|pause|resume|abort|traffic)$", path) is not None


CONFIG = """\
connections:
  chat: {kind: webhook, url: "http://127.0.0.1:9/hook"}
  edge: {kind: haproxy, socket: /nonexistent.sock, services: [somebody]}
"""
