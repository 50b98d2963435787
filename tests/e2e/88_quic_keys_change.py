"""Certificates and ticket keys change while lockstep-quicd serves: no connection and no request
notices, new handshakes get the new certificate at once, and sessions are resumed all the same.
"""

import contextlib
import dataclasses
import pathlib
import time

from harness.case import expect, expect_equal, say
from harness.discover import full
from harness.orders import follows, issue, serve
from lab import gtls, pki, quicd
from lab.client import FAMILIES
from lab.shell import run, wait_until

LAB = {"nodes": 2}
SITE = "www.example.test"
CONNECTIONS = 100
RATE_PER_S = 600  # asked for
_NEVER = 1_000_000
_TIMEOUT_MS = 20_000  # slow is no failure: clients and server share the machine


def no_request_notices_that_a_certificate_changes(fleet):
    _swap(fleet, times=20, least_per_s=250)


@full
def no_request_notices_two_hundred_changes_of_a_certificate(fleet):
    _swap(fleet, times=200, least_per_s=500)


def a_ticket_resumes_on_another_node_and_after_every_change_of_keys(fleet):
    fleet.quic_server("quicd")
    serve(fleet, SITE)
    there, elsewhere = fleet.nodes
    for family in FAMILIES:
        ticket = _ticket(fleet, there, family)
        expect(_resumes(fleet, elsewhere, family, ticket), f"IPv{family}: not on another node")
        issue(fleet, SITE)
        expect(_resumes(fleet, elsewhere, family, ticket), f"IPv{family}: not after a renewal")
        _rotate(fleet)
        expect(_resumes(fleet, elsewhere, family, ticket), f"IPv{family}: not after a rotation of keys")
        _rotate(fleet)
        expect(not _resumes(fleet, elsewhere, family, ticket), f"IPv{family}: even after two rotations")
        say(f"IPv{family}: a ticket of {there.name} resumed on {elsewhere.name}, there after a new "
            "certificate, and after a rotation of the keys; after two it did not")


def _ticket(fleet, node, family: int) -> bytes:
    """Of a client that has none yet."""
    return _session(fleet, node, family, b"")[1]


def _resumes(fleet, node, family: int, ticket: bytes) -> bool:
    return _session(fleet, node, family, ticket)[0]


def _session(fleet, node, family: int, ticket: bytes) -> tuple[bool, bytes]:
    """One request to a node; whether it resumed what the ticket is of, and a newer ticket."""
    directory = fleet.layout.home("client")
    directory.mkdir(exist_ok=True)
    session = directory / "session"
    session.unlink(missing_ok=True)
    if ticket:
        session.write_bytes(ticket)
    before = node.quicd_control.counters().get("resumptions", 0)
    argv = gtls.command(fleet.layout, directory / "hosts", SITE, family, 443, "", "--quiet",
                        f"--session-file={session}", "--wait-for-ticket",
                        f"--tp-file={directory / 'transport-parameters'}")
    with gtls.door(fleet.layout, node.place, family):
        run(*argv)
    return node.quicd_control.counters().get("resumptions", 0) > before, session.read_bytes()


def _rotate(fleet) -> None:
    """The keys that every lockstep-quicd shares move on, on every node."""
    fleet.controller.cli.run("quic-keys", "rotate")
    wait_until("every node has the new keys", lambda: follows(fleet), timeout_s=60)


def _swap(fleet, times: int, least_per_s: int) -> None:
    with _bench(fleet) as bench:
        bench.serve(bench.authority.issue(SITE))
        load = fleet.client.load(bench.questions(CONNECTIONS), RATE_PER_S, fresh_every=_NEVER)
        wait_until(f"{CONNECTIONS} connections", lambda: bench.counted("handshakes") >= CONNECTIONS, 30)
        requests, began = bench.counted("requests"), time.monotonic()
        slowest_s = max(_seconds_to_swap(bench) for _ in range(times))
        took_s = time.monotonic() - began
        per_s = (bench.counted("requests") - requests) / took_s
        result = load.finish()
    say(f"{times} certificates in {took_s:.1f} s under {per_s:.0f} requests/s on {CONNECTIONS} "
        f"connections: {result['failed']} of {result['total']} requests failed, "
        f"{result['connects'] - CONNECTIONS} connections dropped, slowest answer "
        f"{result['slowest_ms']:.0f} ms; the new leaf was in every handshake after "
        f"{slowest_s * 1000:.0f} ms at most")
    expect_equal(result["failed"], 0, f"failed: {result['failures']}")
    expect_equal(result["connects"], CONNECTIONS, "connections that the clients opened")
    expect(slowest_s <= 1, f"a new leaf took {slowest_s:.1f} s")
    expect(per_s >= least_per_s, f"{per_s:.0f} requests/s are too few to show anything")


def _seconds_to_swap(bench: "_Bench") -> float:
    """From the order to serve a new certificate to its confirmation. Every handshake that begins after
    that shows the new one."""
    issued = bench.authority.issue(SITE)
    took_s = bench.serve(issued)
    for family in FAMILIES:
        expect_equal(bench.leaf(family), issued.sha256, f"the leaf in a new handshake over IPv{family}")
    return took_s


@dataclasses.dataclass
class _Bench:
    """A lockstep-quicd beside a node's own, and clients of it."""

    fleet: object
    server: quicd.Quicd
    authority: pki.Authority
    trust: pathlib.Path
    looks: dict  # family -> its conversation

    def serve(self, issued: pki.Issued) -> float:
        return self.server.configure(SITE, issued.chain, issued.key, preferred_address=True)

    def counted(self, counter: str) -> int:
        return self.server.control.counters().get(counter, 0)

    def leaf(self, family: int) -> str:
        """SHA-256 of the leaf that a new handshake shows."""
        seen = self.looks[family](fresh=True)
        expect_equal(seen.status, 200, f"a new connection over IPv{family}: {seen.error}")
        return seen.leaf_sha256

    def questions(self, count: int) -> list[dict]:
        return [self.question(FAMILIES[i % len(FAMILIES)]) for i in range(count)]

    def question(self, family: int) -> dict:
        node = self.fleet.nodes[0].place
        asked = self.fleet.client.question(node, "h3", family, SITE, path="/small",
                                           timeout_ms=_TIMEOUT_MS)
        return {**asked, "port": quicd.PORT, "ca": str(self.trust)}


@contextlib.contextmanager
def _bench(fleet):
    directory = fleet.layout.home("swaps")
    files = directory / "files"
    files.mkdir(parents=True, exist_ok=True)
    (files / "small").write_bytes(b"x" * 1024)
    authority = pki.Authority("lab CA of many leaves")
    trust = directory / "ca.pem"
    trust.write_text(authority.pem)
    server = quicd.Quicd(fleet.layout, fleet.nodes[0].place, fleet.spec.build, quicd.FleetKeys(), files,
                         fleet.remember)
    bench = _Bench(fleet, server, authority, trust, {})
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        for family in FAMILIES:
            bench.looks[family] = stack.enter_context(fleet.client.converse(bench.question(family)))
        yield bench
