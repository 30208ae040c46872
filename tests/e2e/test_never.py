#!/usr/bin/python3
"""What must never happen: promotion with one cohort silent, on stale data, on a split that is not the intended one,
against drift; a rollback that cannot be made because Redis is away or judged restarted; two judged acting on one
release. Each against a real HAProxy and redis-server; what HAProxy was told is read from the relay's log.
"""
import signal
import time

from judged import Suite, check, wait_for
from stack import AtOnce, Load, Relay, Resp, Stack, counts, harmless

RELEASE = "never-1"
SPEC = """
apiVersion: judge/v1
kind: Release
metadata: {{name: %s, service: shop, revision: r2}}
strategy:
  type: canary
  steps: [{steps}]
  settle: 0s
  platform: {{kind: haproxy, socket: {socket}, backend: app, stable: stable, candidate: candidate}}
metrics:
  - name: errors
    kind: proportion
    margin: {{relative: 50%%, absolute: 0.5%%}}
    source: {{push: {{metric: e, of: r}}}}
policy: {{block: 100ms, lateness: 300ms, no_data_after: {no_data_after}}}
""" % RELEASE
ALL_OLD, FIRST, HALF, ALL_NEW = (100, 0), (95, 5), (50, 50), (0, 100)
PLAN = [
    "set weight app/stable 95; set weight app/candidate 5",
    "set weight app/stable 50; set weight app/candidate 50",
    "set weight app/candidate 100; set weight app/stable 0",
]
UNDO = "set weight app/stable 100; set weight app/candidate 0"

suite = Suite()
beside = AtOnce(suite, 4)


class World:
    """Redis, HAProxy behind the relay, one judged, a release at its first share."""

    def __init__(self, stack, steps="5%, 50%, 100%", no_data_after="60s"):
        self.stack = stack
        self.redis, self.haproxy = stack.redis(), stack.haproxy()
        self.relay = stack.add(Relay(stack.dir, self.redis, self.haproxy))
        self.judged = stack.judged(redis=self.redis.url)
        self.judged.start()
        self.judged.apply(SPEC.format(steps=steps, no_data_after=no_data_after, socket=self.relay.haproxy_path))
        self.wait_weights(FIRST)

    def another(self):
        j = self.stack.judged(redis=self.redis.url)
        j.start()
        j._token = self.judged.token  # of the store, which the first one set up
        return j

    def wait_weights(self, weights, seconds=20):
        wait_for(f"weights {weights}", lambda: self.haproxy.weights() == weights, seconds)

    def told(self):
        """The lines that set a weight, in order."""
        marker = "haproxy set weight"
        return [line[line.index("set weight"):] for line in self.relay.log.read_text("utf-8", "replace").splitlines() if marker in line]

    def verdict(self, judged=None):
        a = (judged or self.judged).get(f"/v1/releases/{RELEASE}/verdict", timeout=3)
        check(a.status == 200, a)
        return a.json

    def order(self, verb, **more):
        a = self.judged.post(f"/v1/releases/{RELEASE}/{verb}", {"why": "a test", **more})
        check(a.status == 202, a)

    def wait_blocks(self, n, seconds=30):
        """n more blocks are sealed and judged."""
        until = int(time.time() * 10) + n

        def is_there():
            with Resp(self.redis.path) as redis:
                mark = redis("HGET", f"judge:{{{RELEASE}}}:marks", "0")
            return mark is not None and int(mark) >= until
        wait_for(f"{n} sealed blocks", is_there, seconds, 0.1)

    def wait_verdict(self, what, test, seconds=20, judged=None):
        return wait_for(what, lambda: (lambda v: v if test(v) else None)(self.verdict(judged)), seconds, 0.1)

    def never_moved(self, n_blocks, weights=FIRST):
        """For so many blocks the judge allows nothing and HAProxy keeps its weights."""
        seen = set()
        until = time.monotonic() + n_blocks * 0.1
        while time.monotonic() < until:
            v = self.verdict()
            seen.add((v["verdict"], v["health"]))
            check(v["verdict"] not in ("advance", "promote"), v)
            check(self.haproxy.weights() == weights, self.haproxy.weights())
            time.sleep(0.1)
        return seen

    def wait_end(self, outcome, judged=None, seconds=40):
        judged = judged or self.judged
        wait_for("end", lambda: judged.release(RELEASE)["phase"] == "done", seconds, 0.1)
        check(judged.release(RELEASE)["outcome"] == outcome, judged.release(RELEASE))


