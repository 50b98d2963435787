"""The whole lab as one object: what quickstart brings up and the tests hold in their hands."""

import dataclasses
import pathlib
import subprocess
import time

from . import bird, netns, process, report, state, toml
from . import layout as lay
from . import lockstep as ls
from .acme import Dns, Pebble
from .capture import Capture, from_ca
from .client import FAMILIES, Answer, Client
from .edge import Caddy
from .quicd_control import Control
from .shell import LabError, run, wait_until
from .steps import Steps


@dataclasses.dataclass(frozen=True)
class Spec:
    """What to build. `controller` and `agent` are laid over the configs, table by table.

    `announcer`: "bird" (the agent reads BIRD's state) or "file" (it believes a file; tests).
    """

    lab_id: str
    build: ls.Build
    libraries: pathlib.Path
    base: pathlib.Path
    nodes: tuple[str, ...] = lay.NODE_NAMES[:3]
    controller: dict = dataclasses.field(default_factory=dict)
    agent: dict = dataclasses.field(default_factory=dict)
    announcer: str = "bird"


class Node:
    """One anycast node: its place, BIRD, Caddy, lockstep-quicd and agent."""

    def __init__(self, layout: lay.Layout, place: lay.NodePlace, spec: Spec, on_change):
        self.place = place
        self.name = place.name
        self._layout = layout
        self._on_change = on_change
        home = layout.home(place.name)
        home.mkdir(parents=True, exist_ok=True)
        log = layout.logs / f"bird-{place.name}.log"
        self.bird = bird.Bird(place.name, place.namespace, home, bird.node_config(place, log), log,
                              on_change)
        self.caddy = Caddy(layout, place, on_change)
        self.announce_file = home / "announce"
        self.announce_file.write_text("announced\n")
        announcing = {"bird": {"bird": {"socket": self.bird.control}},
                      "file": {"announce": {"file": self.announce_file}}}[spec.announcer]
        self.enrolment = ls.Agent(layout, place, spec.build, self.caddy.admin_socket, announcing,
                                  spec.agent, on_change)
        self.agent = self.enrolment.process
        quic_server = ls.Quicd(layout, place, spec.build, on_change)
        self.quicd = quic_server.process
        self.quicd_control = Control(f"lockstep-quicd on {place.name}", quic_server.control_socket)

    def drop(self, name: str, *, incoming: str = "", outgoing: str = "") -> netns.Drop:
        """Loses matching packets on the uplink while open, e.g. incoming="tcp dport 80"."""
        return netns.Drop(self.place.namespace, name, incoming=incoming, outgoing=outgoing)

    def run(self, *argv) -> str:
        """A command in the node's place; its output."""
        return run(*netns.inside(self.place.namespace, *argv))

    def capture(self, packet_filter: str) -> Capture:
        log = self._layout.logs / f"capture-{self.name}-{time.monotonic_ns()}.txt"
        return Capture(self.place, log, packet_filter, self._on_change)

    def capture_ca(self) -> Capture:
        return self.capture(from_ca(self._layout))

    def cut_off_controller(self) -> netns.Drop:
        """The controller is unreachable from here; the peers and the CA are not."""
        address = self._layout.ctl.ipv4
        return self.drop("controller", incoming=f"ip saddr {address}",
                         outgoing=f"ip daddr {address}")

    def withdraw(self) -> None:
        """Stops attracting anycast traffic, and (announcer "file") says so with a witness."""
        for protocol in ("service4", "service6"):
            self.bird.disable(protocol)
        self.announce_file.write_text("withdrawn confirmed\n")

    def follow_announce_file(self) -> bool:
        """Does in BIRD what the file says now, as an announcer of the agent would have done."""
        announced = self.announce_file.read_text().startswith("announced")
        if announced:
            for protocol in ("service4", "service6"):
                self.bird.enable(protocol)
        return announced

    def challenge_files(self) -> list[pathlib.Path]:
        """What Caddy can serve as challenges right now."""
        directory = self.enrolment.challenges
        return [path for path in directory.rglob("*") if path.is_file()] if directory.exists() else []


