"""After every issue and re-issue, every node shows the new leaf over h1, h2 and h3, IPv4 and IPv6."""

from harness.case import expect, say
from harness.orders import expect_everywhere, issue, serve, watching
from harness.quicd import expect_it_answered, switch_to_quicd

SITE = "www.example.test"


def the_first_certificate_is_on_every_node_protocol_and_family(fleet):
    fleet.apply_site(SITE)
    issue(fleet, SITE)
    expect_everywhere(fleet, SITE)


def each_reissue_replaces_the_leaf_everywhere_http3_included(fleet):
    serve(fleet, SITE)
    seen = [fleet.certificate(SITE)["serial"]]
    for _ in range(3):
        issue(fleet, SITE)
        seen.append(expect_everywhere(fleet, SITE))
    expect(len(set(seen)) == 4, f"serials repeat: {seen}")


def a_second_site_leaves_the_first_as_it_is(fleet):
    serve(fleet, SITE)
    before = fleet.certificate(SITE)["serial"]
    fleet.apply_site("shop.example.test")
    issue(fleet, "shop.example.test")
    expect_everywhere(fleet, "shop.example.test")
    expect(expect_everywhere(fleet, SITE) == before, "the first site's certificate changed")


def a_ca_that_looks_over_ipv6_is_answered(fleet):
    serve(fleet, SITE)
    fleet.dns.set_family(6)
    try:
        with watching(fleet) as seen:
            issue(fleet, SITE)
    finally:
        fleet.dns.set_family(4)
    say(f"the CA's requests over IPv6 landed on {seen.nodes_of([SITE])}")
    expect(seen.attempts == 3, f"{seen.attempts} validation requests, not 3")
    expect_everywhere(fleet, SITE)


def each_reissue_replaces_it_where_lockstep_quicd_has_udp_443(fleet):
    serve(fleet, SITE)
    switch_to_quicd(fleet)
    seen = [expect_everywhere(fleet, SITE)]
    for _ in range(2):
        issue(fleet, SITE)
        seen.append(expect_everywhere(fleet, SITE))
    expect(len(set(seen)) == 3, f"serials repeat: {seen}")
    for node in fleet.nodes:
        expect_it_answered(node)


def the_ca_saw_one_account(fleet):
    accounts = fleet.pebble.new_accounts()
    expect(accounts == 1, f"{accounts} accounts at the CA, not 1")
