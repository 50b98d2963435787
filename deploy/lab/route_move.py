"""HTTP/3 while the anycast route moves: a site of files on every node, a client on a slow link, and BIRD
that withdraws the node which serves it.
"""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import time

from . import bird, gtls
from . import layout as lay
from .netns import inside
from .shell import LabError, run, wait_until

SIZE = 20_000_000
MOVE_AT = SIZE // 4
PORT = 443
_RATE = "50mbit"
SILENCE_S = 6  # after which the client gives a silent connection up
_DELAY_S = 3  # of a request on an idle connection
FILE = "download.bin"


@dataclasses.dataclass
class Download:
    left: str  # the node that the route left
    bytes_at_move: int
    bytes: int
    digest: str
    seconds: float


class Edge:
    """A fleet that serves one file to download, and one client with a slow link."""

    def __init__(self, fleet, site: str, directory: pathlib.Path):
        self.fleet = fleet
        self.site = site
        self._directory = directory
        self._target = directory / "got"
        files = directory / "files"
        files.mkdir(mode=0o755)
        directory.chmod(0o755)
        content = os.urandom(SIZE)
        (files / FILE).write_bytes(content)
        (files / "small").write_bytes(b"here\n")
        self.digest = hashlib.sha256(content).hexdigest()

    def serve(self) -> None:
        """The files, on every node."""
        path = self._directory / "sites.toml"
        path.write_text(f'[[site]]\nname = "{self.site}"\n'
                        f'[site.file_root]\npath = "{self._directory / "files"}"\n')
        self.fleet.controller.cli.run("site", "apply", "--wait", "-f", path)

    def foreign(self) -> int:
        """Datagrams of other nodes' connections that nodes have counted."""
        return self._sum("dropped_foreign_connection_id")

    def migrations(self) -> int:
        """Clients that went to a preferred address."""
        return self._sum("preferred_address_migrations")

    def _sum(self, counter: str) -> int:
        return sum(node.quicd_control.counters().get(counter, 0) for node in self.fleet.nodes)

    def download(self, family: int) -> Download:
        """One download by gtlsclient; the route leaves the node that serves it a quarter in."""
        sent = self.sent()
        began = time.monotonic()
        with self.client(family, FILE) as client:
            wait_until("a quarter of the download",
                       lambda: self.got(FILE) >= MOVE_AT or client.poll() is not None,
                       timeout_s=20, every_s=0.005)
            with self.route_moved(family, self.busiest_since(sent)) as left:
                at_move = self.got(FILE)
                client.wait(timeout=60)
        return Download(left, at_move, self.got(FILE), self.got_digest(), time.monotonic() - began)

    def got_digest(self) -> str:
        """Of what the client has of the download."""
        path = self._target / FILE
        return hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()

    def ask_after_idling(self, family: int) -> float:
        """Seconds that a request takes on a connection that was idle while the route moved: at most,
        the handshake is in them."""
        sent = self.sent()
        began = time.monotonic()
        with self.client(family, "small", f"--delay-stream={_DELAY_S}s") as client:
            time.sleep(_DELAY_S / 3)  # for the handshake and the way to the preferred address
            with self.route_moved(family, self.busiest_since(sent)):
                moved_s = time.monotonic() - began
                client.wait(timeout=30)
                took_s = time.monotonic() - began - _DELAY_S
        if moved_s >= _DELAY_S:
            raise LabError(f"the route moved after {moved_s:.1f} s, when the request was under way")
        if (self._target / "small").read_bytes() != b"here\n":
            raise LabError("the answer is not what was asked for")
        return took_s

    def client(self, family: int, path: str, *options) -> subprocess.Popen:
        """A gtlsclient that downloads a file, without a word."""
        shutil.rmtree(self._target, ignore_errors=True)
        self._target.mkdir()
        argv = gtls.command(self.fleet.layout, self._directory / "hosts", self.site, family, PORT, path,
                            "--quiet", f"--timeout={SILENCE_S}s", f"--download={self._target}",
                            *options)
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def got(self, name: str) -> int:
        """Octets of a file that the client has by now."""
        path = self._target / name
        return path.stat().st_size if path.exists() else 0

    def sent(self) -> dict[str, int]:
        """Octets that each node's uplink has sent."""
        return {node.name: int(run(*inside(node.place.namespace, "cat", "/proc/net/dev"))
                               .split(f"{lay.UPLINK}:")[1].split()[8]) for node in self.fleet.nodes}

    def busiest_since(self, before: dict[str, int]):
        now = self.sent()
        return self.fleet.node(max(now, key=lambda name: now[name] - before[name]))

    @contextlib.contextmanager
    def route_moved(self, family: int, node):
        """BIRD on a node withdraws the service address; it comes back at the end."""
        protocol = f"service{family}"
        hops = len(self.fleet.nodes)
        node.bird.disable(protocol)
        try:
            wait_until("the router's route without the node",
                       lambda: bird.next_hops(self.fleet.layout, family) == hops - 1, timeout_s=5)
            yield node.name
        finally:
            node.bird.enable(protocol)
            self.fleet.wait_routes(hops)


@contextlib.contextmanager
def edge_of(fleet, site: str):
    """An Edge that serves `site`, which has a certificate."""
    directory = fleet.layout.directory / "route-move"
    directory.mkdir(mode=0o755)
    slow = ("qdisc", "dev", fleet.layout.client.router_link, "root")
    tc = ("tc", "-n", fleet.layout.router_namespace, slow[0])
    run(*tc, "add", *slow[1:], "tbf", "rate", _RATE, "burst", "64kb", "latency", "200ms")
    # Of its IPv6 addresses the client would take one that is a door to a node of its own.
    client = fleet.layout.client
    door = ("ip", "-n", client.namespace, "-6", "route")
    route = (lay.SERVICE_IPV6, "via", client.gateway_ipv6, "src", client.ipv6)
    run(*door, "add", *route)
    edge = Edge(fleet, site, directory)
    try:
        edge.serve()
        yield edge
    finally:
        run(*door, "del", *route)
        run(*tc, "del", *slow[1:])
        shutil.rmtree(directory)
