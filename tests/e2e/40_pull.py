"""With `pull`, a node cut off from the controller but not from its peers still answers the CA."""

import collections
import secrets
import time

from harness.case import expect, say
from harness.orders import expect_everywhere, newest_order, serve, watching
from lab.shell import wait_until

SITE = "www.example.test"
NAMES = [f"pull-{name}.example.test" for name in range(10)]
MISSES_PER_S = 20
_ISSUED = ("rolling_out", "done")
# The controller's own looks may land on the node that it is cut off from: they are noted, and decide nothing.
LAB = {"controller": {"barrier": {"straggler": "pull", "deadline": "20s"}, "rehearsal": {"mode": "warn"}}}


def a_node_cut_off_from_the_controller_answers_the_ca_through_its_peers(fleet):
    fleet.apply_sites({SITE: [SITE], NAMES[0]: NAMES})
    serve(fleet, SITE)
    expect_everywhere(fleet, SITE)
    lonely = fleet.nodes[1]
    order = None
    try:
        with lonely.cut_off_controller():
            wait_until(f"the controller misses {lonely.name}",
                       lambda: lonely.name not in fleet.connected(), timeout_s=60, every_s=0.5)
            with watching(fleet) as seen:
                order = fleet.issue_in_background(*NAMES)
                wait_until("the CA has issued", lambda: _state(fleet) in _ISSUED, 90, 0.3)
            say(f"the order is '{_state(fleet)}' while {lonely.name} is cut off")
        expect(order.wait(timeout=120) == 0, f"the order failed: {newest_order(fleet, NAMES[0])}")
    finally:
        if order:
            order.kill()
            order.wait()
    landed = seen.nodes_of(NAMES)
    say(f"CA connections {landed}")
    expect(landed.get(lonely.name, 0) > 0, f"the CA never landed on {lonely.name}")
    expect(sum(landed.values()) == 30, f"{sum(landed.values())} requests of the CA, not 30")
    expect_everywhere(fleet, NAMES[0])


def ten_thousand_random_misses_are_answered_404_and_spare_the_controller(fleet):
    serve(fleet, SITE)
    fleet.wait_connected(len(fleet.nodes), timeout_s=60)
    node = fleet.nodes[0]
    questions = [fleet.client.question(
        node.place, "h1", 4, SITE, scheme="http",
        path=f"/.well-known/acme-challenge/{secrets.token_urlsafe(32)}") for _ in range(10_000)]
    began = time.monotonic()
    answers = fleet.client.ask(questions)
    took_s = time.monotonic() - began
    statuses = collections.Counter(answer.status for answer in answers)
    say(f"10,000 misses in {took_s:.1f} s: {dict(statuses)}")
    expect(set(statuses) <= {404, 503}, f"a random token was answered with {dict(statuses)}")
    # 503 is the node's own limit speaking; only what it answers 404 has been looked for elsewhere.
    most = MISSES_PER_S * (took_s + 2)
    expect(statuses[404] <= most, f"{statuses[404]} misses were looked for, more than {most:.0f}")


def _state(fleet) -> str:
    """Of the order for NAMES: "barrier", "rolling_out", …"""
    try:
        return newest_order(fleet, NAMES[0])["state"].lower().removeprefix("state_").replace(" ", "_")
    except AssertionError:
        return "not there yet"
