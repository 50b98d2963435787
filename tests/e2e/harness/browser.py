"""Chromium, headless, in the client's place."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from lab import layout as lay
from lab.netns import inside
from lab.process import identity_of, stop
from lab.shell import LabError, run

from .case import Skip

_PORT = 9333
_BROWSE = pathlib.Path(lay.__file__).with_name("browse.py")


def possible() -> None:
    for program in ("chromium", "certutil"):
        if not shutil.which(program):
            raise Skip(f"{program} is not there; deploy/install-deps full installs it")


class Browser:
    """One window, with a profile of its own: it has heard of nothing yet."""

    def __init__(self, driver: subprocess.Popen):
        self._driver = driver

    def open(self, url: str) -> dict:
        """protocol ("h2", "h3"), status, address, text."""
        return self._ask({"open": url})

    def evaluate(self, expression: str):
        return self._ask({"evaluate": expression})["value"]

    def forget(self) -> None:
        """The window is of a new profile from here on, that of the one before is closed."""
        self._ask({"forget": True})

    def _ask(self, command: dict) -> dict:
        self._driver.stdin.write(json.dumps(command) + "\n")
        self._driver.stdin.flush()
        line = self._driver.stdout.readline()
        answer = json.loads(line) if line else {"error": "it has ended"}
        if "error" in answer:
            raise LabError(f"the browser, {command}: {answer['error']}")
        return answer


@contextlib.contextmanager
def browser(fleet, site: str, family: int):
    """Knows `site` by the service address of a family, and trusts the lab's CA."""
    layout = fleet.layout
    # One of its own: what an earlier browser has heard must not come back.
    layout.home("client").mkdir(exist_ok=True)
    home = pathlib.Path(tempfile.mkdtemp(prefix="browser-", dir=layout.home("client")))
    profile = _trusting_home(home, fleet.client.trust)
    (home / "tmp").mkdir()
    hosts = home / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{lay.service_address(family)} {site}\n")
    with contextlib.ExitStack() as stack:
        window = _start(layout, home, _command(site, profile), hosts)
        stack.callback(_kill, window)
        driver = subprocess.Popen(
            inside(layout.client.namespace, "/usr/bin/python3", _BROWSE, str(_PORT)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(_end, driver)
        yield Browser(driver)


def _command(site: str, profile: pathlib.Path) -> list[str]:
    return ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
            f"--user-data-dir={profile}", f"--remote-debugging-port={_PORT}", "--remote-allow-origins=*",
            # Chromium refuses HTTP/3 that it found itself with a CA of one's own, unless the host was
            # named here, whatever the port: what it finds and uses is its own doing all the same.
            f"--origin-to-force-quic-on={site}:9", "about:blank"]


def _trusting_home(home: pathlib.Path, ca: pathlib.Path) -> pathlib.Path:
    """Where the profile goes."""
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    run("certutil", "-d", f"sql:{database}", "-N", "--empty-password")
    run("certutil", "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", "lab", "-i", ca)
    return home / "profile"


def _start(layout, home: pathlib.Path, command: list[str], hosts: pathlib.Path) -> subprocess.Popen:
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    # Its network service may outlive the browser that it served; nothing outlives a namespace of processes.
    argv = inside(layout.client.namespace, "unshare", "--mount", "--mount-proc", "--pid", "--fork",
                  "--kill-child", "sh", "-c", script, hosts, *command)
    # It leaves things behind in TMPDIR.
    environment = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8",
                   "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    with open(layout.logs / "browser.log", "ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)


def _kill(window: subprocess.Popen) -> None:
    """Kills the first process of its namespace; once that is gone, so are the others."""
    first = pathlib.Path(f"/proc/{window.pid}/task/{window.pid}/children").read_text()
    if first:
        os.kill(int(first), signal.SIGKILL)
    else:
        window.kill()  # it has not come that far
    window.wait()


def _end(process: subprocess.Popen) -> None:
    identity = identity_of(process.pid)
    if identity and process.poll() is None:
        stop(identity)
    process.wait()
