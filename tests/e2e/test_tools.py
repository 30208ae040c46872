#!/usr/bin/python3
"""The commands that need no service: plan, simulate and backtest, on the examples and on generated data. Seeds are fixed,
so nothing here is a matter of luck."""
import csv
import io
import json
import random
import re
import tempfile
import pathlib

from judged import ROOT, Suite, check, ctl

suite = Suite()
EXAMPLES = sorted((ROOT / "deploy" / "examples").glob("*.yaml"))
WORK = pathlib.Path(tempfile.mkdtemp(prefix="judge-tools-"))
UTF8, ASCII = {"LANG": "C.UTF-8", "LC_ALL": ""}, {"LANG": "C", "LC_ALL": ""}
START = 1795400000
OUTCOMES = ("promoted", "rolled_back", "inconclusive", "undecided")


def spec(name="tools", steps=("25%", "100%"), metrics=None, **policy):
    """A spec of one proportion unless metrics says otherwise, as a file."""
    document = {
        "apiVersion": "judge/v1", "kind": "Release", "metadata": {"name": name, "service": "checkout"},
        "strategy": {"type": "canary", "steps": list(steps), "first_share": "50%", "settle": "0s", "platform": {"kind": "none"}},
        "metrics": metrics or [{"name": "errors", "kind": "proportion", "margin": {"relative": "50%"},
                                "source": {"push": {"metric": "http.errors", "of": "http.requests"}}}],
        "policy": {"block": "1s", "deadline": "1h", **policy},
    }
    path = WORK / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


P95 = {"name": "p95", "kind": "quantile", "quantile": "95%", "margin": {"relative": "20%"}, "source": {"push": {"metric": "ms"}}}
MEAN = {"name": "size", "kind": "mean", "cap": 1000, "margin": {"relative": "20%"}, "source": {"push": {"metric": "size"}}}


def run(*args, status=0, env=UTF8):
    r = ctl(None, *args, timeout=120, env=env)
    check(r.returncode == status, f"want {status}, got {r.returncode}: judgectl {' '.join(map(str, args))}\n{r.stdout}{r.stderr}")
    return r


def as_json(*args):
    return json.loads(run(*args, "-o", "json").stdout)


def outcomes(*args):
    """Share of each outcome of a simulation."""
    return {o["outcome"]: o["odds"]["share"] for o in as_json("simulate", *args)["outcomes"]}


def history(ratio, seconds=240, share=0.25, rate=0.01, requests=2000, shares=None, seed=7):
    """Rows (time, cohort, metric, events, exposure[, share]) of errors; `shares`: one for each second."""
    rng, rows = random.Random(seed), []
    for t in range(seconds):
        at = shares[t] if shares else share
        for cohort, part, p in (("baseline", 1 - at, rate), ("candidate", at, rate * ratio)):
            n = round(requests * part)
            events = sum(rng.random() < p for _ in range(n))
            rows.append([START + t, cohort, "errors", events, n] + ([at] if shares else []))
    return rows


def write_csv(name, rows, header="time,cohort,metric,events,exposure"):
    path = WORK / name
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header.split(","), *rows])
    path.write_text(out.getvalue())
    return path


def methods(*args):
    return {m["method"]: m for m in as_json("backtest", *args)["methods"]}


# ---- plan ----

@suite.test
def plan_knows_every_example():
    for path in EXAMPLES:
        r = run("plan", path, "--runs", "20")
        check("no difference" in r.stdout and "First share" in r.stdout and "chance by time" in r.stdout, r.stdout)
        left_out = re.findall(r"name: (\S+)\s+kind: alarm", path.read_text())
        check(r.stderr == "".join(f"{path}: the alarm {name} is left out\n" for name in left_out), r.stderr)
        check(max(map(len, r.stdout.splitlines())) <= 80, r.stdout)
        check(re.search("[▁▂▃▄▅▆▇█]", r.stdout), "bars in a UTF-8 locale", r.stdout)


@suite.test
def plan_is_plain_where_the_locale_is():
    r = run("plan", EXAMPLES[0], "--runs", "10", env=ASCII)
    check(r.stdout.isascii() and "#" in r.stdout.split("chance by time")[1], r.stdout)


