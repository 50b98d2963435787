"""Losing the controller changes nothing that a node serves."""

import shutil
import time

from harness.case import expect, say
from harness.orders import expect_everywhere, serve
from lab.client import FAMILIES, PROTOCOLS
from lab.shell import wait_until

SITE = "www.example.test"
RATE_PER_S = 250
REQUESTS = 20_000
COLD_START_S = 5


def the_controller_and_its_disk_gone_no_request_fails_while_agents_restart(fleet):
    serve(fleet, SITE)
    expect_everywhere(fleet, SITE)
    time.sleep(3)  # the soak ends: the generation becomes last-known-good on every node
    questions = [fleet.client.question(node.place, protocol, family, SITE)
                 for node in fleet.nodes for protocol in PROTOCOLS for family in FAMILIES]
    load = fleet.client.load(questions, RATE_PER_S, at_least=REQUESTS)
    began = time.monotonic()
    fleet.controller.process.kill9()
    shutil.rmtree(fleet.controller.state_directory)
    for node in fleet.nodes:
        time.sleep(5)
        node.agent.restart()
        say(f"{node.name}: agent restarted after {time.monotonic() - began:.0f} s")
    result = load.finish()
    rate = result["total"] / result["seconds"]
    say(f"{result['total']} requests at {rate:.0f}/s, {result['failed']} failed, "
        f"slowest {result['slowest_ms']:.0f} ms; {result['by_protocol']}")
    expect(result["failed"] == 0, f"{result['failed']} failed: {result['failures']}")
    expect(result["total"] >= REQUESTS, f"only {result['total']} requests, not {REQUESTS}")


def a_cold_node_serves_from_last_known_good(fleet):
    node = fleet.nodes[0]
    if fleet.controller.process.alive():  # alone, not after the test above
        serve(fleet, SITE)
        time.sleep(3)
        fleet.controller.process.kill9()
    node.agent.stop()
    node.caddy.process.stop()
    began = time.monotonic()
    node.caddy.process.start()
    expect(node.caddy.config().get("apps") is None, "Caddy remembered its config by itself")
    node.agent.start()
    wait_until(f"{node.name} serves over h1, h2 and h3",
               lambda: all(fleet.ask(node, protocol, 4, SITE, timeout_ms=1000).status == 200
                           for protocol in PROTOCOLS), timeout_s=30)
    took_s = time.monotonic() - began
    say(f"{node.name} serves {took_s:.1f} s after a cold start without a controller")
    expect(took_s <= COLD_START_S, f"a cold start took {took_s:.1f} s, not {COLD_START_S}")
