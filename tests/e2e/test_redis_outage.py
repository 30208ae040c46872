#!/usr/bin/python3
"""Redis goes away in the middle of a release and comes back; judged is killed while samples flow. A ledger of what was
acknowledged (POST /v1/samples?ack=stored, sent again under its Idempotency-Key until an answer comes) is compared with
what was sealed: with the stored blocks, decoded here, and with the counts of the verdict. Nothing acknowledged is lost
or counted twice, and while judged itself lives no block is sealed without its samples (none is late). As long as it lives,
that holds for samples it only took (202), too: a part of the batches goes that way then.
"""
import collections
import json
import os
import random
import signal
import threading
import time

from judged import Suite, check, wait_for
from stack import AtOnce, Load, Relay, Resp, Stack, counts, harmless, pings, sealed_totals

AWAY_S = 10
LONG_AWAY_S = 12  # longer than a silent process counts as living
RELEASE = "outage-1"
SPEC = """
apiVersion: judge/v1
kind: Release
metadata: {{name: %s, service: shop, revision: r2}}
strategy:
  type: canary
  steps: [{{share: 5%%, approval: true}}, 100%%]
  settle: 0s
  platform: {{kind: haproxy, socket: {socket}, backend: app, stable: stable, candidate: candidate}}
metrics:
  - name: errors
    kind: proportion
    margin: {{relative: 50%%, absolute: 0.5%%}}
    source: {{push: {{metric: e, of: r}}}}
  - name: latency
    kind: quantile
    quantile: 95%%
    margin: {{relative: 20%%}}
    unit: ms
    source: {{push: {{metric: latency_ms}}}}
policy: {{block: 200ms, lateness: 3s, no_data_after: 5s}}
""" % RELEASE

suite = Suite()
beside = AtOnce(suite, 6)


