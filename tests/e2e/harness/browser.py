"""Chromium, headless, in the client's place."""

import contextlib
import json
import pathlib
import shutil
import subprocess

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
    home = layout.home("client") / "browser"
    shutil.rmtree(home, ignore_errors=True)
    profile = _trusting_home(home, fleet.client.trust)
    hosts = home / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{lay.service_address(family)} {site}\n")
    with contextlib.ExitStack() as stack:
        window = _start(layout, home, _command(site, profile), hosts)
        stack.callback(_end, window)
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
    argv = inside(layout.client.namespace, "unshare", "--mount", "sh", "-c", script, hosts, *command)
    with open(layout.logs / "browser.log", "ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                env={"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                     "LANG": "C.UTF-8"})


def _end(process: subprocess.Popen) -> None:
    identity = identity_of(process.pid)
    if identity and process.poll() is None:
        stop(identity)
    process.wait()
