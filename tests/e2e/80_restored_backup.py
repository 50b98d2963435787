"""A database put back from an older backup is noticed: nothing is published, nodes serve on, and
`recover` makes it the fleet's again."""

import json
import shutil

from harness.case import expect, say
from harness.orders import expect_everywhere, serve
from lab.netns import inside
from lab.shell import run, wait_until

SITE = "www.example.test"
OTHER = "other.example.test"
LATER = "later.example.test"


def a_restored_backup_is_noticed_and_recovered_from(fleet):
    serve(fleet, SITE)
    serial = expect_everywhere(fleet, SITE)
    backup = fleet.layout.home("ctl") / "backup.db"
    _program(fleet, "backup", backup)
    fleet.apply_sites({SITE: [SITE], OTHER: [OTHER]})
    wait_until("every node has the generations after the backup",
               lambda: _settled(fleet), timeout_s=60)
    newest = _generation(fleet)

    fleet.controller.process.stop()
    database = fleet.controller.state_directory / "lockstep.db"
    for name in ("lockstep.db", "lockstep.db-wal", "lockstep.db-shm"):
        (fleet.controller.state_directory / name).unlink(missing_ok=True)
    shutil.copy(backup, database)
    fleet.controller.process.start()

    reason = wait_until("the restore is noticed",
                        lambda: _status(fleet).get("read_only_reason", ""), timeout_s=30)
    say(reason)
    expect("this database is older than the fleet" in reason, f"the reason is {reason!r}")
    code, out, err = fleet.cli("status")
    expect(code == 8 and "READ-ONLY" in out, f"status: exit {code}: {out}{err}")
    code, out, err = fleet.cli("cert", "issue", SITE)
    expect(code != 0 and "read-only" in out + err, f"cert issue: exit {code}: {out}{err}")
    fleet.wait_connected(len(fleet.nodes))
    expect(expect_everywhere(fleet, SITE) == serial, "nodes serve another certificate")
    for node in fleet.nodes:
        answer = fleet.ask(node, "h1", 4, SITE)
        expect(answer.status == 200, f"{node.name} answers {answer.status}")

    fleet.controller.process.stop()
    say(_program(fleet, "recover").strip())
    fleet.controller.process.start()
    fleet.wait_connected(len(fleet.nodes))
    expect(not _status(fleet).get("read_only_reason"), "still read-only after recover")
    fleet.apply_sites({SITE: [SITE], LATER: [LATER]})
    wait_until("every node follows again",
               lambda: _settled(fleet), timeout_s=60)
    say(f"generation {_generation(fleet)} after the recovery, {newest} before the loss")
    expect_everywhere(fleet, SITE)


def _program(fleet, command: str, *arguments) -> str:
    """lockstep-controller with this lab's configuration."""
    program = fleet.spec.build.program("lockstep-controller")
    return run(*inside(fleet.layout.ctl.namespace, program, command, "--config",
                       fleet.controller.config, *arguments))


def _status(fleet) -> dict:
    """`lockstep status`, which is degraded (exit 8) while something is wrong."""
    _, out, _ = fleet.cli("-o", "json", "status")
    return json.loads(out) if out.strip().startswith("{") else {}


def _settled(fleet) -> bool:
    """Every node has proved the newest generation, and its soak is over."""
    status = _status(fleet)
    return (status.get("nodes_in_step") == len(fleet.nodes)
            and status.get("last_known_good") == status.get("generation"))


def _generation(fleet) -> int:
    return int(_status(fleet).get("generation", 0))
