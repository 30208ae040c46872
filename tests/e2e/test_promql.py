#!/usr/bin/python3
"""Releases judged from a real Prometheus server that scrapes small applications: verdicts, totals to the event, also over a
crash of judged, a restart of an application and a server that fails in every way we have a name for."""
import json
import os
import time

from judged import Judged, Suite, check, ctl, quick_spec, wait_for
from prometheus import PASSWORD, USER, Application, Faults, Prometheus
from stack import Resp, sealed_blocks

BLOCK_S = 0.2
COHORTS = {"baseline": {"track": "stable"}, "candidate": {"track": "canary"}}
CONFIG = """\
secrets:
  prometheus: {{env: PROMETHEUS}}
connections:
  prometheus: {{kind: promql, server: "{url}", secret_ref: prometheus, auth: basic}}
"""
suite = Suite()


def metric(name, kind="proportion", **more):
    """One metric; query, of, cohorts, connection in `more` are its source's."""
    source = {"connection": "prometheus", "query": 'http_requests_total{code="500"}', "of": "http_requests_total", "cohorts": COHORTS, "interval": "200ms", "delay": "600ms"}
    source.update({k: more.pop(k) for k in ("query", "of", "cohorts") if k in more})
    if kind in ("quantile", "series"):
        del source["of"]
    return {"name": name, "kind": kind, "margin": {"relative": "50%"}, "source": {"promql": source}, **more}


def spec(name, *metrics, **policy):
    s = quick_spec(name, steps=("50%", "100%"), strategy={"first_share": "50%"}, policy={"block": "200ms", "no_data_after": "3s", **policy})
    s["metrics"] = list(metrics) or [metric("errors")]
    return s


def done(j, name, seconds=20):
    return wait_for(f"end of {name}", lambda: (r := j.release(name))["phase"] == "done" and r, seconds)


def sealed(j, release, metric=0):
    with Resp(j.state / "redis" / "redis.sock") as redis:
        return dict(sealed_blocks(redis, release, metric))


def check_totals(j, server, release, after=None):
    """Every sealed block holds what the server's own values say; gives how many blocks were compared. When the server
    itself missed a scrape (machines are busy) the blocks beside it hold nothing of that process."""
    blocks = sealed(j, release)
    first, last = min(blocks), max(blocks)
    for cohort, track in enumerate(("stable", "canary")):
        events = server.increase(f'http_requests_total{{code="500",track="{track}"}}', first, last, BLOCK_S)
        exposure = server.increase(f'http_requests_total{{track="{track}"}}', first, last, BLOCK_S)
        there = server.boundaries(f'http_requests_total{{code="200",track="{track}"}}', first, last, BLOCK_S)
        for k in range(first if after is None else after + 1, last + 1):
            sums = blocks.get(k, [{}, {}])[cohort]
            got = sums.get("events", 0), sums.get("exposure", 0)
            want = (events[k], exposure[k]) if {k, k + 1} <= there else (0, 0)
            check(got == want, release, track, "block", k - first, "got", got, "want", want)
    return len(blocks)


@suite.test
def a_release_starts(j, server, faults, apps):
    """With counters, buckets, a ratio and an expression, and both ways to choose the cohort; it goes on through the tests below."""
    j.apply(spec(
        "harmless", metric("errors"),
        metric("p45", "quantile", quantile="45%", margin={"relative": "200%"}, query="latency_seconds_bucket"),
        metric("slow", "ratio", query='latency_seconds_bucket{le="0.5"}', of='latency_seconds_bucket{le="+Inf"}'),
        metric("load", "series", role="info", query='avg(load{track="${track}"}) + avg(load{track="${track}"})'),
    ))
    j.post("/v1/releases/harmless/traffic", {"share": "50%", "why": "shifted"})


@suite.test
def harm_rolls_back(j, server, faults, apps):
    apps["bad"].bad = 0.3
    j.apply(spec("harmful", metric("errors", cohorts={"baseline": {"track": "stable"}, "candidate": {"track": "bad"}})))
    r = done(j, "harmful")
    check(r["outcome"] == "rolled_back" and r["cause"] == "harm", r["verdict"])


