"""A headless Chromium driven through the DevTools protocol, with nothing but the standard library.

    with Browser() as browser:
        page = browser.page()
        page.go("http://127.0.0.1:8700/")
        page.wait("document.title !== ''")
        page.run("document.title")

Chromium gets a profile of its own in a temporary directory and no network of its own making. What
the page complains about (console errors, uncaught exceptions, blocked by policy, requests that
failed) is gathered in page.complaints. Every wait has a deadline.
"""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

CHROMIUM = "/usr/bin/chromium"
START_S = 30
CALL_S = 20

OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage", "--mute-audio",
    "--hide-scrollbars", "--remote-debugging-port=0",
]


class WebSocket:
    """The client side of RFC 6455: text frames, pings answered."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=CALL_S)
        self.pending = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            (f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
             "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.pending:
            self._more()
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError("no websocket: " + head.decode(errors="replace"))

    def _more(self):
        got = self.socket.recv(65536)
        if not got:
            raise OSError("the browser closed the connection")
        self.pending += got

    def _take(self, n):
        while len(self.pending) < n:
            self._more()
        out, self.pending = self.pending[:n], self.pending[n:]
        return out

    def _frame(self, opcode, payload):
        mask = os.urandom(4)
        n = len(payload)
        head = bytes([0x80 | opcode])
        if n < 126:
            head += bytes([0x80 | n])
        elif n < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", n)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", n)
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.socket.sendall(head + mask + masked)

    def send(self, text):
        self._frame(1, text.encode())

    def receive(self, timeout):
        """One text message, or None when none came in time."""
        whole = b""
        while True:
            self.socket.settimeout(timeout)
            try:
                if len(self.pending) < 2:
                    self._more()
                    if len(self.pending) < 2:
                        continue
            except socket.timeout:
                return None
            self.socket.settimeout(CALL_S)
            first, second = self._take(2)
            n = second & 0x7F
            if n == 126:
                n = struct.unpack(">H", self._take(2))[0]
            elif n == 127:
                n = struct.unpack(">Q", self._take(8))[0]
            payload = self._take(n)
            opcode = first & 0x0F
            if opcode == 9:
                self._frame(10, payload)
            elif opcode == 8:
                raise OSError("the browser closed the websocket")
            elif opcode in (0, 1):
                whole += payload
                if first & 0x80:
                    return whole.decode()

    def close(self):
        self.socket.close()


class Page:
    def __init__(self, url):
        self.socket = WebSocket(url)
        self.last = 0
        self.complaints = []
        self.loaded = False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def _event(self, message):
        method, p = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append("exception: " + json.dumps(p["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning", "assert"):
            self.complaints.append("console: " + json.dumps(p["args"])[:500])
        elif method == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
            self.complaints.append("log: " + p["entry"]["text"] + " " + p["entry"].get("url", ""))

    def _pump(self, timeout):
        text = self.socket.receive(timeout)
        if text is None:
            return None
        message = json.loads(text)
        if "id" not in message:
            self._event(message)
        return message

    def call(self, method, **params):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": params}))
        deadline = time.monotonic() + CALL_S
        while time.monotonic() < deadline:
            message = self._pump(1)
            if message and message.get("id") == self.last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
        raise TimeoutError(method)

    def run(self, expression):
        """The value of a JavaScript expression in the page."""
        out = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                        awaitPromise=True)
        if "exceptionDetails" in out:
            raise RuntimeError(json.dumps(out["exceptionDetails"])[:800])
        return out["result"].get("value")

    def _wait_loaded(self):
        deadline = time.monotonic() + CALL_S
        while not self.loaded:
            if time.monotonic() > deadline:
                raise TimeoutError("the page did not load")
            self._pump(1)

    def go(self, url):
        self.loaded = False
        out = self.call("Page.navigate", url=url)
        if out.get("errorText"):
            raise RuntimeError(f"{url}: {out['errorText']}")
        self._wait_loaded()

    def act(self, expression):
        """Runs what leads to another page, and waits for it."""
        self.loaded = False
        self.run(expression)
        self._wait_loaded()

    def wait(self, expression, seconds=10):
        """Until the expression is true: how long it took. Fails after the deadline."""
        began = time.monotonic()
        while True:
            if self.run(expression):
                return time.monotonic() - began
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"after {seconds} s still not: {expression}")
            self._pump(0.1)

    def key(self, name, code):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                      windowsVirtualKeyCode=code)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def scheme(self, name, media=""):
        """"dark" or "light"; media "print" for paper."""
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": name}])

    def scripts(self, on):
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def screenshot(self, path):
        out = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                        **{"clip": dict(x=0, y=0, scale=1, **self._extent())})
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(out["data"]))

    def close(self):
        self.call("Page.close")
        self.socket.close()

    def _extent(self):
        box = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"width": box["width"], "height": box["height"]}


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="judge-chromium-")
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [CHROMIUM, *OPTIONS, "--user-data-dir=" + self.profile, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.address = "http://127.0.0.1:" + self._port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _port(self):
        path = os.path.join(self.profile, "DevToolsActivePort")
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if os.path.exists(path):
                with open(path, encoding="ascii") as file:
                    lines = file.read().splitlines()
                if len(lines) >= 2:
                    return lines[0]
            if self.process.poll() is not None:
                raise RuntimeError(f"chromium ended with {self.process.returncode}")
            time.sleep(0.05)
        raise TimeoutError("chromium did not open its DevTools port")

    def page(self):
        request = urllib.request.Request(self.address + "/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=CALL_S) as answer:
            return Page(json.load(answer)["webSocketDebuggerUrl"])

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
