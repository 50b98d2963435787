"""Who is where in the lab: namespaces, addresses, paths. Pure; nothing here touches the machine.

IPv6 is from the documentation's prefixes, none of it from fc00::/7: Chromium ignores a preferred address
that is not publicly routable where it came to one that is.

Every lab uses the same addresses: they live in namespaces of their own. What differs between two
labs that run side by side is the id, which names the namespaces and the state directory.
"""

import dataclasses
import pathlib
import re

SERVICE_IPV4 = "203.0.113.10"
SERVICE_IPV6 = "2001:db8:a::10"
NODE_NAMES = ("ams1", "fra1", "nyc1", "lon1", "sin1", "syd1", "sao1", "jnb1", "tyo1", "lax1")
UPLINK = "up0"  # the one interface every place has, towards the router

_SUBNETS = {"client": 0, "ctl": 250, "ca": 254}
_CLIENT_DOOR_BASE = 10  # the client's address .10+N reaches node N and no other


@dataclasses.dataclass(frozen=True)
class Place:
    """A namespace with one uplink to the router."""

    name: str
    namespace: str
    subnet: int

    @property
    def ipv4(self) -> str:
        return f"10.77.{self.subnet}.2"

    @property
    def ipv6(self) -> str:
        return f"3fff:{self.subnet}::2"

    @property
    def gateway_ipv4(self) -> str:
        return f"10.77.{self.subnet}.1"

    @property
    def gateway_ipv6(self) -> str:
        return f"3fff:{self.subnet}::1"

    @property
    def router_link(self) -> str:
        """The router's end of the link."""
        return f"to-{self.name}"


@dataclasses.dataclass(frozen=True)
class NodePlace(Place):
    """A node: its subnet number is also its index, its AS and its door for the client."""

    @property
    def pop(self) -> str:
        return self.name.rstrip("0123456789")

    @property
    def as_number(self) -> int:
        return 65000 + self.subnet

    @property
    def route_table(self) -> int:
        return 100 + self.subnet

    @property
    def client_ipv4(self) -> str:
        """The client's source address whose traffic to the service addresses comes here."""
        return f"10.77.0.{_CLIENT_DOOR_BASE + self.subnet}"

    @property
    def client_ipv6(self) -> str:
        return f"3fff:0::{_CLIENT_DOOR_BASE + self.subnet}"


def check_lab_id(lab_id: str) -> str:
    """`lab_id` if it may name namespaces and a directory, else ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", lab_id):
        raise ValueError(f"lab id '{lab_id}' must be 1-16 of a-z 0-9 -, a letter first")
    return lab_id


class Layout:
    """Places and paths of one lab."""

    def __init__(self, lab_id: str, base: pathlib.Path, node_names: tuple[str, ...]):
        check_lab_id(lab_id)
        unknown = [name for name in node_names if name not in NODE_NAMES]
        if unknown or not node_names:
            raise ValueError(f"nodes are any of {' '.join(NODE_NAMES)}; got '{' '.join(node_names)}'")
        self.lab_id = lab_id
        self.directory = base / lab_id
        self.client = self._place("client")
        self.ctl = self._place("ctl")
        self.ca = self._place("ca")
        self.router_namespace = f"{lab_id}-router"
        self.nodes = tuple(
            NodePlace(name, f"{lab_id}-{name}", NODE_NAMES.index(name) + 1) for name in node_names)

    def _place(self, name: str) -> Place:
        return Place(name, f"{self.lab_id}-{name}", _SUBNETS[name])

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.client, self.ctl, self.ca, *self.nodes)

    @property
    def logs(self) -> pathlib.Path:
        return self.directory / "log"

    @property
    def bin(self) -> pathlib.Path:
        return self.directory / "bin"

    def home(self, name: str) -> pathlib.Path:
        """The directory of one place's files."""
        return self.directory / name


def namespaces_of(lab_id: str) -> list[str]:
    """Every namespace a lab of this id can have, whatever its nodes are."""
    return [f"{lab_id}-{name}" for name in ("client", "ctl", "ca", *NODE_NAMES, "router")]


def service_address(family: int) -> str:
    return {4: SERVICE_IPV4, 6: SERVICE_IPV6}[family]
