#!/usr/bin/python3
"""SIGKILL at the messages of a clean canary: judged is killed before or after one message to Redis or HAProxy is
forwarded, and started again. Whatever the moment, the release ends promoted, HAProxy has the weights of that end, the
relay's log shows each weight of the plan set once and no other, and no number of a verdict stands for two verdicts.
A harmful one, killed about its rollback, ends with all traffic on the old version.
The same is asked when only the connection is cut at that message, so that judged does not know what became of it.

The relay (build/doubles/relay) lists the messages of a clean run, from judged's first PING on. Each becomes cells
(which message, before or after). CRASH_CELLS=all (make test-long) takes every message. Otherwise, for every kind of
message (a command and its keys, a script), the first and the last one where it writes, the middle one
where it reads, and everything said to HAProxy; then as many others, evenly chosen, as CRASH_SECONDS (90) allow (on a
busy machine they end it before all of these are run; the closing line says so).
Connections are cut at what writes. CRASH_JOBS cells run at a time: they mostly wait for blocks to pass.
"""
import concurrent.futures
import os
import re
import time

from judged import Judged, Suite, check, wait_for
from stack import INLINE, RELAY, Load, Relay, Resp, Stack, harmless, stored_verdicts

IS_FULL = os.environ.get("CRASH_CELLS") == "all"
SECONDS = float(os.environ.get("CRASH_SECONDS", "90"))
JOBS = int(os.environ.get("CRASH_JOBS", "12"))
RELEASE = "crash-1"
END_S = 90
WEIGHTS = [
    "set weight app/stable 95; set weight app/candidate 5",
    "set weight app/stable 50; set weight app/candidate 50",
    "set weight app/candidate 100; set weight app/stable 0",
]
BACK = "set weight app/stable 100; set weight app/candidate 0"
SPEC = """
apiVersion: judge/v1
kind: Release
metadata: {{name: %s, service: shop, revision: r2}}
strategy:
  type: canary
  steps: [5%%, 50%%, 100%%]
  settle: 100ms
  platform: {{kind: haproxy, socket: {socket}, backend: app, stable: stable, candidate: candidate}}
metrics:
  - name: errors
    kind: proportion
    margin: {{relative: 50%%, absolute: 0.5%%}}
    source: {{push: {{metric: e, of: r}}}}
policy: {{block: 100ms, lateness: 300ms, no_data_after: 60s}}
""" % RELEASE

suite = Suite()


class ToKill(Judged):
    """A judged whose process id is in a file before it sends its first message."""

    def argv(self):
        return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.dir / "pid"), *super().argv()]


class Cell:
    """The at-th message that holds the text `only` (of all when it is empty), before or after; kill or cut. `since`: of
    those after the first message that holds this."""

    def __init__(self, only="", at=0, when="before", do="kill", is_harmful=False, since=""):
        self.only, self.at, self.when, self.do, self.is_harmful, self.since = only, at, when, do, is_harmful, since

    def __str__(self):
        of = (f" of `{self.only}`" if self.only else "") + (f" since `{self.since}`" if self.since else "")
        return ("harmful, " if self.is_harmful else "") + f"{self.do} {self.when} message {self.at}" + of


