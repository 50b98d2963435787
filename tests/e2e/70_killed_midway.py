"""kill -9 of each part in the middle of an order: the CA is not told to look before the barrier,
nothing is left behind, and the next order passes. A fixed sample of the sweep over system calls.

The order is held in the barrier by a frozen agent, which makes "midway" a place, not a moment.
"""

import os
import signal

from harness.case import expect, say
from harness.orders import expect_everywhere, issue, serve, unvalidated, watching
from lab.shell import LabError, wait_until

SITE = "www.example.test"
LEASE_S = 60
LAB = {"controller": {"barrier": {"deadline": "30s"}}}


def certbot_killed_in_the_barrier(fleet):
    _kill_in_the_barrier(fleet, lambda: _kill_all(fleet, "/usr/bin/certbot"))


def the_plugins_helper_killed_in_the_barrier(fleet):
    _kill_in_the_barrier(fleet, lambda: _kill_all(fleet, "lockstep-certbot-hook"))


def the_controller_killed_in_the_barrier(fleet):
    def kill():
        fleet.controller.process.kill9()
        wait_until("certbot dies with the controller",
                   lambda: not fleet.beside_controller("certbot"), timeout_s=10)
        fleet.controller.process.start()
    _kill_in_the_barrier(fleet, kill)


def another_agent_killed_in_the_barrier(fleet):
    def kill():
        fleet.nodes[0].agent.kill9()
        fleet.nodes[0].agent.start()
        fleet.cli("order", "list")
        _kill_all(fleet, "lockstep-certbot-hook")  # ends the order that the frozen one holds
    _kill_in_the_barrier(fleet, kill)


def certbot_killed_as_soon_as_it_runs(fleet):
    serve(fleet, SITE)
    with watching(fleet) as seen:
        order = fleet.issue_in_background(SITE)
        wait_until("certbot runs", lambda: fleet.beside_controller("/usr/bin/certbot"), 10, 0.01)
        _kill_all(fleet, "/usr/bin/certbot")
        expect(order.wait(timeout=60) != 0, "the order passed although certbot was killed")
    seen.expect_nothing()
    _expect_clean_and_usable(fleet)


def _kill_in_the_barrier(fleet, kill) -> None:
    serve(fleet, SITE)
    host = unvalidated(fleet)
    frozen = fleet.nodes[1].agent
    frozen.pause()
    try:
        with watching(fleet) as seen:
            order = fleet.issue_in_background(host)
            wait_until("the helper waits in the barrier",
                       lambda: fleet.beside_controller("lockstep-certbot-hook"), 20, 0.02)
            wait_until("a challenge is served on the other nodes",
                       lambda: fleet.nodes[2].challenge_files(), 10)
            kill()
            expect(order.wait(timeout=60) != 0, "the order passed although a part was killed")
    finally:
        frozen.resume()
    seen.expect_nothing()
    _expect_clean_and_usable(fleet)


def _expect_clean_and_usable(fleet) -> None:
    wait_until(f"no challenge is left on any node (lease {LEASE_S} s)",
               lambda: not any(node.challenge_files() for node in fleet.nodes), LEASE_S, 0.2)
    wait_until("no certbot and no helper is left",
               lambda: not fleet.beside_controller("certbot"), 15, 0.2)
    fleet.wait_connected(len(fleet.nodes), timeout_s=60)
    issue(fleet, SITE)
    expect_everywhere(fleet, SITE)


def _kill_all(fleet, word: str) -> None:
    pids = fleet.beside_controller(word)
    if not pids:
        raise LabError(f"no process '{word}' to kill")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    say(f"killed {len(pids)} × {word}")