@suite.test
def a_crash_loses_no_block(j, server, faults, apps):
    """While judged is away nobody reads; afterwards what the server still knows is read, to the event."""
    j.apply(spec("crashed", metric("errors", margin={"relative": "1%"})))
    wait_for("blocks", lambda: len(sealed(j, "crashed")) >= 5)
    j.kill()
    time.sleep(1)
    before = time.time()
    j.start()
    wait_for("blocks of now", lambda: max(sealed(j, "crashed")) > before / BLOCK_S, 20)
    check(check_totals(j, server, "crashed") > 10)
    j.post("/v1/releases/crashed/rollback", {"why": "the end"})
    done(j, "crashed")


@suite.test
def a_check_shows_series_and_points(j, server, faults, apps):
    """judgectl validate --check, for each source: what is there, what is not there yet, and what cannot be."""
    nobody = {"baseline": {"track": "gone"}, "candidate": {"track": "gone too"}}
    target = f"http://127.0.0.1:{apps['stable'].server_port}/metrics"
    codes = {"baseline": {"code": "500"}, "candidate": {"code": "404"}}
    s = spec(
        "checked", metric("errors"), metric("p45", "quantile", quantile="45%", query="latency_seconds_bucket"),
        metric("load", "series", query='avg(load{track="${track}"})'), metric("nobody", cohorts=nobody), metric("wrong", query="http_requests_total{", of="http_requests_total"),
        metric("sums", "series", query="load", cohorts={"baseline": {"job": "shop"}, "candidate": {"job": "none"}}),
        block="1s",
    )
    s["metrics"].append({"name": "pushed", "kind": "proportion", "margin": {"relative": "50%"}, "source": {"push": {"metric": "http.errors", "of": "http.requests"}}})
    s["metrics"].append({"name": "unseen", "kind": "proportion", "margin": {"relative": "50%"}, "source": {"push": {"metric": "no.errors", "of": "no.requests"}}})
    s["metrics"].append({"name": "scraped", "kind": "proportion", "margin": {"relative": "50%"}, "source": {"scrape": {"target": target, "metric": "http_requests_total", "cohorts": codes, "of": "latency_seconds_count"}}})
    j.samples([{"service": "checked", "cohort": "baseline", "metric": m, "value": 1} for m in ("http.errors", "http.requests")])
    path = j.dir / "checked.json"
    path.write_text(json.dumps(s))
    r = ctl(j, "validate", path, "--check", "-o", "json")
    check(r.returncode == 4, r.returncode, r.stderr)
    got = {m["metric"]: m for m in json.loads(r.stdout)["check"]}
    for cohort, track in (("baseline", "stable"), ("candidate", "canary")):
        c = got["errors"][cohort]
        check(c["n_series"] == 2 and all(f'track="{track}"' in x for x in c["series"]) and c["points"], c)
        check(all(abs(p["events"] / p["exposure"] - 0.02) < 0.001 for p in c["points"]), c["points"])
        check(got["p45"][cohort]["n_series"] == 10 and 0.4 <= got["p45"][cohort]["points"][0]["quantile"] <= 0.5, got["p45"][cohort])
        check(got["load"][cohort]["points"][0]["value"] == 0.5, got["load"][cohort])
    check([m for m in got if got[m]["ok"]] == ["errors", "p45", "load", "pushed", "scraped"], got)
    for name, words in (("nobody", "no series and no points of the baseline"), ("wrong", "400 bad_data"), ("sums", "two series are the baseline's"), ("unseen", "no sample of the baseline has come")):
        check(words in got[name]["problem"], got[name])
    check(got["pushed"]["baseline"]["n_series"] == 2 and got["pushed"]["baseline"]["seen"], got["pushed"])
    check(got["scraped"]["baseline"]["series"] == ['http_requests_total{code="500"}'] and "no series of the candidate yet" in got["scraped"]["note"], got["scraped"])
    text = ctl(j, "validate", path, "--check")
    check(text.returncode == 4 and "errors (proportion, promql): ok\n  baseline    2 series, " in text.stdout and "2 % of " in text.stdout, text.stdout)
    s["metrics"] = s["metrics"][:1]
    path.write_text(json.dumps(s))
    check(ctl(j, "validate", path, "--check").returncode == 0)
    s["metrics"][0]["source"]["promql"]["connection"] = "nowhere"
    path.write_text(json.dumps(s))
    r = ctl(j, "validate", path, "--check")
    check(r.returncode == 2 and "there is no connection `nowhere`" in r.stderr, r.returncode, r.stderr)
    check(j.post("/v1/releases?check=1", json.dumps(s), type="application/json").status in (400, 422), "a check makes nothing")
    check(j.get("/v1/releases/checked").status == 404)


