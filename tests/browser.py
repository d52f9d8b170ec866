"""A headless Chromium that is driven by the DevTools protocol over a pair of pipes: real key presses, without a server."""

import base64
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Flags that keep a browser from any network.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
# Keys that are not letters: their code, their number, and the text that they enter.
NAMED = {
    " ": ("Space", 32, " "),
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
}


def program() -> str | None:
    """The path of a browser, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _moved(end):
    """The same end of a pipe with a number of at least 10."""
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(end)
    return moved


class Browser:
    """A browser with one page.

    Parameters
    ----------
    profile : Path
        Where it keeps its data, those of `localStorage` among them.
    downloads : Path
        Where downloads go.
    """

    def __init__(self, profile: Path, downloads: Path):
        self.profile, self.downloads = profile, downloads
        self._number, self._events = 0, []

    def __enter__(self):
        # The browser reads commands from its descriptor 3 and writes answers to 4, each ended by a zero byte.
        # Theirs are moved out of the way of these two.
        there, self._to, self._from, back = map(_moved, (*os.pipe(), *os.pipe()))
        command = [
            "bash",
            "-c",
            f'exec "$0" "$@" 3<&{there} 4>&{back} {there}<&- {back}>&-',
            program(),
            *FLAGS,
            "--remote-debugging-pipe",
            f"--user-data-dir={self.profile}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            command,
            pass_fds=(there, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(there)
        os.close(back)
        self._rest = b""
        target = self._call("Target.getTargets")["targetInfos"]
        page = next(each for each in target if each["type"] == "page")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._send("Browser.close")
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        os.close(self._to)
        os.close(self._from)

    def kill(self):
        """End the browser at once, as a crash does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def call(self, method: str, **params):
        """The answer to a command to the page; RuntimeError where the page refuses it."""
        return self._call(method, self._session, **params)

    def _send(self, method, session=None, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")

    def _call(self, method, session=None, **params):
        self._send(method, session, **params)
        number = self._number
        while True:
            answer = self._read()
            if answer.get("id") != number:
                self._events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def _read(self):
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 20)
            if not data:
                raise RuntimeError("expected an answer of the browser, found that it has ended")
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path: Path, *, width: int = 1280, height: int = 900):
        """Show a file, in a window of a size in pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete'")

    def value(self, expression: str):
        """What an expression gives in the page, as JSON; RuntimeError where it throws."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", str(found)))
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 20):
        """Wait until an expression is true in the page; TimeoutError where it does not become so."""
        ends = time.monotonic() + seconds
        while not self.value(expression):
            if time.monotonic() > ends:
                raise TimeoutError(expression)
            time.sleep(0.02)

    def press(self, key: str, *, shift: bool = False):
        """Press and release a key, as a hand does."""
        code, number, text = NAMED.get(key) or (f"Key{key.upper()}", ord(key.upper()), key)
        if shift and len(key) == 1:
            key = text = key.upper()
        about = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 8 * shift}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, selector: str):
        """Press and release the left button of the mouse over an element."""
        self.value(f"document.querySelector({selector!r}).scrollIntoView({{ block: 'center' }})")
        place = f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])(document.querySelector({selector!r}).getBoundingClientRect())"
        x, y = self.value(place)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str):
        """Enter text where the cursor is."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path):
        """Write what is shown, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def complaints(self) -> list[str]:
        """What the page has complained of so far: errors, and requests that its policy forbids."""
        self.value("0")
        found = [
            json.dumps(each["params"])
            for each in self._events
            if each.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
        ]
        return found
