"""kill -9 at a chosen system call: strace counts the calls of each thread and kills at the Nth.

Programs that a controller starts itself (certbot, the plugin's helper) run through a wrapper that
takes a plan from a file once; programs that run already (controller, agent) get strace attached.
"""

import collections
import contextlib
import dataclasses
import pathlib
import random
import re
import subprocess

from lab.process import Process
from lab.shell import LabError, wait_until

# Where a process meets the world: files, their names and their durability, peers, programs.
CALLS = ("openat", "write", "writev", "pwrite64", "sendto", "sendmsg", "recvfrom", "recvmsg",
         "rename", "renameat", "renameat2", "unlink", "unlinkat", "symlink", "symlinkat", "mkdir",
         "mkdirat", "fsync", "fdatasync", "connect")
_STRACE = "/usr/bin/strace"
_DISTANCES = (0, 1, 3, 6, 11, 19, 34, 59, 99, 199, 399, 799)


@dataclasses.dataclass(frozen=True)
class Point:
    """The Nth time that a thread of a process makes a call."""

    process: str
    call: str
    when: int

    def __str__(self) -> str:
        return f"{self.process} at {self.call} #{self.when}"


def candidates(count: int) -> list[int]:
    """Of calls 1..count some, dense at both ends, where a run has its interesting steps."""
    return sorted({n for d in _DISTANCES if d < count for n in (1 + d, count - d)})


def spread(counts: dict[str, dict[str, int]], seed: int) -> list[Point]:
    """All points, processes and calls in turn, so that any beginning of the list is even."""
    chance = random.Random(seed)
    queues = []
    for process, calls in counts.items():
        per_call = []
        for call, count in calls.items():
            points = [Point(process, call, when) for when in candidates(count)]
            chance.shuffle(points)
            per_call.append(points)
        chance.shuffle(per_call)
        queues.append(_in_turn(per_call))
    return _in_turn(queues)


def _in_turn(lists: list[list]) -> list:
    longest = max(map(len, lists), default=0)
    return [some[i] for i in range(longest) for some in lists if i < len(some)]


def count_calls(trace: str) -> dict[str, int]:
    """Per call, how often the thread made it that made it most: strace counts per thread."""
    seen = collections.Counter(re.findall(r"^(\d+ +)?(\w+)\(", trace, re.MULTILINE))
    most: dict[str, int] = {}
    for (_, call), count in seen.items():
        most[call] = max(most.get(call, 0), count)
    return {call: most[call] for call in CALLS if call in most}


class Wrapper:
    """A program that stands in for another and runs it under strace when there is a plan."""

    def __init__(self, program: str, directory: pathlib.Path, name: str, *options: str):
        self._stem = directory / name
        self._options = options
        self.path = directory / f"{name}.sh"
        self.path.write_text(
            "#!/bin/sh\n"
            "# A plan counts for one run: mv takes it away.\n"
            f'if /usr/bin/mv "{self._stem}-$1.plan" "{self._stem}-$1.taken" 2>/dev/null; then\n'
            f'  read -r options < "{self._stem}-$1.taken"\n'
            f'  exec {_STRACE} $options {program} "$@"\n'
            "fi\n"
            f'exec {program} "$@"\n')
        self.path.chmod(0o755)

    @contextlib.contextmanager
    def traced(self, verb: str, point: Point | None):
        """The next run with this verb is traced; yields where its trace will be."""
        trace = pathlib.Path(f"{self._stem}-{verb}.trace")
        plan = pathlib.Path(f"{self._stem}-{verb}.plan")
        trace.unlink(missing_ok=True)
        staged = plan.with_suffix(".new")
        staged.write_text(" ".join((*self._options, *_tracing(trace, point))) + "\n")
        staged.rename(plan)
        try:
            yield trace
        finally:
            plan.unlink(missing_ok=True)


@contextlib.contextmanager
def attached(process: Process, trace: pathlib.Path, point: Point | None):
    """The threads that the process has now are traced; its children are not."""
    trace.unlink(missing_ok=True)
    threads = sorted(path.name for path in pathlib.Path(f"/proc/{process.pid}/task").iterdir())
    words = trace.with_suffix(".words")
    with open(words, "wb") as said:
        strace = subprocess.Popen([_STRACE, *_tracing(trace, point), "-p", ",".join(threads)],
                                  stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        def is_attached():
            if strace.poll() is not None:
                raise LabError(f"strace of {process.name} ended: {words.read_text()[-300:]}")
            return words.read_text().count(" attached") >= len(threads) - 1
        wait_until(f"strace holds {process.name}", is_attached, 10, 0.02)
        yield trace
    finally:
        strace.terminate()  # lets go of what it holds
        strace.wait(timeout=10)


def last_call(trace: pathlib.Path) -> str:
    """What the killed thread was about to do; empty if nothing was killed."""
    if not trace.exists():
        return ""
    lines = trace.read_text(errors="replace").splitlines()
    if not any("+++ killed by SIGKILL +++" in line for line in lines):
        return ""
    calls = [line for line in lines if re.match(r"^(\d+ +)?\w+\(", line)]
    return re.sub(r"^\d+ +", "", calls[-1])[:100] if calls else "killed"


def _tracing(trace: pathlib.Path, point: Point | None) -> list[str]:
    options = ["-o", str(trace)]
    if not point:
        return [*options, "-e", "trace=" + ",".join(f"?{call}" for call in CALLS)]
    return [*options, "-e", f"trace={point.call}",
            "-e", f"inject={point.call}:signal=KILL:when={point.when}"]
