"""A browser driven over its DevTools protocol. Runs in the client's namespace.

    browse.py PORT      the browser's --remote-debugging-port; a JSON command on each line of stdin

Answers each line with one of JSON. Standalone on purpose, like ask.py.

    {"open": URL}       {"protocol": "h2", "status": 200, "address": "203.0.113.10", "text": "…"}, or {"error": …}
    {"evaluate": JS}    {"value": …} of the expression, awaited
"""

import json
import sys
import time
import urllib.request

import websocket

_PATIENCE_S = 30


class Page:
    def __init__(self, port: int):
        self._link = websocket.create_connection(_address_of_page(port), timeout=_PATIENCE_S)
        self._last = 0
        self._events = []
        for domain in ("Page", "Network", "Runtime"):
            self._call(f"{domain}.enable")
        # What was answered once would be shown again, as it was answered then.
        self._call("Network.setCacheDisabled", cacheDisabled=True)

    def open(self, url: str) -> dict:
        self._events.clear()
        navigated = self._call("Page.navigate", url=url)
        if "errorText" in navigated:
            return {"error": navigated["errorText"]}
        loader = navigated["loaderId"]
        response = self._wait(lambda event: event["method"] == "Network.responseReceived" and
                              event["params"]["requestId"] == loader)["params"]["response"]
        self._wait(lambda event: event["method"] == "Page.loadEventFired")
        return {"protocol": response["protocol"], "status": response["status"],
                "address": response.get("remoteIPAddress", "").strip("[]"),
                "text": self.evaluate("document.body.innerText")["value"]}

    def evaluate(self, expression: str) -> dict:
        answer = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            return {"error": answer["exceptionDetails"].get("text", "")}
        return {"value": answer["result"].get("value")}

    def _call(self, method: str, **parameters) -> dict:
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

    def _wait(self, is_it) -> dict:
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


def _address_of_page(port: int) -> str:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
                pages = [one for one in json.load(answer) if one["type"] == "page"]
            if pages:
                return pages[0]["webSocketDebuggerUrl"]
        except OSError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(f"no browser answers on port {port}")
        time.sleep(0.1)


def main() -> None:
    page = Page(int(sys.argv[1]))
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = page.open(command["open"]) if "open" in command else page.evaluate(command["evaluate"])
        except (RuntimeError, OSError, websocket.WebSocketException) as problem:
            answer = {"error": str(problem)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
