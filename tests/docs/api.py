#!/usr/bin/python3
"""Prints docs/api.md: how to speak to judged, and every route of the document a running judged serves.

    tests/docs/api.py > docs/api.md
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from judged import Judged

HEAD = """# The HTTP API

`judged` listens on `http://127.0.0.1:8700`. The description in OpenAPI 3.1 is at `/v1/openapi.json`; the table below
is made from it by `tests/docs/api.py`, and a test holds the page to it.

## Tokens

Every call carries `Authorization: Bearer TOKEN`; `/metrics`, `/healthz` and `/readyz` need none unless
`judged --open-metrics=false` says so. The first token is in `admin.token` of the state
directory; more come from `judgectl token NAME --scopes read,apply`. A token has scopes and may be bound to
services:

| scope | may |
|---|---|
| `ingest` | send samples |
| `read` | read releases, verdicts, reports |
| `apply` | start releases |
| `decide` | give orders: promote a step, roll back, pause, resume, abort; report shifts of traffic |
| `override` | promote, or ask for more traffic, against the evidence, with a reason |
| `admin` | everything, tokens too |

After five wrong credentials an address waits, longer each time.

## Errors

An error is `application/problem+json` (RFC 9457): `type` is `urn:judge:error:NAME`, `detail` says what would be
right, `request_id` finds it in the log. A refused spec lists all `complaints`, each with its place. 429 and 503
carry `Retry-After`.

## Once, and only once

`POST /v1/releases` and `POST /v1/samples` take an `Idempotency-Key`: the same key with the same body answers what the
first call did, the same key with another body is refused. With `?ack=stored` the answer to samples comes when they are
durable; without it they are stored with the next flush.

```sh
curl -H "Authorization: Bearer $JUDGE_TOKEN" --data-binary @my-release.yaml -H "Content-Type: application/yaml" http://127.0.0.1:8700/v1/releases
curl -H "Authorization: Bearer $JUDGE_TOKEN" "http://127.0.0.1:8700/v1/releases/checkout-42/verdict?wait=30s&after=7"
```

## Waiting for a verdict

`GET /v1/releases/{id}/verdict?wait=30s&after=SEQ` answers as soon as there is a verdict newer than SEQ, at the latest
after the wait (60 s at most). `/v1/releases/{id}/events` streams verdicts and progress as server-sent events and goes on
after `Last-Event-ID`; it ends with the release, and with the token it was opened with. Read a verdict's `fresh_until`:
past it, it says nothing about now.

## Routes

| call | needs | does | parameters |
|---|---|---|---|
"""


def rows(document):
    for path, operations in document["paths"].items():
        for method, o in operations.items():
            parameters = [p["name"] for p in o["parameters"] if p["in"] != "path"]
            if o.get("security"):
                needs = "nothing, or any token"
            else:
                needs = "nothing" if "security" in o else o.get("x-scope", "any token")
            yield f"| `{method.upper()} {path}` | {needs} | {o['summary']} | {', '.join(f'`{p}`' for p in parameters)} |\n"


def page(document):
    return HEAD + "".join(rows(document))


if __name__ == "__main__":
    with Judged() as j:
        sys.stdout.write(page(j.get("/v1/openapi.json").json))
