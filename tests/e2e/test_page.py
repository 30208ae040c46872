"""The pages in a real browser: logging in, the list, a release that changes before one's eyes without a reload,
on a phone, in the dark, on paper, without JavaScript. Needs /usr/bin/chromium; screenshots go to build/screenshots."""
import json
import math
import os
import pathlib
import random
import shutil
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from devtools import CHROMIUM, Browser  # noqa: E402
from judged import ROOT, Judged, Suite, check  # noqa: E402

SHOTS = pathlib.Path(os.environ.get("SCREENSHOTS", ROOT / "build" / "screenshots"))
PUSH_S = 0.25
SPEC = """
apiVersion: judge/v1
kind: Release
metadata: {name: %(name)s, service: %(service)s, environment: prod, revision: "%(revision)s"}
strategy:
  type: canary
  steps: [5%%, 25%%, 100%%]
  settle: 1s
  platform: {kind: none}
metrics:
  - name: errors
    kind: proportion
    margin: {relative: 50%%, absolute: 0.5%%}
    source: {push: {metric: http.errors, of: http.requests}}
  - name: latency
    kind: quantile
    quantile: 95%%
    unit: ms
    margin: {relative: 20%%}
    source: {push: {metric: http.latency}}
policy: {alpha: 1%%, beta: 5%%, block: 1s, lateness: 500ms, no_data_after: 5s, deadline: 2h}
"""
suite = Suite()


class Traffic(threading.Thread):
    """Pushes what the applications of a service would: half of it the candidate's."""

    def __init__(self, j, service, errors):
        super().__init__(daemon=True)
        self.j, self.service, self.errors = j, service, errors
        self.random, self.ends, self.refused = random.Random(7), threading.Event(), None

    def lines(self):
        out = []
        for cohort, errors in (("baseline", 0.01), ("candidate", self.errors)):
            tags = {"service": self.service, "cohort": cohort}
            failed = sum(self.random.random() < errors for _ in range(100))
            out.append({**tags, "metric": "http.requests", "value": 1, "count": 100})
            if failed:
                out.append({**tags, "metric": "http.errors", "value": 1, "count": failed})
            out += [{**tags, "metric": "http.latency", "value": math.exp(self.random.gauss(3, 0.3))} for _ in range(50)]
        return out

    def run(self):
        while not self.ends.wait(PUSH_S):
            a = self.j.samples(self.lines(), ack=False)
            if a.status != 202:
                self.refused = a

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()
        check(self.refused is None, "samples were refused:", self.refused)


def apply(j, name, service, revision="4f2c9d1"):
    return j.apply(SPEC % {"name": name, "service": service, "revision": revision})


def log_in(j, page, path="/", token=None):
    page.go(j.url + path)
    if not page.run("location.pathname === '/login'"):
        return
    page.run(f"document.getElementById('token').value = {json.dumps(token or j.token)}")
    page.act("document.querySelector('main form').requestSubmit()")


def check_quiet(page):
    check(not page.complaints, "the browser complains:", page.complaints)


def check_fits(page, what):
    wide = page.run("document.documentElement.scrollWidth")
    check(wide <= page.run("window.innerWidth"), f"{what} is {wide} px wide")
    out = page.run("[...document.querySelectorAll('body *')].filter(e => e.getClientRects().length && !e.closest('.unseen,.skip,thead,svg') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))")
    check(not out, f"{what}: beyond the edge: {out}")


def new_page(browser):
    page = browser.page()
    page.size(1100, 900)
    page.scheme("light")
    return page


def session(j, token=None):
    """The cookie of a new session, as the browser would send it."""
    a = j.post("/login", f"token={token or j.token}&next=%2F", type="application/x-www-form-urlencoded", token=None)
    check(a.status == 303 and a.headers["location"] == "/", a)
    return a.headers["set-cookie"]


@suite.test
def test_nobody_sees_anything_without_login(j, browser):
    apply(j, "hidden-1", "hidden")
    for path in ("/", "/releases/hidden-1", "/releases/none-such"):
        a = j.get(path, token=None)
        check(a.status == 303 and a.headers["location"].startswith("/login"), path, a)
        check(a.body == b"", a)
    check(j.get("/releases/hidden-1/live", token=None).status == 401)
    check(j.get("/v1/releases/hidden-1/report", token=None).status == 401)
    check(j.get("/releases/hidden-1", token=None).headers["location"] == "/login?next=/releases/hidden-1")
    for path in ("/login?next=//evil.example", "/login?next=https://evil.example", "/login?next=/releases/../x"):
        check("evil" not in j.get(path, token=None).text and "../x" not in j.get(path, token=None).text, path)
    page = new_page(browser)
    page.go(j.url + "/releases/hidden-1")
    check(page.run("location.pathname + location.search") == "/login?next=/releases/hidden-1")
    check(page.run("document.activeElement.id") == "token")
    page.screenshot(str(SHOTS / "login.png"))
    page.size(360, 740)
    check_fits(page, "the login page")
    check_quiet(page)
    page.close()
    a = j.get("/login", token=None)
    check("default-src 'none'" in a.headers["content-security-policy"] and "unsafe" not in a.headers["content-security-policy"], a.headers)


