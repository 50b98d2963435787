"""The path under an HTTP/3 download changes: it takes no long packets any more and no router says so;
a NAT on it forgets its port; the client moves, where it must not and where it may.
"""

import contextlib
import time

from harness.case import expect, expect_equal, say
from harness.orders import serve
from lab import gtls, paths, route_move
from lab.client import FAMILIES
from lab.netns import Count
from lab.route_move import FILE, MOVE_AT, PORT, SIZE
from lab.shell import wait_until

LAB = {"nodes": 1}  # where the client's packets go is not the question here
SITE = "www.example.test"
NARROW = 1300  # octets of an IP packet; datagrams of 1200 bytes are 1228 and 1248
SILENT_S = 2
OTHER_PORT = 9


def a_download_survives_a_path_that_stops_taking_long_packets(fleet):
    long_ones = f"udp sport {PORT} meta length > {NARROW}"
    with _edge(fleet) as edge:
        for family in FAMILIES:
            before = _counted(fleet, "path_mtu_black_holes")
            with Count(fleet.layout.client.namespace, "long", incoming=long_ones,
                       outgoing=f"udp dport {PORT}") as wire, _download(edge, family) as client:
                with paths.Narrow(fleet.layout, NARROW) as narrow:
                    at, long, narrowed = edge.got(FILE), wire.came(), time.monotonic()
                    client.wait(timeout=60)
                    took_s = time.monotonic() - narrowed
                    lost, short, told = (narrow.read(n) for n in ("lost", "short", "told"))
            say(f"IPv{family}: {long} packets of more than {NARROW} octets brought {at / 1e6:.1f} MB; then "
                f"{lost} were lost, {told} ICMP errors sent; {short} short ones brought it to "
                f"{edge.got(FILE) / 1e6:.1f} MB in {took_s:.1f} s")
            expect(long > MOVE_AT / 1500, "the path was never used to the full")
            expect(lost > 0, "nothing was lost")
            expect_equal(told, 0, "ICMP errors")
            expect_equal(edge.got_digest(), edge.digest, f"the download over IPv{family}")
            expect_equal(_counted(fleet, "path_mtu_black_holes") - before, 1, "black holes counted")


def a_download_survives_a_nat_that_forgets_its_port(fleet):
    with _edge(fleet, preferred_address=False) as edge:
        for family in FAMILIES:
            before = _counted(fleet, "rebindings")
            with _download(edge, family) as client:
                here = _source(fleet, family)
                there = (here[0], OTHER_PORT)
                with _seen_at_node(fleet, *there) as wire, paths.Nat(fleet.layout, here, there) as nat:
                    at = edge.got(FILE)
                    client.wait(timeout=60)
                    stale, came, went = nat.read("stale"), wire.came(), wire.went()
            rebindings = _counted(fleet, "rebindings") - before
            say(f"IPv{family}: port {here[1]} became {OTHER_PORT} at {at / 1e6:.1f} MB; {stale} packets "
                f"for the old one lost, {came} packets from and {went} batches to the "
                f"new one; {rebindings} rebinding counted")
            expect(came > 0 and went > 0, "the port did not change on the wire")
            expect_equal(edge.got_digest(), edge.digest, f"the download over IPv{family}")
            expect_equal(rebindings, 1, "rebindings counted")


def a_client_that_must_not_migrate_is_told_so_and_meets_silence_if_it_does(fleet):
    with _edge(fleet, preferred_address=False) as edge:
        for family in FAMILIES:
            expect_equal(_told(fleet, family), (True, True), "disable_active_migration told, obeyed")
            barred = _counted(fleet, "dropped_migration_barred")
            with _download(edge, family) as client:
                here = _source(fleet, family)
                there = (_door(fleet, family), OTHER_PORT)
                with _seen_at_node(fleet, *there) as wire, paths.Nat(fleet.layout, here, there):
                    time.sleep(SILENT_S)
                    came, went = wire.came(), wire.went()
                    at = edge.got(FILE)
                client.wait(timeout=60)
            barred = _counted(fleet, "dropped_migration_barred") - barred
            say(f"IPv{family}: {came} packets from {there[0]} instead of {here[0]}, {barred} barred, "
                f"{went} answered; {at / 1e6:.1f} of {SIZE / 1e6:.0f} MB by then, complete when it was back")
            expect(came > 0 and barred > 0, "the client did not move on the wire")
            expect_equal(went, 0, "packets to where the client must not be")
            expect(at < SIZE, "the download was over before")
            expect_equal(edge.got_digest(), edge.digest, f"the download over IPv{family}, moved back")