@suite.test
def plan_says_what_should_happen():
    for metrics in (None, [P95], [MEAN]):
        p = as_json("plan", spec("plan", metrics=metrics), "--runs", "40")
        by = {s["kind"]: s for s in p["scenarios"]}
        harm = [s for s in p["scenarios"] if s["kind"] == "harm"]
        grey = [s for s in p["scenarios"] if s["kind"] == "grey_zone"]
        check(by["no_difference"]["promoted"]["share"] >= 0.95, by["no_difference"])
        check(len(harm) == 2 and harm[0]["promoted"]["share"] <= 0.05 and harm[1]["rolled_back"]["share"] >= 0.95, harm)
        check(harm[1]["rolled_back_s"]["p50"] <= harm[0]["rolled_back_s"]["p50"], "more harm is found sooner")
        check(by["broken"]["rolled_back"]["share"] == 1, by["broken"])
        check(len(grey) == 3 and grey[0]["rolled_back"]["share"] <= grey[2]["rolled_back"]["share"], grey)
        step = p["steps"][0]
        check(step["share"] == 0.25 and step["advance_to"] == 1 and step["median_s"] <= step["p90_s"], step)
        for s in p["scenarios"]:
            check(s["promoted_by"] == sorted(s["promoted_by"]) and s["rolled_back_by"] == sorted(s["rolled_back_by"]), s)


@suite.test
def plan_needs_more_time_with_less_traffic_and_more_noise():
    path = spec("plan-time")
    base = as_json("plan", path, "--runs", "10", "--traffic", "300")["steps"][0]
    slow = as_json("plan", path, "--runs", "10", "--traffic", "30")["steps"][0]
    noisy = as_json("plan", path, "--runs", "10", "--traffic", "300", "--dispersion", "3")["steps"][0]
    check(slow["planned_median_s"] > 3 * base["planned_median_s"], base, slow)
    check(noisy["planned_median_s"] > 1.2 * base["planned_median_s"], base, noisy)
    check(base["planned_p90_s"] > base["planned_median_s"], base)


@suite.test
def plan_takes_a_truth():
    p = as_json("plan", spec("plan-truth"), "--runs", "20", "--baseline", "errors=2%", "--truth", "errors=x3")
    given = [s for s in p["scenarios"] if s["kind"] == "given"]
    check(len(given) == 1 and given[0]["truth"][0] == {"metric": "errors", "kind": "proportion", "role": "guardrail", "baseline": 0.02,
                                                       "candidate": 0.06, "ratio": 3, "assumed": False}, given)
    check(given[0]["rolled_back"]["share"] == 1, given)
    check("errors x3" in run("plan", spec("plan-truth"), "--runs", "5", "--truth", "errors=x3", "-o", "yaml").stdout)


# ---- simulate ----

@suite.test
def simulated_harmless_is_promoted_and_harm_rolled_back():
    for metrics, name in ((None, "errors"), ([P95], "p95"), ([MEAN], "size")):
        path = spec("simulate", metrics=metrics)
        good = outcomes(path, "--runs", "60")
        bad = outcomes(path, "--runs", "60", "--truth", f"{name}=3margin")
        check(good["promoted"] >= 0.95 and bad["rolled_back"] >= 0.95, name, good, bad)
        check(abs(sum(good.values()) - 1) < 1e-9 and set(good) == set(OUTCOMES), good)


@suite.test
def same_seed_same_output_for_any_number_of_threads():
    path = spec("seed", metrics=[P95, MEAN])
    args = ("simulate", path, "--runs", "30", "--truth", "p95=x1.1", "--latency-noise", "0.1", "-o", "json")
    first = run(*args, "--seed", "5", "--threads", "1").stdout
    check(first == run(*args, "--seed", "5", "--threads", "1").stdout, "the same seed")
    check(first == run(*args, "--seed", "5", "--threads", "7").stdout, "any number of threads")
    check(first != run(*args, "--seed", "6", "--threads", "1").stdout, "another seed")


@suite.test
def harm_may_begin_later():
    path = spec("onset", steps=("5%", "25%", "50%", "100%"))
    s = as_json("simulate", path, "--runs", "40", "--truth", "errors=x4", "--harm-from", "3")
    check([step["rolled_back"] for step in s["steps"]][:2] == [0, 0] and s["steps"][2]["rolled_back"] >= 38, s["steps"])
    late = as_json("simulate", path, "--runs", "20", "--truth", "errors=x4", "--harm-from", "30s")
    back = next(o for o in late["outcomes"] if o["outcome"] == "rolled_back")
    check(back["time_s"]["p10"] is None or back["time_s"]["p10"] > 30, back)