def one_cohort(cohort):
    with Stack() as stack:
        world = World(stack, no_data_after="2s")
        with Load(world.judged, counts(cohort, 20000, 200), 0.05):
            world.wait_blocks(40)
            world.wait_verdict("the silence to be noticed", lambda v: v["health"] != "ok")
            seen = world.never_moved(30)
        check(all(health != "ok" for _, health in seen), "health", seen)
        state = world.verdict()["metrics"][0]["state"]
        check(state in ("no_data", "invalid", "undecided"), state)
        check(world.told() == PLAN[:1], world.told())


@beside.test
def no_promotion_while_the_candidate_is_silent():
    one_cohort("baseline")


@beside.test
def no_promotion_while_the_baseline_is_silent():
    one_cohort("candidate")


@beside.test
def no_shift_on_stale_data():
    """Harmlessness is shown, a person's approval is missing; the data end; the approval comes: nothing moves."""
    with Stack() as stack:
        world = World(stack, steps="{share: 5%, approval: true}, 50%, 100%", no_data_after="2s")
        with Load(world.judged, harmless(world.haproxy), 0.05):
            world.wait_verdict("advance", lambda v: v["verdict"] == "advance")
        v = world.wait_verdict("bad health", lambda v: v["health"] != "ok")
        check(v["verdict"] not in ("advance", "promote"), v)
        world.order("promote")
        world.never_moved(25)
        check(world.told() == PLAN[:1], world.told())
        with Load(world.judged, harmless(world.haproxy), 0.05):
            world.wait_end("promoted")
        check(world.told() == PLAN, world.told())


@beside.test
def no_promotion_on_another_split():
    """The share is 50 %, the candidate gets 5 % of the requests."""
    with Stack() as stack:
        world = World(stack)
        with Load(world.judged, counts("baseline", 19000, 190) + counts("candidate", 1000, 10), 0.05):
            world.wait_weights(HALF)
            seen = set()

            def is_refused(v):
                seen.add(v["verdict"])
                return v["share"] == 0.5 and v["health"] == "srm"
            world.wait_verdict("a split that is refused", is_refused)
            check("promote" not in seen, seen)
            world.never_moved(30, HALF)
            check(world.told() == PLAN[:2], world.told())


@beside.test
def drift_pauses_and_is_named():
    """Somebody else sets a weight in mid-release: pause, say so, touch nothing until a person says go on."""
    with Stack() as stack:
        world = World(stack, steps="{share: 5%, min_time: 8s}, 50%, 100%")
        with Load(world.judged, harmless(world.haproxy), 0.05):
            world.wait_blocks(5)
            world.haproxy.ask("set weight app/candidate 30")
            release = wait_for("pause", lambda: (lambda r: r if r.get("paused") else None)(world.judged.release(RELEASE)), 10, 0.1)
            check("24 %" in release["paused_why"], release["paused_why"])  # 30 of 125
            world.never_moved(60, (95, 30))
            check(world.verdict()["cause"] == "drift", world.verdict())
            check(world.told() == PLAN[:1], world.told())
            world.order("resume")
            world.wait_end("promoted")
        check(world.told() == PLAN[:1] + PLAN, world.told())


@beside.test
def a_rollback_is_made_while_redis_is_away():
    """Redis is gone, HAProxy calls the candidate unhealthy: the way back goes on from the state directory alone."""
    with Stack() as stack:
        world = World(stack)
        with Load(world.judged, harmless(world.haproxy), 0.05):
            world.wait_blocks(3)
            world.redis.kill()
            world.haproxy.ask("set server app/candidate state maint")
            world.wait_weights(ALL_OLD)
            world.redis.start()
            world.wait_end("rolled_back")
        check(world.judged.release(RELEASE)["cause"] == "unhealthy", world.judged.release(RELEASE))
        check(world.told() == [PLAN[0], UNDO], world.told())


