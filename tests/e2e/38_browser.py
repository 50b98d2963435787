"""A browser that knows nothing but the name of the site: it is told of HTTP/3 in the header, takes it, and
keeps a download over a moving route."""

import contextlib
import json
import time

from harness.browser import browser, possible
from harness.case import expect, expect_equal, say
from harness.orders import serve
from lab import route_move
from lab.client import FAMILIES
from lab.netns import Count
from lab.route_move import MOVE_AT, SIZE
from lab.shell import wait_until

FULL = True
SITE = "www.example.test"
REQUESTS = 10
DOWNLOADS = 20 # of each family
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
        with browser(fleet, SITE, family) as window, _port443(fleet) as (udp, tcp):
            first = window.open(f"https://{SITE}/")
            expect_equal((first["protocol"], first["status"]), ("h2", 200), "its first answer")
            expect_equal(json.loads(first["text"])["protocol"], "HTTP/2.0", "the protocol that the node saw")
            found = _open_until_moved(fleet, window, f"https://{SITE}/")
            before = udp.went(), udp.came(), tcp.went()
            for _ in range(REQUESTS):
                answer = window.open(f"https://{SITE}/")
                said = json.loads(answer["text"])
                expect_equal(said["protocol"], "HTTP/3.0", "the protocol that the node saw")
            went, came, over_tcp = (now - then for now, then in zip(
                (udp.went(), udp.came(), tcp.went()), before))
            say(f"IPv{family}: h2 at first, then HTTP/3 from {said['node']} ({found['address']}); of "
                f"{REQUESTS} requests {went} packets to UDP 443, {came} from it, {over_tcp} to TCP 443")
            expect(min(went, came) >= REQUESTS > over_tcp, "UDP 443 did not carry the requests")


def twenty_downloads_a_family_survive_a_moving_route(fleet):
    possible()
    _promised(fleet)
    with route_move.edge_of(fleet, SITE) as edge, _port443(fleet) as (udp, tcp):
        moved, before = edge.migrations(), (udp.came("bytes"), tcp.came("bytes"))
        for family in FAMILIES:
            with browser(fleet, SITE, family) as window:
                for _ in range(DOWNLOADS):
                    _download_over_a_move(edge, window, family)
                    window.forget()
        downloads = len(FAMILIES) * DOWNLOADS
        moved = edge.migrations() - moved
        expect(moved >= downloads, f"{moved} connections moved to a preferred address, not {downloads}")
        over_udp, over_tcp = udp.came("bytes") - before[0], tcp.came("bytes") - before[1]
        say(f"{over_udp / 1e6:.0f} MB came from UDP 443, {over_tcp / 1e6:.1f} MB from TCP 443")
        expect(over_udp > downloads * SIZE > 100 * over_tcp, "UDP 443 did not carry the downloads")


def its_idle_connection_answers_at_once_after_the_route_has_moved(fleet):
    possible()
    _promised(fleet)
    with route_move.edge_of(fleet, SITE) as edge:
        for family in FAMILIES:
            with browser(fleet, SITE, family) as window:
                first = _open_until_moved(fleet, window, f"https://{SITE}/small")
                with edge.route_moved(family, _node_of(fleet, first)):
                    time.sleep(1)
                    began = time.monotonic()
                    answer = window.open(f"https://{SITE}/small")
                    took_s = time.monotonic() - began
                # A new connection would have gone where the route leads now.
                expect_equal((answer["protocol"], answer["address"]), ("h3", first["address"]), "its next answer")
                say(f"IPv{family}: the next request took {took_s * 1000:.0f} ms")
                expect(took_s <= 1, f"the next request took {took_s:.1f} s")


def without_a_preferred_address_its_download_breaks(fleet):
    possible()
    _promised(fleet)
    fleet.quic_server("quicd", preferred_address=False)
    with route_move.edge_of(fleet, SITE) as edge:
        for family in FAMILIES:
            with browser(fleet, SITE, family) as window:
                _open_until_h3(window, f"https://{SITE}/small")
                at_move, _ = _download(edge, window, family)
                digest, got = window.evaluate("window.digest"), window.evaluate("window.got")
                say(f"IPv{family}: {got / 1e6:.1f} of {SIZE / 1e6:.0f} MB, then {digest}")
                expect(MOVE_AT <= at_move < SIZE, f"the move fell outside: {at_move} of {SIZE}")
                expect(digest.startswith("failed: ") and got < SIZE,
                       "the download completed, so this test shows nothing")


def _download_over_a_move(edge, window, family: int) -> None:
    """Of a connection that has moved to the node's own address by then."""
    node = _node_of(edge.fleet, _open_until_moved(edge.fleet, window, f"https://{SITE}/small"))
    began = time.monotonic()
    at_move, left = _download(edge, window, family)
    took_s = time.monotonic() - began
    expect_equal(left, node.name, "the node that sent the most")
    expect_equal(window.evaluate("window.digest"), edge.digest, f"download over IPv{family}")
    expect(MOVE_AT <= at_move < SIZE, f"the move fell outside: {at_move} of {SIZE}")
    entry = f"performance.getEntriesByName(new URL('/{route_move.FILE}', location).href)[0].nextHopProtocol"
    expect_equal(window.evaluate(entry), "h3", "the protocol of the download")
    say(f"IPv{family}: route moved from {left} at {at_move / 1e6:.1f} of {SIZE / 1e6:.0f} MB; complete after "
        f"{took_s:.1f} s")


def _download(edge, window, family: int) -> tuple[int, str]:
    """To its end, whatever that is. How much was there when the route moved, and from which node."""
    sent = edge.sent()
    window.evaluate(FETCH.replace("PATH", json.dumps(f"/{route_move.FILE}")))
    wait_until("a quarter of the download", lambda: window.evaluate("window.got") >= MOVE_AT, timeout_s=30,
               every_s=0.005)
    with edge.route_moved(family, edge.busiest_since(sent)) as left:
        at_move = window.evaluate("window.got")
        wait_until("the end of the download", lambda: window.evaluate("window.digest"), timeout_s=60)
    return at_move, left


def _open_until_moved(fleet, window, url: str) -> dict:
    """The first answer that came from a node's own address."""
    for _ in range(6):
        answer = _open_until_h3(window, url)
        if _node_of(fleet, answer):
            return answer
        time.sleep(0.2)
    expect(False, f"it went to no preferred address: HTTP/3 comes from {answer['address']}")


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


def _node_of(fleet, answer: dict):
    """Whose own address an answer came from; None if it is a service address."""
    return next((node for node in fleet.nodes
                 if answer["address"] in (node.place.ipv4, node.place.ipv6)), None)


@contextlib.contextmanager
def _port443(fleet):
    """What crosses the client's uplink to and from UDP 443 and TCP 443."""
    with contextlib.ExitStack() as stack:
        yield tuple(stack.enter_context(Count(
            fleet.layout.client.namespace, f"{protocol}443", incoming=f"{protocol} sport 443",
            outgoing=f"{protocol} dport 443")) for protocol in ("udp", "tcp"))


def _promised(fleet) -> None:
    fleet.quic_server("quicd")
    serve(fleet, SITE)
    wait_until("HTTP/3 is promised by every node", lambda: _is_promised(fleet), timeout_s=60, every_s=0.2)


def _is_promised(fleet) -> bool:
    shown = fleet.controller.cli.json("alt-svc", "show", SITE)["sites"][0]
    nodes = shown.get("nodes", [])
    return len(nodes) == len(fleet.nodes) and all(
        node.get("shown") and node["values"] == [PROMISE] for node in nodes)