class World:
    """One Redis, one HAProxy, a relay before both, and a judged behind it."""

    def __init__(self, stack, cell):
        self.cell, self.redis, self.haproxy = cell, stack.redis(), stack.haproxy()
        self.judged = ToKill(*INLINE)
        stack.judgeds.append(self.judged)
        only = (["--only", cell.only] if cell.only else []) + (["--since", cell.since] if cell.since else [])
        self.relay = stack.add(Relay(stack.dir, self.redis, self.haproxy, *only, "--at", cell.at, "--when", cell.when, "--do", cell.do, "--pid-file", self.judged.dir / "pid"))
        self.judged.redis = f"unix://{self.relay.redis_path}"
        self.seen = {}  # number of a verdict -> what it said
        self.last_seq = 0

    def look(self):
        """The release as judged tells it, or None; notes the verdict's number."""
        try:
            a = self.judged.get(f"/v1/releases/{RELEASE}", timeout=2)
            release = a.json if a.status == 200 else None
        except (OSError, ValueError):
            return None
        verdict = release and release.get("verdict")
        if isinstance(verdict, dict):
            said = (verdict["verdict"], verdict["segment"], verdict["phase"])
            check(self.seen.setdefault(verdict["seq"], said) == said, f"verdict {verdict['seq']} was {self.seen[verdict['seq']]}, is {said}")
            check(verdict["seq"] >= self.last_seq, f"verdict {verdict['seq']} after {self.last_seq}")
            self.last_seq = verdict["seq"]
        return release

    def apply(self):
        try:
            a = self.judged.post("/v1/releases", SPEC.format(socket=self.relay.haproxy_path), type="application/yaml", timeout=5)
        except OSError:
            return False
        if a.status >= 500:
            return False
        check(a.status in (200, 201, 409), a)  # 409: it was made by the one that was killed
        return True

    def walk(self):
        """From the spec to the end, starting judged again when it was killed. Gives the release at its end."""
        is_applied = False
        end = time.monotonic() + END_S
        with Load(self.judged, harmless(self.haproxy, 6 if self.cell.is_harmful else 1), pause=0.1):
            while time.monotonic() < end:
                child = self.judged.child
                if child is None or child.poll() is not None:
                    is_start = self.cell.do == "cut" and not is_applied  # a start that fails says so and is tried again
                    check(child is None or child.returncode == -9 or (is_start and child.returncode == 5), f"judged ended with {child and child.returncode}")
                    self.judged.start(ready=False)
                is_applied = is_applied or self.apply()
                release = self.look() if is_applied else None
                if release and release["phase"] == "done":
                    return release
                time.sleep(0.1)
        raise AssertionError(f"no end within {END_S} s: {self.look()}")

    def story(self):
        """[(number or None, text)] of all messages, the weights HAProxy was given, and what was struck or None."""
        messages, weights, struck = [], [], None
        for line in self.relay.log.read_text("utf-8", "replace").splitlines():
            number, _, text = line.partition(" ")
            if text.startswith("! "):
                struck = messages[-1][1]
                if text.startswith("! before") and struck.startswith("haproxy set weight"):
                    weights.pop()  # it never arrived
                continue
            messages.append((None if number == "-" else int(number), text))
            if text.startswith("haproxy set weight"):
                weights.append(text[len("haproxy "):])
        return messages, weights, struck

    def check_end(self, release, weights):
        outcome, plan, end = ("rolled_back", WEIGHTS[:2] + [BACK], (100, 0)) if self.cell.is_harmful else ("promoted", WEIGHTS, (0, 100))
        check(release["outcome"] == outcome, "outcome", release["outcome"], release.get("paused_why"))
        check(weights == plan, "weights were set:", weights)
        check(self.haproxy.weights() == end, "HAProxy says", self.haproxy.weights())
        with Resp(self.redis.path) as redis:
            verdicts = stored_verdicts(redis, RELEASE)
        check([seq for seq, _ in verdicts] == list(range(1, len(verdicts) + 1)), "numbers of verdicts:", [seq for seq, _ in verdicts])
        check(all(b'"seq":%d,' % seq in json.replace(b" ", b"") for seq, json in verdicts), "a verdict is stored under another's number")


def run_cell(cell):
    """(messages, struck, None or what is wrong)."""
    with Stack() as stack:
        world = None
        try:
            world = World(stack, cell)
            release = world.walk()
            messages, weights, struck = world.story()
            world.check_end(release, weights)
            return messages, struck, None
        except Exception as e:  # one cell's failure is one line of the report
            messages, _, struck = world.story() if world else ([], [], None)
            return messages, struck, f"{cell} ({struck}): {type(e).__name__} {e}\n{world.judged.log()[-1500:] if world else ''}"


READS = ("PING", "INFO", "GET", "HGET", "HGETALL", "HMGET", "HVALS", "XRANGE", "XREVRANGE", "XREAD", "SMEMBERS", "ZRANGE", "SCRIPT")


def kind(text):
    """What tells this message from those of other kinds: a part of its text."""
    words = text.split(" ")[1:]
    if text.startswith("haproxy"):
        return " ".join(words[:2])
    if words[0] in ("EVAL", "SCRIPT"):
        return " ".join(words).partition("..")[0]
    if words[0] in READS[:2] + ("XREAD",):
        return words[0] + " "
    return re.sub(r"(:\d+|[0-9a-f]{32}).*", "", " ".join(words[:2]))