@beside.test
def a_rollback_without_redis_survives_a_restart():
    """As above, and judged is killed before Redis is back: its successor on the same state directory knows."""
    with Stack() as stack:
        world = World(stack)
        with Load(world.judged, harmless(world.haproxy), 0.05):
            world.wait_blocks(3)
            world.redis.kill()
            world.haproxy.ask("set server app/candidate state maint")
            world.wait_weights(ALL_OLD)
            world.judged.kill()
            world.haproxy.ask("set server app/candidate state ready")  # nothing but the intent speaks for it now
            world.redis.start()
            world.judged.start()
            world.wait_end("rolled_back")
        check(world.haproxy.weights() == ALL_OLD, world.haproxy.weights())
        check(world.told() == [PLAN[0], UNDO], world.told())


@beside.test
def a_killed_owner_takes_its_own_back_at_once():
    with Stack() as stack:
        world = World(stack)
        other = world.another()
        world.judged.kill()
        began = time.monotonic()
        world.judged.start()
        taken = time.monotonic() - began
        with Load(other, harmless(world.haproxy), 0.05):
            world.wait_end("promoted", other)
        check(taken < 10, f"ready after {taken:.1f} s")  # a foreign lease would have to run out: 15 s
        check(world.told() == PLAN, world.told())
        with Resp(world.redis.path) as redis:
            check(redis("HGET", f"judge:{{{RELEASE}}}:release", "lease_token") == b"2", "the other one took it")


@beside.test
def another_judged_takes_over_when_the_owner_is_killed():
    with Stack() as stack:
        world = World(stack)
        other = world.another()
        with Load(other, harmless(world.haproxy), 0.05):
            world.wait_weights(HALF)
            world.judged.kill()
            began = time.monotonic()
            world.wait_end("promoted", other)
            print(f"taken over and ended {time.monotonic() - began:.1f} s after the kill", flush=True)
        check(world.told() == PLAN, world.told())


@beside.test
def a_frozen_owner_that_wakes_up_does_nothing():
    """The owner is stopped for longer than its lease; another one takes over and pauses; then the first wakes up."""
    with Stack() as stack:
        world = World(stack, steps="{share: 5%, approval: true}, 50%, 100%")
        other = world.another()
        with Load(other, harmless(world.haproxy), 0.05):
            world.wait_verdict("advance", lambda v: v["verdict"] == "advance", judged=other)
            world.judged.child.send_signal(signal.SIGSTOP)
            try:
                def is_taken():
                    with Resp(world.redis.path) as redis:
                        return redis("HGET", f"judge:{{{RELEASE}}}:release", "lease_token") == b"2"
                wait_for("takeover", is_taken, 25, 0.1)
                a = other.post(f"/v1/releases/{RELEASE}/rollback", {"why": "a test"})
                check(a.status == 202, a)
                world.wait_end("rolled_back", other)
            finally:
                world.judged.child.send_signal(signal.SIGCONT)
            check(world.judged.post(f"/v1/releases/{RELEASE}/promote", {"why": "late", "override": True}).status in (202, 409), "answer")
            wait_for("word that the lease is lost", lambda: world.judged.metrics().get("judge_leases_held") == 0, 20, 0.1)
            world.wait_blocks_gone = time.monotonic() + 2
            wait_for("two more seconds", lambda: time.monotonic() > world.wait_blocks_gone, 5, 0.1)
        check(world.told() == [PLAN[0], UNDO], world.told())
        check(world.haproxy.weights() == ALL_OLD, world.haproxy.weights())
        check(other.release(RELEASE)["outcome"] == "rolled_back", other.release(RELEASE))


if __name__ == "__main__":
    suite.run()
