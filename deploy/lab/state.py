"""What is remembered of a lab on disk: enough to take it down after any accident.

    BASE/ID/lab.json        nodes, build directory, processes by name (pid and start time)
    BASE/ID.lock            held while somebody brings this lab up or down

BASE is /run/lockstep-lab for root, else $XDG_RUNTIME_DIR/lockstep-lab.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import shutil

from . import layout as lay
from . import netns, process
from .shell import LabError


def default_base() -> pathlib.Path:
    chosen = os.environ.get("LOCKSTEP_LAB_BASE")
    if chosen:
        return pathlib.Path(chosen)
    if os.geteuid() == 0:
        return pathlib.Path("/run/lockstep-lab")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return pathlib.Path(runtime) / "lockstep-lab"
    return pathlib.Path(f"/tmp/lockstep-lab-{os.geteuid()}")


@contextlib.contextmanager
def lock(base: pathlib.Path, lab_id: str):
    """One at a time per lab; a second caller is told so instead of waiting."""
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    if base.stat().st_uid != os.geteuid():
        raise LabError(f"{base} belongs to somebody else")
    path = base / f"{lab_id}.lock"
    with open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(f"lab '{lab_id}' is being brought up or down by another program") from None
        try:
            yield
        finally:
            if not (base / lab_id).exists():
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    base.rmdir()  # only when this was the last lab


class State:
    """lab.json, rewritten at every change by rename."""

    def __init__(self, directory: pathlib.Path, facts: dict):
        self._path = directory / "lab.json"
        self._content = {**facts, "processes": {}}
        self._write()

    def remember(self, entry: process.Process) -> None:
        """The process's present identity; a stopped one is forgotten."""
        processes = self._content["processes"]
        processes.pop(entry.name, None)  # a restarted one goes to the end: stopped first
        if entry.identity:
            processes[entry.name] = [entry.identity.pid, entry.identity.started_ticks]
        self._write()

    def _write(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._content, indent=1))
        new.rename(self._path)


def read(directory: pathlib.Path) -> dict | None:
    try:
        return json.loads((directory / "lab.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def remove(base: pathlib.Path, lab_id: str) -> bool:
    """Stops every process of a lab, last started first, and removes its network and files.

    Returns whether there was anything. Safe to call twice, and after a half-made lab.
    """
    directory = base / lab_id
    content = read(directory)
    found = directory.exists()
    for pid, ticks in reversed(list((content or {}).get("processes", {}).values())):
        process.stop(process.Identity(pid, ticks))
    if os.geteuid() == 0:  # a rootless lab's network has ended with its holder
        for pid in netns.pids_in(*lay.namespaces_of(lab_id)):  # what our processes may have left behind
            identity = process.identity_of(pid)
            if identity:
                process.stop(identity, grace_s=1)
        found = bool(netns.delete(lab_id)) or found
    shutil.rmtree(directory, ignore_errors=True)
    return found
