"""Lockstep's own programs in the lab: configs, controller, agents, and the CLI."""

import dataclasses
import json
import os
import pathlib
import socket

from . import layout as lay
from . import toml
from .acme import Dns, Pebble
from .netns import inside
from .process import Process
from .shell import LabError, attempt, run

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("lockstep-controller", "lockstep-agent", "lockstep", "lockstep-certbot-hook",
            "lockstep-quicd")
_SESSION_PORT, _ENROL_PORT = 7443, 7444
_CONTROLLER_NAME = "lockstep-controller"


@dataclasses.dataclass(frozen=True)
class Build:
    """Where the programs are."""

    directory: pathlib.Path

    def program(self, name: str) -> pathlib.Path:
        path = self.directory / "bin" / name
        if not os.access(path, os.X_OK):
            raise LabError(f"{path} is not built; 'deploy/quickstart' builds it")
        return path


class Cli:
    """`lockstep` on the lab's admin socket."""

    def __init__(self, build: Build, layout: lay.Layout):
        self.socket = layout.home("ctl") / "admin" / "admin.sock"
        self._build = build

    def command(self, *arguments) -> list[str]:
        return [str(a) for a in (self._build.program("lockstep"), "--socket", self.socket,
                                 *arguments)]

    def attempt(self, *arguments, stdin: str | None = None,
                timeout_s: float = 180) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `lockstep ARGUMENTS`."""
        return attempt(*self.command(*arguments), stdin=stdin, timeout_s=timeout_s)

    def run(self, *arguments, timeout_s: float = 180) -> str:
        """Its stdout; an exit code but 0 is raised."""
        code, out, err = self.attempt(*arguments, timeout_s=timeout_s)
        if code != 0:
            raise LabError(f"lockstep {' '.join(map(str, arguments))}: exit {code}: {err.strip()}")
        return out

    def json(self, *arguments, timeout_s: float = 180):
        """What `lockstep -o json ARGUMENTS` prints."""
        return json.loads(self.run("-o", "json", *arguments, timeout_s=timeout_s))


class Controller:
    """lockstep-controller in its namespace, with certbot beside it."""

    def __init__(self, layout: lay.Layout, build: Build, dns: Dns, pebble: Pebble,
                 changes: dict, on_change):
        home = layout.home("ctl")
        for name in ("", "admin", "hook"):
            (home / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._build = build
        self.state_directory = home / "controller"
        self.cli = Cli(build, layout)
        self.config = home / "controller.toml"
        self.config.write_text(toml.render(toml.merged(
            self._settings(layout, build, dns, pebble, home), changes)))
        self.process = Process(
            "controller", [build.program("lockstep-controller"), "run", "--config", self.config],
            log=layout.logs / "controller.log", namespace=layout.ctl.namespace,
            env={"HOME": home}, ready=lambda: answers(self.cli.socket), grace_s=20,
            on_change=on_change)

    def _settings(self, layout, build, dns, pebble, home) -> dict:
        return {
            "state_dir": self.state_directory,
            "listen": {"agents": f"{layout.ctl.ipv4}:{_SESSION_PORT}",
                       "enroll": f"[{layout.ctl.ipv6}]:{_ENROL_PORT}",
                       "admin_socket": self.cli.socket,
                       "hook_socket": home / "hook" / "hook.sock",
                       "looks_from": [layout.ctl.ipv4, layout.ctl.ipv6],
                       "names": [_CONTROLLER_NAME]},
            "fleet": {"service_addresses": [lay.SERVICE_IPV4, lay.SERVICE_IPV6]},
            "acme": {"server": pebble.directory_url, "email": "ops@example.test",
                     "ca_bundle": pebble.endpoint_ca, "certbot": "/usr/bin/certbot",
                     "plugin_dir": REPOSITORY / "controller/drivers/certbot/plugin",
                     "hook_program": build.program("lockstep-certbot-hook"),
                     "parallel": 4, "order_deadline": "120s"},
            "barrier": {"deadline": "20s", "straggler": "wait", "tolerate": 0},
            "rehearsal": {"mode": "require"},
            "dns": {"servers": [dns.server]},
            "rollout": {"waves": ["1", "10%", "50%", "100%"], "soak": "1s"},
            "keys": {"key_encryption_key_file": self.state_directory / "kek"},
        }

    def init(self) -> None:
        """Makes the identity CA and the key-encryption key."""
        run(*inside(self.process.namespace, self._build.program("lockstep-controller"), "init",
                    "--config", self.config))


class Agent:
    """lockstep-agent of one node. `announcing` is its [bird] or [announce] table."""

    def __init__(self, layout: lay.Layout, node: lay.NodePlace, build: Build,
                 caddy_socket: pathlib.Path, announcing: dict, changes: dict, on_change):
        home = layout.home(node.name)
        self._node = node
        self._program = build.program("lockstep-agent")
        self.state_directory = home / "agent"
        self.challenges = home / "challenges"
        self.config = home / "agent.toml"
        (home / "miss").mkdir(parents=True, exist_ok=True)
        self.config.write_text(toml.render(toml.merged({
            "state_dir": self.state_directory,
            "controller": {"session": f"{layout.ctl.ipv4}:{_SESSION_PORT}",
                           "enroll": f"[{layout.ctl.ipv6}]:{_ENROL_PORT}",
                           "name": _CONTROLLER_NAME},
            "node": {"addresses": [node.ipv4, node.ipv6]},
            "caddy": {"admin_socket": caddy_socket, "take_over": False},
            "quicd": {"control_socket": home / "quicd-control" / "control.sock"},
            "challenge": {"directory": self.challenges,
                          "miss_socket": home / "miss" / "miss.sock"},
            "apply": {"soak": "1s"},
            **announcing,
        }, changes)))
        self.process = Process(
            f"agent-{node.name}", [self._program, "run", "--config", self.config],
            log=layout.logs / f"agent-{node.name}.log", namespace=node.namespace,
            env={"HOME": home}, grace_s=10, on_change=on_change)

    def enroll(self, token: str) -> None:
        """Joins with a one-time token, which travels on stdin."""
        run(*inside(self._node.namespace, self._program, "enroll", "--config", self.config),
            stdin=token + "\n")


class Quicd:
    """lockstep-quicd of one node, empty: whatever it serves, the agent told it."""

    def __init__(self, layout: lay.Layout, node: lay.NodePlace, build: Build, on_change):
        self.control_socket = layout.home(node.name) / "quicd-control" / "control.sock"
        self.process = Process(
            f"quicd-{node.name}",
            [build.program("lockstep-quicd"), "--control-socket", self.control_socket],
            log=layout.logs / f"quicd-{node.name}.log", namespace=node.namespace,
            ready=lambda: answers(self.control_socket), on_change=on_change)


def answers(path: pathlib.Path) -> bool:
    """Whether somebody listens on a unix socket."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1)
            link.connect(str(path))
            return True
    except OSError:
        return False


def site_file(hosts_of: dict[str, list[str]]) -> str:
    """Sites whose preset answer names the node, for `lockstep site apply -f`."""
    return toml.render({"site": [
        {"name": name, **({} if hosts == [name] else {"hosts": hosts}), "preset": {
            "content_type": "application/json",
            "body": '{"node":"{node}","pop":"{pop}","protocol":"{protocol}"}'}}
        for name, hosts in hosts_of.items()]})
