"""kill -9 of certbot, the plugin's helper, controller and agent at every step of an order.

A step is a system call: an order that nobody disturbs is traced first, then orders are killed at
call 1, 2, 4, 7 … from either end, processes and calls in turn, until the time is up. Whatever dies,
the CA is not told to look before the commit point, no challenge is served beyond its lease, no
process is left over, no state is torn, the next order passes, and when it has, no half-written file
is left.

In the environment: KILL_SWEEP_SECONDS how long, KILL_SWEEP_SEED in which order, KILL_SWEEP_MATCH (a
regular expression, e.g. "^controller at f.*sync") which points.
"""

import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sqlite3
import threading
import time

from harness import kill_points
from harness.case import Failure, expect, expect_equal, say
from harness.orders import issue, newest_order, serve
from lab import netns
from lab.client import FAMILIES
from lab.process import command_line
from lab.shell import LabError, wait_until

FULL = True
SITE = "www.example.test"
LEASE_S = 5
LAB = {"controller": {"barrier": {"deadline": "20s", "lease": f"{LEASE_S}s"},
                      "rollout": {"waves": ["100%"], "soak": "0s"}},
       "agent": {"apply": {"soak": "100ms"}}}
BUDGET_S = float(os.environ.get("KILL_SWEEP_SECONDS", "240"))
SEED = int(os.environ.get("KILL_SWEEP_SEED", "1"))
MATCH = os.environ.get("KILL_SWEEP_MATCH", "")
MAX_PROBLEMS = 5

CERTBOT, HELPER, CLEANUP = "certbot", "helper", "helper's cleanup"
CONTROLLER, AGENT = "controller", "agent"


def an_order_killed_anywhere_leaves_nothing_behind(fleet):
    traps = Traps(fleet)
    serve(fleet, SITE)
    counts = traps.count()
    points = [point for point in kill_points.spread(counts, SEED) if re.search(MATCH, str(point))]
    say(f"{len(points)} points in {sum(map(len, counts.values()))} process × call, "
        f"{BUDGET_S:.0f} s of them, seed {SEED}")
    tally = Tally()
    deadline = time.monotonic() + BUDGET_S
    for point in points:
        if time.monotonic() > deadline or len(tally.problems) == MAX_PROBLEMS:
            break
        _try_point(fleet, traps, point, tally)
    tally.print()
    expect(tally.killed() > 0, "no point was reached")
    expect(not tally.problems, f"{len(tally.problems)} problems: " + "; ".join(tally.problems))


@dataclasses.dataclass
class Outcome:
    """What one disturbed order came to."""

    killed_at: str = ""  # the call, empty if the order ended before it
    posts: int = 0
    order: dict = dataclasses.field(default_factory=dict)  # empty if none was recorded
    tokens: set = dataclasses.field(default_factory=set)

    @property
    def committed(self) -> bool:
        return any(step["what"] == "committed" for step in self.order.get("steps", []))


class Tally:
    """Outcomes per process and call."""

    def __init__(self):
        self.problems: list[str] = []
        self._rows = collections.defaultdict(collections.Counter)

    def add(self, point, outcome: Outcome, problem: str) -> None:
        row = self._rows[(point.process, point.call)]
        row["killed" if outcome.killed_at else "missed"] += 1
        if outcome.killed_at:
            row["committed" if outcome.committed else "not"] += 1
        if problem:
            row["problems"] += 1
            self.problems.append(f"{point} ({outcome.killed_at}): {problem}")

    def killed(self) -> int:
        return sum(row["killed"] for row in self._rows.values())

    def print(self) -> None:
        columns = ("killed", "committed", "not", "missed", "problems")
        say(f"{'process':17} {'call':10}" + "".join(f"{c:>10}" for c in columns))
        for (process, call), row in sorted(self._rows.items()):
            say(f"{process:17} {call:10}" + "".join(f"{row[c]:10}" for c in columns))
        total = sum(self._rows.values(), collections.Counter())
        say(f"{'all':28}" + "".join(f"{total[c]:10}" for c in columns))


