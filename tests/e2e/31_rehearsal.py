"""The rehearsal refuses names whose DNS leads elsewhere, and never dials what is not the fleet's."""

from harness.case import expect, say
from harness.orders import issue, newest_order, serve, try_issue, watching, words_of
from lab.capture import Capture

SITE = "www.example.test"
ELSEWHERE = {"elsewhere.example.test": "192.0.2.77", "inward.example.test": "169.254.169.254"}


def a_name_that_points_elsewhere_is_reported_and_never_dialled(fleet):
    for host, address in ELSEWHERE.items():
        fleet.apply_site(host)
        fleet.dns.add_a(host, [address])
        with _dialled(fleet, address) as dialled, watching(fleet) as seen:
            code, out, err = try_issue(fleet, host)
        expect(code != 0, f"the order for {host} passed although it points at {address}")
        words = words_of(newest_order(fleet, host)) + out + err
        expect(address in words and host in words, f"neither the address nor the name said: {words}")
        seen.expect_nothing()
        connections = {c.node: c.connections() for c in dialled.captures if c.connections()}
        expect(not connections, f"{address} was dialled from {connections}")
        say(next((line for line in words.splitlines() if address in line), words[:200]))


def one_foreign_address_beside_the_fleets_is_enough_to_refuse(fleet):
    host = "half.example.test"
    fleet.apply_site(host)
    fleet.dns.add_a(host, ["203.0.113.10", "192.0.2.77"])
    with watching(fleet) as seen:
        code, out, err = try_issue(fleet, host)
    expect(code != 0, "the order passed although one address is not the fleet's")
    expect("192.0.2.77" in words_of(newest_order(fleet, host)) + out + err, "it is not named")
    seen.expect_nothing()


def corrected_dns_lets_the_next_order_pass(fleet):
    host = next(iter(ELSEWHERE))
    fleet.apply_site(host)
    fleet.dns.clear_a(host)
    issue(fleet, host)


def other_names_are_not_affected(fleet):
    serve(fleet, SITE)


class _dialled:
    """Captures of any packet to an address, on the controller's and every node's uplink."""

    def __init__(self, fleet, address: str):
        places = (fleet.layout.ctl, *fleet.layout.nodes)
        self.captures = [
            Capture(place, fleet.layout.logs / f"dialled-{place.name}-{address}.txt",
                    f"dst host {address}", lambda _: None) for place in places]

    def __enter__(self) -> "_dialled":
        for capture in self.captures:
            capture.__enter__()
        return self

    def __exit__(self, *details) -> None:
        for capture in self.captures:
            capture.__exit__(*details)
