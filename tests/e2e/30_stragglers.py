"""A node that is out of step stops an order before the CA is told to look."""

import time

from harness.case import expect, say
from harness.discover import full
from harness.orders import (expect_everywhere, issue, newest_order, serve, try_issue, unvalidated,
                            watching, words_of)
from harness.quicd import switch_to_quicd

SITE = "www.example.test"
LAB = {"controller": {"barrier": {"deadline": "6s"}, "rollout": {"wave_deadline": "10s"}}}


def a_frozen_agent_stops_the_order_before_the_ca_looks(fleet):
    serve(fleet, SITE)
    host = unvalidated(fleet)
    frozen = fleet.nodes[1]
    frozen.agent.pause()
    try:
        with watching(fleet) as seen:
            _expect_refused(fleet, frozen.name, host)
    finally:
        frozen.agent.resume()
    seen.expect_nothing()


def the_next_order_after_thawing_passes(fleet):
    serve(fleet, SITE)
    fleet.wait_connected(len(fleet.nodes))
    issue(fleet, SITE)
    expect_everywhere(fleet, SITE)


def a_node_whose_uplink_drops_port_80_is_refused_though_its_own_probes_pass(fleet):
    serve(fleet, SITE)
    host = unvalidated(fleet)
    lame = fleet.nodes[2]
    with lame.drop("http", incoming="tcp dport 80"), watching(fleet) as seen:
        _expect_refused(fleet, lame.name, host)
    seen.expect_nothing()
    proofs = [p for p in newest_order(fleet, host)["challenge_proofs"] if p["node"] == lame.name]
    own = [p for p in proofs if p["observer"] == lame.name]
    expect(own and all(p["good"] for p in own),
           f"{lame.name}'s own probes were to pass; the order shows {own}")
    others = [p for p in proofs if p["observer"] != lame.name]
    expect(any(not p["good"] for p in others), f"no witness of {lame.name} saw the drop: {others}")


def a_node_whose_uplink_drops_udp_443_fails_the_proof_of_the_certificate(fleet):
    serve(fleet, SITE)
    _expect_quic_is_missed(fleet)


@full
def the_same_where_lockstep_quicd_has_udp_443(fleet):
    _served_by_quicd(fleet)
    _expect_quic_is_missed(fleet)


def the_same_where_lockstep_quicd_offers_no_preferred_address(fleet):
    _served_by_quicd(fleet, preferred_address=False)
    _expect_quic_is_missed(fleet)


def no_challenge_stays_behind(fleet):
    deadline = time.monotonic() + 60
    while any(node.challenge_files() for node in fleet.nodes) and time.monotonic() < deadline:
        time.sleep(0.5)
    left = {node.name: len(node.challenge_files()) for node in fleet.nodes if node.challenge_files()}
    expect(not left, f"challenge files left behind: {left}")


def _served_by_quicd(fleet, **policy) -> None:
    serve(fleet, SITE)
    switch_to_quicd(fleet, **policy)
    expect_everywhere(fleet, SITE)


def _expect_quic_is_missed(fleet) -> None:
    """An order fails while a node's UDP 443 is unreachable, though it reaches itself, and passes then."""
    lame = fleet.nodes[2]
    with lame.drop("quic", incoming="udp dport 443"):
        code, out, err = try_issue(fleet, SITE)
        expect(code != 0, "the order passed although a node's UDP 443 is unreachable")
        words = words_of(newest_order(fleet, SITE)) + out + err
        say(words.strip().splitlines()[0] if words.strip() else "(no words)")
        expect(lame.name in words, f"{lame.name} is not named: {words}")
    issue(fleet, SITE)
    expect_everywhere(fleet, SITE)


def _expect_refused(fleet, name: str, host: str) -> None:
    """The order fails, and says which node lacked what."""
    code, out, err = try_issue(fleet, host)
    expect(code != 0, f"the order passed although {name} was out of step")
    order = newest_order(fleet, host)
    missing = [line for line in order.get("missing", []) if name in line]
    expect(missing, f"{name} is not named in what was missing: {order.get('missing')}; "
                    f"{order.get('error')}; {out}{err}")
    expect(any("challenge" in line for line in missing), f"it is not said what was missing: {missing}")
    say(f"order {order['id']}: {missing[0]}")
