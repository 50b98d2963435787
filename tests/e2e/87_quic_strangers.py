"""Packets that belong to no connection of a node: another node's meet silence, its own from before a
crash are reset.
"""

import contextlib
import subprocess

from harness.case import expect, expect_equal, say
from harness.orders import serve
from lab import gtls
from lab.client import FAMILIES
from lab.layout import service_address
from lab.lockstep import REPOSITORY
from lab.netns import Count, inside
from lab.shell import wait_until

SITE = "www.example.test"
PORT = 443
STRAYS = 10_000
BATCH = 200  # fits a socket's receive buffer: none is lost before lockstep-quicd counts it


def packets_of_another_nodes_connection_are_counted_and_unanswered(fleet):
    _served_by_quicd(fleet)
    for family in FAMILIES:
        with _idle_connection(fleet, fleet.nodes[0], family, idle_s=20) as connection:
            ids = wait_until("connection IDs of the live connection", connection.connection_ids, 10)
            _stray(fleet, fleet.nodes[1], family, ids)
            expect(not connection.ended(), "the connection ended while its packets went astray")


def _stray(fleet, node, family: int, ids: list[str]) -> None:
    """Packets with these IDs come to a node that did not make them."""
    source = node.place.client_ipv4 if family == 4 else node.place.client_ipv6
    proto = "ip" if family == 4 else "ip6"
    before = _foreign(node)
    with contextlib.ExitStack() as stack:
        wire = stack.enter_context(Count(
            node.place.namespace, "strays", incoming=f"{proto} saddr {source} udp dport {PORT}",
            outgoing=f"{proto} daddr {source}"))
        answers = stack.enter_context(node.capture(f"{proto} and dst host {source}"))
        send = stack.enter_context(_sender(fleet, source, family, ids))
        for sent in range(BATCH, STRAYS + 1, BATCH):
            send(BATCH)
            wait_until(f"{node.name} has counted {sent} foreign connection IDs",
                       lambda: _foreign(node) - before >= sent, timeout_s=5, every_s=0.01)
        came, went, counted = wire.came(), wire.went(), _foreign(node) - before
        said = answers.text().count(f" > {source}")
    say(f"IPv{family}: {came} packets with {len(ids)} IDs of another node's live connection came to "
        f"{node.name}, {counted} counted, {went} answered")
    expect_equal((came, counted, went, said), (STRAYS, STRAYS, 0, 0), "came, counted, went, captured")


def _foreign(node) -> int:
    return node.quicd_control.counters().get("dropped_foreign_connection_id", 0)


def _served_by_quicd(fleet) -> None:
    fleet.quic_server("quicd")
    serve(fleet, SITE)


@contextlib.contextmanager
def _idle_connection(fleet, node, family: int, idle_s: int):
    """A client that is connected to a node and makes its request only after `idle_s`."""
    directory = fleet.layout.home("client")
    directory.mkdir(exist_ok=True)
    argv = gtls.command(fleet.layout, directory / "hosts", SITE, family, PORT, "",
                        f"--delay-stream={idle_s}s")
    with gtls.door(fleet.layout, node.place, family):
        with gtls.Talk(argv, directory / "gtlsclient.log") as connection:
            yield connection


@contextlib.contextmanager
def _sender(fleet, source: str, family: int, ids: list[str]):
    """A function that sends so many datagrams with these connection IDs, and returns once they are
    on their way."""
    program = REPOSITORY / "deploy/lab/strays.py"
    argv = inside(fleet.layout.client.namespace, "/usr/bin/python3", program, source,
                  service_address(family), PORT, *ids)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sending:
        def send(count: int) -> None:
            sending.stdin.write(f"{count}\n")
            sending.stdin.flush()
            expect(sending.stdout.readline(), "the sender of strays has ended")

        yield send
        sending.stdin.close()
