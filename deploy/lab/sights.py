"""The second closing table: HTTP/3 as the fleet's own probers saw it, node by node and family by family.

What `lockstep policy explain` has under "seen on the wire", nothing of what is configured.
"""

import dataclasses
import datetime

from . import layout as lay
from .client import FAMILIES

_ROW = "{:<6} {:<6} {:<18} {:<24} {:<10} {}"
_NOTHING = "-"


@dataclasses.dataclass(frozen=True)
class Sight:
    """The newest QUIC handshake with a node over one family, and all that saw the same.

    Looks that saw something else are older: a node's own come with every change, those of its
    witnesses only while something is still to be proved.
    """

    node: str
    family: int
    looks: tuple[dict, ...]  # the newest first

    @property
    def preferred_address(self) -> str:
        return _NOTHING if self.error else self._offered(self.looks[0]) or _NOTHING

    @property
    def disable_active_migration(self) -> str:
        return _NOTHING if self.error else str(self.looks[0]["disable_active_migration"]).lower()

    @property
    def went_to_it(self) -> str:
        """Whether a connection went on at the preferred address, as a client's would.

        Only looks through the service addresses do; witnesses look at that address itself.
        """
        if any(look["move_error"] for look in self._agreeing):
            return "no"
        return "yes" if any(look["moved_to"] for look in self._agreeing) else _NOTHING

    @property
    def observers(self) -> str:
        return ", ".join(sorted({look["observer"] for look in self._agreeing})) or _NOTHING

    @property
    def error(self) -> str:
        """Why nothing was seen; empty if something was."""
        return self.looks[0]["error"] if self.looks else "nobody has looked"

    @property
    def _agreeing(self) -> list[dict]:
        return [] if self.error else [
            look for look in self.looks
            if not look["error"] and self._told(look) == self._told(self.looks[0])]

    def _told(self, look: dict) -> tuple:
        return self._offered(look), look["disable_active_migration"]

    def _offered(self, look: dict) -> str:
        return " ".join(a for a in look["preferred_addresses"] if family_of(a) == self.family)


def seen(cli, nodes: tuple[lay.NodePlace, ...], site: str) -> list[Sight]:
    """Asks the controller about every node."""
    sights = []
    for node in nodes:
        looks = cli.json("policy", "explain", node.name, site).get("sights", [])
        looks.sort(key=lambda look: datetime.datetime.fromisoformat(look["seen_at"]), reverse=True)
        sights += [Sight(node.name, family, tuple(
            look for look in looks if family_of(look["address"]) == family)) for family in FAMILIES]
    return sights


def render(sights: list[Sight]) -> list[str]:
    lines = ["HTTP/3 as the fleet's own probers saw it on the wire:",
             _ROW.format("node", "family", "preferred address", "disable_active_migration",
                         "went to it", "seen by")]
    for sight in sights:
        observers = sight.observers if not sight.error else f"✗ {sight.error}"
        lines.append(_ROW.format(sight.node, f"IPv{sight.family}", sight.preferred_address,
                                 sight.disable_active_migration, sight.went_to_it, observers))
    return lines


def family_of(address: str) -> int:
    """Of an address with or without its port."""
    return 4 if "." in address else 6
