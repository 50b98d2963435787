"""What really arrived at a node, seen by tcpdump on its uplink."""

import dataclasses
import pathlib
import re

from . import layout as lay
from .process import Process

_REQUEST = re.compile(
    r"GET /\.well-known/acme-challenge/(\S+) HTTP/1\.1\r?\nHost: ([^\s:]+)")


@dataclasses.dataclass(frozen=True)
class Validation:
    """One request of the CA for a challenge."""

    node: str
    host: str
    token: str


class Capture:
    """Packets that match a filter, from `with` to the end of the block."""

    def __init__(self, node: lay.Place, log: pathlib.Path, packet_filter: str, on_change):
        self.node = node.name
        self._log = log
        log.unlink(missing_ok=True)
        self._process = Process(
            f"capture-{log.stem}",
            ["tcpdump", "-Z", "root", "-i", lay.UPLINK, "-nn", "-tt", "-l", "-A", "-s", "0",
             "--immediate-mode", packet_filter],
            log=log, namespace=node.namespace, on_change=on_change,
            ready=lambda: log.exists() and b"listening on" in log.read_bytes())

    def __enter__(self) -> "Capture":
        self._process.start()
        return self

    def __exit__(self, *_) -> None:
        self._process.stop()

    def text(self) -> str:
        return self._log.read_text(errors="replace")

    def connections(self) -> int:
        """How many TCP connections were tried."""
        return len(set(re.findall(r" IP6? (\S+) > \S+: Flags \[S\]", self.text())))

    def validations(self) -> list[Validation]:
        return [Validation(self.node, host, token) for token, host in _REQUEST.findall(self.text())]


def from_ca(layout: lay.Layout) -> str:
    """The filter for the CA's connections to port 80, both families."""
    return f"tcp dst port 80 and (src host {layout.ca.ipv4} or src host {layout.ca.ipv6})"