def a_client_that_may_migrate_does(fleet):
    with _edge(fleet, preferred_address=False, disable_active_migration=False) as edge:
        for family in FAMILIES:
            expect_equal(_told(fleet, family), (False, False), "disable_active_migration told, obeyed")
            before = _counted(fleet, "other_migrations")
            with _download(edge, family, "--change-local-addr=2s") as client:
                at, left = edge.got(FILE), _source(fleet, family)
                address = _door(fleet, family)
                with gtls.source_changed(fleet.layout, family, address), \
                        _seen_at_node(fleet, address) as wire:
                    client.wait(timeout=60)
                    came, went = wire.came(), wire.went()
            moved = _counted(fleet, "other_migrations") - before
            say(f"IPv{family}: after {at / 1e6:.1f} MB at {left[0]} the client went to {address}: {came} "
                f"packets from there, {went} batches to there; {moved} migration counted")
            expect(came > 0 and went > 0, "the client did not move on the wire")
            expect_equal(edge.got_digest(), edge.digest, f"the download over IPv{family}")
            expect_equal(moved, 1, "migrations counted")


@contextlib.contextmanager
def _download(edge, family: int, *options):
    """A client that has a quarter of the file."""
    with edge.client(family, FILE, *options) as client:
        wait_until("a quarter of the download",
                   lambda: edge.got(FILE) >= MOVE_AT or client.poll() is not None,
                   timeout_s=20, every_s=0.005)
        expect(MOVE_AT <= edge.got(FILE) < SIZE, f"the client has {edge.got(FILE)} octets")
        yield client


def _told(fleet, family: int) -> tuple[bool, bool]:
    """Whether the server says disable_active_migration, and the client therefore does not migrate
    when asked to."""
    directory = fleet.layout.home("client")
    directory.mkdir(exist_ok=True)
    argv = gtls.command(fleet.layout, directory / "hosts", SITE, family, PORT, "small",
                        "--delay-stream=1s", "--change-local-addr=300ms")
    with gtls.Talk(argv, directory / "gtlsclient.log") as talk:
        wait_until("the answer", talk.answered, timeout_s=20)
        text = talk.text()
    return ("remote transport_parameters disable_active_migration=1" in text,
            "initiate_immediate_migration: ERR_INVALID_STATE" in text)


def _source(fleet, family: int) -> tuple[str, int]:
    """Where the client's packets come from: address and port."""
    client = fleet.layout.client
    address = client.ipv4 if family == 4 else client.ipv6
    return address, paths.client_port(fleet.layout, address)


def _door(fleet, family: int) -> str:
    """Another address of the client's."""
    place = fleet.nodes[0].place
    return place.client_ipv4 if family == 4 else place.client_ipv6


def _seen_at_node(fleet, address: str, port: int = 0) -> Count:
    """On the node: packets that came from the client at an address and port (0: any), and batches of
    packets that went to it."""
    ip = "ip6" if ":" in address else "ip"
    return Count(fleet.nodes[0].place.namespace, "moved",
                 incoming=f"{ip} saddr {address} udp dport {PORT}" + (f" udp sport {port}" if port else ""),
                 outgoing=f"{ip} daddr {address} udp sport {PORT}" + (f" udp dport {port}" if port else ""))


def _counted(fleet, counter: str) -> int:
    return fleet.nodes[0].quicd_control.counters().get(counter, 0)


@contextlib.contextmanager
def _edge(fleet, **policy):
    fleet.quic_server("quicd", **policy)
    serve(fleet, SITE)
    with route_move.edge_of(fleet, SITE) as edge, paths.single_datagrams(fleet.layout):
        yield edge
