"""What `deploy/quickstart demo` shows, in a lab of its own that is taken down at the end."""

import contextlib

from . import fleet as lab_fleet
from . import layout as lay
from . import route_move, state
from .route_move import SIZE, Download
from .steps import Steps

DEMOS = ("route-move",)
SUFFIX = "-demo"  # of its lab's id
_ROW = "{:<32} {:<6} {:>9} {:>9} {:>8}  {}"


def run(spec: lab_fleet.Spec, site: str, steps: Steps) -> int:
    """A download that survives a moving route, beside two that do not; the exit code."""
    with contextlib.ExitStack() as stack:
        state.remove(spec.base, spec.lab_id)  # of one that was killed
        stack.callback(state.remove, spec.base, spec.lab_id)
        fleet = lab_fleet.Fleet(spec, steps).up()
        # First of all: a Caddy that has served HTTP/3 has to be restarted to let go of UDP 443, and in the
        # lab nobody does that for it.
        with steps.step(f"HTTP/3 by lockstep-quicd on {len(fleet.nodes)} nodes"):
            fleet.quic_server("quicd")
        with steps.step(f"certificate for {site}"):
            fleet.apply_site(site)
            fleet.issue(site)
        edge = stack.enter_context(route_move.edge_of(fleet, site))
        return _show(edge, fleet, steps)


def _show(edge: route_move.Edge, fleet: lab_fleet.Fleet, steps: Steps) -> int:
    steps.plain(f"\nA download of {SIZE / 1e6:.0f} MB over HTTP/3. A part of the way in, the node that "
                "serves it withdraws\nthe service address by BGP, and the client's packets come to "
                "another node.\n")
    steps.plain(_ROW.format("server", "family", "moved at", "received", "time", ""))
    as_they_should = True
    for family in (4, 6):
        as_they_should &= _row(steps, edge, "quicd, preferred address", family, True)
    fleet.quic_server("quicd", preferred_address=False)
    before = edge.foreign()
    as_they_should &= _row(steps, edge, "quicd, no preferred address", 4, False)
    strays = edge.foreign() - before
    fleet.quic_server("caddy")
    as_they_should &= _row(steps, edge, "Caddy 2.6", 4, False)
    steps.plain(f"\nOf the {strays} packets that came to the wrong quicd none was answered: a reset "
                "would let anybody\nend other people's connections.")
    return 0 if as_they_should else 1


def _row(steps: Steps, edge, server: str, family: int, survives: bool) -> bool:
    """Whether it went as it should."""
    seen: Download = edge.download(family)
    complete = seen.digest == edge.digest
    words = "complete, byte for byte" if complete else "silence, until the client gave up"
    steps.plain(_ROW.format(server, f"IPv{family}", f"{seen.bytes_at_move / 1e6:.1f} MB",
                            f"{seen.bytes / 1e6:.1f} MB", f"{seen.seconds:.1f} s",
                            f"{'✓' if complete else '✗'} {words}"))
    return complete == survives


def nodes(count: int) -> tuple[str, ...]:
    """A route needs somewhere to move to."""
    return lay.NODE_NAMES[:max(2, count)]