@suite.test
def failures_are_named_and_outlived(j, server, faults, apps):
    j.apply(spec("failing", metric("errors", margin={"relative": "1%"})))
    wait_for("blocks", lambda: len(sealed(j, "failing")) >= 3)
    ok = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    error = {"status": "error", "errorType": "execution", "error": "out of luck"}
    cases = (
        ("server", "503", lambda path: (503, b"<html>no server is available</html>")),
        ("refused", "422 execution: out of luck", lambda path: (422, json.dumps(error).encode())),
        ("partial", "store b is away", lambda path: (200, json.dumps({**ok, "warnings": ["store b is away"]}).encode())),
        ("unreadable", "", lambda path: (200, b'{"status":"success","data":{"resultType":"matrix","result":[{"metr')),
        ("unreachable", "", lambda path: None),
        ("unfit", "has no metric name", lambda path: (200, json.dumps({**ok, "data": {"resultType": "matrix", "result": [{"metric": {"track": "stable"}, "values": []}]}}).encode())),
    )
    for why, words, fault in cases if os.environ.get("JUDGE_LONG") else (cases[0], cases[2], cases[5]):
        row = f'judge_promql_failures_total{{why="{why}"}}'
        before = j.metrics()[row]
        faults.fault = fault
        # The first to fail may be another query's, which says it in other words.
        wait_for(f"{why}: {words}", lambda: j.metrics()[row] > before and words in j.log(), 20)
        faults.fault = None
        mark = time.time() / BLOCK_S
        wait_for(f"blocks after {why}", lambda: max(sealed(j, "failing")) > mark, 20)
    check(PASSWORD not in j.log())
    check(j.metrics()["judge_pull_blocks_given_up_total"] == 0, j.metrics())
    check_totals(j, server, "failing")
    j.post("/v1/releases/failing/rollback", {"why": "the end"})
    done(j, "failing")


@suite.test
def it_is_promoted(j, server, faults, apps):
    """Through a crash and all failures, to the event."""
    wait_for("promote", lambda: (v := j.release("harmless")["verdict"]) and v["verdict"] == "promote", 90)
    v = j.release("harmless")["verdict"]
    check([m["state"] for m in v["metrics"][:3]] == ["harmless"] * 3, v["metrics"])
    check(v["metrics"][3]["candidate"]["mean"] == 1.0 and v["metrics"][3]["candidate"]["n"] > 10, v["metrics"][3])
    check(check_totals(j, server, "harmless") > 20)
    j.post("/v1/releases/harmless/traffic", {"share": "100%"})
    check(done(j, "harmless")["outcome"] == "promoted")


@suite.test
def a_restart_drops_its_block(j, server, faults, apps):
    j.apply(spec("restarted", metric("errors", margin={"relative": "1%"})))
    wait_for("blocks", lambda: len(sealed(j, "restarted")) >= 3)
    resets = j.metrics()["judge_promql_resets_total"]
    apps["stable"].begin()
    wait_for("reset", lambda: j.metrics()["judge_promql_resets_total"] > resets)
    mark = time.time() / BLOCK_S
    wait_for("blocks after it", lambda: max(sealed(j, "restarted")) > mark + 3)
    blocks = sealed(j, "restarted")
    check(all(b[0].get("exposure", 0) < 40000 for b in blocks.values()), "a restart was counted", blocks)
    dropped = [k for k, b in blocks.items() if not b[0].get("exposure") and b[1].get("exposure")]
    check(dropped, "the baseline's block of the restart is empty", blocks)
    check_totals(j, server, "restarted", after=dropped[-1])
    j.post("/v1/releases/restarted/rollback", {"why": "the end"})
    done(j, "restarted")


if __name__ == "__main__":
    apps = {"stable": Application(20000, 0.02), "canary": Application(20000, 0.02), "bad": Application(20000, 0.02)}
    with Prometheus({track: [app] for track, app in apps.items()}) as server, Faults(server) as faults:
        with Judged("--private-targets", "on", "--inline-targets", "on", config=CONFIG.format(url=faults.url), env={"PROMETHEUS": f"{USER}:{PASSWORD}"}) as j:
            suite.run(j, server, faults, apps)
