"""A whole lockstep-controller under the benchmark: its own database, its barrier, its hook socket; the nodes
are simulated, and certbot is played by plays_certbot."""

import json
import shutil
import subprocess
import time
from pathlib import Path

from benchlib import wait_or_kill

HERE = Path(__file__).resolve().parent
ACME_SERVER = "https://ca.invalid/directory"
READY_SECONDS = 180

CONFIG = """\
state_dir = "{state}"
[listen]
agents = "127.0.0.1:7443"
enroll = "127.0.0.1:7444"
admin_socket = "{home}/admin/admin.sock"
hook_socket = "{home}/hook/hook.sock"
names = ["localhost"]
[fleet]
service_addresses = ["203.0.113.10"]
[acme]
server = "{server}"
email = "ops@example.test"
certbot = "{here}/plays_certbot"
hook_program = "{bin}/lockstep-certbot-hook"
plugin_dir = "{home}"
[rehearsal]
mode = "off"
[rollout]
waves = ["100%"]
soak = "0s"
[keys]
key_encryption_key_file = "{state}/kek"
"""


class WholeController:
    """lockstep-controller with `agents` enrolled nodes."""

    endpoint = "127.0.0.1:7443"

    def __init__(self, build_dir: Path, agents: int):
        self._bin = build_dir / "bin"
        self._home = build_dir / "whole-controller"
        shutil.rmtree(self._home, ignore_errors=True)
        for name in ("", "admin", "hook"):
            (self._home / name).mkdir(mode=0o700)
        self.state = self._home / "state"
        config = self._home / "controller.toml"
        config.write_text(CONFIG.format(state=self.state, home=self._home, here=HERE, bin=self._bin,
                                        server=ACME_SERVER))
        program = self._bin / "lockstep-controller"
        subprocess.run([program, "init", "--config", config], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([build_dir / "bench/bench_nodes", "--database", self.state / "lockstep.db", "--key",
                        self.state / "kek", "--agents", str(agents)], check=True)
        self._write_account()
        self._log = open(self._home / "controller.log", "w", encoding="utf-8")
        self._process = subprocess.Popen([program, "run", "--config", config], stderr=self._log,
                                         stdout=self._log)
        self._wait(lambda: self._cli("node", "list").returncode == 0, "answers")

    def wait_for_streams(self, count: int) -> None:
        """Also until all of them serve what is planned."""
        def settled():
            nodes = json.loads(self._cli("-o", "json", "node", "list").stdout)["nodes"]
            return sum(node.get("connected", False) for node in nodes) == count
        self._wait(settled, f"has {count} streams")
        time.sleep(2)  # what the first hellos set off

    def hook_seconds(self, host: str) -> float:
        """From the start of the hook program with a challenge for `host` to its end: every node has it."""
        result = self.state / "certbot" / host / "work" / "hook_seconds"
        issued = self._cli("cert", "issue", host, "--wait")
        if not result.exists():
            raise RuntimeError(f"the hook failed: {issued.stderr.strip()}")
        return float(result.read_text())

    def stop(self) -> None:
        self._process.terminate()
        wait_or_kill(self._process)
        self._log.close()

    def _write_account(self) -> None:
        """As certbot keeps it; nobody but the controller reads it."""
        account = self.state / "certbot/accounts" / ACME_SERVER.removeprefix("https://") / ("0" * 32)
        account.mkdir(parents=True, mode=0o700)
        (account / "regr.json").write_text("{}")
        (account / "meta.json").write_text("{}")
        (account / "private_key.json").write_text(json.dumps(
            {"kty": "EC", "crv": "P-256", "x": "x" * 43, "y": "y" * 43}))

    def _cli(self, *arguments) -> subprocess.CompletedProcess:
        argv = [self._bin / "lockstep", "--socket", self._home / "admin/admin.sock", *arguments]
        return subprocess.run(argv, capture_output=True, text=True, timeout=READY_SECONDS)

    def _wait(self, true, what: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not true():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"lockstep-controller never {what}; see {self._log.name}")
            time.sleep(0.1)
