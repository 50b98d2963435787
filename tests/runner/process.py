"""Runs a child to its end or its deadline, with its whole process group, and keeps its output."""

import collections
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

_GRACE_SECONDS = 3
_KEPT_LINES = 100_000
_running = set()
_running_lock = threading.Lock()


@dataclass
class Finished:
    code: int  # the exit code; negative: the signal that ended it
    timed_out: bool
    output: str  # standard output and error, in the order written; its last 100,000 lines
    seconds: float

    def how_it_ended(self):
        if self.timed_out:
            return f"did not end within {self.seconds:.0f} s and was killed"
        if self.code < 0:
            return f"died by signal {signal.Signals(-self.code).name}"
        return f"exit code {self.code}"

    def last_lines(self, count=25):
        return "\n".join(self.output.rstrip().splitlines()[-count:])


def run(argv, timeout, cwd=None, env=None, on_line=None, grace=_GRACE_SECONDS):
    """Runs `argv` for at most `timeout` seconds, and `grace` more to clean up after SIGTERM. `on_line`
    sees every line as it comes."""
    started = time.monotonic()
    child = subprocess.Popen(
        [str(a) for a in argv], cwd=cwd, env=env, stdin=subprocess.DEVNULL, text=True,
        errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    with _running_lock:
        _running.add(child)
    lines = collections.deque(maxlen=_KEPT_LINES)

    def read():
        for line in child.stdout:
            lines.append(line)
            if on_line:
                on_line(line.rstrip("\n"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    timed_out = False
    try:
        child.wait(timeout=timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
    _end_group(child, grace)
    with _running_lock:
        _running.discard(child)
    reader.join(timeout=_GRACE_SECONDS)
    return Finished(child.returncode, timed_out, "".join(lines), time.monotonic() - started)


def _end_group(child, grace=_GRACE_SECONDS):
    """Ends whatever of the child's group is left: a test leaves no process behind."""
    for sig, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _GRACE_SECONDS)):
        if child.poll() is not None:
            sig = signal.SIGKILL  # only stragglers are left
        try:
            os.killpg(child.pid, sig)
        except (ProcessLookupError, PermissionError):
            return
        try:
            child.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
        if sig == signal.SIGKILL:
            return


def end_all():
    """Ctrl-C: ends every child that is still running, in time for a lab to be taken down."""
    with _running_lock:
        children = list(_running)
    for child in children:
        _end_group(child, grace=30)
