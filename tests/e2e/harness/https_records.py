"""A name server that has HTTPS records, in front of one that cannot: everything else it hands on.

As a program: https_records.py ADDRESS PORT UPSTREAM:PORT RECORDS, where RECORDS is a JSON file that
is read at each question: {"www.example.test": [{"alpn": ["h2", "h3"], "ttl": 60}]}.
"""

import contextlib
import json
import pathlib
import socket
import struct
import sys

from lab.netns import inside
from lab.process import Process
from lab.shell import attempt

PORT = 5353
_HTTPS = 65
_HEADER_BYTES = 12


class HttpsRecords:
    """The name server, in the CA's place. It starts without any record."""

    def __init__(self, fleet):
        place = fleet.layout.ca
        self._records = fleet.layout.home("ca") / "https-records.json"
        self._records.write_text("{}")
        self.process = Process(
            "https-records",
            [sys.executable, __file__, place.ipv4, PORT, fleet.dns.server, self._records],
            log=fleet.layout.logs / "https-records.log", namespace=place.namespace,
            env={"PYTHONPATH": ":".join(sys.path)},
            ready=lambda: attempt(*inside(place.namespace, "ss", "-Hlnu", f"sport = :{PORT}"))[1] != "")

    def publish(self, host: str, *records: dict) -> None:
        """These are the host's HTTPS records from now on."""
        fresh = self._records.with_suffix(".new")
        fresh.write_text(json.dumps({host: records}))
        fresh.replace(self._records)


@contextlib.contextmanager
def https_records(fleet):
    server = HttpsRecords(fleet)
    server.process.start()
    try:
        yield server
    finally:
        server.process.stop()


def _name(text: str) -> bytes:
    labels = [label for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def _question_of(query: bytes) -> tuple[str, int, bytes]:
    """The name, the type and the bytes of the only question."""
    labels, at = [], _HEADER_BYTES
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    kind, _ = struct.unpack_from("!HH", query, at + 1)
    return ".".join(labels).lower(), kind, query[_HEADER_BYTES:at + 5]


def _data_of(record: dict) -> bytes:
    """RFC 9460 §2.2."""
    alpn = b"".join(bytes([len(protocol)]) + protocol.encode() for protocol in record["alpn"])
    out = struct.pack("!H", 1) + _name(record.get("target", ".")) + struct.pack("!HH", 1, len(alpn)) + alpn
    if "ipv4hint" in record:
        out += struct.pack("!HH", 4, 4) + socket.inet_aton(record["ipv4hint"])
    return out


def _answer(query: bytes, question: bytes, records: list[dict]) -> bytes:
    out = query[:2] + struct.pack("!HHHHH", 0x8580, 1, len(records), 0, 0) + question
    for record in records:
        data = _data_of(record)
        out += struct.pack("!HHHIH", 0xC000 | _HEADER_BYTES, _HTTPS, 1, record["ttl"], len(data)) + data
    return out


def _handed_on(query: bytes, upstream: tuple[str, int]) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(2)
        asking.sendto(query, upstream)
        return asking.recv(4096)


def main() -> None:
    address, port, upstream, records = sys.argv[1:]
    host, _, upstream_port = upstream.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((address, int(port)))
        while True:
            query, client = listening.recvfrom(4096)
            name, kind, question = _question_of(query)
            if kind == _HTTPS:
                known = json.loads(pathlib.Path(records).read_text())
                listening.sendto(_answer(query, question, known.get(name, [])), client)
                continue
            with contextlib.suppress(TimeoutError):
                listening.sendto(_handed_on(query, (host, int(upstream_port))), client)


if __name__ == "__main__":
    main()
