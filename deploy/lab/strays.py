"""Datagrams with other people's connection IDs. Runs in the client's namespace.

    strays.py SOURCE ADDRESS PORT ID...      hexadecimal IDs; a number on each line of stdin

Sends that many QUIC packets with a short header, an ID after the other, and answers each line with
how many it has sent so far. Standalone on purpose, like ask.py.
"""

import itertools
import os
import socket
import sys

_SIZE = 100  # of a datagram: large enough to be worth a stateless reset


def main() -> None:
    source, address, port, *ids = sys.argv[1:]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    link = socket.socket(family, socket.SOCK_DGRAM)
    link.bind((source, 0))
    link.connect((address, int(port)))
    sent = 0
    upcoming = itertools.cycle(bytes.fromhex(one) for one in ids)
    for line in sys.stdin:
        for _ in range(int(line)):
            link.send(_packet(next(upcoming)))
            sent += 1
        print(sent, flush=True)


def _packet(destination: bytes) -> bytes:
    """The fixed bit is set, the rest of the first byte is as if header protection were on."""
    noise = os.urandom(_SIZE - len(destination))
    return bytes([0x40 | noise[0] & 0x3f]) + destination + noise[1:]


if __name__ == "__main__":
    main()
