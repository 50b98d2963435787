"""Small commands beside a running lab, so that the next step is one line."""

import pathlib
import shlex

from . import layout as lay
from . import lockstep as ls
from .netns import NETNS_DIRECTORY


def write(layout: lay.Layout, build: ls.Build, enter: list[str] | tuple = ()) -> None:
    """bin/lockstep, bin/in and bin/table; `enter` leads into a rootless lab's namespaces."""
    layout.bin.mkdir(exist_ok=True)
    _script(layout.bin / "lockstep", "lockstep on this lab's controller",
            shlex.join(ls.Cli(build, layout).command()) + ' "$@"')
    _script(layout.bin / "in", "in PLACE COMMAND...: runs it in a place: client ctl ca router or a node",
            shlex.join(enter) + f' nsenter --net="{NETNS_DIRECTORY}/{layout.lab_id}-$place" -- "$@"',
            prologue="place=$1; shift\n")
    _script(layout.bin / "table", "asks every node again, over every protocol and family",
            shlex.join([str(ls.REPOSITORY / "deploy/quickstart"), "table", "--id", layout.lab_id,
                        "--base", str(layout.directory.parent)]))


def next_commands(layout: lay.Layout, site: str) -> list[str]:
    """What to try next, ready to paste."""
    tools, node = layout.bin, layout.nodes[-1].name
    quickstart = ls.REPOSITORY / "deploy/quickstart"
    root = layout.home("ca") / "issuing-root.pem"
    return [
        "The fleet is left running. Next:",
        "",
        f"  alias lockstep={tools / 'lockstep'}",
        "  lockstep status",
        f"  lockstep policy explain {layout.nodes[min(1, len(layout.nodes) - 1)].name} {site}",
        "  lockstep order list                      # then: lockstep order show ID",
        f"  lockstep cert issue --wait {site} && {tools / 'table'}",
        f"  {tools / 'in'} client curl -s --cacert {root} \\",
        f"      --resolve {site}:443:{lay.SERVICE_IPV4} https://{site}/     # whichever node is hit",
        f"  {tools / 'in'} {node} birdc -s {layout.home(node) / 'bird.ctl'} show protocols",
        f"  ls {layout.logs}",
        f"  {quickstart} demo route-move{id_option(layout.lab_id)}",
        f"  {quickstart} down{id_option(layout.lab_id)}",
    ]


def id_option(lab_id: str) -> str:
    """What a command line needs to mean this lab."""
    return "" if lab_id == "ls" else f" --id {lab_id}"


def _script(path: pathlib.Path, purpose: str, command: str, prologue: str = "") -> None:
    path.write_text(f"#!/bin/sh\n# {purpose}\n{prologue}exec {command.strip()}\n")
    path.chmod(0o755)