class Traps:
    """strace around or on each process that takes part in an order."""

    def __init__(self, fleet):
        self._fleet = fleet
        self._directory = fleet.layout.home("ctl") / "traps"
        self._directory.mkdir(mode=0o700)
        helper = fleet.spec.build.program("lockstep-certbot-hook")
        self._certbot = kill_points.Wrapper("/usr/bin/certbot", self._directory, "certbot")
        # gRPC's threads are the helper's own; certbot's children are not certbot's.
        self._helper = kill_points.Wrapper(str(helper), self._directory, "helper", "-f")
        config = fleet.controller.config.read_text()
        for program, wrapper in (("/usr/bin/certbot", self._certbot), (helper, self._helper)):
            expect(f'"{program}"' in config, f"{program} is not in the controller's config")
            config = config.replace(f'"{program}"', f'"{wrapper.path}"')
        fleet.controller.config.write_text(config)
        fleet.controller.process.restart()
        fleet.wait_connected(len(fleet.nodes), timeout_s=30)

    def set(self, process: str, point: kill_points.Point | None):
        """Context: the process is killed at the point, or only traced; yields the trace's path."""
        if process == CERTBOT:
            return self._certbot.traced("certonly", point)
        if process in (HELPER, CLEANUP):
            return self._helper.traced("perform" if process == HELPER else "cleanup", point)
        return kill_points.attached(self.owned(process, point),
                                    self._directory / f"{process}.trace", point)

    def owned(self, process: str, point: kill_points.Point | None):
        """The lab's process of that name; agents take turns."""
        if process == CONTROLLER:
            return self._fleet.controller.process
        return self._fleet.nodes[(point.when if point else 0) % len(self._fleet.nodes)].agent

    def count(self) -> dict[str, dict[str, int]]:
        """The calls of each process in one order."""
        counts = {}
        for process in (CERTBOT, HELPER, CLEANUP, CONTROLLER, AGENT):
            trace = self._trace(process)
            counts[process] = kill_points.count_calls(trace.read_text(errors="replace"))
            expect(counts[process], f"no call of {process} was seen")
            say(f"{process}: " + ", ".join(f"{c} {n}" for c, n in counts[process].items()))
        return counts

    def _trace(self, process: str) -> pathlib.Path:
        """Of an order that had challenges.

        Told to re-use 0 % of its authorizations, Pebble re-uses 1 %.
        """
        while True:
            with self.set(process, None) as trace:
                issue(self._fleet, SITE)
            if newest_order(self._fleet, SITE).get("challenge_proofs"):
                return trace


def _try_point(fleet, traps: Traps, point: kill_points.Point, tally: Tally) -> None:
    outcome = Outcome()
    problem = ""
    began = time.monotonic()
    try:
        _disturbed_order(fleet, traps, point, outcome)
        _expect_as_if_nothing_had_been(fleet, outcome)
    except (Failure, LabError) as error:
        problem = str(error)
        say(f"PROBLEM {point} ({outcome.killed_at}): {problem}")
        _start_what_is_dead(fleet)
    say(f"{point}: {outcome.killed_at[:60] or 'not reached'}; {outcome.posts} POSTs, "
        f"{outcome.order.get('state', 'no order')} ({time.monotonic() - began:.1f} s)")
    tally.add(point, outcome, problem)


def _disturbed_order(fleet, traps: Traps, point: kill_points.Point, outcome: Outcome) -> None:
    before = newest_order(fleet, SITE)["id"]
    mark = fleet.pebble.log_mark()
    with traps.set(point.process, point) as trace, _collecting_tokens(fleet) as outcome.tokens:
        order = fleet.issue_in_background(SITE)
        if point.process in (CONTROLLER, AGENT):
            victim = traps.owned(point.process, point)
            wait_until("the order ends or the victim dies",
                       lambda: order.poll() is not None or not victim.alive(), 60)
            if not victim.alive():
                victim.kill9()  # reaps it
                victim.start()
        order.wait(timeout=90)
    outcome.killed_at = kill_points.last_call(trace)
    outcome.posts = fleet.pebble.challenge_posts(mark)
    newest = newest_order(fleet, SITE)
    outcome.order = newest if newest["id"] != before else {}
    expect(outcome.order.get("state", "STATE_FAILED") in ("STATE_DONE", "STATE_FAILED"),
           f"the order is neither done nor failed but {outcome.order.get('state')}")
    expect(outcome.posts == 0 or outcome.committed,
           f"the CA got {outcome.posts} challenge POSTs of an order that never committed: "
           f"{[step['what'] for step in outcome.order.get('steps', [])]}")