def chosen(messages):
    """The cells every run takes."""
    by_kind, cells = {}, []
    for _, text in messages:
        if text.startswith(("redis", "haproxy")):
            by_kind.setdefault((text.split(" ")[0], text.split(" ")[1], kind(text)), []).append(text)
    for (name, word, only), texts in sorted(by_kind.items()):
        n = len(texts)
        if name == "haproxy" or (word == "EVAL" and n <= 8):
            at = range(1, n + 1)  # scripts of one beginning are told apart by their turn
        else:
            at = {(n + 1) // 2} if word in READS else {1, max(1, n - 1)}
        cells += [Cell(only, k, when) for k in at for when in ("before", "after")]
        if word not in READS + ("show",):
            cells += [Cell(only, 1 + n // 2, when, "cut") for when in ("before", "after")]
    return cells, len(by_kind)


def run_cells(cells, seconds, least):
    """The results of as many as the time allows, in their order, and of `least` whatever it takes."""
    until = time.monotonic() + seconds
    results = []

    def run(numbered):
        number, cell = numbered
        return run_cell(cell) if number < least or time.monotonic() < until - 12 else None

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for r in pool.map(run, enumerate(cells)):
            results += [r] if r else []
            if IS_FULL and len(results) % 50 == 0:
                wrong = [w for _, _, w in results if w]
                print(f"{len(results)} of {len(cells)} cells, {len(wrong)} wrong", *wrong[-1:], flush=True)
    return results


def report(what, results, began):
    failures = [wrong for _, _, wrong in results if wrong]
    strikes = [struck for _, struck, _ in results if struck]
    print(f"{what}; {len(results)} run, {len(strikes)} strikes at {len(set(map(kind, strikes)))} kinds, "
          f"{len(results) - len(failures)} ended right, {time.monotonic() - began:.0f} s", flush=True)
    check(not failures, f"{len(failures)} cells failed:\n" + "\n".join(failures[:5]))
    # A few messages come by the clock (a renewed lease, a look at HAProxy), not in every run.
    check(len(strikes) >= len(results) * 0.9, f"only {len(strikes)} of {len(results)} cells were struck")


@suite.test
def any_kill_ends_right():
    began = time.monotonic()
    check(RELAY.exists(), f"{RELAY} is missing: make doubles")
    messages, struck, wrong = run_cell(Cell())
    check(wrong is None, wrong)
    check(struck is None and len(messages) > 300, f"{len(messages)} messages")
    cells, n_kinds = chosen(messages)
    every = [Cell("", n, when) for n, _ in messages if n for when in ("before", "after")]
    # What stands last is left out when time ends.
    cells.sort(key=lambda c: (not c.only.startswith("set "), c.only.startswith("show "), c.at > 1))
    what = f"{len(messages)} messages of {n_kinds} kinds: {len(cells)} chosen cells, {len(every)} in all"
    turn = 89  # prime to most lengths: walks over all of them, far apart
    cells += every if IS_FULL else [every[i * turn % len(every)] for i in range(len(every))][:400]
    report(what, run_cells(cells, 1e9 if IS_FULL else SECONDS * 0.7 - (time.monotonic() - began), 30), began)


def about_a_rollback(texts):
    """Cells at the scripts after the last step: they write what must not be lost. Each is found by its turn among its
    like since that step, not by its number in the whole run, which depends on how long the evidence took. What is
    written once or a few times is the rollback's own; of what the clock repeats, the first and the middle one."""
    step = "haproxy " + WEIGHTS[1]
    at_step = max(i for i, text in enumerate(texts) if text.startswith(step))
    turns = {}
    for text in texts[at_step + 1:]:
        if found := re.search("EVALSHA [0-9a-f]{40}", text):
            turns[found[0]] = turns.get(found[0], 0) + 1
    cells = []
    for script, n in turns.items():
        most = n if n <= 3 else max(1, int(n * 0.7)) if IS_FULL else 0
        cells += [Cell(script, k, when, is_harmful=True, since=WEIGHTS[1]) for k in (range(1, most + 1) if most else (1, 1 + n // 2)) for when in ("before", "after")]
    return sorted(cells, key=lambda c: turns[c.only])  # what is rare first


@suite.test
def any_kill_about_a_rollback_ends_right():
    began = time.monotonic()
    messages, _, wrong = run_cell(Cell(is_harmful=True))
    check(wrong is None, wrong)
    cells = [Cell("set weight", 3, when, do, is_harmful=True) for do in ("kill", "cut") for when in ("before", "after")]
    cells += about_a_rollback([text for _, text in messages])
    report(f"a rollback: {len(cells)} chosen cells", run_cells(cells, 1e9 if IS_FULL else SECONDS * 0.3 - (time.monotonic() - began), 8), began)


if __name__ == "__main__":
    suite.run()
