"""The second closing table: HTTP/3 as the fleet's own probers saw it, node by node and family by family.

What `lockstep policy explain` has under "seen", nothing of what is configured.
"""

import dataclasses

from . import layout as lay
from .client import FAMILIES

_ROW = "{:<6} {:<6} {:<18} {:<24} {:<10} {}"
_NOTHING = "-"


@dataclasses.dataclass(frozen=True)
class Sight:
    """What a prober's QUIC handshakes with one node showed, all of them of one family."""

    node: str
    family: int
    looks: tuple[dict, ...]

    @property
    def preferred_address(self) -> str:
        return self._agreed(lambda look: " ".join(
            address for address in look["preferred_addresses"] if family_of(address) == self.family))

    @property
    def disable_active_migration(self) -> str:
        return self._agreed(lambda look: str(look["disable_active_migration"]).lower())

    @property
    def moved(self) -> str:
        """Whether the connections went on at the preferred address, as a client's would."""
        return self._agreed(lambda look: "yes" if look["moved_to"] else
                            "no" if look["move_error"] else "")

    @property
    def observers(self) -> str:
        return ", ".join(sorted({look["observer"] for look in self._answered})) or _NOTHING

    @property
    def trouble(self) -> str:
        words = {look["error"] or look["move_error"] for look in self.looks}
        return "; ".join(sorted(words - {""}))

    @property
    def _answered(self) -> list[dict]:
        return [look for look in self.looks if not look["error"]]

    def _agreed(self, of_look) -> str:
        """One value if every look saw the same; else each of them, since that is worth seeing."""
        return " | ".join(sorted({of_look(look) for look in self._answered} - {""})) or _NOTHING


def seen(cli, nodes: tuple[lay.NodePlace, ...], site: str) -> list[Sight]:
    """Asks the controller about every node."""
    sights = []
    for node in nodes:
        looks = cli.json("policy", "explain", node.name, site).get("sights", [])
        sights += [Sight(node.name, family, tuple(
            look for look in looks if family_of(look["address"]) == family)) for family in FAMILIES]
    return sights


def render(sights: list[Sight]) -> list[str]:
    lines = ["HTTP/3 as the fleet's own probers saw it on the wire:",
             _ROW.format("node", "family", "preferred address", "disable_active_migration", "went to it",
                         "seen by")]
    for sight in sights:
        trouble = f"  ✗ {sight.trouble}" if sight.trouble else ""
        lines.append(_ROW.format(
            sight.node, f"IPv{sight.family}", sight.preferred_address,
            sight.disable_active_migration, sight.moved, sight.observers + trouble))
    return lines


def family_of(address: str) -> int:
    """Of an address with or without its port."""
    return 4 if "." in address else 6
