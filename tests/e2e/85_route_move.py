"""The anycast route moves to another node in the middle of an HTTP/3 download.

With a preferred address the client has gone to the node's own address by then, and the download
completes byte for byte. Without one, and on Caddy's HTTP/3, it does not: that is what lockstep-quicd
is for. The node that the packets come to then knows them for another's, counts them and is silent.
"""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import time

from harness.case import expect, expect_equal, say
from harness.discover import full
from harness.orders import serve
from lab import bird
from lab import layout as lay
from lab import quicd as lab_quicd
from lab.netns import inside
from lab.shell import run, wait_until

SITE = "www.example.test"
SIZE = 20_000_000
RATE = "50mbit"
MOVE_AT = SIZE // 4
IDLE_S = 6  # of the client: when it gives a silent connection up
DELAY_S = 3  # of a request on an idle connection
FILE = "download.bin"


def a_download_survives_a_moving_route(fleet):
    with _edge(fleet) as edge:
        _moves(edge, times=1)


@full
def twenty_downloads_survive_twenty_moving_routes(fleet):
    with _edge(fleet) as edge:
        _moves(edge, times=10)


def without_a_preferred_address_it_does_not(fleet):
    with _edge(fleet) as edge:
        edge.configure(preferred_address=False)
        for family in (4, 6):
            before = edge.foreign()
            with edge.captures(family) as silence:
                _expect_broken(edge.download(family), f"quicd without a preferred address, IPv{family}")
            counted = edge.foreign() - before
            say(f"IPv{family}: {counted} datagrams of another node's connection counted, 0 answered")
            expect(counted > 0, "the new node counted no foreign connection ID")
            silence.expect_silent()


def on_caddys_own_http3_it_does_not(fleet):
    with _edge(fleet) as edge:
        fleet.controller.cli.run("site", "apply", "--wait", "-f", edge.site_of_files())
        _expect_broken(edge.download(4, port=443), "Caddy's HTTP/3")


def an_idle_connection_answers_at_once_after_the_route_has_moved(fleet):
    with _edge(fleet) as edge:
        for family in (4, 6):
            took_s = edge.ask_after_idling(family)
            say(f"IPv{family}: the next request took {took_s * 1000:.0f} ms")
            expect(took_s <= 1, f"the next request took {took_s:.1f} s")


def _moves(edge, times: int) -> None:
    for attempt in range(times):
        for family in (4, 6):
            seen = edge.download(family)
            expect_equal(seen.digest, edge.digest, f"download {attempt + 1}, IPv{family}: {seen}")
            expect(MOVE_AT <= seen.bytes_at_move < SIZE, f"the move fell outside: {seen}")
            say(f"IPv{family}: route moved from {seen.left} at {seen.bytes_at_move / 1e6:.1f} of "
                f"{SIZE / 1e6:.0f} MB; complete after {seen.seconds:.1f} s")
    moved = sum(quicd.counters().get("preferred_address_migrations", 0) for quicd in edge.quicds)
    expect(moved >= times * 2, f"{moved} clients moved to a preferred address, not {times * 2}")


def _expect_broken(seen, what: str) -> None:
    say(f"{what}: {seen.bytes} of {SIZE} bytes, the route moved at {seen.bytes_at_move}")
    expect(MOVE_AT <= seen.bytes_at_move < SIZE, f"the move fell outside: {seen}")
    expect(seen.bytes < SIZE, f"{what}: the download completed, so this test shows nothing")


@dataclasses.dataclass
class Download:
    left: str  # the node that the route left
    bytes_at_move: int
    bytes: int
    digest: str
    seconds: float


