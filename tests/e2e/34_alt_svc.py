"""HTTP/3 is promised in Alt-Svc once every node was seen to answer it, and taken back with a memory.

The holds of the lab are seconds where a fleet's are minutes; the ages that clients are told are real.
"""

import calendar
import json
import re
import time

from harness.case import expect, expect_equal, say
from harness.orders import issue
from harness.quicd import switch_to_quicd
from lab import toml
from lab.client import FAMILIES, PROTOCOLS
from lab.netns import Count
from lab.shell import wait_until

SITE = "www.example.test"
MISSING = "missing.example.test"  # whatever is asked for is not there
HOLD_S = 5
AGE_S = 300
PROMISE = f'h3=":443"; ma={AGE_S}'
LAB = {"controller": {"alt_svc": {"hold_5m": f"{HOLD_S}s", "watch": "1s", "old_connections": "1s"}}}


def a_node_that_others_cannot_reach_over_udp_keeps_the_fleet_from_beginning(fleet):
    _apply(fleet, SITE, 200)
    _apply(fleet, MISSING, 404)
    fleet.cli("alt-svc", "off", "--all")
    issue(fleet, SITE, MISSING)
    lame = fleet.nodes[1]
    with lame.drop("quic", incoming="udp dport 443"):
        fleet.cli("alt-svc", "on", "--all")
        wait_until("the broken node is named",
                   lambda: _shown(fleet, SITE).get("note", "").startswith(f"{lame.name}: QUIC"),
                   timeout_s=30)
        say(_shown(fleet, SITE)["note"])
        until = time.monotonic() + 3 * HOLD_S
        while time.monotonic() < until:
            expect_equal(_shown(fleet, SITE).get("value", ""), "", "the value with a broken node")
            _expect_header(fleet, SITE, 200, [])


def every_answer_of_every_node_carries_the_promise(fleet):
    for site, status in ((SITE, 200), (MISSING, 404)):
        _wait_shown(fleet, site, PROMISE)
        _expect_header(fleet, site, status, [PROMISE])


def lockstep_quicd_carries_it_too(fleet):
    _promised(fleet)
    switch_to_quicd(fleet)
    _wait_shown(fleet, SITE, PROMISE)
    for site, status in ((SITE, 200), (MISSING, 404)):
        _expect_header(fleet, site, status, [PROMISE])


def libcurl_finds_http3_by_what_it_was_told_and_kept(fleet):
    _promised(fleet)
    switch_to_quicd(fleet)
    home = fleet.layout.home("client")
    home.mkdir(exist_ok=True)
    for family in FAMILIES:
        cache = home / f"alt-svc-{family}"
        cache.unlink(missing_ok=True)
        began = time.time()
        _expect_visit(fleet, family, cache, "HTTP/2.0")
        kept = _kept(cache)
        expect_equal([entry[:6] for entry in kept], [("h2", SITE, "443", "h3", SITE, "443")], "the cache")
        expect(-2 < kept[0][6] - (began + AGE_S) < 10,
               f"it keeps it until {kept[0][6]:.0f}, not for {AGE_S} s from {began:.0f}")
        with Count(fleet.layout.client.namespace, "udp443", incoming="udp sport 443",
                   outgoing="udp dport 443") as wire:
            _expect_visit(fleet, family, cache, "HTTP/3.0")
            say(f"IPv{family}: HTTP/2, then {' '.join(kept[0][:6])} in the cache, then HTTP/3: {wire.went()} "
                f"packets to UDP 443, {wire.came()} from it")
            expect(wire.went() > 0 < wire.came(), "UDP 443 did not carry the request")


def a_restarted_controller_goes_on_promising(fleet):
    _promised(fleet)
    before = _shown(fleet, SITE)
    fleet.controller.process.restart()
    fleet.wait_connected(len(fleet.nodes), timeout_s=30)
    _wait_shown(fleet, SITE, PROMISE)
    expect_equal(_shown(fleet, SITE)["holds"][0]["alternative"],
                 before["holds"][0]["alternative"], "what clients may hold")
    _expect_header(fleet, SITE, 200, [PROMISE])


