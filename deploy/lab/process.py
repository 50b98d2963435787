"""Processes of the lab: each in a session of its own with a log file, known by pid and start time.

They outlive the program that started them (quickstart leaves the fleet running), so stopping goes
by what state.py remembers, never by name: a pid whose start time differs is somebody else.
"""

import dataclasses
import os
import pathlib
import select
import signal
import subprocess
import time

from .netns import inside
from .shell import LabError


@dataclasses.dataclass(frozen=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started_ticks: int

    def alive(self) -> bool:
        fields = _stat_fields(self.pid)
        return fields is not None and int(fields[19]) == self.started_ticks and fields[0] != "Z"


def identity_of(pid: int) -> Identity | None:
    fields = _stat_fields(pid)
    return Identity(pid, int(fields[19])) if fields else None


def parent_of(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return int(fields[1]) if fields else None


def command_line(pid: int) -> str:
    """Its arguments, separated by spaces; empty when it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(
            errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stat_fields(pid: int) -> list[str] | None:
    """/proc/PID/stat from the state letter on (the name before it may hold anything)."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def stop(identity: Identity, grace_s: float = 5) -> None:
    """SIGTERM, then SIGKILL after the grace; returns when it is gone. Frozen ones are thawed."""
    for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5)):
        if not identity.alive():
            return
        try:
            descriptor = os.pidfd_open(identity.pid)
        except ProcessLookupError:
            return
        try:
            if not identity.alive():
                return
            signal.pidfd_send_signal(descriptor, number)
            signal.pidfd_send_signal(descriptor, signal.SIGCONT)
            if select.select([descriptor], [], [], wait_s)[0]:
                return
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)
    raise LabError(f"process {identity.pid} survived SIGKILL")


class Process:
    """One long-lived program of the lab, which can be frozen, killed and started again."""

    def __init__(self, name: str, argv: list, *, log: pathlib.Path, namespace: str | None = None,
                 env: dict | None = None, cwd: pathlib.Path | None = None, ready=None,
                 ready_s: float = 10, grace_s: float = 5, on_change=None):
        self.name = name
        self.log = log
        self._argv = [str(a) for a in argv]
        self.namespace = namespace
        self._env = env or {}
        self._cwd = cwd
        self._ready = ready
        self._ready_s = ready_s
        self._grace_s = grace_s
        self._on_change = on_change
        self._child: subprocess.Popen | None = None
        self.identity: Identity | None = None

    @property
    def pid(self) -> int:
        if not self.identity:
            raise LabError(f"{self.name} is not running")
        return self.identity.pid

    def alive(self) -> bool:
        if self._child:
            self._child.poll()  # reaps it
        return self.identity is not None and self.identity.alive()

    def start(self) -> "Process":
        """Starts it and returns once it is ready; its log's last words are in the error."""
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        if self.alive():
            raise LabError(f"{self.name} runs already")
        argv = inside(self.namespace, *self._argv) if self.namespace else self._argv
        environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
                       "LANG": "C.UTF-8", **{k: str(v) for k, v in self._env.items()}}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log, open(os.devnull, "rb") as nothing:
            self._child = subprocess.Popen(argv, stdin=nothing, stdout=log, stderr=log,
                                           env=environment, cwd=self._cwd, start_new_session=True)
        self.identity = identity_of(self._child.pid)
        if self._on_change:
            self._on_change(self)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + self._ready_s
        while self._ready and not self._ready():
            if not self.alive():
                raise LabError(f"{self.name} ended at once: {self.last_words()} (log: {self.log})")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} is not ready after {self._ready_s:g} s: "
                               f"{self.last_words()} (log: {self.log})")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.identity:
            stop(self.identity, self._grace_s)
        self._forget()

    def kill9(self) -> None:
        if self.identity and self.identity.alive():
            os.kill(self.pid, signal.SIGKILL)
        self._forget()

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def last_words(self, lines: int = 3) -> str:
        try:
            text = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return "it left no log"
        return " / ".join(text.strip().splitlines()[-lines:]) or "its log is empty"

    def _forget(self) -> None:
        if self._child:
            self._child.wait()
        self._child = None
        self.identity = None
        if self._on_change:
            self._on_change(self)
