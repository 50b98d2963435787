"""A node withdrawn with proof is not waited for, and comes back only in step."""

import time

from harness.case import expect, say
from harness.orders import expect_everywhere, issue, newest_order, serve, try_issue, unvalidated, watching
from lab.shell import wait_until

SITE = "www.example.test"
LAB = {"announcer": "file", "controller": {"barrier": {"deadline": "8s"}}}


def an_order_does_not_wait_for_a_node_withdrawn_with_proof(fleet):
    serve(fleet, SITE)
    host = unvalidated(fleet)
    away = fleet.nodes[1]
    away.withdraw()
    fleet.wait_routes(len(fleet.nodes) - 1)
    wait_until(f"the controller knows that {away.name} is withdrawn",
               lambda: not _shown(fleet, away.name)["announcing"], timeout_s=20, every_s=0.3)
    # What it would be waited for if it counted: a challenge and a certificate seen from outside.
    with away.drop("web", incoming="meta l4proto { tcp, udp } th dport { 80, 443 }"):
        with watching(fleet) as seen:
            code, out, err = try_issue(fleet, host)
    landed = seen.nodes_of([host])
    say(f"CA connections {landed}; {away.name} was withdrawn and unreachable for clients")
    expect(seen.posts == 1, f"{seen.posts} challenge POSTs, not 1: {out}{err}")
    expect(away.name not in landed, f"the CA reached the withdrawn {away.name}")
    expect(code == 0, f"the order failed: {newest_order(fleet, host).get('error')} {out}{err}")


def it_is_in_step_again_before_it_is_waited_for(fleet):
    serve(fleet, SITE)
    back = fleet.nodes[1]
    fleet.wait_connected(len(fleet.nodes))
    target = max(int(node["target_generation"]) for node in _nodes(fleet))
    wait_until(f"{back.name} has proved the current generation",
               lambda: int(_shown(fleet, back.name)["proved_generation"]) == target,
               timeout_s=40, every_s=0.3)
    back.announce_file.write_text("announced\n")
    expect(back.follow_announce_file(), "the announce file is ours to write")
    fleet.wait_routes(len(fleet.nodes))
    expect_everywhere(fleet, SITE)


def a_withdrawal_that_nobody_else_saw_counts_as_announcing(fleet):
    serve(fleet, SITE)
    host = unvalidated(fleet)
    doubtful = fleet.nodes[2]
    doubtful.announce_file.write_text("withdrawn\n")
    time.sleep(3)
    doubtful.agent.pause()
    try:
        with watching(fleet) as seen:
            code, _, _ = try_issue(fleet, host)
    finally:
        doubtful.agent.resume()
        doubtful.announce_file.write_text("announced\n")
    expect(code != 0, "the order passed on one node's word that it is withdrawn")
    seen.expect_nothing()
    fleet.wait_connected(len(fleet.nodes))
    issue(fleet, SITE)
    expect_everywhere(fleet, SITE)


def _nodes(fleet) -> list[dict]:
    listing = fleet.controller.cli.json("node", "list")
    return listing["nodes"] if isinstance(listing, dict) else listing


def _shown(fleet, name: str) -> dict:
    return {"announcing": False, **next(n for n in _nodes(fleet) if n["name"] == name)}
