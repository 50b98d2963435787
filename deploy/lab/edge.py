"""Caddy as the package ships it: started with an admin socket and nothing else.

Whatever it serves, the agent put there.
"""

import http.client
import json
import pathlib
import socket

from . import layout as lay
from .process import Process
from .shell import LabError


class Caddy:
    def __init__(self, layout: lay.Layout, node: lay.NodePlace, on_change):
        home = layout.home(node.name) / "caddy"
        home.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.admin_socket = home / "admin.sock"
        config = home / "caddy.json"
        config.write_text(json.dumps({"admin": {
            "listen": f"unix/{self.admin_socket}", "config": {"persist": False}}}))
        # Its own home: autosaved configs and storage of several Caddys must never meet.
        self.process = Process(
            f"caddy-{node.name}", ["caddy", "run", "--config", config],
            log=layout.logs / f"caddy-{node.name}.log", namespace=node.namespace, cwd=home,
            env={"HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_DATA_HOME": home / "data"},
            ready=self._answers, on_change=on_change)

    def admin(self, method: str, path: str, body: dict | None = None) -> str:
        """One request to the admin API; its error text is raised."""
        connection = _UnixConnection(self.admin_socket)
        try:
            # The Host header must be empty on the unix socket.
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            content = json.dumps(body).encode() if body is not None else b""
            connection.putheader("Host", "")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 400:
                raise LabError(f"caddy: {method} {path}: {answer.status} {text.strip()}")
            return text
        finally:
            connection.close()

    def config(self) -> dict | None:
        return json.loads(self.admin("GET", "/config/"))

    def _answers(self) -> bool:
        try:
            self.admin("GET", "/config/")
            return True
        except (OSError, LabError, http.client.HTTPException):
            return False


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: pathlib.Path):
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
