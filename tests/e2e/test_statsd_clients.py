#!/usr/bin/python3
"""Other people's StatsD clients as peers: hot-shots (npm) over UDP and a unix datagram socket, statsd (PyPI) whose tags stand
behind the names. What they sent is what Redis holds, to the sample."""
import pathlib
import re
import stat
import subprocess
import tempfile

from judged import ROOT, Suite, check, wait_for
from stack import Stack, stored_totals

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = ROOT / "build" / "venv" / "bin" / "python"
N = 500
suite = Suite()

SPEC = {
    "apiVersion": "judge/v1", "kind": "Release",
    "metadata": {"name": "peers", "service": "checkout", "environment": "test", "revision": "r2"},
    "strategy": {"type": "canary", "steps": [{"share": "5%", "approval": True}, "100%"], "settle": "0s", "platform": {"kind": "none"}},
    "metrics": [
        {"name": "errors", "kind": "proportion", "margin": {"relative": "50%", "absolute": "5%"}, "source": {"push": {"metric": "http.errors", "of": "http.requests"}}},
        {"name": "p95", "kind": "quantile", "quantile": "95%", "margin": {"relative": "50%"}, "source": {"push": {"metric": "latency_ms"}}},
    ],
    "policy": {"no_data_after": "1h", "deadline": "4h", "lateness": "20s"},
}
PYPI = """
import statsd, sys
client = statsd.StatsClient("127.0.0.1", int(sys.argv[1]))
tags = ",service=checkout,cohort=baseline"
with client.pipeline() as pipe:
    for i in range(int(sys.argv[2])):
        pipe.incr("http.requests" + tags, 2)
        if i % 10 == 0:
            pipe.incr("http.errors" + tags)
        pipe.timing("latency_ms" + tags, 10 + i % 50)
client.set("latency_ms" + tags, "user-1")
"""


def counted(j, lines, refused, before):
    """Waits until judged has read so many lines."""
    def read():
        m = j.metrics()
        return m['judge_sample_lines_total{source="statsd"}'] - before['judge_sample_lines_total{source="statsd"}'] >= lines and m
    m = wait_for(f"{lines} lines", read, 15)
    check(m["judge_sample_lines_refused_total"] - before["judge_sample_lines_refused_total"] == refused, "refused", m["judge_sample_lines_refused_total"])
    check(m["judge_statsd_datagrams_dropped_total"] == 0, "the kernel dropped some")


@suite.test
def clients_of_others(dir):
    with Stack() as s:
        redis = s.redis()
        sock = dir / "statsd.sock"
        j = s.judged("--statsd-mode", "600", redis=redis.url)
        j.args += ["--statsd", f"127.0.0.1:{j.statsd_port},unix://{sock}"]
        j.start()
        check(stat.S_IMODE(sock.stat().st_mode) == 0o600, sock.stat())
        j.apply(SPEC)
        wait_for("routes", lambda: j.samples([{"service": "checkout", "cohort": "baseline", "metric": "http.requests", "value": 0}]).json["taken"] == 1)
        for kind, where in (("udp", j.statsd_port), ("uds", sock)):
            before = j.metrics()
            subprocess.run(["node", HERE / "peer_hot_shots.js", kind, str(where), str(N)], check=True, timeout=60)
            counted(j, N * 4 + N // 10 + 3, 2, before)
        before = j.metrics()
        subprocess.run([PYTHON, "-c", PYPI, str(j.statsd_port), str(N)], check=True, timeout=60)
        counted(j, N * 2 + N // 10 + 1, 1, before)

        def stored():
            baseline, candidate = stored_totals(redis.ask, "peers", 0)
            return candidate.get("exposure") == 2 * (2 * N + 1) and baseline.get("exposure") == 2 * N
        wait_for("stored totals", stored, 15)
        baseline, candidate = stored_totals(redis.ask, "peers", 0)
        check(candidate["events"] == 2 * N // 10 and baseline["events"] == N // 10, candidate, baseline)
        baseline, candidate = stored_totals(redis.ask, "peers", 1)
        check(candidate["n"] == 6 * N and baseline["n"] == N, candidate, baseline)
        check("set" in j.log() and "does not fit a quantile" in j.log(), j.log()[-2000:])


@suite.test
def the_page_is_true(dir):
    page = (ROOT / "docs" / "collectors" / "statsd.md").read_text()
    lines = re.search(r"```\n(.*?)```", page, re.S)[1]
    check(lines.count("\n") == 3, lines)
    with Stack() as s:
        j = s.judged()
        j.start()
        j.apply({**SPEC, "metadata": {**SPEC["metadata"], "revision": "4f2c9d1"}})
        wait_for("the page's lines to be taken", lambda: (a := j.post("/v1/samples", lines, type="text/plain").json)["taken"] == 3 and a["refused"] == 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="judged-test-") as directory:
        suite.run(pathlib.Path(directory))