class Edge:
    """lockstep-quicd on every node, one file to download, one client with a slow link."""

    def __init__(self, fleet, directory: pathlib.Path):
        self.fleet = fleet
        self._directory = directory
        self._target = directory / "got"
        files = directory / "files"
        files.mkdir(mode=0o755)
        directory.chmod(0o755)
        content = os.urandom(SIZE)
        (files / FILE).write_bytes(content)
        (files / "small").write_bytes(b"here\n")
        self.digest = hashlib.sha256(content).hexdigest()
        keys = lab_quicd.FleetKeys()
        self.quicds = [lab_quicd.Quicd(fleet.layout, node.place, fleet.spec.build, keys, files,
                                        fleet.remember)
                       for node in fleet.nodes]

    def configure(self, preferred_address: bool) -> None:
        for node, quicd in zip(self.fleet.nodes, self.quicds):
            pem = node.caddy.config()["apps"]["tls"]["certificates"]["load_pem"][0]
            quicd.configure(SITE, pem["certificate"], pem["key"], preferred_address=preferred_address)

    def foreign(self) -> int:
        return sum(q.counters().get("dropped_foreign_connection_id", 0) for q in self.quicds)

    def site_of_files(self) -> pathlib.Path:
        """A site file: the node's own Caddy serves the same files."""
        path = self._directory / "sites.toml"
        path.write_text(f'[[site]]\nname = "{SITE}"\n'
                        f'[site.file_root]\npath = "{self._directory / "files"}"\n')
        return path

    def download(self, family: int, port: int = lab_quicd.PORT) -> Download:
        """One download by gtlsclient; the route leaves the node that serves it a quarter in."""
        sent = self._sent()
        began = time.monotonic()
        with self._client(family, port, FILE) as client:
            wait_until("a quarter of the download",
                       lambda: self._got(FILE) >= MOVE_AT or client.poll() is not None,
                       timeout_s=20, every_s=0.005)
            with self._route_moved(family, self._busiest_since(sent)) as left:
                at_move = self._got(FILE)
                client.wait(timeout=60)
        got = self._target / FILE
        content = got.read_bytes() if got.exists() else b""
        return Download(left, at_move, len(content), hashlib.sha256(content).hexdigest(),
                        time.monotonic() - began)

    def ask_after_idling(self, family: int) -> float:
        """Seconds that a request takes on a connection that was idle while the route moved: at most,
        the handshake is in them."""
        sent = self._sent()
        began = time.monotonic()
        with self._client(family, lab_quicd.PORT, "small", f"--delay-stream={DELAY_S}s") as client:
            time.sleep(DELAY_S / 3)  # for the handshake and the way to the preferred address
            with self._route_moved(family, self._busiest_since(sent)):
                moved_s = time.monotonic() - began
                client.wait(timeout=30)
                took_s = time.monotonic() - began - DELAY_S
        expect(moved_s < DELAY_S, f"the route moved after {moved_s:.1f} s, too late for this test")
        expect_equal((self._target / "small").read_bytes(), b"here\n", "the answer")
        return took_s

    @contextlib.contextmanager
    def captures(self, family: int):
        """What every node sends from the service address to the client, once its route has left."""
        silence = _Silence(self.fleet, family)
        with contextlib.ExitStack() as stack:
            silence.open(stack)
            yield silence

    def _client(self, family: int, port: int, path: str, *options) -> subprocess.Popen:
        shutil.rmtree(self._target, ignore_errors=True)
        self._target.mkdir()
        hosts = self._directory / "hosts"
        hosts.write_text(f"{lay.service_address(family)} {SITE}\n")
        command = ["gtlsclient", "--quiet", "--no-quic-dump", "--no-http-dump", f"--timeout={IDLE_S}s",
                   "--exit-on-all-streams-close", "--disable-early-data", *options,
                   f"--download={self._target}", SITE, str(port), f"https://{SITE}:{port}/{path}"]
        # A hosts file of its own: gtlsclient takes the name of the site from what it resolves.
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return subprocess.Popen(
            inside(self.fleet.layout.client.namespace, "unshare", "--mount", "sh", "-c", script, hosts,
                   *command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _got(self, name: str) -> int:
        path = self._target / name
        return path.stat().st_size if path.exists() else 0

    def _sent(self) -> dict[str, int]:
        """Octets that each node's uplink has sent."""
        return {node.name: int(run(*inside(node.place.namespace, "cat", "/proc/net/dev"))
                               .split(f"{lay.UPLINK}:")[1].split()[8]) for node in self.fleet.nodes}

    def _busiest_since(self, before: dict[str, int]):
        now = self._sent()
        return self.fleet.node(max(now, key=lambda name: now[name] - before[name]))

    @contextlib.contextmanager
    def _route_moved(self, family: int, node):
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


class _Silence:
    """Datagrams from the service address's QUIC port, per node."""

    def __init__(self, fleet, family: int):
        self._fleet, self._family = fleet, family
        self._captures = {}

    def open(self, stack) -> None:
        source = f"src host {lay.service_address(self._family)} and udp src port {lab_quicd.PORT}"
        for node in self._fleet.nodes:
            self._captures[node.name] = stack.enter_context(node.capture(source))

    def expect_silent(self) -> None:
        """One node served the connection; none of the others said anything."""
        talked = [name for name, capture in self._captures.items() if "UDP" in capture.text()]
        expect_equal(len(talked), 1, f"nodes that sent from the service address: {talked}")


@contextlib.contextmanager
def _edge(fleet):
    serve(fleet, SITE)
    directory = fleet.layout.directory / "route-move"
    directory.mkdir(mode=0o755)
    slow = ("qdisc", "dev", fleet.layout.client.router_link, "root")
    tc = ("tc", "-n", fleet.layout.router_namespace, slow[0])
    run(*tc, "add", *slow[1:], "tbf", "rate", RATE, "burst", "64kb", "latency", "200ms")
    # Of its IPv6 addresses the client would take one that is a door to a node of its own.
    client = fleet.layout.client
    door = ("ip", "-n", client.namespace, "-6", "route")
    route = (lay.SERVICE_IPV6, "via", client.gateway_ipv6, "src", client.ipv6)
    run(*door, "add", *route)
    edge = Edge(fleet, directory)
    try:
        for quicd in edge.quicds:
            quicd.start()
        edge.configure(preferred_address=True)
        yield edge
    finally:
        for quicd in edge.quicds:
            quicd.stop()
        run(*door, "del", *route)
        run(*tc, "del", *slow[1:])
        shutil.rmtree(directory)
        for node in fleet.nodes:
            shutil.rmtree(fleet.layout.home(node.name) / "quicd")