class Ledger:
    """Senders of batches with a key each, and the totals of those that were acknowledged."""

    def __init__(self, *judgeds, senders=6, seed=1, is_mortal=False):
        self.judgeds, self.is_mortal = judgeds, is_mortal
        self.lock = threading.Lock()
        self.totals = {c: collections.Counter() for c in ("baseline", "candidate")}
        self.batches = self.resent = self.late_lines = 0
        self.last_ts = 0.0
        self.wrong = []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n, random.Random(seed * 1000 + n)), daemon=True) for n in range(senders)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stopped.set()
        for t in self.threads:
            t.join()

    def run(self, sender, rng):
        number = 0
        try:
            while not self.stopped.wait(rng.uniform(0.01, 0.08)):
                number += 1
                if not self.is_mortal and rng.random() < 0.3:
                    self.leave(rng)
                else:
                    self.send(f"{RELEASE}-{sender}-{number}-{os.getpid()}", rng)
        except Exception as e:
            self.wrong.append(f"sender {sender}: {type(e).__name__} {e}")

    def batch(self, rng):
        ts, lines, totals = time.time(), [], {}
        for cohort in ("baseline", "candidate"):
            part = 19 if cohort == "baseline" else 1  # the share is 5 %
            requests, latencies = rng.randint(100, 300) * part, rng.randint(5, 8) * part
            errors = requests // 100
            totals[cohort] = {"exposure": requests, "events": errors, "n": latencies}
            lines += [{"metric": "r", "value": requests}, {"metric": "e", "value": errors}]
            lines += [{"metric": "latency_ms", "value": round(rng.lognormvariate(3, 0.3), 3), "count": part} for _ in range(latencies // part)]
            for line in lines[-2 - latencies // part:]:
                line.update(service="shop", cohort=cohort, ts=ts)
        return ts, "".join(json.dumps(line) + "\n" for line in lines), totals

    def send(self, key, rng):
        ts, body, totals = self.batch(rng)
        judged = rng.choice(self.judgeds)
        deadline = time.monotonic() + 60
        for attempt in range(10**6):
            try:
                a = judged.post("/v1/samples?ack=stored", body, type="application/x-ndjson", headers={"Idempotency-Key": key}, timeout=4)
            except (OSError, AssertionError, EOFError):
                a = None  # killed, starting, or too slow: nobody knows what became of it
            except Exception as e:  # http.client's own: an answer was cut short
                check(type(e).__module__ == "http.client", repr(e))
                a = None
            if a and a.status == 200:
                break
            check(a is None or a.status == 503, f"batch {key}: {a}")
            check(time.monotonic() < deadline, f"batch {key} was not taken within 60 s: {a}")
            time.sleep(0.1)
        self.count(a, ts, totals, attempt > 0)

    def leave(self, rng):
        """Without waiting for the store."""
        ts, body, totals = self.batch(rng)
        a = rng.choice(self.judgeds).post("/v1/samples", body, type="application/x-ndjson", timeout=4)
        check(a.status == 202, a)
        self.count(a, ts, totals, False)

    def count(self, a, ts, totals, is_again):
        check(a.json["unrouted"] == 0 and a.json["refused"] == 0, a)
        with self.lock:
            self.batches += 1
            self.resent += is_again
            self.late_lines += a.json["late"]
            self.last_ts = max(self.last_ts, ts)
            for cohort, counted in totals.items():
                self.totals[cohort].update(counted)


class World:
    """A release at its first step, which needs a person's approval, and a ledger of its samples."""

    def __init__(self, stack, redis=None):
        self.haproxy = stack.haproxy()
        self.redis_path = redis.path if redis else None
        self.judged = stack.judged(redis=redis.url if redis else None)
        if not redis:
            self.redis_path = self.judged.state / "redis" / "redis.sock"
        self.judged.start()
        self.judged.apply(SPEC.format(socket=self.haproxy.path))
        wait_for("first share", lambda: self.haproxy.weights() == (95, 5), 20)
        wait_for("first segment", lambda: self.verdict()["segment"] == 1, 20)
        nothing = counts("baseline", 0, 0) + counts("candidate", 0, 0)
        wait_for("a route for the samples", lambda: self.judged.samples(nothing).json["unrouted"] == 0, 20)
        ready = time.time() + 0.5
        wait_for("a block that lies wholly in the step", lambda: time.time() > ready, 2)

    def verdict(self):
        a = self.judged.get(f"/v1/releases/{RELEASE}/verdict", timeout=3)
        check(a.status == 200, a)
        return a.json

    def marks(self):
        with Resp(self.redis_path) as redis:
            flat = redis("HGETALL", f"judge:{{{RELEASE}}}:marks")
        return [int(v) for v in flat[1::2]]

    def late(self):
        with Resp(self.redis_path) as redis:
            flat = redis("HGETALL", f"judge:{{{RELEASE}}}:late")
        return {k.decode(): int(v) for k, v in zip(flat[::2], flat[1::2]) if int(v)}

    def wait_sealed(self, until, seconds=25):
        """Both metrics are sealed past that time: judging goes on."""
        block = int(until / 0.2)

        def is_past():
            try:
                marks = self.marks()
                return len(marks) == 2 and min(marks) >= block
            except (OSError, EOFError):
                return False

        wait_for(f"sealed block {block}", is_past, seconds, 0.1)

    def balance(self):
        """What is sealed, as the ledger counts: {cohort: {exposure, events, n}}."""
        with Resp(self.redis_path) as redis:
            errors, latency = (sealed_totals(redis, RELEASE, m) for m in (0, 1))
        return {c: {"exposure": errors[i]["exposure"], "events": errors[i]["events"], "n": latency[i]["n"]} for i, c in enumerate(("baseline", "candidate"))}

    def check_balance(self, ledger, may_be_late=False):
        self.wait_sealed(ledger.last_ts)
        check(not ledger.wrong, ledger.wrong)
        late, sealed = self.late(), self.balance()
        if not may_be_late:
            check(not late and not ledger.late_lines, f"late: {late}, {ledger.late_lines} lines")
        if not late and not ledger.late_lines:
            check(sealed == {c: dict(t) for c, t in ledger.totals.items()}, f"sealed {sealed}\nacknowledged {ledger.totals}")
        return late

    def check_verdict(self, ledger):
        """The verdict's counts say the same, once it has read the last block."""
        def agrees():
            self.said = {m["name"]: m for m in self.verdict()["metrics"]}
            return all(self.said["latency"][c]["n"] == t["n"] and
                       self.said["errors"][c]["n"] == t["exposure"] and self.said["errors"][c]["events"] == t["events"]
                       for c, t in ledger.totals.items())
        try:
            wait_for("agreement of the verdict", agrees, 15, 0.2)
        except AssertionError:
            raise AssertionError(f"the verdict counts {[(n, m['baseline'], m['candidate']) for n, m in self.said.items()]}\nacknowledged {ledger.totals}")

    def finish(self):
        """The release goes on to its end."""
        errors = harmless(self.haproxy)

        def lines():
            more = errors()
            return more + [{"service": "shop", "cohort": line["cohort"], "metric": "latency_ms", "value": 20 + i, "count": line["value"] // 100} for line in more if line["metric"] == "r" for i in range(7)]

        with Load(self.judged, lines, 0.1):
            a = self.judged.post(f"/v1/releases/{RELEASE}/promote", {"why": "approved"})
            check(a.status == 202, a)
            wait_for("end", lambda: self.judged.release(RELEASE)["phase"] == "done", 40, 0.1)
        check(self.judged.release(RELEASE)["outcome"] == "promoted", self.judged.release(RELEASE))
        check(self.haproxy.weights() == (0, 100), self.haproxy.weights())


def while_away(redis, how):
    """Redis is stopped for AWAY_S, in one of three ways, and answers again at the end."""
    if how == "SIGSTOP":
        redis.signal(signal.SIGSTOP)
    elif how == "SHUTDOWN":
        redis.shutdown()
    else:
        redis.kill()
    time.sleep(0 if how == "SIGKILL" else AWAY_S)  # the outage itself
    if how == "SIGSTOP":
        redis.signal(signal.SIGCONT)
        wait_for("Redis", lambda: pings(redis.path), 10)
    else:
        redis.start()


def outage(how):
    with Stack() as stack:
        redis = stack.redis()
        world = World(stack, redis)
        with Ledger(world.judged) as ledger:
            wait_for("batches", lambda: ledger.batches > 30, 20)
            while_away(redis, how)
            back, before = time.time(), ledger.batches
            wait_for("batches after the outage", lambda: ledger.batches > before + 30, 20)
            world.wait_sealed(back + 1)
        world.check_balance(ledger)
        world.check_verdict(ledger)
        check(ledger.resent > 0 or how == "SIGKILL", "no batch had to be sent again")
        print(f"{how}: {ledger.batches} batches, {ledger.resent} sent again, none lost, double or late", flush=True)
        world.finish()


@beside.test
def redis_is_frozen_for_ten_seconds():
    outage("SIGSTOP")


@beside.test
def redis_is_shut_down_for_ten_seconds():
    outage("SHUTDOWN")


@beside.test
def redis_is_killed_and_started():
    outage("SIGKILL")


@beside.test
def two_judged_wait_for_each_other_after_an_outage():
    """Samples come to both; the other one finds Redis again two seconds after the owner, who seals nothing before."""
    with Stack() as stack:
        redis = stack.redis()
        world = World(stack, redis)
        relay = stack.add(Relay(stack.dir, redis, world.haproxy))
        other = stack.judged(redis=f"unix://{relay.redis_path}")
        other.start()
        other._token = world.judged.token
        nothing = counts("baseline", 0, 0) + counts("candidate", 0, 0)
        wait_for("a route at the other", lambda: other.samples(nothing).json["unrouted"] == 0, 20)
        with Ledger(world.judged, other) as ledger:
            wait_for("batches", lambda: ledger.batches > 60, 20)
            redis.kill()
            time.sleep(LONG_AWAY_S)  # the outage itself
            relay.signal(signal.SIGSTOP)
            redis.start()
            time.sleep(2)  # and the other's
            relay.signal(signal.SIGCONT)
            back, before = time.time(), ledger.batches
            wait_for("batches after the outage", lambda: ledger.batches > before + 60, 20)
            world.wait_sealed(back + 1)
        world.check_balance(ledger)
        world.check_verdict(ledger)
        print(f"two judged: {ledger.batches} batches, {ledger.resent} sent again, none lost, double or late", flush=True)
        world.finish()


@beside.test
def the_embedded_redis_is_killed():
    with Stack() as stack:
        world = World(stack)
        with Ledger(world.judged) as ledger:
            wait_for("batches", lambda: ledger.batches > 30, 20)
            for _ in range(2):
                with Resp(world.redis_path) as redis:
                    info = redis("INFO", "server").decode()
                os.kill(int(info.partition("process_id:")[2].split()[0]), signal.SIGKILL)
                before = ledger.batches
                wait_for("batches after the kill", lambda: ledger.batches > before + 30, 20)
                world.wait_sealed(time.time())
        world.check_balance(ledger)
        world.check_verdict(ledger)
        print(f"embedded: {ledger.batches} batches, {ledger.resent} sent again, none lost, double or late", flush=True)
        world.finish()


@beside.test
def judged_is_killed_while_samples_flow():
    with Stack() as stack:
        redis = stack.redis()
        world = World(stack, redis)
        with Ledger(world.judged, is_mortal=True) as ledger:
            for _ in range(4):
                before = ledger.batches
                wait_for("batches", lambda: ledger.batches > before + 40, 20)
                world.judged.kill()
                world.judged.start()
            before = ledger.batches
            wait_for("batches after the kills", lambda: ledger.batches > before + 40, 20)
        late = world.check_balance(ledger, may_be_late=True)
        check(ledger.resent > 0, "no batch had to be sent again")
        if not late and not ledger.late_lines:
            world.check_verdict(ledger)
        print(f"judged killed four times: {ledger.batches} batches acknowledged, {ledger.resent} sent again, late: {late or 'none'}", flush=True)
        world.finish()


if __name__ == "__main__":
    suite.run()
