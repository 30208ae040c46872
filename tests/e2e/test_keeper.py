#!/usr/bin/python3
"""What Redis holds and this process cannot use: a release it cannot take up, one that is gone, one it cannot read."""
import http.server
import json
import threading

from judged import Suite, check, quick_spec, wait_for
from stack import AtOnce, Stack

suite = Suite()
beside = AtOnce(suite, 4)


@beside.test
def what_cannot_be_taken_up_is_left_to_others():
    with Stack() as s:
        redis = s.redis()
        key = "judge:{poor}:release"
        with s.judged(redis=redis.url) as j:
            j.apply(quick_spec("poor"))
            wait_for("owner", lambda: redis.ask("GET", "judge:{poor}:lease"))
            j.stop()
            redis.ask("HSET", key, "spec", '{"apiVersion": "judge/v1", "kind": "Release"}')
            redis.ask("DEL", "judge:{poor}:lease")
            token = int(redis.ask("HGET", key, "lease_token"))
            j.start()
            wait_for("try", lambda: int(redis.ask("HGET", key, "lease_token")) > token)
            # Another node finds it free, and has it for as long as it likes.
            wait_for("free lease", lambda: redis.ask("SET", "judge:{poor}:lease", "another", "NX", "PX", 60000) == b"OK", 3)
            tries = int(redis.ask("HGET", key, "lease_token")) - token
            check(tries == 1, tries, "tries")
            check(j.log().count("taking up poor") == 1, j.log()[-2000:])


@beside.test
def a_release_that_is_gone_is_let_go():
    with Stack() as s:
        redis = s.redis()
        with s.judged(redis=redis.url) as j:
            j.apply(quick_spec("lost"))
            wait_for("owner", lambda: j.metrics().get("judge_leases_held") == 1)
            redis.ask("DEL", "judge:{lost}:release")
            wait_for("end of it", lambda: j.metrics()["judge_leases_held"] == 0, 15)


@beside.test
def one_that_cannot_be_read_hides_no_other():
    with Stack() as s:
        redis = s.redis()
        with s.judged(redis=redis.url) as j:
            j.apply(quick_spec("spoilt"))
            j.apply(quick_spec("sound"))
            j.stop()
            redis.ask("HSET", "judge:{spoilt}:release", "phase", "99")  # of a later version, say
            redis.ask("HSET", "judge:tokens", "spoilt", "not a token")
            j.start()
            check(j.get("/v1/releases/spoilt").status == 404)
            check(j.release("sound")["phase"] != "done")
            answer = j.samples([{"service": "sound", "cohort": "candidate", "metric": "http.requests", "value": 1}])
            check(answer.status == 200 and answer.json["taken"] == 1, answer)


@beside.test
def what_is_gone_from_the_store_goes_from_the_board():
    with Stack() as s:
        redis = s.redis()
        with s.judged(redis=redis.url) as j:
            j.apply(quick_spec("ghost"))
            redis.ask("DEL", "judge:{ghost}:release")
            redis.ask("ZREM", "judge:releases", "ghost")
            redis.ask("SREM", "judge:active", "ghost")
            wait_for("end of it", lambda: j.get("/v1/releases/ghost").status == 404, 15)


@beside.test
def the_last_verdict_of_a_crash_is_written_later():
    """Done is written by the runner, the verdict that says so by the judge: a crash may come between."""
    with Stack() as s:
        redis = s.redis()
        verdicts = "judge:{cut}:verdicts"

        def last():
            return redis.ask("XREVRANGE", verdicts, "+", "-", "COUNT", "1")[0]

        with s.judged(redis=redis.url) as j:
            j.apply(quick_spec("cut"))
            wait_for("judging", lambda: j.release("cut")["phase"] == "judging")
            j.post("/v1/releases/cut/rollback", {"why": "test"})
            wait_for("end", lambda: j.release("cut")["phase"] == "done" and j.metrics()["judge_leases_held"] == 0)
            check(redis.ask("SISMEMBER", "judge:active", "cut") == 0, "active when it is closed")
            j.stop()
            entry, fields = last()
            check(json.loads(fields[1])["outcome"] == "rolled_back", fields)
            redis.ask("XDEL", verdicts, entry)
            redis.ask("HSET", "judge:{cut}:release", "verdict_seq", int(entry.split(b"-")[0]) - 1)
            redis.ask("XSETID", verdicts, last()[0])
            redis.ask("SADD", "judge:active", "cut")
            j.start()
            wait_for("last verdict", lambda: json.loads(last()[1][1])["outcome"] == "rolled_back")
            wait_for("closed", lambda: redis.ask("SISMEMBER", "judge:active", "cut") == 0)


class Recording(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.headers["webhook-id"], body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@beside.test
def news_told_again_after_a_crash_keeps_its_id():
    chat = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recording)
    chat.calls = []
    threading.Thread(target=chat.serve_forever, daemon=True).start()
    config = f'connections: {{chat: {{kind: webhook, url: "http://127.0.0.1:{chat.server_port}/"}}}}\n'
    with Stack() as s, s.judged(config=config) as j:
        j.apply(quick_spec("told", notify=[{"to": "chat", "on": ["hold"]}]))
        wait_for("judging", lambda: j.release("told")["phase"] == "judging")
        j.post("/v1/releases/told/pause", {"why": "lunch"})
        wait_for("news", lambda: chat.calls)
        j.kill()
        j.start()
        wait_for("again", lambda: len(chat.calls) > 1)
        seq = j.release("told")["verdict"]["seq"]
        wait_for("a verdict of the new owner", lambda: j.release("told")["verdict"]["seq"] > seq, 20)
        check(len(chat.calls) == 2 and chat.calls[0] == chat.calls[1], chat.calls)
    chat.shutdown()
    chat.server_close()


if __name__ == "__main__":
    suite.run()
