"""deploy/quickstart as a newcomer uses it: up, table, up again, interrupted, down."""

import os
import signal
import subprocess
import sys
import time

from harness.case import expect, expect_equal, say
from lab import client, lockstep, netns, state
from lab import layout as lay
from lab.shell import run

QUICKSTART = lockstep.REPOSITORY / "deploy/quickstart"


def it_ends_with_every_node_in_step_and_down_leaves_nothing(machine):
    began = time.monotonic()
    code, out = _run(machine)
    took_s = time.monotonic() - began
    try:
        expect_equal(code, 0, f"exit code of quickstart ({out[-800:]})")
        expect_equal(len(_rows(out, answers=True)), 18, "rows of the table")
        _expect_preferred_addresses_seen(machine, out, 3)
        expect("All in step" in out, f"not all in step: {out[-800:]}")
        for command in ("policy explain fra1 www.example.test", f"demo route-move --id {_lab_id(machine)}"):
            expect(command in out, f"'{command}' is not proposed: {out[-800:]}")
        expect(took_s <= 60, f"it took {took_s:.0f} s when built, not 60")
        say(f"up in {took_s:.1f} s")
        code, out = _run(machine, "table")
        expect_equal(code, 0, f"exit code of table ({out[-400:]})")
        _expect_preferred_addresses_seen(machine, out, 3)
    finally:
        code, out = _run(machine, "down")
    expect_equal(code, 0, f"exit code of down ({out[-400:]})")
    expect(str(client.cache_directory()) in out, f"it does not say where the libraries are: {out}")
    _expect_no_trace(machine)
    code, out = _run(machine, "down")
    expect_equal((code, out.splitlines()[0]), (0, "no lab was up"), "a second down")


def the_table_says_what_was_seen_and_not_what_is_wanted(machine):
    try:
        code, out = _run(machine, "--nodes", "2")
        expect_equal(code, 0, f"exit code of quickstart ({out[-800:]})")
        home = machine.base / _lab_id(machine)
        (home / "caddy.toml").write_text('[fleet]\nquic_server = "caddy"\n')
        run(home / "bin/lockstep", "policy", "apply", "--wait", "-f", home / "caddy.toml")
        code, out = _run(machine, "table")
        expect_equal(code, 0, f"exit code of table ({out[-400:]})")
        seen = {tuple(row[:5]) for row in _rows(out, answers=False)}
        expect_equal(seen, {(place.name, f"IPv{family}", "-", "true", "-")
                            for place in _places(machine, 2) for family in client.FAMILIES},
                     "what was seen of Caddy, which can offer no preferred address")
    finally:
        _run(machine, "down")
    _expect_no_trace(machine)


def down_removes_what_a_demo_that_was_killed_and_a_lab_that_failed_have_left(machine):
    demo = machine.base / f"{_lab_id(machine)}-demo"
    logs = client.cache_directory() / f"logs-{_lab_id(machine)}"
    for directory in (demo, logs):
        directory.mkdir(parents=True)
        (directory / "leftover").write_text("")
    code, out = _run(machine, "down")
    expect_equal(code, 0, f"exit code of down ({out[-400:]})")
    expect(not logs.exists(), f"{logs} left")
    _expect_no_trace(machine)


def a_second_run_replaces_the_first(machine):
    try:
        for nodes in ("1", "4"):
            code, out = _run(machine, "--nodes", nodes)
            expect_equal(code, 0, f"exit code with {nodes} nodes ({out[-800:]})")
            _expect_preferred_addresses_seen(machine, out, int(nodes))
    finally:
        _run(machine, "down")
    _expect_no_trace(machine)


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


def _rows(out: str, answers: bool) -> list[list[str]]:
    """The fields of one of the two tables: the client's answers, or what the probers saw."""
    rows = [line.split() for line in out.splitlines() if " IPv4 " in line or " IPv6 " in line]
    return [row for row in rows if (row[-1] == "ms") == answers]


def _places(machine, nodes: int) -> tuple[lay.NodePlace, ...]:
    return lay.Layout(_lab_id(machine), machine.base, lay.NODE_NAMES[:nodes]).nodes


def _expect_preferred_addresses_seen(machine, out: str, nodes: int) -> None:
    """Each node's own address was offered, and a prober's connection went on there."""
    wanted = {(place.name, family, address, "true", "yes") for place in _places(machine, nodes)
              for family, address in (("IPv4", f"{place.ipv4}:443"), ("IPv6", f"[{place.ipv6}]:443"))}
    seen = {tuple(row[:5]) for row in _rows(out, answers=False)}
    expect_equal(seen, wanted, "HTTP/3 as the probers saw it")


def _lab_id(machine) -> str:
    return f"q{machine.lab_id}"


def _expect_no_trace(machine) -> None:
    lab_id = _lab_id(machine)
    for_all = [*lay.namespaces_of(lab_id), *lay.namespaces_of(f"{lab_id}-demo")]
    namespaces = [n for n in for_all if (netns.NETNS_DIRECTORY / n).exists()]
    expect(not namespaces, f"namespaces left: {namespaces}")
    for name in (lab_id, f"{lab_id}-demo", f"{lab_id}.lock"):
        expect(not (machine.base / name).exists(), f"{machine.base / name} left")
    expect(state.read(machine.base / lab_id) is None, "a state file left")
    markers = [f"/{name}/".encode() for name in (lab_id, f"{lab_id}-demo")]
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                words = line.read()
                if any(marker in words for marker in markers):
                    left.append(int(pid))
        except OSError:
            continue  # it has ended meanwhile
    expect(not left, f"processes left: {left}")
