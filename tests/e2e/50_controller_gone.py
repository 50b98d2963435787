"""Losing the controller changes nothing that a node serves."""

from harness.without_controller import expect_cold_start, expect_no_request_fails

SITE = "www.example.test"


def the_controller_and_its_disk_gone_no_request_fails_while_agents_restart(fleet):
    expect_no_request_fails(fleet, SITE)


def a_cold_node_serves_from_last_known_good(fleet):
    node = fleet.nodes[0]
    expect_cold_start(fleet, SITE, node, node.caddy.process)
