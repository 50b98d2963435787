"""deploy/quickstart as a newcomer uses it: up, table, up again, interrupted, down."""

import os
import signal
import subprocess
import sys
import time

from harness.case import expect, expect_equal, say
from harness.discover import full
from lab import lockstep, netns, state
from lab import layout as lay

QUICKSTART = lockstep.REPOSITORY / "deploy/quickstart"


def it_ends_with_every_node_in_step_and_down_leaves_nothing(machine):
    began = time.monotonic()
    code, out = _run(machine)
    took_s = time.monotonic() - began
    try:
        expect_equal(code, 0, f"exit code of quickstart ({out[-800:]})")
        rows = [line for line in out.splitlines() if " IPv4 " in line or " IPv6 " in line]
        expect_equal(len(rows), 18, "rows of the table")
        expect("All in step" in out, f"not all in step: {out[-800:]}")
        expect(took_s <= 60, f"it took {took_s:.0f} s when built, not 60")
        say(f"up in {took_s:.1f} s")
        code, out = _run(machine, "table")
        expect_equal(code, 0, f"exit code of table ({out[-400:]})")
    finally:
        code, out = _run(machine, "down")
    expect_equal(code, 0, f"exit code of down ({out[-400:]})")
    _expect_no_trace(machine)
    code, out = _run(machine, "down")
    expect((code, out.strip()) == (0, "no lab was up"), f"a second down: {code} {out}")


def a_second_run_replaces_the_first(machine):
    try:
        for nodes in ("1", "4"):
            code, out = _run(machine, "--nodes", nodes)
            expect_equal(code, 0, f"exit code with {nodes} nodes ({out[-800:]})")
    finally:
        _run(machine, "down")
    _expect_no_trace(machine)


@full
def the_demo_shows_what_survives_a_moving_route_and_what_does_not(machine):
    code, out = _run(machine, "demo", "route-move")
    expect_equal(code, 0, f"exit code of the demo ({out[-800:]})")
    outcomes = [line.split()[-1] for line in out.splitlines() if "✓ complete" in line or "✗ sil" in line]
    expect_equal(outcomes, ["byte", "byte", "up", "up"], f"how the downloads ended ({out[-800:]})")
    _expect_no_trace(machine)


def an_interrupt_at_any_time_leaves_nothing(machine):
    for after_s in (0.5, 1.5, 3, 5):
        process = subprocess.Popen(_command(machine), start_new_session=True, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        if process.returncode == 0:  # up before we were
            _run(machine, "down")
        expect(process.returncode in (130, -signal.SIGINT, 0),
               f"interrupted after {after_s} s it ended with {process.returncode}: {out[-400:]}")
        _expect_no_trace(machine)


def _command(machine, *arguments: str) -> list[str]:
    options = [] if arguments[:1] == ("down",) else ["--no-build"]
    return [str(a) for a in (QUICKSTART, *arguments, *options, "--id", _lab_id(machine), "--base",
                             machine.base, "--build-dir", machine.build.directory)]


def _run(machine, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(_command(machine, *arguments), capture_output=True, text=True,
                          timeout=180, stdin=subprocess.DEVNULL)
    sys.stderr.write(done.stderr)
    return done.returncode, done.stdout + done.stderr


def _lab_id(machine) -> str:
    return f"q{machine.lab_id}"


def _expect_no_trace(machine) -> None:
    lab_id = _lab_id(machine)
    for_all = [*lay.namespaces_of(lab_id), *lay.namespaces_of(f"{lab_id}-demo")]
    namespaces = [n for n in for_all if (netns.NETNS_DIRECTORY / n).exists()]
    expect(not namespaces, f"namespaces left: {namespaces}")
    expect(not (machine.base / lab_id).exists(), f"{machine.base / lab_id} left")
    expect(state.read(machine.base / lab_id) is None, "a state file left")
    marker = f"/{lab_id}/".encode()
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if marker in line.read():
                    left.append(int(pid))
        except OSError:
            continue  # it has ended meanwhile
    expect(not left, f"processes left: {left}")
