"""The network: namespaces, links, addresses, forwarding, and the per-node doors for the client."""

import pathlib

from . import layout as lay
from .shell import attempt, run

NETNS_DIRECTORY = pathlib.Path("/run/netns")


def inside(namespace: str, *argv) -> list[str]:
    """The command line that runs `argv` in a namespace, keeping its process id."""
    return ["nsenter", f"--net={NETNS_DIRECTORY / namespace}", "--", *map(str, argv)]


def create(layout: lay.Layout) -> None:
    for namespace in (layout.router_namespace, *(p.namespace for p in layout.places)):
        run("ip", "netns", "add", namespace)
        _sysctl(namespace, "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
        run("ip", "-n", namespace, "link", "set", "lo", "up")
    # Layer-4 hash: each connection of one client may land on another node, as with real anycast.
    _sysctl(layout.router_namespace, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
            "net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.fib_multipath_hash_policy=1")
    for place in layout.places:
        _connect(layout, place)
    for node in layout.nodes:
        # Caddy opens new listeners at every reload; without this the kernel resets connections that
        # wait in the old ones (measured: 106 of 7,162 over 1,021 reloads; with it 0 of 7,153).
        _sysctl(node.namespace, "net.ipv4.tcp_migrate_req=1")
        _batch(node.namespace, f"addr add {lay.SERVICE_IPV4}/32 dev lo",
               f"addr add {lay.SERVICE_IPV6}/128 dev lo nodad")
        _open_door(layout, node)


def delete(lab_id: str) -> list[str]:
    """Removes what is there of a lab's namespaces; returns their names."""
    there = [name for name in lay.namespaces_of(lab_id) if (NETNS_DIRECTORY / name).exists()]
    for name in there:
        run("ip", "netns", "delete", name)
    return there


def pids_in(*namespaces: str) -> list[int]:
    """Every process that lives in one of the namespaces, however it got there."""
    pids = set()
    for name in namespaces:
        if (NETNS_DIRECTORY / name).exists():
            pids.update(int(pid) for pid in run("ip", "netns", "pids", name).split())
    return sorted(pids)


def _connect(layout: lay.Layout, place: lay.Place) -> None:
    router = layout.router_namespace
    run("ip", "-n", router, "link", "add", place.router_link, "type", "veth",
        "peer", "name", lay.UPLINK, "netns", place.namespace)
    _batch(router, f"addr add {place.gateway_ipv4}/24 dev {place.router_link}",
           f"addr add {place.gateway_ipv6}/64 dev {place.router_link} nodad",
           f"link set {place.router_link} up")
    _batch(place.namespace, f"addr add {place.ipv4}/24 dev {lay.UPLINK}",
           f"addr add {place.ipv6}/64 dev {lay.UPLINK} nodad",
           f"link set {lay.UPLINK} up",
           f"route add default via {place.gateway_ipv4}",
           f"-6 route add default via {place.gateway_ipv6}")


def _open_door(layout: lay.Layout, node: lay.NodePlace) -> None:
    """A source address of the client that reaches this node through the service addresses."""
    _batch(layout.client.namespace, f"addr add {node.client_ipv4}/24 dev {lay.UPLINK}",
           f"addr add {node.client_ipv6}/64 dev {lay.UPLINK} nodad")
    table = node.route_table
    _batch(layout.router_namespace,
           f"rule add from {node.client_ipv4} lookup {table} priority {table}",
           f"-6 rule add from {node.client_ipv6} lookup {table} priority {table}",
           f"route add {lay.SERVICE_IPV4} via {node.ipv4} table {table}",
           f"-6 route add {lay.SERVICE_IPV6} via {node.ipv6} table {table}")


def _batch(namespace: str, *commands: str) -> None:
    """Several ip commands in one process per family."""
    for family in ("-4", "-6"):
        chosen = [c.removeprefix("-6 ") for c in commands if c.startswith("-6 ") == (family == "-6")]
        if chosen:
            options = ["-6"] if family == "-6" else []
            run("ip", *options, "-n", namespace, "-batch", "-", stdin="\n".join(chosen) + "\n")


def _sysctl(namespace: str, *settings: str) -> None:
    """Written to /proc directly: sysctl(8) exits 0 even when a setting was refused."""
    for setting in settings:
        key, value = setting.split("=")
        path = "/proc/sys/" + key.replace(".", "/")
        run(*inside(namespace, "sh", "-c", f"printf %s '{value}' > {path}"))


class Table:
    """A table of the packet filter of a namespace (nftables, both families), there while this is open."""

    def __init__(self, namespace: str, name: str, content: str):
        self._namespace = namespace
        self._table = f"lab_{name}"
        self._ruleset = f"table inet {self._table} {{\n{content}}}\n"

    def __enter__(self):
        run(*inside(self._namespace, "nft", "-f", "-"), stdin=self._ruleset)
        return self

    def __exit__(self, *_) -> None:
        attempt(*inside(self._namespace, "nft", "delete", "table", "inet", self._table))

    def read(self, counter: str, unit: str = "packets") -> int:
        """What the kernel has counted under this name: "packets", or "bytes" with their headers."""
        words = run(*inside(self._namespace, "nft", "list", "counter", "inet", self._table, counter))
        return int(words.split(f"{unit} ")[1].split()[0])


class Drop(Table):
    """Packets that a node's uplink silently loses while this is open.

    Only what crosses the uplink: the node's probes of itself go through lo and still pass.
    """

    def __init__(self, namespace: str, name: str, *, incoming: str = "", outgoing: str = ""):
        rules = []
        for hook, device, match in (("input", "iifname", incoming), ("output", "oifname", outgoing)):
            if match:
                rules.append(f"chain {hook} {{ type filter hook {hook} priority 0; "
                             f"{device} \"{lay.UPLINK}\" {match} drop; }}\n")
        super().__init__(namespace, name, "".join(rules))


class Count(Table):
    """Packets of a place's uplink that match, each way, counted by the kernel while this is open."""

    def __init__(self, namespace: str, name: str, *, incoming: str, outgoing: str):
        super().__init__(namespace, name, (
            "counter came {}\ncounter went {}\n"
            f"chain input {{ type filter hook input priority 0; "
            f"iifname \"{lay.UPLINK}\" {incoming} counter name came; }}\n"
            f"chain output {{ type filter hook output priority 0; "
            f"oifname \"{lay.UPLINK}\" {outgoing} counter name went; }}\n"))

    def came(self, unit: str = "packets") -> int:
        return self.read("came", unit)

    def went(self, unit: str = "packets") -> int:
        return self.read("went", unit)
