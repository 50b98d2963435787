"""Processes under measurement: a server that takes commands, a fleet of lean agents, and the clocks of
both; and paired comparison, which is the only kind that holds on a shared machine."""

import json
import statistics
import subprocess
import time
from pathlib import Path

READY_SECONDS = 180


class Measured:
    """A running process by its pid."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_seconds(self):
        """Of the threads that live now, to the nanosecond: a tick of /proc/PID/stat is 10 ms."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def rss_bytes(self):
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"no resident size of process {self.pid}")


class Process(Measured):
    """A child that speaks lines of JSON on its standard output."""

    def __init__(self, argv):
        self._child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, text=True,
                                       stdout=subprocess.PIPE, bufsize=1)
        super().__init__(self._child.pid)

    def read(self):
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._child.args[0]} ended with code {self._child.wait()}")
        return json.loads(line)

    def ask(self, command):
        self._child.stdin.write(command + "\n")
        return self.read()

    def stop(self):
        self._child.stdin.close()
        wait_or_kill(self._child)


def wait_or_kill(child, seconds=20):
    """A child that has been told to end."""
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Server(Process):
    """floor_server or session_server."""

    def __init__(self, programs, name, identity, port):
        self.name = name
        self.endpoint = f"127.0.0.1:{port}"
        super().__init__([programs / name, "--identity", identity, "--listen", self.endpoint])
        self.read()

    def streams(self):
        return self.ask("streams")["streams"]

    def wait_for_streams(self, count):
        deadline = time.monotonic() + READY_SECONDS
        while self.streams() != count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} has {self.streams()} streams, not {count}")
            time.sleep(0.05)

    def round(self, kind, size, expect):
        """One push or lane set to everybody; seconds until the last answer."""
        answer = self.ask(f"{kind} {size} {expect}")
        if answer["last_us"] < 0:
            raise RuntimeError(f"{self.name}: {answer['acks']} of {expect} answers to a {kind}")
        return answer["last_us"] / 1e6


class Fleet(Process):
    def __init__(self, programs, identity, server, agents, *options):
        super().__init__([programs / "lean_client", "--controller", server.endpoint, "--ca",
                          identity / "ca", "--agents", agents, *options])
        self.agents = agents
        self.storm_seconds = self.read()["storm_us"] / 1e6
        server.wait_for_streams(agents)

    def check(self):
        counts = self.ask("counts")
        if counts["bad_digests"] or counts["failed"]:
            raise RuntimeError(f"the fleet saw {counts}")


class Sample:
    """What one batch of rounds cost one server."""

    def __init__(self, server, fleet, kind, size, rounds, expect=None):
        expect = expect or fleet.agents
        server_before, fleet_before = server.cpu_seconds(), fleet.cpu_seconds()
        self.last = statistics.median(server.round(kind, size, expect) for _ in range(rounds))
        answers = rounds * expect
        self.server_us = (server.cpu_seconds() - server_before) / answers * 1e6
        self.fleet_us = (fleet.cpu_seconds() - fleet_before) / answers * 1e6


class Paired:
    """The median of paired ratios, with the least and the greatest."""

    def __init__(self, ours, floor):
        ratios = [a / b for a, b in zip(ours, floor)]
        self.ours, self.floor = statistics.median(ours), statistics.median(floor)
        self.ratio, self.least, self.greatest = statistics.median(ratios), min(ratios), max(ratios)

    @classmethod
    def of(cls, ours, floor, ratio, least, greatest):
        """What another program has paired already."""
        paired = cls([ours], [floor])
        paired.ratio, paired.least, paired.greatest = ratio, least, greatest
        return paired

    def as_dict(self):
        return {key: round(value, 6) for key, value in vars(self).items()}


class Table:
    """Rows for people and for machines; a row with a target is a check."""

    def __init__(self):
        self.rows = []
        self._shown = False

    def add(self, what, unit, scale, paired, target=None):
        if not self._shown:
            print(f"{'':<46} {'lockstep':>10} {'floor':>10}   ratio (least … greatest)   target", flush=True)
            self._shown = True
        self.rows.append({"what": what, "unit": unit, "target": target, **paired.as_dict()})
        verdict = "" if target is None else f"≤ {target:g} {'met' if paired.ratio <= target else 'MISSED'}"
        print(f"{what:<46} {paired.ours * scale:>7.1f} {unit:<2} {paired.floor * scale:>7.1f} {unit:<2}   "
              f"{paired.ratio:5.2f} ({paired.least:.2f} … {paired.greatest:.2f})   {verdict}", flush=True)

    def counts(self):
        checks = [row for row in self.rows if row["target"] is not None]
        missed = [row for row in checks if row["ratio"] > row["target"]]
        return len(checks) - len(missed), len(missed)
