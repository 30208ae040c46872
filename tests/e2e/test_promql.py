#!/usr/bin/python3
"""Releases judged from a real Prometheus server that scrapes small applications: verdicts, totals to the event, also over a
crash of judged, a restart of an application and a server that fails in every way we have a name for."""
import json
import time

from judged import Judged, Suite, check, quick_spec, wait_for
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
    """Every sealed block holds what the server's own values say; gives how many blocks were compared."""
    blocks = sealed(j, release)
    first, last = min(blocks), max(blocks)
    check(len(blocks) == last - first + 1, "blocks are missing", sorted(set(range(first, last + 1)) - set(blocks)))
    for cohort, track in enumerate(("stable", "canary")):
        events = server.increase(f'http_requests_total{{code="500",track="{track}"}}', first, last, BLOCK_S)
        exposure = server.increase(f'http_requests_total{{track="{track}"}}', first, last, BLOCK_S)
        for k, sums in blocks.items():
            if after is not None and k <= after:
                continue
            got = sums[cohort].get("events", 0), sums[cohort].get("exposure", 0)
            check(got == (events[k], exposure[k]), release, track, "block", k - first, "got", got, "want", (events[k], exposure[k]))
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
    time.sleep(1.5)
    before = time.time()
    j.start()
    wait_for("blocks of now", lambda: max(sealed(j, "crashed")) > before / BLOCK_S, 20)
    check(check_totals(j, server, "crashed") > 10)
    j.post("/v1/releases/crashed/rollback", {"why": "the end"})
    done(j, "crashed")


@suite.test
def failures_are_named_and_outlived(j, server, faults, apps):
    j.apply(spec("failing", metric("errors", margin={"relative": "1%"})))
    wait_for("blocks", lambda: len(sealed(j, "failing")) >= 3)
    ok = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    error = {"status": "error", "errorType": "execution", "error": "out of luck"}
    cases = (
        ("server", lambda path: (503, b"<html>no server is available</html>")),
        ("refused", lambda path: (422, json.dumps(error).encode())),
        ("partial", lambda path: (200, json.dumps({**ok, "warnings": ["store b is away"]}).encode())),
        ("unreadable", lambda path: (200, b'{"status":"success","data":{"resultType":"matrix","result":[{"metr')),
        ("unreachable", lambda path: None),
        ("unfit", lambda path: (200, json.dumps({**ok, "data": {"resultType": "matrix", "result": [{"metric": {"track": "stable"}, "values": []}]}}).encode())),
    )
    for why, fault in cases:
        row = f'judge_promql_failures_total{{why="{why}"}}'
        before = j.metrics()[row]
        faults.fault = fault
        wait_for(why, lambda: j.metrics()[row] > before, 20)
        faults.fault = None
        mark = time.time() / BLOCK_S
        wait_for(f"blocks after {why}", lambda: max(sealed(j, "failing")) > mark, 20)
    for words in ("503", "422 execution: out of luck", "store b is away", "has no metric name"):
        check(words in j.log(), words, j.log()[-3000:])
    check(PASSWORD not in j.log())
    check(j.metrics()["judge_pull_blocks_given_up_total"] == 0, j.metrics())
    check_totals(j, server, "failing")
    j.post("/v1/releases/failing/rollback", {"why": "the end"})
    done(j, "failing")


@suite.test
def it_is_promoted(j, server, faults, apps):
    """Through a crash and all failures, to the event."""
    wait_for("promote", lambda: (v := j.release("harmless")["verdict"]) and v["verdict"] == "promote", 30)
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
    check(len(dropped) == 1, "the baseline's block of the restart alone is empty", dropped)
    check_totals(j, server, "restarted", after=dropped[0])
    j.post("/v1/releases/restarted/rollback", {"why": "the end"})
    done(j, "restarted")


if __name__ == "__main__":
    apps = {"stable": Application(20000, 0.02), "canary": Application(20000, 0.02), "bad": Application(20000, 0.02)}
    with Prometheus({track: [app] for track, app in apps.items()}) as server, Faults(server) as faults:
        with Judged("--private-targets", "on", config=CONFIG.format(url=faults.url), env={"PROMETHEUS": f"{USER}:{PASSWORD}"}) as j:
            suite.run(j, server, faults, apps)
