"""The HTTP/3 servers under comparison, each on a UDP port of 127.0.0.1 with the same files and certificate:
lockstep-quicd with the Caddy behind it, Caddy by itself, and gtlsserver, ngtcp2's example program."""

import json
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "deploy"))

from benchlib import Measured, wait_or_kill  # noqa: E402  (needs the path above)
from lab.quicd_control import Control  # noqa: E402

HOST = "bench.example.test"
BIG, BIG_BYTES = "big", 300_000_000
SMALL, SMALL_BYTES = "small", 1024
UPSTREAM = "127.0.0.1:8480"
# As in agent/quicd/upstream.
UPSTREAM_BUFFER, UPSTREAM_BLOCK = 256 << 10, 64 << 10


class Place:
    """A directory with the files to serve and a certificate for HOST."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.files = directory / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = directory / "cert.pem", directory / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "30", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
                        "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        for name, size in ((BIG, BIG_BYTES), (SMALL, SMALL_BYTES)):
            file = self.files / name
            if not file.exists() or file.stat().st_size != size:
                file.write_bytes(secrets.token_bytes(SMALL_BYTES) * (size // SMALL_BYTES) +
                                 bytes(size % SMALL_BYTES))


class Server:
    """Processes that serve the place on one UDP port. CPU and memory are those of `counted`."""

    def __init__(self, name: str, port: int):
        self.name, self.port = name, port
        self._children: list[subprocess.Popen] = []

    def _start(self, argv: list, log: Path) -> Measured:
        child = subprocess.Popen([str(a) for a in argv], stdout=log.open("wb"), stderr=subprocess.STDOUT)
        self._children.append(child)
        return Measured(child.pid)

    def stop(self) -> None:
        for child in reversed(self._children):
            child.terminate()
            wait_or_kill(child)


class Gtlsserver(Server):
    def __init__(self, place: Place, port: int):
        super().__init__("gtlsserver", port)
        self.counted = [self._start(["gtlsserver", "--quiet", "-d", place.files, "127.0.0.1", port, place.key,
                                     place.certificate], place.directory / "gtlsserver.log")]
        time.sleep(1)


class Caddy(Server):
    def __init__(self, place: Place, port: int):
        super().__init__("caddy", port)
        server = {"listen": [f"127.0.0.1:{port}"], "automatic_https": {"disable": True},
                  "protocols": ["h1", "h2", "h3"], "routes": [_serve(place)],
                  "tls_connection_policies": [{}]}
        certificates = {"load_files": [{"certificate": str(place.certificate), "key": str(place.key)}]}
        self.counted = [_caddy(self, place, "caddy-h3", {"http": {"servers": {"h3": server}},
                                                        "tls": {"certificates": certificates}})]


class Quicd(Server):
    """`counted` has both programs, `alone` lockstep-quicd."""

    def __init__(self, place: Place, port: int, program: Path):
        super().__init__("quicd", port)
        self._secret = secret = secrets.token_hex(16)
        routes = [{"match": [{"header": {"Lockstep-Key": [secret]}}], **_serve(place)},
                  {"handle": [{"handler": "static_response", "status_code": 403}]}]
        caddy = _caddy(self, place, "caddy-upstream", {"http": {"servers": {"plain": {
            "listen": [UPSTREAM], "automatic_https": {"disable": True}, "routes": routes}}}})
        control = place.directory / "control"
        control.mkdir(mode=0o700, exist_ok=True)
        control_socket = control / "control.sock"
        control_socket.unlink(missing_ok=True)
        self.alone = self._start([program, "--control-socket", control_socket], place.directory / "quicd.log")
        self.counted = [self.alone, caddy]
        deadline = time.monotonic() + 10
        while not control_socket.exists():
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("lockstep-quicd does not open its control socket; see quicd.log in "
                                   f"{place.directory}")
            time.sleep(0.05)
        Control("lockstep-quicd", control_socket).configure({
            "version": "1", "service_addresses": ["127.0.0.1"], "port": port, "server_id": bytes([0, 1]),
            "connection_id_keys": [{"config_id": 0, "key": secrets.token_bytes(16)}],
            "reset_key": secrets.token_bytes(32), "token_keys": [secrets.token_bytes(32)],
            "ticket_keys": {"current": secrets.token_bytes(64)},
            "sites": [{"hosts": [HOST], "certificate_chain": place.certificate.read_text(),
                       "private_key": place.key.read_text(), "policy": {"disable_active_migration": True}}],
            "upstream": {"address": UPSTREAM, "secret": secret}})

    def bare_read_seconds(self, path: str) -> float:
        """CPU of a thread that gets the same from the same Caddy, in reads and with a buffer of the size
        that lockstep-quicd's have, and drops it: what is not the QUIC side of lockstep-quicd."""
        host, port = UPSTREAM.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UPSTREAM_BUFFER)
            connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: {HOST}\r\nLockstep-Key: {self._secret}\r\n"
                               "Connection: close\r\n\r\n".encode())
            block = bytearray(UPSTREAM_BLOCK)
            began = time.thread_time()
            while connection.recv_into(block):
                pass
            return time.thread_time() - began


def _serve(place: Place) -> dict:
    return {"handle": [{"handler": "file_server", "root": str(place.files)}]}


def _caddy(server: Server, place: Place, name: str, apps: dict) -> Measured:
    config = place.directory / f"{name}.json"
    config.write_text(json.dumps({"admin": {"disabled": True},
                                  "logging": {"logs": {"default": {"level": "ERROR"}}}, "apps": apps}))
    measured = server._start(["caddy", "run", "--config", config], place.directory / f"{name}.log")
    time.sleep(1)
    return measured