class Fleet:
    """A running lab. Bring it up step by step (quickstart) or with `up` (tests)."""

    def __init__(self, spec: Spec, steps: Steps):
        self.spec = spec
        self.steps = steps
        self.layout = lay.Layout(spec.lab_id, spec.base, spec.nodes)
        self.layout.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.layout.logs.mkdir()
        self._state = state.State(self.layout.directory, {
            "nodes": list(spec.nodes), "build": str(spec.build.directory),
            "libraries": str(spec.libraries)})
        # What a process of the lab calls when it starts or ends, so that `down` finds it.
        self.remember = remember = self._state.remember
        log = self.layout.logs / "bird-router.log"
        self.router = bird.Bird("router", self.layout.router_namespace, self.layout.home("router"),
                                bird.router_config(self.layout, log), log, remember)
        self.dns = Dns(self.layout, remember)
        self.pebble = Pebble(self.layout, self.dns, remember)
        self.controller = ls.Controller(self.layout, spec.build, self.dns, self.pebble,
                                        spec.controller, remember)
        self.nodes = tuple(Node(self.layout, place, spec, remember) for place in self.layout.nodes)
        self.client = Client(self.layout, spec.libraries)

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def up(self) -> "Fleet":
        """Everything but sites and certificates."""
        self.start_network()
        self.start_ca()
        self.start_edges()
        self.start_controller()
        self.enrol()
        return self

    def start_network(self) -> None:
        with self.steps.step(f"network: {len(self.layout.places)} places around a router"):
            netns.create(self.layout)
        with self.steps.step("routing: BGP sessions with BFD") as detail:
            daemons = [self.router.process, *(node.bird.process for node in self.nodes)]
            for daemon in daemons:
                daemon.launch()
            for daemon in daemons:
                daemon.wait_ready()
            self.wait_routes(len(self.nodes))
            detail(f"both service addresses spread over {len(self.nodes)} nodes")

    def wait_routes(self, hops: int) -> None:
        for family in FAMILIES:
            wait_until(f"{hops} next hops for IPv{family} in the router",
                       lambda: bird.next_hops(self.layout, family) == hops, timeout_s=20)

    def start_ca(self) -> None:
        with self.steps.step("certificate authority: Pebble and its DNS server") as detail:
            self.dns.process.start()
            self.pebble.process.start()
            self.client.trust = self.pebble.fetch_issuing_root()
            detail(self.pebble.directory_url)

    def start_edges(self) -> None:
        with self.steps.step(f"edge: {len(self.nodes)} Caddys and QUIC servers, empty"):
            servers = [server for node in self.nodes for server in (node.caddy.process, node.quicd)]
            for server in servers:
                server.launch()
            for server in servers:
                server.wait_ready()

    def start_controller(self) -> None:
        with self.steps.step("controller"):
            self.controller.init()
            self.controller.process.start()

    def enrol(self) -> None:
        for node in self.nodes:
            with self.steps.step(f"enrol {node.name}"):
                node.enrolment.enroll(self.token(node.place))
                node.agent.start()
        with self.steps.step("agents connected") as detail:
            self.wait_connected(len(self.nodes))
            detail(f"{len(self.nodes)} of {len(self.nodes)}")

    def token(self, place: lay.NodePlace) -> str:
        return self.controller.cli.json("token", "create", "--node", place.name,
                                        "--pop", place.pop)["text"]

    def wait_connected(self, count: int, timeout_s: float = 20) -> None:
        wait_until(f"{count} agents connected", lambda: len(self.connected()) == count, timeout_s,
                   every_s=0.2)

    def connected(self) -> list[str]:
        """Names of the nodes whose agent has a stream open."""
        nodes = self.controller.cli.json("node", "list")
        nodes = nodes.get("nodes", nodes) if isinstance(nodes, dict) else nodes
        return [node["name"] for node in nodes if node.get("connected")]

    def cli(self, *arguments, **options) -> tuple[int, str, str]:
        return self.controller.cli.attempt(*arguments, **options)

    def quic_server(self, server: str, **settings) -> None:
        """Makes "quicd", "caddy" or "none" the owner of UDP 443 on every node, and waits for it."""
        path = self.layout.home("ctl") / "policy.toml"
        path.write_text(toml.render({"fleet": {"quic_server": server, **settings}}))
        self.controller.cli.run("policy", "apply", "--wait", "-f", path)

    def apply_site(self, name: str) -> None:
        self.apply_sites({name: [name]})

    def apply_sites(self, hosts_of: dict[str, list[str]]) -> None:
        """Applies sites with the preset answer: site name -> its hosts."""
        path = self.layout.home("ctl") / "sites.toml"
        path.write_text(ls.site_file(hosts_of))
        self.controller.cli.run("site", "apply", "-f", path)

    def issue(self, *names: str, on_line=None, timeout_s: float = 150) -> None:
        """`cert issue --wait`, each line of its progress handed to `on_line` as it comes."""
        command = self.controller.cli.command("cert", "issue", "--wait", *names)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as issuing:
            lines = []
            for line in issuing.stdout:
                lines.append(line.rstrip())
                if on_line:
                    on_line(line.rstrip())
            code = issuing.wait(timeout=timeout_s)
        if code != 0:
            raise LabError(f"cert issue {' '.join(names)}: exit {code}: {' / '.join(lines[-4:])}")

    def issue_in_background(self, *names: str) -> subprocess.Popen:
        """`cert issue --wait` whose exit code is asked for later."""
        return subprocess.Popen(self.controller.cli.command("cert", "issue", "--wait", *names),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, node: Node | None, protocol: str, family: int, host: str, **options) -> Answer:
        """One question by the independent client, of one node or (None) of whoever gets it."""
        place = node.place if node else None
        return self.client.ask([self.client.question(place, protocol, family, host, **options)])[0]

    def table(self, host: str) -> list[report.Row]:
        return report.ask_everywhere(self.client, self.layout.nodes, host)

    def find_certificate(self, host: str) -> dict | None:
        """The newest certificate the controller holds for a host."""
        return certificate_in(self.controller.cli.json("cert", "list"), host)

    def certificate(self, host: str) -> dict:
        found = self.find_certificate(host)
        if not found:
            raise LabError(f"the controller holds no certificate for {host}")
        return found

    def beside_controller(self, word: str) -> list[int]:
        """Processes in the controller's namespace whose command line has the word."""
        return [pid for pid in netns.pids_in(self.layout.ctl.namespace)
                if word in process.command_line(pid)]

    def down(self) -> None:
        state.remove(self.spec.base, self.spec.lab_id)


def certificate_in(listing, host: str) -> dict | None:
    """Of what `cert list` prints, the one for a host that has been issued."""
    certificates = listing.get("certificates", []) if isinstance(listing, dict) else listing
    for certificate in certificates:
        if host in certificate.get("hosts", []) and certificate.get("serial"):
            return certificate
    return None
