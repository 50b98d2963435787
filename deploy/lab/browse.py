"""A browser driven over its DevTools protocol. Runs in the client's namespace.

    browse.py PORT      the browser's --remote-debugging-port; a JSON command on each line of stdin

Answers each line with one of JSON. Standalone on purpose, like ask.py.

    {"open": URL}       {"protocol": "h2", "status": 200, "address": "203.0.113.10", "text": "…"}, or {"error": …}
    {"evaluate": JS}    {"value": …} of the expression, awaited
    {"forget": true}    {}; a window of a new profile: no connections, nothing heard of any site
"""

import json
import sys
import time
import urllib.request

import websocket

_PATIENCE_S = 30


class Link:
    """Calls over one connection to the browser, and the events that came beside the answers."""

    def __init__(self, address: str):
        self._link = websocket.create_connection(address, timeout=_PATIENCE_S)
        self._last = 0
        self._events = []

    def call(self, method: str, **parameters) -> dict:
        self._last += 1
        self._link.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._link.recv())
            if message.get("id") == self._last:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            if "method" in message:
                self._events.append(message)

    def forget_events(self) -> None:
        self._events.clear()

    def wait(self, is_it) -> dict:
        end = time.monotonic() + _PATIENCE_S
        seen = 0
        while time.monotonic() < end:
            for event in self._events[seen:]:
                if is_it(event):
                    return event
            seen = len(self._events)
            message = json.loads(self._link.recv())
            if "method" in message:
                self._events.append(message)
        raise RuntimeError("the page did not load in time")

    def close(self) -> None:
        self._link.close()


class Page:
    def __init__(self, address: str):
        self._link = Link(address)
        for domain in ("Page", "Network", "Runtime"):
            self._link.call(f"{domain}.enable")
        # What was answered once would be shown again, as it was answered then.
        self._link.call("Network.setCacheDisabled", cacheDisabled=True)

    def open(self, url: str) -> dict:
        self._link.forget_events()
        navigated = self._link.call("Page.navigate", url=url)
        if "errorText" in navigated:
            return {"error": navigated["errorText"]}
        loader = navigated["loaderId"]
        response = self._link.wait(lambda event: event["method"] == "Network.responseReceived" and
                                   event["params"]["requestId"] == loader)["params"]["response"]
        self._link.wait(lambda event: event["method"] == "Page.loadEventFired")
        return {"protocol": response["protocol"], "status": response["status"],
                "address": response.get("remoteIPAddress", "").strip("[]"),
                "text": self.evaluate("document.body.innerText")["value"]}

    def evaluate(self, expression: str) -> dict:
        answer = self._link.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                                 returnByValue=True)
        if "exceptionDetails" in answer:
            return {"error": answer["exceptionDetails"].get("text", "")}
        return {"value": answer["result"].get("value")}

    def close(self) -> None:
        self._link.close()


class Browser:
    """The one page that is looked at: the browser's first, later those of profiles made for them."""

    def __init__(self, port: int):
        self._port = port
        self.page = Page(_first_page(port))
        self._link = Link(_told(port, "version")["webSocketDebuggerUrl"])
        self._profile = ""

    def forget(self) -> dict:
        self.page.close()
        if self._profile:
            self._link.call("Target.disposeBrowserContext", browserContextId=self._profile)
        self._profile = self._link.call("Target.createBrowserContext")["browserContextId"]
        page = self._link.call("Target.createTarget", url="about:blank", browserContextId=self._profile)
        self.page = Page(f"ws://127.0.0.1:{self._port}/devtools/page/{page['targetId']}")
        return {}


def _first_page(port: int) -> str:
    """Its address, as soon as the browser has one."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            pages = [one for one in _told(port, "list") if one["type"] == "page"]
            if pages:
                return pages[0]["webSocketDebuggerUrl"]
        except OSError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(f"no browser answers on port {port}")
        time.sleep(0.1)


def _told(port: int, what: str):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/{what}", timeout=5) as answer:
        return json.load(answer)


def _do(browser: Browser, command: dict) -> dict:
    if "open" in command:
        return browser.page.open(command["open"])
    if "forget" in command:
        return browser.forget()
    return browser.page.evaluate(command["evaluate"])


def main() -> None:
    browser = Browser(int(sys.argv[1]))
    for line in sys.stdin:
        try:
            answer = _do(browser, json.loads(line))
        except (RuntimeError, OSError, websocket.WebSocketException) as problem:
            answer = {"error": str(problem)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