@suite.test
def test_session_only_reads(j, browser):
    cookie = session(j)
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        check(part in cookie, cookie)
    mine = {"Cookie": "other=1; " + cookie.split(";")[0]}
    check(j.get("/", token=None, headers=mine).status == 200)
    check(j.get("/v1/releases", token=None, headers=mine).status == 200)
    check(j.get("/v1/tokens", token=None, headers=mine).status == 403)
    check(j.post("/v1/releases/hidden-1/pause", {"why": "x"}, token=None, headers=mine).status == 401)
    check(j.post("/v1/samples", "x:1|c", token=None, headers=mine).status == 401)
    for wrong in ("judge_session=", "judge_session=" + "0" * 32, "judge_session=x; a=b", "xjudge_session=1"):
        check(j.get("/", token=None, headers={"Cookie": wrong}).status == 303, wrong)
    check(j.post("/logout", token=None, headers={**mine, "Sec-Fetch-Site": "cross-site"}).status == 403)
    check(j.get("/", token=None, headers=mine).status == 200, "a foreign site logged it out")
    a = j.post("/logout", token=None, headers=mine)
    check(a.status == 303 and "Max-Age=0" in a.headers["set-cookie"], a)
    check(j.get("/", token=None, headers=mine).status == 303)


@suite.test
def test_session_is_as_good_as_its_token(j, browser):
    form = "application/x-www-form-urlencoded"
    for token in ("", "wrong", "%zz", "a" * 3000, j.make_token("ingest", name="app")):
        a = j.post("/login", "token=" + token, type=form, token=None)
        check(a.status == 403 and "set-cookie" not in a.headers and 'role="alert"' in a.text, token, a)
    a = j.post("/login", "token=" + j.token, type=form, token=None, headers={"Sec-Fetch-Site": "cross-site"})
    check(a.status == 403 and "set-cookie" not in a.headers, a)
    apply(j, "other-1", "other")
    theirs = {"Cookie": session(j, j.make_token("read", name="team", services="hidden")).split(";")[0]}
    check("other-1" not in j.get("/", token=None, headers=theirs).text)
    for path in ("/releases/other-1", "/releases/other-1/live"):
        check(j.get(path, token=None, headers=theirs).status == 404, path)
    check(j.get("/v1/releases/other-1/report", token=None, headers=theirs).status == 403)
    check(j.get("/releases/hidden-1", token=None, headers=theirs).status == 200)
    for t in j.get("/v1/tokens").json["tokens"]:
        if t["name"] == "team":
            check(j.delete("/v1/tokens/" + t["id"]).status == 204)
    check(j.get("/", token=None, headers=theirs).status == 303, "a revoked token's session lives on")


@suite.test
def test_hostile_texts_stay_texts(j, browser):
    apply(j, "hostile-1", "hostile", revision="<img src=x onerror=document.title=1>")
    j.post("/v1/releases/hostile-1/pause", {"why": "</p><script>document.title=2</script>"})
    page = new_page(browser)
    log_in(j, page, "/releases/hostile-1")
    page.wait("document.querySelector('#banner').textContent.includes('<script>document.title=2')")
    check(page.run("document.querySelectorAll('main img, main script').length") == 0)
    check(page.run("document.title").startswith(("hostile-1", "Paused")), page.run("document.title"))
    page.go(j.url + "/v1/releases/hostile-1/report")
    check(page.run("document.querySelectorAll('img, script').length") == 0)
    check("<img src=x" in page.run("document.body.textContent"))
    check_quiet(page)
    page.close()


