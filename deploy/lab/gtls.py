"""gtlsclient, ngtcp2's own client, in the client's place: it migrates by itself, resumes sessions and
says what it sees.
"""

import contextlib
import pathlib
import re
import subprocess

from . import layout as lay
from .netns import inside
from .process import identity_of, stop
from .shell import run


def command(layout: lay.Layout, hosts: pathlib.Path, site: str, family: int, port: int, path: str,
            *options) -> list[str]:
    """One request for a site by the service address of a family."""
    hosts.write_text(f"{lay.service_address(family)} {site}\n")
    # A hosts file of its own: gtlsclient takes the name of the site from what it resolves.
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return inside(layout.client.namespace, "unshare", "--mount", "sh", "-c", script, hosts,
                  "gtlsclient", "--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close",
                  "--disable-early-data", *options, site, port, f"https://{site}:{port}/{path}")


@contextlib.contextmanager
def door(layout: lay.Layout, node: lay.NodePlace, family: int):
    """What the client sends to the service address comes to this node, whatever its address is."""
    client = layout.client
    gateway, source = ((client.gateway_ipv4, node.client_ipv4) if family == 4
                       else (client.gateway_ipv6, node.client_ipv6))
    route = ("ip", "-n", client.namespace, f"-{family}", "route")
    where = (lay.service_address(family), "via", gateway, "src", source)
    run(*route, "add", *where)
    try:
        yield source
    finally:
        run(*route, "del", *where)


@contextlib.contextmanager
def source_changed(layout: lay.Layout, family: int, source: str):
    """What the client opens towards the service address meanwhile has another of its addresses."""
    client = layout.client
    gateway = client.gateway_ipv4 if family == 4 else client.gateway_ipv6
    route = ("ip", "-n", client.namespace, f"-{family}", "route")
    before = run(*route, "show", lay.service_address(family)).split()
    run(*route, "replace", lay.service_address(family), "via", gateway, "src", source)
    try:
        yield
    finally:
        run(*route, *(("replace", *before) if before else ("del", lay.service_address(family))))


class Talk:
    """A gtlsclient that runs while this is open, and what it has said so far."""

    def __init__(self, argv: list[str], log: pathlib.Path):
        self._argv = argv
        self._log = log

    def __enter__(self) -> "Talk":
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=log)
        return self

    def __exit__(self, *_) -> None:
        identity = identity_of(self._process.pid)
        if identity and self._process.poll() is None:
            stop(identity)
        self._process.wait()

    def text(self) -> str:
        return self._log.read_text(errors="replace")

    def ended(self) -> bool:
        return self._process.poll() is not None

    def connection_ids(self) -> list[str]:
        """Hexadecimal; those by which the server knows the connection, the ones in stock included."""
        told = re.findall(r"frm rx .*NEW_CONNECTION_ID.* cid=0x([0-9a-f]+)", self.text())
        return list(dict.fromkeys(told))

    def answered(self) -> bool:
        return ":status: 200" in self.text()

    def reset_token(self) -> str:
        """Of the stateless reset that ended the connection; empty without one. ngtcp2 takes for one
        only what ends in a token of an ID that it uses."""
        found = re.search(r"token=0x([0-9a-f]{32}) randlen=", self.text())
        return found[1] if found else ""

    def told_tokens(self) -> set[str]:
        """What the server said that its stateless resets would end in."""
        return set(re.findall(r"stateless_reset_token=0x([0-9a-f]{32})", self.text()))
