"""What really arrived at a node, seen by tcpdump on its uplink."""

import dataclasses
import pathlib
import re

from . import layout as lay
from .process import Process
from .shell import LabError

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
            # In immediate mode each packet takes a slot of the snapshot's length, and the buffer has
            # 2 MiB unless told: with whole packets that is eight of them, too few on a busy machine.
            ["tcpdump", "-Z", "root", "-i", lay.UPLINK, "-nn", "-tt", "-l", "-A", "-s", "2048",
             "-B", "16384", "--immediate-mode", packet_filter],
            log=log, namespace=node.namespace, on_change=on_change,
            ready=lambda: log.exists() and b"listening on" in log.read_bytes())

    def __enter__(self) -> "Capture":
        self._process.start()
        return self

    def __exit__(self, kind, *_) -> None:
        self._process.stop()
        dropped = re.search(r"^([1-9]\d*) packets dropped by kernel", self.text(), re.M)
        if dropped and kind is None:
            raise LabError(f"the capture on {self.node} missed {dropped[1]} packets: {self._log}")

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