@suite.test
def test_a_release_live(j, browser):
    release = apply(j, "checkout-42", "checkout")
    page = new_page(browser)
    log_in(j, page, "/releases/" + release)
    page.wait(f"location.pathname === '/releases/{release}'")
    page.run("window.marked = true")  # gone after a reload
    page.wait("document.querySelector('#progress .phase b').textContent === 'judging'")
    page.wait("document.querySelector('#link').textContent.includes('live')")
    check(page.run("document.querySelector('#evidence').textContent").count("no samples") == 4)
    check(page.run("document.querySelectorAll('.pill.good').length") == 1, "only `live` may be green without data")
    check(j.post(f"/v1/releases/{release}/traffic", {"share": 0.5}).status == 202)
    took = page.wait("document.querySelector('#progress').textContent.includes('50 % candidate')", 10)
    check(took < 5, f"the share was shown after {took:.1f} s")
    with Traffic(j, "checkout", errors=0.01):
        took = page.wait("/[0-9] of [0-9,]+/.test(document.querySelector('#evidence .cohort').textContent)", 15)
        first = page.run("document.querySelector('#evidence').textContent")
        for part in ("errors", "latency", "guardrail", "undecided", "Margin 50 %", "ms"):
            check(part in first, part, first)
        check("blocks a step needs" in page.run("document.querySelector('#evidence .why').textContent"))
        page.wait("document.querySelector('#evidence svg.interval desc').textContent.includes('harm reaches the margin above')")
        took = page.wait(f"document.querySelector('#evidence').textContent !== {json.dumps(first)}", 10)
        check(took < 5, f"new samples were shown after {took:.1f} s")
        page.wait("document.querySelector('#trust .pill.good') !== null")
        check(page.run("window.marked === true"), "the page was loaded again")
        page.screenshot(str(SHOTS / "release.png"))
    check_quiet(page)
    page.close()


@suite.test
def test_harm_is_seen_without_a_reload(j, browser):
    release = apply(j, "search-7", "search")
    page = new_page(browser)
    log_in(j, page, "/releases/" + release)
    page.run("window.marked = true")
    check(j.post(f"/v1/releases/{release}/traffic", {"share": 0.5}).status == 202)
    with Traffic(j, "search", errors=0.3):
        page.wait("document.querySelector('#banner').classList.contains('bad')", 40)
    page.wait("document.querySelector('#banner h2').textContent === 'Rolled back'")
    check("harm shown at e =" in page.run("document.querySelector('#banner .why').textContent"))
    page.wait("document.querySelector('#log').textContent.includes('finish')")
    page.wait("document.querySelector('#link').textContent.includes('ended')")
    check("Rolled back" in page.run("document.getElementById('announce').textContent"), "nothing is said aloud")
    check(page.run("document.querySelector('#evidence .pill.bad').textContent").endswith("harmful"))
    check(page.run("window.marked === true"), "the page was loaded again")
    page.screenshot(str(SHOTS / "rolled-back.png"))
    page.go(j.url + f"/v1/releases/{release}/report")
    check("Rolled back" in page.run("document.body.textContent"))
    page.screenshot(str(SHOTS / "report.png"))
    check_quiet(page)
    page.close()


@suite.test
def test_silence_is_seen(j, browser):
    release = apply(j, "mailer-77", "mailer")
    page = new_page(browser)
    log_in(j, page, "/releases/" + release)
    page.wait("document.querySelector('#banner h2').textContent === 'No data'", 20)
    check(page.run("document.querySelectorAll('main .good').length") == 0, "no data looks good")
    page.screenshot(str(SHOTS / "no-data.png"))
    check_quiet(page)
    page.close()


@suite.test
def test_phone_dark_and_paper(j, browser):
    page = new_page(browser)
    log_in(j, page)
    light = page.run("getComputedStyle(document.body).backgroundColor")
    page.screenshot(str(SHOTS / "list.png"))
    page.scheme("dark")
    check(page.run("getComputedStyle(document.body).backgroundColor") != light, "dark looks like light")
    page.size(360, 740)
    for path, name in (("/", "list"), ("/releases/checkout-42", "release"), ("/releases/search-7", "rolled-back"),
                       ("/releases/mailer-77", "no-data"), ("/v1/releases/search-7/report", "report")):
        page.go(j.url + path)
        check_fits(page, path)
        page.screenshot(str(SHOTS / f"{name}-phone.png"))
    page.size(1100, 900)
    page.go(j.url + "/releases/search-7")
    page.screenshot(str(SHOTS / "rolled-back-dark.png"))
    page.scheme("light", media="print")
    check(page.run("getComputedStyle(document.querySelector('nav')).display") == "none")
    check_quiet(page)
    page.close()