@suite.test
def noise_does_not_roll_back_a_harmless_release():
    path = spec("noise")
    for noise in (("--dispersion", "4"), ("--noise-rate", "0.5")):
        o = outcomes(path, "--runs", "80", *noise)
        check(o["rolled_back"] <= 0.05, noise, o)


@suite.test
def deadline_ends_a_run_undecided():
    s = as_json("simulate", spec("deadline", deadline="60s"), "--runs", "20", "--traffic", "2")
    by = {o["outcome"]: o for o in s["outcomes"]}
    check(by["inconclusive"]["odds"]["count"] == 20 and 60 <= by["inconclusive"]["time_s"]["p50"] <= 65, by)
    s = as_json("simulate", spec("deadline", deadline="60s"), "--runs", "20", "--traffic", "2", "--horizon", "30s")
    check({o["outcome"]: o["odds"]["count"] for o in s["outcomes"]}["undecided"] == 20, s)


@suite.test
def intervals_are_exact():
    s = as_json("simulate", spec("exact"), "--runs", "40")
    o = next(o for o in s["outcomes"] if o["outcome"] == "promoted")["odds"]
    check(o["count"] == 40 and o["upper"] == 1 and abs(o["lower"] - 0.025 ** (1 / 40)) < 1e-9, o)


# ---- backtest ----

@suite.test
def backtest_decides_what_happened():
    path = spec("bt")
    good = methods(path, "--data", write_csv("good.csv", history(1)))
    bad = methods(path, "--data", write_csv("bad.csv", history(2.5)))
    check(good["anytime"]["decision"] == "promote" and bad["anytime"]["decision"] == "rollback", good["anytime"], bad["anytime"])
    check(bad["anytime"]["after_s"] < 40 and bad["anytime"]["candidate_requests"] == 500 * bad["anytime"]["after_s"], bad["anytime"])
    check(bad["fixed"]["decision"] == "rollback" and bad["fixed"]["after_s"] == 240, bad["fixed"])
    check(bad["kayenta"]["decision"] == "rollback" and good["kayenta"]["decision"] == "promote", bad["kayenta"])
    check(bad["anytime"]["after_s"] < bad["group-sequential"]["after_s"], bad)
    for m in good.values():
        check(m["guarantee"] and m["why"] and m["looks"] >= 1, m)


@suite.test
def backtest_reads_samples_as_they_are_posted():
    rows, lines = history(2.5, seconds=60), []
    for t, cohort, _, events, n in rows:
        for metric, value in (("http.errors", events), ("http.requests", n)):
            lines.append(json.dumps({"service": "checkout", "cohort": cohort, "metric": metric, "value": value, "ts": t}))
    (WORK / "samples.ndjson").write_text("\n".join(lines) + "\n")
    a = as_json("backtest", spec("bt-n"), "--data", write_csv("same.csv", rows))
    b = as_json("backtest", spec("bt-n"), "--data", WORK / "samples.ndjson")
    check(a["methods"] == b["methods"] and a["candidate_requests"] == b["candidate_requests"], a, b)
    with open(WORK / "samples.ndjson") as f:
        piped = ctl(None, "backtest", spec("bt-n"), "--data", "-", "-o", "json", input=f.read())
    check(json.loads(piped.stdout) == b, piped.stderr)


@suite.test
def backtest_follows_the_steps_of_the_history():
    shares = [0.05] * 100 + [0.25] * 100 + [0.5] * 100
    path = spec("bt-steps", steps=("5%", "25%", "50%", "100%"))
    data = write_csv("steps.csv", history(1, seconds=300, shares=shares), "time,cohort,metric,events,exposure,share")
    report = as_json("backtest", path, "--data", data)
    check([(s["from_s"], s["share"], s["asks_for"]) for s in report["steps"]] == [(0, 0.05, 0.25), (100, 0.25, 0.5), (200, 0.5, 1)], report["steps"])
    anytime = report["methods"][0]
    check(anytime["decision"] == "promote" and 200 < anytime["after_s"] <= 300, anytime)
    check([a["step"] for a in anytime["advanced"]] == [1, 2] and anytime["advanced"][0]["after_s"] <= 100, anytime)


@suite.test
def backtest_takes_values():
    rng = random.Random(5)
    for metric, name, slow in ((P95, "p95", 1.6), (MEAN, "size", 1.6)):
        rows = []
        for t in range(90):
            for cohort, n, factor in (("baseline", 60, 1), ("candidate", 60, slow)):
                rows += [[START + t, cohort, name, f"{factor * 100 * rng.lognormvariate(0, 0.4):.3f}"] for _ in range(n)]
        m = methods(spec("bt-v", metrics=[metric]), "--data", write_csv("values.csv", rows, "time,cohort,metric,value"))
        check({k: v["decision"] for k, v in m.items()} == dict.fromkeys(m, "rollback"), name, m)


