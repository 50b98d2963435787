"""`lockstep lint` holds what is promised against the DNS, the policy and what was seen of the nodes."""

import json

from harness import https_records
from harness.case import expect, expect_equal, say
from harness.https_records import HttpsRecords
from harness.orders import issue
from lab import toml
from lab.shell import wait_until

SITE = "www.example.test"
NODE_NAME = "ams1.example.test"  # of one node alone
PROMISE = 'h3=":443"; ma=300'
AGREEING = {"alpn": ["h2", "h3"], "ttl": 60}
LAB = {"controller": {"alt_svc": {"hold_5m": "5s", "watch": "1s", "old_connections": "1s"},
                      "dns": {"servers": [f"10.77.254.2:{https_records.PORT}"]}}}


def a_site_in_step_has_no_findings(fleet):
    with https_records.https_records(fleet) as dns:
        _promise(fleet, dns)
        code, linted = _lint(fleet)
        expect_equal((code, linted.get("findings", [])), (0, []), "exit code and findings")
        looked_at = {look["what"]: look["extent"] for look in linted["looked_at"]}
        say(json.dumps(looked_at))
        nodes = f"{len(fleet.nodes)} of {len(fleet.nodes)} nodes"
        expect_equal(looked_at, {
            "what is promised and planned": PROMISE, "HTTPS and address records": "1 of 1 host",
            "answers over HTTP/1.1": nodes, "handshakes over HTTP/3": nodes,
            "migration, as clients are told": nodes}, "what was looked at")


def a_record_that_says_too_much_breaks_a_rule_by_name(fleet):
    with https_records.https_records(fleet) as dns:
        _promise(fleet, dns)
        fleet.dns.add_a(NODE_NAME, [fleet.layout.nodes[0].ipv4])
        dns.publish(SITE, AGREEING, {"alpn": ["h3"], "target": NODE_NAME, "ttl": 60})
        code, linted = _lint(fleet)
        expect_equal(code, 1, "exit code with errors")
        expect_equal([finding["rule"] for finding in linted["findings"]],
                     ["https-record-names-more", "https-record-names-node"], "broken rules")
        say(linted["findings"][1]["what"][0])
        _wait_event(fleet, "lint.found", "https-record-names-node")
        dns.publish(SITE, AGREEING)
        code, linted = _lint(fleet)
        expect_equal((code, linted.get("findings", [])), (0, []), "after the records were mended")
        _wait_event(fleet, "lint.gone", "https-record-names-node")


def every_rollout_is_linted(fleet):
    with https_records.https_records(fleet) as dns:
        _promise(fleet, dns)
        dns.publish(SITE, {"alpn": ["h2"], "ttl": 60})
        _apply(fleet, "another body")
        _wait_event(fleet, "lint.found", "https-record-names-less")
        code, linted = _lint(fleet)
        expect_equal(code, 0, "exit code with warnings alone")
        expect_equal([f["severity"] for f in linted["findings"]], ["warning"], "severities")


def _promise(fleet, dns: HttpsRecords) -> None:
    """The site promises HTTP/3, from now or from an earlier test, and the DNS agrees."""
    dns.publish(SITE, AGREEING)
    if not fleet.find_certificate(SITE):
        _apply(fleet, "hello")
        issue(fleet, SITE)
    def is_promised() -> bool:
        shown = fleet.controller.cli.json("alt-svc", "show", SITE)["sites"][0]
        nodes = shown.get("nodes", [])
        return (shown.get("value") == PROMISE and len(nodes) == len(fleet.nodes)
                and all(node.get("shown") for node in nodes))
    wait_until("the site promises HTTP/3 on every node", is_promised, timeout_s=90)


def _apply(fleet, body: str) -> None:
    path = fleet.layout.home("ctl") / "site.toml"
    path.write_text(toml.render({"site": [{"name": SITE, "preset": {"body": body}}]}))
    fleet.controller.cli.run("site", "apply", "--wait", "-f", path)


def _lint(fleet) -> tuple[int, dict]:
    code, out, err = fleet.cli("lint", SITE, "-o", "json")
    expect(out, f"lint said nothing: exit {code}: {err}")
    sites = json.loads(out)["sites"]
    expect_equal([site["site"] for site in sites], [SITE], "sites")
    return code, sites[0]


def _wait_event(fleet, kind: str, words: str) -> None:
    def has_it() -> bool:
        events = fleet.controller.cli.json("events", "--about", SITE)["events"]
        return any(event["kind"] == kind and words in event["text"] for event in events)
    wait_until(f"event {kind} with {words}", has_it, timeout_s=30)
