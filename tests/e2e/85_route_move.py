"""The anycast route moves to another node in the middle of an HTTP/3 download.

With a preferred address the client has gone to the node's own address by then, and the download
completes byte for byte. Without one, and on Caddy's HTTP/3, it does not: that is what lockstep-quicd
is for. The node that the packets come to then knows them for another's, counts them and is silent.
"""

import contextlib
import itertools

from harness.case import expect, expect_equal, say
from harness.discover import full
from harness.orders import serve
from lab import layout as lay
from lab import route_move
from lab.netns import Count
from lab.route_move import MOVE_AT, PORT, SIZE
from lab.shell import wait_until

SITE = "www.example.test"
FAMILIES = (4, 6)


def a_download_survives_a_moving_route(fleet):
    _moves(fleet, times=1)


@full
def twenty_downloads_a_family_survive_a_moving_route(fleet):
    _moves(fleet, times=20)


def without_a_preferred_address_it_does_not(fleet):
    _without_preferred_address(fleet, times=1)


@full
def without_a_preferred_address_it_never_does(fleet):
    _without_preferred_address(fleet, times=3)


def an_idle_connection_answers_at_once_after_the_route_has_moved(fleet):
    with _edge(fleet) as edge:
        for family in FAMILIES:
            took_s = edge.ask_after_idling(family)
            say(f"IPv{family}: the next request took {took_s * 1000:.0f} ms")
            expect(took_s <= 1, f"the next request took {took_s:.1f} s")


@full
def libcurl_goes_to_no_preferred_address_and_loses_its_download(fleet):
    home = fleet.layout.home("client")
    home.mkdir(exist_ok=True)
    cache, target = home / "alt-svc", home / "libcurl-got"
    cache.write_text(f'h2 {SITE} {PORT} h3 {SITE} {PORT} "20991231 00:00:00" 0 0\n')
    with _edge(fleet) as edge:
        for family in FAMILIES:
            target.unlink(missing_ok=True)
            with _to_nodes(fleet, family) as offered, fleet.client.visit(
                    family, SITE, cache, path=f"/{route_move.FILE}", into=str(target), timeout_ms=60_000,
                    silence_s=route_move.SILENCE_S) as visit:
                sent = edge.sent()
                wait_until("a quarter of the download",
                           lambda: visit.ended() or target.exists() and target.stat().st_size >= MOVE_AT,
                           timeout_s=20, every_s=0.005)
                with edge.route_moved(family, edge.busiest_since(sent)):
                    at_move = target.stat().st_size
                    seen = visit.result()
                got, tried = target.stat().st_size, offered.went()
            say(f"IPv{family}: {seen['spoken']} from {seen['address']}, {got} of {SIZE} bytes, the route moved at "
                f"{at_move}: {seen['error']}; {tried} packets to a preferred address")
            expect_equal((seen["spoken"], seen["address"]), ("HTTP/3.0", lay.service_address(family)), "libcurl")
            expect(MOVE_AT <= at_move < SIZE, f"the move fell outside: {at_move} of {SIZE}")
            expect(seen["error"] and got < SIZE, "the download completed: libcurl's row in docs/quicd.md is wrong")
            expect_equal(tried, 0, "packets to a preferred address")


def on_caddys_own_http3_it_does_not(fleet):
    _on_caddy(fleet, times=1)


@full
def on_caddys_own_http3_it_never_does(fleet):
    _on_caddy(fleet, times=3)


def _moves(fleet, times: int) -> None:
    with _edge(fleet) as edge:
        before = edge.migrations()
        for attempt in range(times):
            for family in FAMILIES:
                with _to_nodes(fleet, family) as own:
                    seen = edge.download(family)
                    over_own = own.came("bytes")
                expect_equal(seen.digest, edge.digest, f"download {attempt + 1}, IPv{family}: {seen}")
                expect(over_own > SIZE - MOVE_AT, f"{over_own} bytes came from the nodes' own addresses")
                expect(MOVE_AT <= seen.bytes_at_move < SIZE, f"the move fell outside: {seen}")
                say(f"IPv{family}: route moved from {seen.left} at {seen.bytes_at_move / 1e6:.1f} of "
                    f"{SIZE / 1e6:.0f} MB; complete after {seen.seconds:.1f} s")
        moved, downloads = edge.migrations() - before, times * len(FAMILIES)
        expect(moved >= downloads, f"{moved} clients moved to a preferred address, not {downloads}")


def _without_preferred_address(fleet, times: int) -> None:
    with _edge(fleet, preferred_address=False) as edge:
        for _, family in itertools.product(range(times), FAMILIES):
            before = edge.foreign()
            with _captures(fleet, family) as silence:
                _expect_broken(edge.download(family), f"quicd without a preferred address, IPv{family}")
            counted = edge.foreign() - before
            say(f"IPv{family}: {counted} datagrams of another node's connection counted, 0 answered")
            expect(counted > 0, "the new node counted no foreign connection ID")
            silence.expect_silent()


def _on_caddy(fleet, times: int) -> None:
    serve(fleet, SITE)
    fleet.quic_server("caddy")
    with route_move.edge_of(fleet, SITE) as edge:
        for _, family in itertools.product(range(times), FAMILIES):
            _expect_broken(edge.download(family), f"Caddy's HTTP/3, IPv{family}")


def _expect_broken(seen, what: str) -> None:
    say(f"{what}: {seen.bytes} of {SIZE} bytes, the route moved at {seen.bytes_at_move}")
    expect(MOVE_AT <= seen.bytes_at_move < SIZE, f"the move fell outside: {seen}")
    expect(seen.bytes < SIZE, f"{what}: the download completed, so this test shows nothing")


def _to_nodes(fleet, family: int) -> Count:
    """What the client sends to UDP 443 of the nodes' own addresses, and gets from there."""
    protocol = "ip" if family == 4 else "ip6"
    own = ", ".join(node.place.ipv4 if family == 4 else node.place.ipv6 for node in fleet.nodes)
    wire = f"udp {{}}port {PORT}"
    return Count(fleet.layout.client.namespace, "nodes", incoming=f"{protocol} saddr {{ {own} }} {wire.format('s')}",
                 outgoing=f"{protocol} daddr {{ {own} }} {wire.format('d')}")


class _Silence:
    """Datagrams to the client from the service address's QUIC port, per node."""

    def __init__(self, fleet, family: int):
        self._fleet, self._family = fleet, family
        self._captures = {}

    def open(self, stack) -> None:
        client = self._fleet.layout.client
        answers = (f"src host {lay.service_address(self._family)} and udp src port {PORT} and "
                   f"dst host {client.ipv4 if self._family == 4 else client.ipv6}")
        for node in self._fleet.nodes:
            self._captures[node.name] = stack.enter_context(node.capture(answers))

    def expect_silent(self) -> None:
        """One node served the connection; none of the others said anything."""
        talked = [name for name, capture in self._captures.items() if "UDP" in capture.text()]
        expect_equal(len(talked), 1, f"nodes that sent from the service address: {talked}")


@contextlib.contextmanager
def _captures(fleet, family: int):
    """What every node sends from the service address to the client."""
    silence = _Silence(fleet, family)
    with contextlib.ExitStack() as stack:
        silence.open(stack)
        yield silence


@contextlib.contextmanager
def _edge(fleet, **policy):
    """The fleet's own lockstep-quicds serve, told so by their agents."""
    fleet.quic_server("quicd", **policy)
    serve(fleet, SITE)
    with route_move.edge_of(fleet, SITE) as edge:
        yield edge
