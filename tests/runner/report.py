"""Outcomes of tests: one line per group while they run, failures in full and the counts at the end."""

import sys
import threading
from dataclasses import dataclass, field


@dataclass
class Group:
    """The tests of one program, script or step."""
    name: str
    passed: list = field(default_factory=list)
    failed: list = field(default_factory=list)  # (test, why)
    skipped: list = field(default_factory=list)  # (test, reason)
    seconds: float = 0.0

    def fail(self, test, why):
        self.failed.append((test, why))


class Report:
    def __init__(self, allowed_skips, out=sys.stdout):
        self._allowed_skips = allowed_skips
        self._out = out
        self._lock = threading.Lock()
        self._groups = []
        self.steps = []  # (name, seconds)

    def say(self, text):
        with self._lock:
            print(text, file=self._out, flush=True)

    def step(self, name, seconds):
        self.steps.append((name, seconds))
        self.say(f"  ok    {name:<44} {seconds:7.1f} s")

    def add(self, group):
        """Takes a finished group. A skip that tests/allowed-skips.txt does not name is a failure."""
        allowed = []
        for test, reason in group.skipped:
            if f"{group.name}: {test}" in self._allowed_skips or test in self._allowed_skips:
                allowed.append((test, reason))
            else:
                group.fail(test, "skipped, and not in tests/allowed-skips.txt: " + reason)
        group.skipped = allowed
        with self._lock:
            self._groups.append(group)
        word = "FAIL" if group.failed else "ok"
        counts = f"{len(group.passed)} passed"
        counts += f", {len(group.failed)} failed" if group.failed else ""
        counts += f", {len(group.skipped)} skipped" if group.skipped else ""
        self.say(f"  {word:<5} {group.name:<44} {group.seconds:7.1f} s  {counts}")

    def finish(self):
        """Prints failures, skips and the line of counts; returns the exit code of the run."""
        for group in self._groups:
            for test, why in group.failed:
                self.say(f"\nFAILED {group.name}: {test}\n{_indented(why)}")
        skipped = [(g.name, test, reason) for g in self._groups for test, reason in g.skipped]
        if skipped:
            self.say("")
        for group, test, reason in skipped:
            self.say(f"skipped {group}: {test}: {reason}")
        passed = sum(len(g.passed) for g in self._groups)
        failed = sum(len(g.failed) for g in self._groups)
        self.say("")
        self.say(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
        return 1 if failed or not passed else 0


def _indented(text):
    return "\n".join("    " + line for line in text.rstrip().splitlines())


def read_allowed_skips(path):
    """Lines `name  # why it may be skipped`; the reason is required."""
    names = set()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, mark, reason = line.partition("#")
        if not mark or not reason.strip():
            sys.exit(f"{path}:{number}: a skip needs its reason after '#'")
        names.add(name.strip())
    return names
