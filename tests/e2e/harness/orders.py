"""Orders as a test sees them: what the CLI says, what the CA counted, what reached the nodes."""

import collections
import contextlib
import dataclasses
import itertools

from lab import report
from lab.shell import wait_until

from .case import expect, say


@dataclasses.dataclass
class Watch:
    """Everything the CA did while it was open, counted at the CA and on the wire of each node."""

    posts: int = 0
    attempts: int = 0
    connections: dict[str, int] = dataclasses.field(default_factory=dict)
    validations: list = dataclasses.field(default_factory=list)

    def expect_nothing(self) -> None:
        """The CA was never told to look, and nothing of it reached any node."""
        expect(self.posts == 0, f"the CA got {self.posts} challenge POSTs, not 0")
        expect(self.attempts == 0, f"the CA made {self.attempts} validation requests, not 0")
        arrived = {name: count for name, count in self.connections.items() if count}
        expect(not arrived, f"connections of the CA reached {arrived}")

    def nodes_of(self, hosts) -> dict[str, int]:
        """On which nodes the CA's requests for these hosts landed, and how many."""
        wanted = set(hosts)
        return dict(sorted(collections.Counter(
            v.node for v in self.validations if v.host in wanted).items()))


@contextlib.contextmanager
def watching(fleet):
    """Captures on every node's uplink and a mark in the CA's log."""
    seen = Watch()
    mark = fleet.pebble.log_mark()
    with contextlib.ExitStack() as stack:
        captures = [stack.enter_context(node.capture_ca()) for node in fleet.nodes]
        yield seen
    seen.posts = fleet.pebble.challenge_posts(mark)
    seen.attempts = fleet.pebble.validation_attempts(mark)
    for capture in captures:
        seen.connections[capture.node] = capture.connections()
        seen.validations += capture.validations()


def issue(fleet, *names: str) -> None:
    """`cert issue --wait` that must succeed."""
    code, out, err = try_issue(fleet, *names)
    expect(code == 0, f"cert issue {names[0]} (+{len(names) - 1}): exit {code}: {out}{err}".strip())


def try_issue(fleet, *names: str) -> tuple[int, str, str]:
    return fleet.cli("cert", "issue", "--wait", *names, timeout_s=200)


def serve(fleet, host: str) -> None:
    """The host is a site with a certificate, from now or from an earlier test."""
    fleet.apply_site(host)
    # A policy that tolerates stragglers would let the order overtake the first rollout, and the CA
    # meet a node that has no listeners yet.
    wait_until("every node serves the newest generation", lambda: follows(fleet), timeout_s=60)
    if not fleet.find_certificate(host):
        issue(fleet, host)


_unvalidated = itertools.count(1)


def unvalidated(fleet) -> str:
    """A host with a site on every node, of which the CA knows nothing yet. An order for a name that
    it has validated before may come without challenges: Pebble re-uses one authorization in a
    hundred at the least."""
    host = f"unvalidated-{next(_unvalidated)}.example.test"
    fleet.apply_site(host)
    wait_until("every node serves the newest generation", lambda: follows(fleet), timeout_s=60)
    return host


def follows(fleet) -> bool:
    nodes = fleet.controller.cli.json("node", "list").get("nodes", [])
    targets = {(node.get("target_generation"), node.get("serving_generation")) for node in nodes}
    return len(nodes) == len(fleet.nodes) and len(targets) == 1 and all(
        target == serving is not None for target, serving in targets)


def newest_order(fleet, host: str) -> dict:
    """The latest order for a host, with everything `order show` has."""
    listing = fleet.controller.cli.json("order", "list")
    orders = listing["orders"] if isinstance(listing, dict) else listing
    for order in orders:
        if host in order["hosts"]:
            shown = fleet.controller.cli.json("order", "show", order["id"])
            return shown.get("order", shown)
    raise AssertionError(f"no order for {host}")


def words_of(order: dict) -> str:
    """All an order says about what went wrong, in one text."""
    parts = [order.get("error", ""), order.get("ca_error", ""), *order.get("missing", []),
             *order.get("rehearsal", []),
             *(p.get("problem", "") for p in order.get("challenge_proofs", [])),
             *(p.get("problem", "") for p in order.get("certificate_proofs", []))]
    return "\n".join(part for part in parts if part)


def expect_everywhere(fleet, host: str) -> str:
    """An independent client sees the controller's newest leaf on every node, protocol and family.

    Returns the serial.
    """
    serial = fleet.certificate(host)["serial"]
    rows = report.ask_everywhere(fleet.client, fleet.layout.nodes, host)
    wrong = [f"{row.node.name} {row.protocol} IPv{row.family}: {row.fault(serial)}"
             for row in rows if row.fault(serial)]
    expect(not wrong, f"{len(wrong)} of {len(rows)} answers out of step: {'; '.join(wrong)}")
    say(f"{host}: serial {serial[:16]} on {len(rows)} of {len(rows)} node × protocol × family")
    return serial
