"""lockstep-quicd on a node, with a Caddy of its own behind it, told what to serve as an agent would.

It stands beside the node's Caddy, on another UDP port of the same addresses.
"""

import json
import os
import pathlib
import secrets
import socket

from . import layout as lay
from .lockstep import Build
from .process import Process
from .quicd_control import Control
from .shell import run

PORT = 8443
_UPSTREAM = "127.0.0.1:8080"


class FleetKeys:
    """What every lockstep-quicd of a fleet shares."""

    def __init__(self):
        self.connection_ids = secrets.token_bytes(16)
        self.tokens = secrets.token_bytes(32)
        self.tickets = secrets.token_bytes(64)


class Quicd:
    """The program and its upstream on one node; `configure` makes it serve."""

    def __init__(self, layout: lay.Layout, node: lay.NodePlace, build: Build, keys: FleetKeys,
                 files: pathlib.Path, on_change=None):
        self.node = node
        self._keys = keys
        self._reset_key = secrets.token_bytes(32)
        self._secret = secrets.token_hex(16)
        home = layout.home(node.name) / "quicd"
        home.mkdir(mode=0o700, exist_ok=True)
        control_socket = home / "control.sock"
        self.control = Control(f"lockstep-quicd beside {node.name}", control_socket)
        self.process = Process(
            f"quicd-beside-{node.name}", [build.program("lockstep-quicd"), "--control-socket", control_socket],
            log=layout.logs / f"quicd-beside-{node.name}.log", namespace=node.namespace,
            ready=control_socket.exists, on_change=on_change)
        self._upstream = self._caddy(layout, home, files, on_change)

    def start(self) -> None:
        self._upstream.start()
        self.process.start()

    def stop(self) -> None:
        self.process.stop()
        self._upstream.stop()

    def configure(self, host: str, chain: str, key: str, *, preferred_address: bool) -> float:
        """Serves one site as anycast wants it, with or without the node's own addresses; how many
        seconds the server took."""
        places = {"preferred_v4": {"advertised": f"{self.node.ipv4}:{PORT}"},
                  "preferred_v6": {"advertised": f"[{self.node.ipv6}]:{PORT}"}}
        config = {
            "version": "1", "service_addresses": [lay.SERVICE_IPV4, lay.SERVICE_IPV6], "port": PORT,
            **(places if preferred_address else {}),
            "server_id": bytes([0, self.node.subnet]),
            "connection_id_keys": [{"config_id": 0, "key": self._keys.connection_ids}],
            "reset_key": self._reset_key, "token_keys": [self._keys.tokens],
            "ticket_keys": {"current": self._keys.tickets},
            "sites": [{"hosts": [host], "certificate_chain": chain, "private_key": key,
                       "policy": {"disable_active_migration": True,
                                  "use_preferred_address": preferred_address}}],
            "upstream": {"address": _UPSTREAM, "secret": self._secret}}
        return self.control.configure(config)

    def _caddy(self, layout, home, files, on_change) -> Process:
        """Files for whoever knows the secret, 403 for other users of the machine."""
        routes = [{"match": [{"header": {"Lockstep-Key": [self._secret]}}],
                   "handle": [{"handler": "file_server", "root": str(files)}]},
                  {"handle": [{"handler": "static_response", "status_code": 403}]}]
        config = home / "caddy.json"
        with open(config, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as out:
            json.dump({"admin": {"disabled": True}, "apps": {"http": {"servers": {"quicd": {
                "listen": [_UPSTREAM], "automatic_https": {"disable": True}, "routes": routes}}}}},
                out)
        host, port = _UPSTREAM.split(":")
        listening = f"{socket.inet_aton(host)[::-1].hex().upper()}:{int(port):04X}"
        return Process(f"quicd-caddy-{self.node.name}", ["caddy", "run", "--config", config],
                       log=layout.logs / f"quicd-caddy-{self.node.name}.log",
                       namespace=self.node.namespace, cwd=home, env={"HOME": home},
                       ready=lambda: listening in run("nsenter", f"--net=/run/netns/{self.node.namespace}",
                                                      "--", "cat", "/proc/net/tcp"),
                       on_change=on_change)
