"""A node that loses HTTP/3 after it was promised goes; the others keep the promise; it returns in step.

Its route is withdrawn and its UDP 443 refused, so that no client waits in silence. Below the floor nobody goes
and the promise is taken back instead.
"""

import contextlib
import time

from harness.case import expect, expect_equal, say
from harness.discover import full
from harness.orders import serve
from harness.supervisor import supervised
from lab import bird, toml
from lab.client import FAMILIES
from lab.layout import service_address
from lab.netns import inside
from lab.shell import run, wait_until

SITE = "www.example.test"
PROMISE = 'h3=":443"; ma=300'
LAB = {"agent": {"bird": {"may_disable": ["service4", "service6"]}},
       "controller": {"alt_svc": {"hold_5m": "3s", "watch": "1s", "old_connections": "1s", "confirm": "6s",
                                  "release": "8s", "keep_nodes": 2}}}
# What a client hears of one packet: "refused" by ICMP, "answered", or "silence".
_KNOCK = """
import errno, socket, sys
source, target = sys.argv[1:]
knock = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM)
knock.bind((source, 0))
knock.connect((target, 443))
knock.settimeout(3)
# A long header of a version that nobody speaks, long enough to be answered.
knock.send(b"\\xc0\\x1a\\x2a\\x3a\\x4a\\x08" + b"d" * 8 + b"\\x08" + b"s" * 8 + bytes(1200))
try:
    knock.recv(2048)
    print("answered")
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("silence")
"""


def a_node_whose_quic_server_hangs_goes_and_returns_when_it_works(fleet):
    _promised(fleet)
    lame, *others = fleet.nodes
    with supervised(lame.quicd):
        for family in FAMILIES:
            expect_equal(_knock(fleet, lame, family), "answered", f"{lame.name} before, IPv{family}")
        lame.quicd.pause()
        began = time.monotonic()
        _wait_withdrawn(fleet, lame)
        fleet.wait_routes(len(others))
        wait_until("UDP 443 is refused there", lambda: _knock(fleet, lame, 4) == "refused", timeout_s=30)
        say(f"gone {time.monotonic() - began:.1f} s after lockstep-quicd hung: "
            + "; ".join(_shown(fleet, lame)["following_notes"]))
        expect_equal(_knock(fleet, lame, 6), "refused", f"{lame.name}, IPv6")
        expect_equal(fleet.ask(lame, "h2", 4, SITE).status, 200, f"{lame.name} over TCP")
        for node in others:
            answer = fleet.ask(node, "h3", 4, SITE)
            expect_equal(answer.headers.get("alt-svc"), [PROMISE], f"{node.name} keeps it: {answer.error}")
        # The one that was started in its place works, and is watched for a while.
        _wait_returned(fleet, lame)
        for family in FAMILIES:
            answer = fleet.ask(lame, "h3", family, SITE)
            expect_equal(answer.status, 200, f"{lame.name} over HTTP/3, IPv{family}: {answer.error}")
    expect_equal(_promise(fleet)["value"], PROMISE, "the promise after all this")


@full
def a_change_of_sites_is_not_held_up_by_a_withdrawn_node(fleet):
    _promised(fleet)
    lame = fleet.nodes[1]
    with lame.drop("quic", incoming="udp dport 443"):
        _wait_withdrawn(fleet, lame)
        path = fleet.layout.home("ctl") / "changed.toml"
        path.write_text(toml.render({"site": [{"name": SITE, "preset": {
            "status": 200, "content_type": "text/plain", "body": "changed"}}]}))
        fleet.controller.cli.run("site", "apply", "--wait", "--timeout", "60", "-f", path)
        for node in fleet.nodes:
            expect_equal(fleet.ask(node, "h2", 4, SITE).body, "changed", f"what {node.name} serves")
        until = time.monotonic() + 10  # longer than it is kept out once it works
        while time.monotonic() < until:
            expect_equal(_follows(fleet, lame), "withdrawn", "a node that others still do not reach")
    _wait_returned(fleet, lame)


def below_the_floor_nobody_goes_and_the_promise_is_taken_back(fleet):
    _promised(fleet)
    with contextlib.ExitStack() as stack:
        for node in fleet.nodes[:2]:
            stack.enter_context(node.drop("quic", incoming="udp dport 443"))
        wait_until("the promise is taken back", lambda: _promise(fleet).get("value") == "clear", timeout_s=60)
        for node in fleet.nodes:
            expect_equal(_follows(fleet, node), "", f"what {node.name} was told")
        for family in FAMILIES:
            expect_equal(bird.next_hops(fleet.layout, family), len(fleet.nodes), f"routes of IPv{family}")


def _promised(fleet) -> None:
    if not fleet.find_certificate(SITE):
        fleet.quic_server("quicd")
        serve(fleet, SITE)
    def is_shown():
        shown = _promise(fleet)
        nodes = shown.get("nodes", [])
        return (shown.get("value") == PROMISE and len(nodes) == len(fleet.nodes)
                and all(node.get("shown") for node in nodes))
    wait_until(f"{PROMISE} on every node", is_shown, timeout_s=90)


def _wait_withdrawn(fleet, node) -> None:
    wait_until(f"{node.name} has withdrawn as it was told to",
               lambda: _follows(fleet, node) == "withdrawn" and _shown(fleet, node).get("following_notes"),
               timeout_s=90)


def _wait_returned(fleet, node) -> None:
    wait_until(f"{node.name} has returned", lambda: _follows(fleet, node) == "", timeout_s=90)
    fleet.wait_routes(len(fleet.nodes))


def _promise(fleet) -> dict:
    return fleet.controller.cli.json("alt-svc", "show", SITE)["sites"][0]


def _shown(fleet, node) -> dict:
    shown = fleet.controller.cli.json("node", "show", node.name)
    return shown.get("node", shown)


def _follows(fleet, node) -> str:
    return _shown(fleet, node).get("following", "")


def _knock(fleet, node, family: int) -> str:
    """By the client's address that leads to this node, through the service address."""
    source = node.place.client_ipv4 if family == 4 else node.place.client_ipv6
    return run(*inside(fleet.layout.client.namespace, "python3", "-c", _KNOCK, source,
                       service_address(family))).strip()
