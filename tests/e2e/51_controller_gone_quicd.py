"""Losing the controller changes nothing that a node serves, where lockstep-quicd has UDP 443."""

from harness.discover import full
from harness.quicd import expect_it_answered
from harness.without_controller import expect_cold_start, expect_no_request_fails

SITE = "www.example.test"


@full
def the_controller_and_its_disk_gone_no_request_fails_while_agents_restart(fleet):
    fleet.quic_server("quicd")
    expect_no_request_fails(fleet, SITE)
    for node in fleet.nodes:
        expect_it_answered(node)


def a_cold_node_serves_from_last_known_good(fleet):
    if fleet.controller.process.alive():
        fleet.quic_server("quicd")
    node = fleet.nodes[0]
    expect_cold_start(fleet, SITE, node, node.caddy.process, node.quicd)
    expect_it_answered(node)