def _expect_as_if_nothing_had_been(fleet, outcome: Outcome) -> None:
    began = time.monotonic()
    for proof in outcome.order.get("challenge_proofs", []):
        outcome.tokens.add(proof["observation"]["token"])
    wait_until(f"no challenge file is left (lease {LEASE_S} s)",
               lambda: not any(node.challenge_files() for node in fleet.nodes), LEASE_S + 1)
    _expect_not_served(fleet, outcome.tokens)
    expect(time.monotonic() - began < LEASE_S + 3, "challenges outlived their lease")
    _expect_soon("processes left behind", lambda: _strangers(fleet), 5)
    _expect_sound(fleet)
    issue(fleet, SITE)
    expect(fleet.certificate(SITE)["serial"] != outcome.order.get("serial", ""),
           "the next order brought the old certificate")
    _expect_sound(fleet)
    serial = fleet.certificate(SITE)["serial"]
    # What is being written at this moment is not: a mark of a soak that has ended, say.
    _expect_soon("half-written files that outlived the next order", lambda: _litter(fleet), 5)
    faults = [f"{row.node.name} {row.protocol} IPv{row.family}: {row.fault(serial)}"
              for row in fleet.table(SITE) if row.fault(serial)]
    expect(not faults, f"not the next order's certificate: {'; '.join(faults)}")


@contextlib.contextmanager
def _collecting_tokens(fleet):
    """Every challenge that reaches a node while this is open."""
    tokens: set[str] = set()
    done = threading.Event()

    def collect():
        while not done.wait(0.02):
            for node in fleet.nodes:
                with contextlib.suppress(OSError):  # files vanish while we look
                    tokens.update(path.name for path in node.challenge_files())

    collector = threading.Thread(target=collect)
    collector.start()
    try:
        yield tokens
    finally:
        done.set()
        collector.join()


def _expect_not_served(fleet, tokens: set[str]) -> None:
    """Asked over the service addresses, as the CA would."""
    questions = [fleet.client.question(node.place, "h1", family, SITE, scheme="http",
                                       path=f"/.well-known/acme-challenge/{token}")
                 for token in sorted(tokens) for node in fleet.nodes for family in FAMILIES]
    if not questions:
        return
    for question, answer in zip(questions, fleet.client.ask(questions)):
        expect(not answer.error, f"{question['label']}: {answer.error}")
        expect(answer.status != 200, f"{question['label']} still serves {question['path']}")


def _strangers(fleet) -> list[str]:
    """Processes beside the controller and on the nodes that the lab did not start."""
    known = {fleet.controller.process.pid}
    for node in fleet.nodes:
        known |= {node.agent.pid, node.caddy.process.pid, node.quicd.pid,
                  node.bird.process.pid}
    namespaces = (fleet.layout.ctl.namespace, *(node.place.namespace for node in fleet.nodes))
    return [f"{pid} {command_line(pid)[:120]}" for pid in netns.pids_in(*namespaces)
            if pid not in known]


def _litter(fleet) -> list[str]:
    """Half-written files of killed processes, named from the lab's directory on."""
    states = (fleet.controller.state_directory,
              *(node.enrolment.state_directory for node in fleet.nodes))
    litter = [path for state in states for path in state.rglob("*")
              if path.name.startswith((".new-", "certbot-log-"))
              or path.parent.name == "staging"]
    for node in fleet.nodes:
        challenges = node.enrolment.challenges
        litter += challenges.with_name(challenges.name + ".staging").iterdir()
    return [str(path.relative_to(fleet.layout.directory)) for path in litter]


def _expect_sound(fleet) -> None:
    """Everybody runs, is connected, in step and complains of nothing; the database is whole."""
    for process in (fleet.controller.process, *(node.agent for node in fleet.nodes)):
        expect(process.alive(), f"{process.name} is dead: {process.last_words()}")

    def complaints():
        _, out, _ = fleet.cli("-o", "json", "status")  # its exit code says ok or degraded
        status = json.loads(out or "{}")
        wanted = {"nodes_connected": len(fleet.nodes), "nodes_in_step": len(fleet.nodes),
                  "orders_open": 0, "read_only_reason": "", "problems": []}
        return {key: status.get(key) for key, value in wanted.items() if status.get(key) != value}

    _expect_soon("status does not become ok", complaints, 15)
    database = fleet.controller.state_directory / "lockstep.db"
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as link:
        expect_equal(link.execute("PRAGMA integrity_check").fetchone()[0], "ok", "integrity_check")


def _expect_soon(what: str, find_wrong, timeout_s: float) -> None:
    """That nothing wrong is found, at the latest then."""
    deadline = time.monotonic() + timeout_s
    while wrong := find_wrong():
        expect(time.monotonic() < deadline, f"{what}: {wrong}")
        time.sleep(0.1)


def _start_what_is_dead(fleet) -> None:
    for process in (fleet.controller.process, *(node.agent for node in fleet.nodes)):
        if not process.alive():
            process.kill9()
            process.start()