def what_is_promised_cannot_be_taken_away(fleet):
    _promised(fleet)
    words = _refused(fleet)
    expect("still advertised by" in words, words)
    fleet.cli("alt-svc", "off", "--all")
    for site, status in ((SITE, 200), (MISSING, 404)):
        _wait_shown(fleet, site, "clear")
        _expect_header(fleet, site, status, ["clear"])
    hold = _shown(fleet, SITE)["holds"][0]
    expect("until" in hold, f"no end although every node was seen to switch: {hold}")
    words = _refused(fleet)
    expect("clients may hold" in words and "for another" in words, f"no time is named: {words}")
    say(words.splitlines()[-1])
    # HTTP/3 goes on being answered for those who hold the promise.
    for node in fleet.nodes:
        expect_equal(fleet.ask(node, "h3", 4, SITE).status, 200, f"{node.name} over HTTP/3")


def _expect_visit(fleet, family: int, cache, protocol: str) -> None:
    with fleet.client.visit(family, SITE, cache) as visit:
        seen = visit.result()
    expect_equal((seen["error"], seen["status"], seen["spoken"]), ("", 200, protocol), f"IPv{family}: {seen}")
    expect_equal(json.loads(seen["body"])["protocol"], protocol, "the protocol that the node saw")


def _kept(cache) -> list[tuple]:
    """Of each line: the protocol, host and port that it is about, those of the alternative, and until
    when (unix seconds)."""
    lines = [line for line in cache.read_text().splitlines() if not line.startswith("#")]
    found = [re.fullmatch(r'(\S+) (\S+) (\d+) (\S+) (\S+) (\d+) "([^"]+)" [01] \d+', line) for line in lines]
    expect(all(found), f"lines of the cache: {lines}")
    return [(*entry.groups()[:6], calendar.timegm(time.strptime(entry[7], "%Y%m%d %H:%M:%S")))
            for entry in found]


def _promised(fleet) -> None:
    """Both sites are, from now or from an earlier test."""
    for site, status in ((SITE, 200), (MISSING, 404)):
        _apply(fleet, site, status)
    if not fleet.find_certificate(SITE):
        issue(fleet, SITE, MISSING)
    for site in (SITE, MISSING):
        _wait_shown(fleet, site, PROMISE)


def _refused(fleet) -> str:
    path = fleet.layout.home("ctl") / "none.toml"
    path.write_text(toml.render({"fleet": {"quic_server": "none"}}))
    code, out, err = fleet.cli("policy", "apply", "-f", path)
    expect(code != 0, f"UDP 443 could be closed: {out}{err}")
    return (out + err).strip()


def _apply(fleet, site: str, status: int) -> None:
    path = fleet.layout.home("ctl") / f"{site}.toml"
    path.write_text(toml.render({"site": [{"name": site, "preset": {
        "status": status, "content_type": "application/json", "body": '{"protocol":"{protocol}"}'}}]}))
    fleet.controller.cli.run("site", "apply", "--wait", "-f", path)


def _shown(fleet, site: str) -> dict:
    return fleet.controller.cli.json("alt-svc", "show", site)["sites"][0]


def _wait_shown(fleet, site: str, value: str) -> None:
    """Every node was seen, by itself and by another one, to serve this value."""
    def is_shown():
        shown = _shown(fleet, site)
        nodes = shown.get("nodes", [])
        return (shown.get("value", "") == value and len(nodes) == len(fleet.nodes)
                and all(node.get("shown") for node in nodes))
    wait_until(f"{site}: {value} on every node", is_shown, timeout_s=90)


def _expect_header(fleet, site: str, status: int, values: list[str]) -> None:
    for node in fleet.nodes:
        for protocol in PROTOCOLS:
            for family in FAMILIES:
                if not values and protocol == "h3":
                    continue  # a broken node does not answer over it
                answer = fleet.ask(node, protocol, family, site)
                what = f"{site} on {node.name} over {protocol}, IPv{family}"
                expect_equal(answer.status, status, f"{what}: {answer.error}")
                expect_equal(answer.headers.get("alt-svc", []), values, f"Alt-Svc of {what}")
