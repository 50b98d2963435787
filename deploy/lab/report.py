"""The closing table: per node, protocol and family, who answered and with which certificate."""

import dataclasses

from . import layout as lay
from .client import FAMILIES, PROTOCOLS, Answer, Client

_SPOKEN = {"h1": "HTTP/1.1", "h2": "HTTP/2.0", "h3": "HTTP/3.0"}


@dataclasses.dataclass(frozen=True)
class Row:
    node: lay.NodePlace
    protocol: str
    family: int
    answer: Answer

    def fault(self, serial: str) -> str:
        """Why this row is wrong, or nothing."""
        if self.answer.error:
            return self.answer.error
        if self.answer.status != 200:
            return f"status {self.answer.status}"
        if self.answer.node != self.node.name:
            return f"answered by {self.answer.node or 'something else'}"
        if self.answer.spoken != _SPOKEN[self.protocol]:
            return f"spoke {self.answer.spoken}"
        if normalised(self.answer.serial) != normalised(serial):
            return f"certificate {self.answer.serial}, not {serial}"
        return ""


def ask_everywhere(client: Client, nodes, host: str) -> list[Row]:
    keys = [(node, protocol, family) for node in nodes for family in FAMILIES
            for protocol in PROTOCOLS]
    answers = client.ask([client.question(*key, host) for key in keys])
    return [Row(*key, answer) for key, answer in zip(keys, answers)]


def normalised(serial: str) -> str:
    """Serials as different programs print them (case, colons, a leading zero), made equal."""
    return serial.replace(":", "").strip().lower().lstrip("0")


def render(rows: list[Row], serial: str) -> tuple[list[str], int]:
    """The table's lines, and how many rows are wrong. The serial is printed in full once."""
    lines = [f"{'node':<6} {'family':<6} {'protocol':<8} {'answered':<8} {'spoke':<9} "
             f"{'certificate serial':<20} {'time':>8}"]
    faults = 0
    for row in rows:
        fault = row.fault(serial)
        faults += bool(fault)
        shown = row.answer.serial[:16] + "…" if len(row.answer.serial) > 16 else row.answer.serial
        lines.append(
            f"{row.node.name:<6} {'IPv' + str(row.family):<6} {row.protocol:<8} "
            f"{row.answer.node or '-':<8} {row.answer.spoken or '-':<9} {shown or '-':<20} "
            f"{row.answer.ms:>6.1f} ms{'  ✗ ' + fault if fault else ''}")
    return lines, faults
