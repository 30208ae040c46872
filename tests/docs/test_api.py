#!/usr/bin/python3
"""docs/api.md is what api.py prints from the document of a running judged."""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import api
from judged import ROOT, Judged, Suite, check

suite = Suite()


@suite.test
def page_is_up_to_date():
    with Judged() as j:
        document = j.get("/v1/openapi.json").json
    check(len(list(api.rows(document))) > 20)
    check((ROOT / "docs" / "api.md").read_text() == api.page(document), "docs/api.md is old: tests/docs/api.py > docs/api.md")


suite.run()
