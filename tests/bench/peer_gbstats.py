#!/usr/bin/env python3
"""gbstats (PyPI, pinned), GrowthBook's engine, as a peer: tests of two arms a CPU-second, beside ours in the same run.

It is installed into a venv of its own, build/gbstats (deploy/venv.sh). Ours is `judgectl eval` of a file of 20,000 cases less its CPU time
for a file of one: reading the case and writing the answer as JSON count as ours; gbstats is called in its process with
the statistics made anew for each test. Both answer the same cases, and the answers are compared.
"""
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

from figures import ROOT, figure

PYTHON = ROOT / "build" / "gbstats" / "bin" / "python"
LIST = ROOT / "deploy" / "packages" / "venv-gbstats.txt"
JUDGECTL = os.environ.get("JUDGECTL", str(ROOT / "build" / "judgectl"))
CASES = 20000
COMPARED = 300
SECONDS = 1.0
ALPHA, TUNED = 0.05, 5000
# What is measured: name, the file's name (it says the method), its parameters
KINDS = (
    ("fixed", "gbstats_frequentist", {"test": "welch_two_sided", "difference": "relative", "alpha": ALPHA}),
    ("sequential", "gbstats_frequentist", {"test": "seq_two_sided", "difference": "relative", "alpha": ALPHA, "n_star": TUNED}),
    ("Bayesian", "gbstats_bayesian", {"difference": "relative", "alpha": ALPHA, "inverse": False, "prior": None}),
)


def install():
    subprocess.run([str(ROOT / "deploy" / "venv.sh"), "gbstats"], check=True, capture_output=True, text=True,
                   stdin=subprocess.DEVNULL, timeout=360)


def pinned(name):
    """"gbstats 0.8.0" of the list's line."""
    return next(line for line in LIST.read_text().splitlines() if line.startswith(name + "==")).replace("==", " ")


def arms(count):
    """Two arms each: half of them proportions, half means."""
    draw = random.Random(42)
    out = []
    for i in range(count):
        pair = {}
        for arm in "ab":
            n = draw.randrange(500, 50000)
            if i % 2:
                pair[arm] = {"kind": "prop", "n": n, "sum": round(n * draw.uniform(.05, .2))}
            else:
                mean, sd = draw.uniform(8, 12), draw.uniform(2, 20)
                pair[arm] = {"kind": "mean", "n": n, "sum": n * mean, "sum_squares": n * (mean * mean + sd * sd)}
        out.append(pair)
    return out


# ---- in the venv ----
def theirs(count):
    """Prints, for each kind, tests a CPU-second and the answers to the first cases."""
    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig
    from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, SequentialTwoSidedTTest, TwoSidedTTest
    from gbstats.models.statistics import ProportionStatistic, SampleMeanStatistic

    def statistic(arm):
        if arm["kind"] == "prop":
            return ProportionStatistic(n=arm["n"], sum=arm["sum"])
        return SampleMeanStatistic(n=arm["n"], sum=arm["sum"], sum_squares=arm["sum_squares"])

    run = {
        "fixed": lambda a, b: TwoSidedTTest(a, b, FrequentistConfig(difference_type="relative", alpha=ALPHA)),
        "sequential": lambda a, b: SequentialTwoSidedTTest(
            a, b, SequentialConfig(difference_type="relative", alpha=ALPHA, sequential_tuning_parameter=TUNED)),
        "Bayesian": lambda a, b: EffectBayesianABTest(a, b, EffectBayesianConfig(difference_type="relative", alpha=ALPHA)),
    }
    cases = arms(count)
    out = {}
    for kind, test in run.items():
        def answer(pair):
            return test(statistic(pair["a"]), statistic(pair["b"])).compute_result()
        answers = [answer(pair) for pair in cases[:COMPARED]]  # warms up, too
        done, cpu = 0, time.process_time()
        while time.process_time() - cpu < SECONDS:
            for pair in cases[done % count:done % count + 50]:
                answer(pair)
                done += 1
        rate = done / (time.process_time() - cpu)
        out[kind] = {"rate": rate, "answers": [{"expected": float(a.expected), "ci": [float(x) for x in a.ci]} for a in answers]}
    print(json.dumps(out))


# ---- ours ----
def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def evaluate(path):
    """(CPU seconds, output)"""
    cpu = cpu_of_children()
    done = subprocess.run([JUDGECTL, "eval", str(path)], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    return cpu_of_children() - cpu, done.stdout


def ours(name, params, cases, work):
    """(tests a CPU-second, answers)"""
    files = {}
    for count in (1, len(cases)):
        files[count] = work / f"{name}_{count}.json"
        files[count].write_text(json.dumps({"cases": [{"params": params, "input": pair} for pair in cases[:count]]}))
    runs = [(evaluate(files[len(cases)]), evaluate(files[1])) for _ in range(3)]
    spent = sorted(many[0] - one[0] for many, one in runs)[1]
    return (len(cases) - 1) / spent, [json.loads(line)["got"] for line in runs[0][0][1].splitlines()]


def compare(kind, got, wanted):
    for i, (mine, other) in enumerate(zip(got, wanted)):
        estimate = mine.get("estimate", mine.get("expected"))
        for x, y in zip([estimate, *mine["ci"]], [other["expected"], *other["ci"]]):
            if abs(x - y) > 1e-6 * max(abs(y), 1e-3):
                raise AssertionError(f"{kind}, case {i}: {x} is not gbstats' {y}")


def main():
    try:
        install()
        done = subprocess.run([str(PYTHON), __file__, "--theirs", str(CASES)], check=True, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)
    except (subprocess.SubprocessError, OSError) as e:
        said = (getattr(e, "stderr", None) or "").strip().splitlines()
        print(f"peer gbstats: skipped, it cannot be installed or run ({said[-1] if said else e})")
        return 0
    peer = json.loads(done.stdout)
    cases = arms(CASES)
    with tempfile.TemporaryDirectory(prefix="judge-gbstats-") as work:
        for kind, name, params in KINDS:
            rate, answers = ours(name, params, cases, pathlib.Path(work))
            compare(kind, answers, peer[kind]["answers"])
            figure("peer_gbstats", f"GrowthBook's {kind} test of two arms, judgectl eval", rate, "1/CPU-s", peer[kind]["rate"],
                   f"{pinned('gbstats')} (PyPI), in process")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--theirs"]:
        theirs(int(sys.argv[2]))
    else:
        sys.exit(main())