@suite.test
def test_keyboard(j, browser):
    page = new_page(browser)
    log_in(j, page)
    page.go(j.url + "/")
    seen = []
    for _ in range(6):
        page.key("Tab", 9)
        seen.append(page.run("document.activeElement.getAttribute('href') || document.activeElement.tagName"))
    check(seen[0] == "#main" and "/" in seen and "BUTTON" in seen, seen)
    check(any(s.startswith("/releases/") for s in seen), seen)
    check(page.run("(() => { const a = document.querySelector('.releases h2 a'); a.focus({focusVisible: true}); return getComputedStyle(a, '::after').outlineStyle })()") == "solid")
    page.close()


@suite.test
def test_a_page_that_is_not_fresh_says_so(j, browser):
    apply(j, "fresh-0", "stale")
    page = new_page(browser)
    log_in(j, page)
    state = "document.querySelector('#link').textContent"
    focused = "document.activeElement.getAttribute('href')"
    page.run("document.querySelector('.releases h2 a').focus()")
    before = page.run(focused)
    apply(j, "fresh-1", "fresh")
    page.wait("[...document.querySelectorAll('.releases h2 a')].some(a => a.textContent === 'fresh-1')", 20)
    check(page.run(focused) == before, "the focus was lost:", page.run(focused), before)
    page.go(j.url + "/releases/fresh-1")
    page.wait(state + ".includes('live')")
    page.run("getSelection().selectAllChildren(document.querySelector('#banner'))")
    j.post("/v1/releases/fresh-1/pause", {"why": "seen by nobody"})
    page.wait(state + ".includes('text is selected')", 20)
    check("Paused" not in page.run("document.querySelector('#banner').textContent"), "the selection was torn away")
    page.run("getSelection().removeAllRanges()")
    page.wait("document.querySelector('#banner h2').textContent === 'Paused'", 20)
    page.wait(state + ".includes('live')")
    page.run("window.fetches = window.fetch; window.fetch = () => Promise.reject(new Error('away'))")
    page.wait(state + ".includes('connection lost')", 20)
    page.run("window.fetch = window.fetches")
    page.wait(state + ".includes('live')", 20)
    check_quiet(page)
    j.post("/v1/releases/fresh-1/abort", {"why": "over"})
    page.close()


@suite.test
def test_without_javascript(j, browser):
    page = new_page(browser)
    log_in(j, page)
    page.scripts(False)
    page.go(j.url + "/releases/search-7")
    page.scripts(True)  # the page's own did not run; ours may look
    check(page.run("document.getElementById('link').hidden"))
    for part in ("Rolled back", "harm shown at e =", "Decision log", "Steps taken", "Method"):
        check(part in page.run("document.querySelector('main').textContent"), part)
    page.close()


@suite.test
def test_report_forms(j, browser):
    path = "/v1/releases/search-7/report"
    for accept, type, part in (("application/json", "application/json", '"headline":{"tone":"bad"'), ("text/html", "text/html", "<!doctype html>"),
                               ("text/csv", "text/csv", "release,service,"), ("text/markdown", "text/markdown", "# search-7"),
                               ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html", "<!doctype html>"), ("*/*", "application/json", "{")):
        a = j.get(path, headers={"Accept": accept})
        check(a.status == 200 and a.headers["content-type"].startswith(type) and part in a.text[:2000], accept, a)
    check(j.get(path + "?format=csv").headers["content-type"].startswith("text/csv"))
    check(j.get(path + "?format=pdf").status == 400)
    check(j.get("/v1/releases/none-such/report").status == 404)
    described = j.get("/v1/openapi.json").json["paths"]
    check("/v1/releases/{id}/report" in described and "/" not in described and "/login" not in described, list(described))


@suite.test
def test_a_service_that_goes_away(j, browser):
    page = new_page(browser)
    log_in(j, page, "/releases/mailer-77")
    page.wait("document.querySelector('#link').textContent.includes('live')")
    j.kill()
    page.wait("document.querySelector('#link').textContent.includes('connection lost')")
    check("mailer-77" in page.run("document.querySelector('main').textContent"), "the page is empty")
    j.start()
    page.wait("location.pathname === '/login'", 20)  # sessions end with the process
    log_in(j, page, "/releases/mailer-77")
    page.wait("location.pathname === '/releases/mailer-77' && document.querySelector('#link').textContent.includes('live')")
    page.close()


def main():
    if not shutil.which(CHROMIUM):
        print(f"skipped: {CHROMIUM} is not installed\n0 passed, 0 failed, {len(suite.tests)} skipped")
        return
    with Judged() as j, Browser() as browser:
        suite.run(j, browser)


main()
