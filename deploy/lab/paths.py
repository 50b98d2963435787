"""What the router does to HTTP/3 between the client and the nodes while something is open: it loses
long packets without a word, or is a NAT that forgets.
"""

import contextlib
import ipaddress

from . import layout as lay
from .netns import Table, inside
from .shell import LabError, run

_PORT = 443
_MOST_SEGMENTS = 65535  # of one batch, that a link takes unless it is told otherwise


class Narrow(Table):
    """Packets for the client that are longer than so many octets, IP header included, are lost: `lost`;
    what else there was: `short`; ICMP errors that the router sent: `told`. Needs single_datagrams."""

    def __init__(self, layout: lay.Layout, octets: int):
        here = f'oifname "{layout.client.router_link}" udp sport {_PORT} meta length'
        super().__init__(layout.router_namespace, "narrow", (
            "counter lost {}\ncounter short {}\ncounter told {}\n"
            "chain forward {\ntype filter hook forward priority 0;\n"
            f"{here} > {octets} counter name lost drop;\n"
            f"{here} <= {octets} counter name short;\n}}\n"
            "chain output {\ntype filter hook output priority 0;\n"
            "icmp type destination-unreachable counter name told;\n"
            "icmpv6 type packet-too-big counter name told;\n}\n"))


class Nat(Table):
    """The client's packets from one address and port seem to come from others. What is sent to where
    they came from before is lost, as by a NAT that has forgotten: `stale`."""

    def __init__(self, layout: lay.Layout, source: tuple[str, int], seems: tuple[str, int]):
        ip = "ip6" if ":" in source[0] else "ip"
        super().__init__(layout.router_namespace, "nat", (
            "counter stale {}\n"
            "chain prerouting {\ntype filter hook prerouting priority -300;\n"
            f"{ip} saddr {source[0]} udp dport {_PORT} udp sport {source[1]} "
            f"{ip} saddr set {seems[0]} udp sport set {seems[1]} accept;\n"
            f"{ip} daddr {seems[0]} udp sport {_PORT} udp dport {seems[1]} "
            f"{ip} daddr set {source[0]} udp dport set {source[1]} accept;\n"
            f"{ip} daddr {source[0]} udp sport {_PORT} udp dport {source[1]} "
            "counter name stale drop;\n}\n"))


@contextlib.contextmanager
def single_datagrams(layout: lay.Layout):
    """Each datagram of a node is a packet of its own when it comes to the router: a link otherwise
    takes batches whole, and their length is what a rule sees."""
    def most_segments(count: int) -> None:
        for node in layout.nodes:
            run("ip", "-n", node.namespace, "link", "set", "dev", lay.UPLINK, "gso_max_segs", count)

    most_segments(1)
    try:
        yield
    finally:
        most_segments(_MOST_SEGMENTS)


def client_port(layout: lay.Layout, address: str) -> int:
    """Of the one UDP socket that the client has open on this address."""
    sockets = run(*inside(layout.client.namespace, "ss", "-Huan"))
    local = [line.split()[3].rpartition(":") for line in sockets.splitlines()]
    ports = [int(port) for host, _, port in local
             if ipaddress.ip_address(host.strip("[]").partition("%")[0]) == ipaddress.ip_address(address)]
    if len(ports) != 1:
        raise LabError(f"not one UDP socket on {address}: {sockets}")
    return ports[0]
