"""Packets that belong to no connection of a node: another node's meet silence, its own from before a
crash are reset.
"""

import contextlib
import subprocess
import time

from harness.case import expect, expect_equal, say
from harness.orders import serve
from harness.supervisor import supervised
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
        with _idle_connection(fleet, fleet.nodes[0], family, idle_s=15) as connection:
            ids = wait_until("connection IDs of the live connection", connection.connection_ids, 10)
            _stray(fleet, fleet.nodes[1], family, ids)
            expect(not connection.ended(), "the connection ended while its packets went astray")
            wait_until("the answer on the live connection", connection.answered, timeout_s=30)


def a_nodes_own_old_connections_are_reset_after_a_crash(fleet):
    _served_by_quicd(fleet)
    node = fleet.nodes[0]
    for family in FAMILIES:
        question = fleet.client.question(node.place, "h3", family, SITE)
        with contextlib.ExitStack() as stack:
            stack.enter_context(supervised(node.quicd))
            ask = stack.enter_context(fleet.client.converse(question))
            old = stack.enter_context(_idle_connection(fleet, node, family, idle_s=5))
            expect_equal(ask(fresh=True).status, 200, "the answer before the crash")
            wait_until("connection IDs of the live connection", old.connection_ids, 10)
            node.quicd.kill9()
            wait_until("HTTP/3 answers again", lambda: fleet.ask(
                node, "h3", family, SITE, timeout_ms=300).status == 200, timeout_s=20)
            back_s, complaint = _seconds_until_back(ask)
            token = wait_until("a stateless reset of the old connection", old.reset_token, 30)
        expect(token in old.told_tokens(), f"the reset's token {token} was never told")
        say(f"IPv{family}: gtlsclient took a stateless reset for its old connection; libcurl, on one "
            f"of its own ({complaint}), had its next answer after {back_s * 1000:.0f} ms")
        expect("DRAINING" in complaint, f"libcurl's old connection: '{complaint}', not reset")
        expect(back_s <= 1, f"the client was back after {back_s:.1f} s")
        expect(_counted(node, "stateless_resets_sent") >= 2, f"{node.name} counted fewer than 2 resets")


def _seconds_until_back(ask) -> tuple[float, str]:
    """From a request on a connection that is no more to the answer on a new one; and what the client
    said of the old one."""
    began = time.monotonic()
    first = ask()
    seen = first
    while seen.status != 200:
        seen = ask()
    return time.monotonic() - began, first.error


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
    return _counted(node, "dropped_foreign_connection_id")


def _counted(node, counter: str) -> int:
    return node.quicd_control.counters().get(counter, 0)


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
