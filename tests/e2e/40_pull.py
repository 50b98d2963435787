"""With `pull`, a node cut off from the controller but not from its peers still answers the CA."""

import secrets
import time

from harness.case import expect, say
from harness.orders import expect_everywhere, serve, try_issue, watching

SITE = "www.example.test"
NAMES = [f"pull-{name}.example.test" for name in range(10)]
LAB = {"controller": {"barrier": {"straggler": "pull", "deadline": "20s"}}}


def a_node_cut_off_from_the_controller_answers_the_ca_through_its_peers(fleet):
    fleet.apply_sites({SITE: [SITE], NAMES[0]: NAMES})
    serve(fleet, SITE)
    expect_everywhere(fleet, SITE)
    lonely = fleet.nodes[1]
    with lonely.cut_off_controller():
        time.sleep(1)
        with watching(fleet) as seen:
            code, out, err = try_issue(fleet, *NAMES)
    landed = seen.nodes_of(NAMES)
    say(f"CA connections {landed}; {lonely.name} was cut off")
    expect(landed.get(lonely.name, 0) > 0, f"the CA never landed on {lonely.name}")
    expect(sum(landed.values()) == 30, f"{sum(landed.values())} requests of the CA, not 30")
    from_ca = fleet.pebble.log_since()
    expect("set INVALID" not in from_ca, "the CA refused a challenge")
    expect(code == 0 or lonely.name in out + err,
           f"the order failed, and not for {lonely.name}'s certificate: {out}{err}")


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
    statuses = {a.status for a in answers}
    say(f"10,000 misses in {took_s:.1f} s: statuses {statuses}")
    expect(statuses <= {404, 429, 503}, f"a random token was answered with {statuses}")
