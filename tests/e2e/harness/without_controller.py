"""Losing the controller changes nothing that a node serves, whoever has its UDP 443."""

import shutil
import time

from lab.client import FAMILIES, PROTOCOLS
from lab.shell import wait_until

from .case import expect, say
from .orders import expect_everywhere, serve

_RATE_PER_S = 250
_REQUESTS = 20_000
_COLD_START_S = 5


def expect_no_request_fails(fleet, site: str) -> None:
    """The controller and its disk are gone and agents restart, under a load of every protocol."""
    serve(fleet, site)
    expect_everywhere(fleet, site)
    time.sleep(3)  # the soak ends: the generation becomes last-known-good on every node
    questions = [fleet.client.question(node.place, protocol, family, site)
                 for node in fleet.nodes for protocol in PROTOCOLS for family in FAMILIES]
    load = fleet.client.load(questions, _RATE_PER_S, at_least=_REQUESTS)
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
    expect(result["total"] >= _REQUESTS, f"only {result['total']} requests, not {_REQUESTS}")


def expect_cold_start(fleet, site: str, node, *servers) -> None:
    """A node whose agent and servers all start empty serves what it served last."""
    if fleet.controller.process.alive():  # alone, not after the test of the load
        serve(fleet, site)
        time.sleep(3)
        fleet.controller.process.kill9()
    node.agent.stop()
    for server in servers:
        server.stop()
    began = time.monotonic()
    for server in servers:
        server.start()
    expect(node.caddy.config().get("apps") is None, "Caddy remembered its config by itself")
    node.agent.start()
    wait_until(f"{node.name} serves over h1, h2 and h3",
               lambda: all(fleet.ask(node, protocol, 4, site, timeout_ms=1000).status == 200
                           for protocol in PROTOCOLS), timeout_s=30)
    took_s = time.monotonic() - began
    say(f"{node.name} serves {took_s:.1f} s after a cold start without a controller")
    expect(took_s <= _COLD_START_S, f"a cold start took {took_s:.1f} s, not {_COLD_START_S}")
