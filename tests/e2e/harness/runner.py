"""Runs test files, each in a lab of its own; a failed test gets the next one a fresh lab."""

import contextlib
import dataclasses
import json
import pathlib
import shutil
import signal
import sys
import time
import traceback

from lab import fleet as lab_fleet
from lab import layout as lay
from lab import lockstep, state
from lab.shell import LabError
from lab.steps import Steps

from . import discover
from .case import Failure, Skip

_TEST_SECONDS = 900


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a test without a lab gets: where programs are and where a lab of its own may live."""

    lab_id: str
    base: pathlib.Path
    build: lockstep.Build
    libraries: pathlib.Path


class Results:
    """Passed, failed and skipped so far; the file tests/run adds up."""

    def __init__(self, path: pathlib.Path | None):
        self._path = path
        self.passed: list[str] = []
        self.failed: list[dict] = []
        self.skipped: list[dict] = []

    def write(self) -> None:
        if self._path:
            self._path.write_text(json.dumps(
                {"passed": self.passed, "failed": self.failed, "skipped": self.skipped}, indent=1))


class Runner:
    def __init__(self, machine: Machine, logs: pathlib.Path, results: Results):
        self._machine = machine
        self._logs = logs
        self._results = results

    def run(self, file: discover.File) -> None:
        """Every test of a file. The lab is taken down whatever happens."""
        print(f"{file.name}")
        fleet = None
        try:
            for test in file.tests:
                name = f"{file.name}.{test.__name__}"
                if discover.needs_of(test) == "machine":
                    if not self._run_test(test, name, self._machine):
                        self._copy_logs(self._machine.base / self._machine.lab_id, name)
                    continue
                if not fleet:
                    fleet = self._bring_up(file, name)
                if fleet and not self._run_test(test, name, fleet):
                    self._collect(fleet, name)
                    self._take_down()
                    fleet = None
        finally:
            self._take_down()

    def _bring_up(self, file: discover.File, name: str) -> "lab_fleet.Fleet | None":
        began = time.monotonic()
        settings = dict(file.lab)
        count = settings.pop("nodes", 3)
        machine = self._machine
        spec = lab_fleet.Spec(machine.lab_id, machine.build, machine.libraries, machine.base,
                              lay.NODE_NAMES[:count], **settings)
        try:
            fleet = lab_fleet.Fleet(spec, Steps(_Nobody())).up()
        except (LabError, OSError) as error:
            self._copy_logs(machine.base / machine.lab_id, name)
            self._take_down()
            self._fail(name, f"the lab did not come up: {error}", began)
            return None
        print(f"    lab of {count} nodes up ({time.monotonic() - began:.1f} s)")
        return fleet

    def _run_test(self, test, name: str, given) -> bool:
        """Whether the lab is still good for the next one."""
        began = time.monotonic()
        try:
            with _budget(_TEST_SECONDS):
                test(given)
        except Skip as skip:
            self._results.skipped.append({"name": name, "reason": str(skip)})
            print(f"skip {name}: {skip}")
        except (Failure, LabError) as error:
            self._fail(name, str(error), began)
            return False
        except Exception:  # a test's own mistake is a failed test, with its place
            self._fail(name, traceback.format_exc(limit=-4), began)
            return False
        else:
            self._results.passed.append(name)
            print(f"ok {name} ({time.monotonic() - began:.1f} s)")
        finally:
            self._results.write()
            sys.stdout.flush()
        return True

    def _fail(self, name: str, why: str, began: float) -> None:
        self._results.failed.append({"name": name, "why": why})
        self._results.write()
        print(f"FAIL {name} ({time.monotonic() - began:.1f} s): {why}")

    def _collect(self, fleet, name: str) -> None:
        """Logs, and what the controller says of itself."""
        target = self._copy_logs(fleet.layout.directory, name)
        for what in (("status",), ("node", "list"), ("order", "list"), ("events",)):
            with contextlib.suppress(LabError):
                code, out, err = fleet.cli("-o", "json", *what, timeout_s=10)
                (target / f"cli-{'-'.join(what)}.txt").write_text(out + err)
        print(f"    logs: {target}")

    def _copy_logs(self, directory: pathlib.Path, name: str) -> pathlib.Path:
        target = self._logs / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        if (directory / "log").is_dir():
            shutil.copytree(directory / "log", target, dirs_exist_ok=True)
        return target

    def _take_down(self) -> None:
        with _undisturbed():
            state.remove(self._machine.base, self._machine.lab_id)


@contextlib.contextmanager
def _budget(seconds: int):
    def on_alarm(*_):
        raise Failure(f"not done within {seconds} s")
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@contextlib.contextmanager
def _undisturbed():
    """A second Ctrl-C must not cut the clearing up short."""
    before = {number: signal.signal(number, signal.SIG_IGN)
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Nobody:
    """Swallows the steps of a lab that comes up: tests show their own lines."""

    def isatty(self) -> bool:
        return False

    def write(self, _: str) -> None:
        pass

    def flush(self) -> None:
        pass