BAD = [
    ("time,cohort,metric\n", "want a column `value`"),
    ("time,cohort,metric,value,shoe\n", "no column is called `shoe`"),
    ("time,cohort,metric,events\n", "go together"),
    ("cohort,metric,value\n", "column `time` is missing"),
    ("", "the file is empty"),
    ("time,cohort,metric,events,exposure\n5,baseline,errors,1,10\n6,middle,errors,1,10\n", ":3: cohort `middle`"),
    ("time,cohort,metric,events,exposure\n5,baseline,errors,one,10\n", ":2: events `one`"),
    ("time,cohort,metric,events,exposure\n\n5,baseline,errors,-1,10\n", ":3: events `-1`"),
    ("time,cohort,metric,events,exposure\nyesterday,baseline,errors,1,10\n", ":2: time `yesterday`"),
    ("time,cohort,metric,events,exposure\n5,baseline,errors,1\n", ":2: 4 fields, the header has 5"),
    ("time,cohort,metric,events,exposure\n5,baseline,errors,nan,10\n", ":2: events `nan`"),
    ('time,cohort,metric,events,exposure\n5,"baseline,errors,1,10\n', ":2: a quote is not closed"),
    ("time,cohort,metric,events,exposure\n5,baseline,errors,,10\n", ":2: errors is a proportion: want events"),
    ("time,cohort,metric,value\n5,baseline,other,1\n", "none of its lines"),
    ('{"service": "checkout", "cohort": "baseline", "metric": "http.errors", "value": 1}\n', "no `ts`"),
    ('{"service": "checkout", "cohort": "baseline", "metric": "http.errors", "value": 1, "ts": 5}\n{"service": 5}\n', ":2: service must be a string"),
    ("time,cohort,metric,events,exposure\n5,baseline,errors,1,10\n9e9,baseline,errors,1,10\n", "blocks, more than"),
]


@suite.test
def bad_histories_are_refused_with_their_lines():
    for text, words in BAD:
        (WORK / "bad.csv").write_text(text)
        r = run("backtest", spec("bt-bad"), "--data", WORK / "bad.csv", status=2)
        check(words in r.stderr and r.stdout == "", text, words, r.stderr)
    many = "time,cohort,metric,events,exposure\n" + "x,baseline,errors,1,1\n" * 100
    (WORK / "bad.csv").write_text(many)
    r = run("backtest", spec("bt-bad"), "--data", WORK / "bad.csv", status=2)
    check("100 of its lines" in r.stderr and r.stderr.count("bad.csv:") <= 22, r.stderr)


@suite.test
def wrong_usage_is_2():
    path, series = spec("usage"), spec("series", metrics=[
        {"name": "errors", "kind": "proportion", "margin": {"relative": "50%"}, "role": "info", "source": {"push": {"metric": "a", "of": "b"}}}])
    for args, words in (
            (("plan", path, "--traffic", "none"), "--traffic"),
            (("plan", path, "--traffic", "0"), "--traffic"),
            (("plan", path, "--baseline", "errors=150%"), "proportion such as"),
            (("plan", path, "--baseline", "other=1%"), "no metric `other`"),
            (("plan", path, "--baseline", "errors"), "METRIC=VALUE"),
            (("plan", path, "--truth", "errors=much"), "want a ratio"),
            (("plan", path, "--truth", "errors=x500"), "more than a proportion"),
            (("simulate", path, "--dispersion", "0.5"), "--dispersion"),
            (("simulate", path, "--ar", "10"), "--ar"),
            (("simulate", path, "--harm-from", "9"), "steps 1 to 1"),
            (("simulate", path, "--harm-from", "soon"), "number of a step or a duration"),
            (("simulate", path, "--runs", "-1"), "runs"),
            (("simulate", series), "no guardrail"),
            (("plan", WORK / "absent.yaml"), "absent.yaml"),
            (("backtest", path), "--data FILE"),
            (("backtest", path, "--data", WORK / "absent.csv"), "absent.csv"),
            (("backtest", path, "--data", WORK / "absent.csv", "--share", "2"), "--share"),
            (("plan",), "judgectl plan SPEC")):
        r = run(*args, status=2)
        check(words in r.stderr and r.stdout == "", args, r.stderr)


suite.run()
