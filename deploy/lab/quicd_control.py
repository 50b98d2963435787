"""The control socket of a lockstep-quicd, as its agent speaks it (proto/lockstep/quicd/v1)."""

import pathlib
import re
import socket
import struct
import subprocess
import time

from .lockstep import REPOSITORY
from .shell import LabError

_PROTO = "lockstep/quicd/v1/quicd.proto"


class Control:
    """One question after the other; several may ask one server at a time."""

    def __init__(self, name: str, path: pathlib.Path):
        self._name = name
        self._path = path

    def configure(self, config: dict) -> float:
        """Takes the fields of a Config; it is in force on return. How many seconds that took."""
        request = _encode("Request", f'configure {{ config: {_quoted(_encode("Config", _text(config)))} }}')
        began = time.monotonic()
        answer = self._ask(request)
        took_s = time.monotonic() - began
        self._read(answer)
        return took_s

    def counters(self) -> dict[str, int]:
        """Those that are not 0."""
        status = self._read(self._ask(_encode("Request", "get_status {}")))
        return {name: int(value) for name, value in
                re.findall(r"(\w+): (\d+)$", status.partition("counters")[2], flags=re.M)}

    def _ask(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(str(self._path))
            link.sendall(struct.pack(">I", len(request)) + request)
            stream = link.makefile("rb")
            (size,) = struct.unpack(">I", stream.read(4))
            return stream.read(size)

    def _read(self, answer: bytes) -> str:
        """An answer as text."""
        text = _protoc("--decode=lockstep.quicd.v1.Response", answer).decode()
        if "refused" in text:
            raise LabError(f"{self._name}: {text}")
        return text


def _text(message: dict) -> str:
    """A protobuf message in text format: dicts are messages, lists are repeated fields."""
    lines = []
    for name, value in message.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                lines.append(f"{name} {{\n{_text(one)}\n}}")
            elif isinstance(one, bool):
                lines.append(f"{name}: {'true' if one else 'false'}")
            elif isinstance(one, int):
                lines.append(f"{name}: {one}")
            else:
                lines.append(f"{name}: {_quoted(one if isinstance(one, bytes) else one.encode())}")
    return "\n".join(lines)


def _quoted(content: bytes) -> str:
    return '"' + "".join(f"\\{octet:03o}" for octet in content) + '"'


def _encode(message: str, text: str) -> bytes:
    return _protoc(f"--encode=lockstep.quicd.v1.{message}", text.encode())


def _protoc(what: str, content: bytes) -> bytes:
    done = subprocess.run(["protoc", what, f"-I{REPOSITORY / 'proto'}", _PROTO], input=content,
                          cwd=REPOSITORY / "proto", capture_output=True, check=False)
    if done.returncode != 0:
        raise LabError(f"protoc {what}: {done.stderr.decode().strip()}")
    return done.stdout
