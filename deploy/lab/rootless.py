"""The lab without root: one `unshare` holds user, network, mount and process namespaces.

The lab lives as long as that holder; killing it is how `down` works, and the kernel clears the
rest. What a map of a single user id cannot do: run the parts as separate users (every part is
"root" in there and you outside, so the uid checks of the local doors see one user only), and
chown files to others.
"""

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess

from . import process
from .shell import LabError, attempt, run

_UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--uts", "--pid", "--fork",
            "--kill-child", "--mount-proc")
_HOLDER = "holder.json"
WHAT_IT_CANNOT = ("without root every part runs as one user: separate users for controller, agents "
                  "and Caddy, and so the uid checks between them, are not shown")


def possible() -> None:
    """Raises with the reason when this machine does not allow it."""
    code, _, err = attempt(*_UNSHARE, "true")
    if code != 0:
        words = err.strip() or "no reason given"
        raise LabError(f"user namespaces are not allowed here ({words}): run it as root, or allow "
                       "them (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces)")


def command(argv: list[str]) -> list[str]:
    return [*_UNSHARE, *argv]


def settle_in(base: pathlib.Path) -> None:
    """Called first inside: a /run of our own (for /run/netns), with the lab's files kept in view."""
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory = os.open(base, os.O_PATH | os.O_DIRECTORY)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    os.mkdir("/run/netns")
    if base.is_relative_to("/run"):
        base.mkdir(parents=True, exist_ok=True)
        # Not through our own descriptor's number: mount(8) is another process.
        run("mount", "--bind", f"/proc/{os.getpid()}/fd/{directory}", base)
    os.close(directory)


class Holder:
    """The outer end: starts the inner program and remembers it."""

    def __init__(self, directory: pathlib.Path, argv: list[str]):
        directory.mkdir(parents=True, mode=0o700)
        self._directory = directory
        # A session of its own: the terminal's hangup must not take the fleet with it. Pipes of its own:
        # it stays, and whoever waits for the end of our output would wait for the end of the fleet.
        self._child = subprocess.Popen(command(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, start_new_session=True)
        self._ends = {self._child.stdout.fileno(): 1, self._child.stderr.fileno(): 2}
        identity = process.identity_of(self._child.pid)
        (directory / _HOLDER).write_text(json.dumps([identity.pid, identity.started_ticks]))

    def wait_for(self, marker: pathlib.Path) -> bool:
        """Passes its words on until it has left its marker (True) or has ended (False)."""
        while not marker.exists() and self._child.poll() is None:
            self._relay(wait_s=0.1)
        while self._relay(wait_s=0):
            pass
        return marker.exists()

    def _relay(self, wait_s: float) -> bool:
        """Whether there was anything."""
        ready = select.select(list(self._ends), [], [], wait_s)[0]
        for source in ready:
            words = os.read(source, 65536)
            if not words:
                del self._ends[source]
            while words:
                words = words[os.write(self._ends[source], words):]
        return bool(ready)


def through(argv: list[str], clear) -> int:
    """Runs a program inside to its end; its exit code. `clear` removes its files, also after Ctrl-C."""
    # A session of its own: of Ctrl-C only we hear, and end all that is inside at once.
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            end(process.identity_of(child.pid))
            child.wait()
        clear()


def stay() -> None:
    """Becomes the holder: reaps what the fleet leaves, until the outer end kills us."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()


def holder_of(directory: pathlib.Path) -> process.Identity | None:
    try:
        pid, ticks = json.loads((directory / _HOLDER).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return process.Identity(pid, ticks)


def inner_pid(holder: process.Identity) -> int:
    """The first process inside, as seen from outside: what nsenter wants."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            if process.parent_of(int(entry.name)) == holder.pid:
                return int(entry.name)
    raise LabError("the lab's holder has no process inside; 'deploy/quickstart down' clears it")


def end(holder: process.Identity) -> None:
    """Kills the holder; the first process inside dies with it, and with that all the rest."""
    if not holder.alive():
        return  # it has ended by itself
    inner = None
    with contextlib.suppress(LabError):  # interrupted before there was anything inside
        inner = process.identity_of(inner_pid(holder))
    with contextlib.suppress(ProcessLookupError):
        os.kill(holder.pid, signal.SIGKILL)
    if inner:
        process.stop(inner)


def enter_command(pid: int) -> list[str]:
    return ["nsenter", "--preserve-credentials", "--user", "--net", "--mount", "--uts", "--pid",
            "--target", str(pid), "--"]
