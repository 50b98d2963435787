"""lockstep-quicd in the place of Caddy's own HTTP/3."""

import contextlib

from .case import expect
from .supervisor import supervised


def switch_to_quicd(fleet, **policy) -> None:
    """lockstep-quicd has UDP 443 of every node, wherever it was before: a Caddy older than 2.7 that has
    served HTTP/3 ends for it, and its unit starts it again."""
    with contextlib.ExitStack() as stack:
        for node in fleet.nodes:
            stack.enter_context(supervised(node.caddy.process))
        fleet.quic_server("quicd", **policy)


def expect_it_answered(node) -> None:
    """Some request of whoever asked over HTTP/3."""
    expect(node.quicd_control.counters().get("requests", 0) > 0, f"{node.name}'s lockstep-quicd answered nothing")
