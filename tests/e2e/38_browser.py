"""A browser that knows nothing but the name of the site: it is told of HTTP/3 in the header, takes it, and
keeps a download over a moving route."""

import json
import time

from harness.browser import browser, possible
from harness.case import expect, expect_equal, say
from harness.orders import serve
from lab import route_move
from lab.client import FAMILIES
from lab.route_move import MOVE_AT, SIZE
from lab.shell import wait_until

FULL = True
SITE = "www.example.test"
PROMISE = 'h3=":443"; ma=300'
LAB = {"controller": {"alt_svc": {"hold_5m": "3s", "watch": "1s", "old_connections": "1s"}}}
# What the page does: fetches the file piece by piece, so that its progress can be seen, and digests it.
FETCH = """
window.got = 0; window.digest = "";
(async () => {
  const reader = (await fetch(PATH, {cache: "no-store"})).body.getReader();
  const parts = [];
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    parts.push(value);
    window.got += value.length;
  }
  const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
  window.digest = [...new Uint8Array(digest)].map(b => b.toString(16).padStart(2, "0")).join("");
})().catch(problem => { window.digest = "failed: " + problem; });
0
"""


def it_finds_http3_through_the_header_and_uses_it(fleet):
    possible()
    _promised(fleet)
    for family in FAMILIES:
        with browser(fleet, SITE, family) as window:
            first = window.open(f"https://{SITE}/")
            expect_equal((first["protocol"], first["status"]), ("h2", 200), "its first answer")
            found = _open_until_h3(window, f"https://{SITE}/")
            said = json.loads(found["text"])
            expect_equal(said["protocol"], "HTTP/3.0", "the protocol that the node saw")
            say(f"IPv{family}: h2 at first, then HTTP/3 from {said['node']} ({found['address']})")


def its_download_survives_a_moving_route(fleet):
    possible()
    _promised(fleet)
    family = 4  # over IPv6 it takes no preferred address: docs/quicd.md
    with route_move.edge_of(fleet, SITE) as edge:
        before = edge.migrations()  # it goes there as soon as it is connected
        with browser(fleet, SITE, family) as window:
            _open_until_h3(window, f"https://{SITE}/small")
            _download_over_a_move(edge, window, family)
        expect(edge.migrations() > before, "nobody moved to a preferred address")


def _download_over_a_move(edge, window, family: int) -> None:
    sent = edge.sent()
    began = time.monotonic()
    window.evaluate(FETCH.replace("PATH", json.dumps(f"/{route_move.FILE}")))
    wait_until("a quarter of the download", lambda: window.evaluate("window.got") >= MOVE_AT, timeout_s=30,
               every_s=0.005)
    with edge.route_moved(family, edge.busiest_since(sent)) as left:
        at_move = window.evaluate("window.got")
        wait_until("the end of the download", lambda: window.evaluate("window.digest"), timeout_s=60)
    took_s = time.monotonic() - began
    expect_equal(window.evaluate("window.digest"), edge.digest, f"download over IPv{family}")
    expect(MOVE_AT <= at_move < SIZE, f"the move fell outside: {at_move} of {SIZE}")
    entry = f"performance.getEntriesByName(new URL('/{route_move.FILE}', location).href)[0].nextHopProtocol"
    expect_equal(window.evaluate(entry), "h3", "the protocol of the download")
    say(f"IPv{family}: route moved from {left} at {at_move / 1e6:.1f} of {SIZE / 1e6:.0f} MB; complete after "
        f"{took_s:.1f} s")


def _open_until_h3(window, url: str) -> dict:
    """It races the two; the connection that it has may win once more."""
    seen = []
    for _ in range(6):
        answer = window.open(url)
        seen.append(answer["protocol"])
        if answer["protocol"] == "h3":
            return answer
        time.sleep(0.5)
    expect(False, f"it never used HTTP/3: {seen}")


def _promised(fleet) -> None:
    fleet.quic_server("quicd")
    serve(fleet, SITE)
    wait_until("HTTP/3 is promised by every node", lambda: _is_promised(fleet), timeout_s=60, every_s=0.2)


def _is_promised(fleet) -> bool:
    shown = fleet.controller.cli.json("alt-svc", "show", SITE)["sites"][0]
    nodes = shown.get("nodes", [])
    return len(nodes) == len(fleet.nodes) and all(
        node.get("shown") and node["values"] == [PROMISE] for node in nodes)
