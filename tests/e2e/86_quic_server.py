"""UDP 443 is lockstep-quicd's, Caddy's or nobody's, as the edge policy says.

A switch is a rollout like any other. A lockstep-quicd that is killed is served again as soon as it is
back, and its old connections are reset instead of left to time out.
"""

import contextlib
import ipaddress
import json
import time

from harness.case import expect, expect_equal, say
from harness.orders import expect_everywhere, issue, serve
from harness.quicd import switch_to_quicd
from harness.supervisor import supervised
from lab.client import FAMILIES, PROTOCOLS
from lab.process import Process
from lab.shell import wait_until

SITE = "www.example.test"
RATE_PER_S = 200


def lockstep_quicd_serves_http3_on_every_node_and_family(fleet):
    fleet.quic_server("quicd")
    serve(fleet, SITE)
    expect_everywhere(fleet, SITE)
    for node in fleet.nodes:
        servers = node.caddy.config()["apps"]["http"]["servers"]
        expect("quicd" in servers and "https_tcp" in servers, f"{node.name}: Caddy has {list(servers)}")
    issue(fleet, SITE)
    expect_everywhere(fleet, SITE)


def only_lockstep_quicd_may_use_caddys_plaintext_listener(fleet):
    _served_by_quicd(fleet)
    node = fleet.nodes[0]
    for key in ([], ["-H", "Lockstep-Key: " + "0" * 64]):
        status = node.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *key,
                          "-H", f"Host: {SITE}", "http://127.0.0.1:7445/").strip()
        expect_equal(status, "403", f"a stranger's request with {key or 'no key'}")


def origins_and_presets_see_the_client_behind_lockstep_quicd(fleet):
    _served_by_quicd(fleet)
    preset = json.loads(fleet.ask(fleet.nodes[0], "h3", 4, SITE).body)
    expect_equal(preset["protocol"], "HTTP/3.0", "what the preset says was spoken")
    node = fleet.nodes[0]
    with _echo_origin(fleet, node) as server:
        sites = fleet.layout.home("ctl") / "echo.toml"
        sites.write_text(f'[[site]]\nname = "{SITE}"\n[site.upstream]\nservers = ["{server}"]\n')
        fleet.controller.cli.run("site", "apply", "--wait", "-f", sites)
        for family, client in ((4, node.place.client_ipv4), (6, node.place.client_ipv6)):
            for protocol in ("h2", "h3"):
                answer = fleet.ask(node, protocol, family, SITE)
                expect_equal(answer.status, 200, f"{protocol}: {answer.error}{answer.body}")
                seen = json.loads(answer.body)
                what = f"what the origin sees over {protocol}, IPv{family}"
                expect_equal(seen.get("x-forwarded-for"), str(ipaddress.ip_address(client)), what)
                expect_equal(seen.get("x-forwarded-proto"), "https", what)
                expect_equal(seen.get("x-forwarded-host"), SITE, what)
                ours = [name for name in seen if name.startswith("lockstep-")]
                expect(not ours, f"{what}: {ours}")
    serve(fleet, SITE)


def a_killed_quicd_serves_again_at_once(fleet):
    _served_by_quicd(fleet)
    node = fleet.nodes[0]
    with supervised(node.quicd):
        node.quicd.kill9()
        killed = time.monotonic()
        wait_until("HTTP/3 answers again",
                   lambda: fleet.ask(node, "h3", 4, SITE, timeout_ms=300).status == 200,
                   timeout_s=20, every_s=0.02)
        took_s = time.monotonic() - killed
    say(f"{node.name}: killed, started by its supervisor, served again after {took_s * 1000:.0f} ms")
    expect(took_s < 5, f"HTTP/3 was away for {took_s:.1f} s")
    expect_everywhere(fleet, SITE)


def no_request_fails_while_certificates_change_and_agents_restart(fleet):
    _served_by_quicd(fleet)
    expect_everywhere(fleet, SITE)
    questions = [fleet.client.question(node.place, protocol, family, SITE)
                 for node in fleet.nodes for protocol in PROTOCOLS for family in FAMILIES]
    load = fleet.client.load(questions, RATE_PER_S)
    for node in fleet.nodes:
        issue(fleet, SITE)
        node.agent.restart()
        wait_until(f"{node.name} is back", lambda: len(fleet.connected()) == len(fleet.nodes),
                   timeout_s=30)
    result = load.finish()
    say(f"{result['total']} requests in {result['seconds']:.0f} s across {len(fleet.nodes)} renewals "
        f"and restarts, {result['failed']} failed, slowest {result['slowest_ms']:.0f} ms; "
        f"{result['by_protocol']}")
    expect(result["by_protocol"].get("h3", 0) > 0, "no HTTP/3 request was made")
    expect_equal(result["failed"], 0, f"failed: {result['failures']}")
    expect_everywhere(fleet, SITE)


def switching_the_server_is_a_rollout(fleet):
    _served_by_quicd(fleet)
    fleet.quic_server("none")
    _expect_http3(fleet, False)
    fleet.quic_server("caddy")
    _expect_http3(fleet, True)
    switch_to_quicd(fleet)
    expect_everywhere(fleet, SITE)


def _served_by_quicd(fleet) -> None:
    fleet.quic_server("quicd")
    serve(fleet, SITE)


def _expect_http3(fleet, answers: bool) -> None:
    for node in fleet.nodes:
        for family in FAMILIES:
            seen = fleet.ask(node, "h3", family, SITE, timeout_ms=2000)
            expect_equal(seen.status == 200, answers, f"{node.name} IPv{family} over HTTP/3: {seen}")
            expect_equal(fleet.ask(node, "h2", family, SITE).status, 200, f"{node.name} over HTTP/2")


@contextlib.contextmanager
def _echo_origin(fleet, node):
    """Answers with the fields of the request, as JSON, on a node's loopback."""
    program = """
import http.server, json
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({k.lower(): v for k, v in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", 8999), Echo).serve_forever()
"""
    origin = Process(f"origin-{node.name}", ["/usr/bin/python3", "-c", program],
                     log=fleet.layout.logs / f"origin-{node.name}.log",
                     namespace=node.place.namespace, on_change=fleet.remember,
                     ready=lambda: ":8999" in node.run("ss", "-Hlnt"))
    origin.start()
    try:
        yield "127.0.0.1:8999"
    finally:
        origin.stop()
