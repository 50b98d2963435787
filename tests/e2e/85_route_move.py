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
from lab.route_move import MOVE_AT, PORT, SIZE

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
                seen = edge.download(family)
                expect_equal(seen.digest, edge.digest, f"download {attempt + 1}, IPv{family}: {seen}")
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
