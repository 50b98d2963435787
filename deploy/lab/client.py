"""The independent client's side of a question; ask.py is the program in the client's namespace."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess

from . import layout as lay
from .netns import inside
from .shell import LabError, run

_HERE = pathlib.Path(__file__).resolve().parent
_LIBRARIES = "curl-h3"
PROTOCOLS = ("h1", "h2", "h3")
FAMILIES = (4, 6)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the client saw. `error` is empty when there was an HTTP answer."""

    error: str
    status: int
    spoken: str  # HTTP/1.1, HTTP/2.0, HTTP/3.0
    body: str
    headers: dict[str, list[str]]
    serial: str  # of the certificate the handshake showed, lower-case hex
    leaf_sha256: str
    ms: float
    from_port: int
    connects: int  # 0: on a connection that was there

    @property
    def node(self) -> str:
        """Which node the preset answer names; empty when it is not the preset's JSON."""
        try:
            content = json.loads(self.body)
        except json.JSONDecodeError:
            return ""
        return str(content.get("node", "")) if isinstance(content, dict) else ""


class Client:
    """Asks over the service addresses, either a chosen node (through its door) or whoever gets it."""

    def __init__(self, layout: lay.Layout, libraries: pathlib.Path):
        self._layout = layout
        self._libraries = libraries
        self.trust: pathlib.Path | None = None

    def question(self, node: lay.NodePlace | None, protocol: str, family: int, host: str, *,
                 path: str = "/", scheme: str = "https", timeout_ms: int = 5000) -> dict:
        """`node` None takes the client's own address: the router's hash decides who answers."""
        place = self._layout.client
        if node:
            source = node.client_ipv4 if family == 4 else node.client_ipv6
        else:
            source = place.ipv4 if family == 4 else place.ipv6
        return {"host": host, "address": lay.service_address(family), "source": source,
                "protocol": protocol, "path": path, "scheme": scheme, "timeout_ms": timeout_ms,
                "ca": str(self.trust) if self.trust else "",
                "label": f"{node.name if node else 'anycast'} {protocol} IPv{family}"}

    def ask(self, questions: list[dict]) -> list[Answer]:
        budget_s = 10 + sum(q["timeout_ms"] for q in questions) / 1000
        out = run(*inside(self._layout.client.namespace, *self._command("questions")),
                  stdin=json.dumps(questions), timeout_s=budget_s)
        return [Answer(**answer) for answer in json.loads(out)]

    def load(self, questions: list[dict], rate_per_s: int, fresh_every: int = 10,
             at_least: int = 0) -> "LoadRun":
        """Goes on until `finish`, and then to `at_least` requests."""
        argv = inside(self._layout.client.namespace, *self._command("load"))
        order = {"questions": questions, "rate_per_s": rate_per_s, "fresh_every": fresh_every,
                 "at_least": at_least}
        return LoadRun([str(a) for a in argv], order)

    @contextlib.contextmanager
    def converse(self, question: dict):
        """A function that asks again, on the connection there is or on a `fresh` one."""
        argv = inside(self._layout.client.namespace, *self._command("converse"))
        with subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as asking:
            def say(line: str) -> None:
                asking.stdin.write(line + "\n")
                asking.stdin.flush()

            def ask(fresh: bool = False) -> Answer:
                say("fresh" if fresh else "")
                answer = asking.stdout.readline()
                if not answer:
                    raise LabError("the client of a conversation has ended")
                return Answer(**json.loads(answer))

            say(json.dumps(question))
            try:
                yield ask
            finally:
                asking.stdin.close()

    @contextlib.contextmanager
    def visit(self, family: int, host: str, cache: pathlib.Path, **options):
        """libcurl left to itself, by visit.py: a Visit, on its way while this is open."""
        place = self._layout.client
        order = {"host": host, "address": lay.service_address(family), "ca": str(self.trust),
                 "source": place.ipv4 if family == 4 else place.ipv6, "cache": str(cache), **options}
        argv = inside(place.namespace, *self._python("visit.py"))
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            process.stdin.write(json.dumps(order))
            process.stdin.close()
            yield Visit(process)

    def _command(self, what: str) -> list:
        return [*self._python("ask.py"), what]

    def _python(self, program: str) -> list:
        return ["env", f"LD_LIBRARY_PATH={self._libraries}", "/usr/bin/python3", _HERE / program]


class Visit:
    def __init__(self, process: subprocess.Popen):
        self._process = process

    def ended(self) -> bool:
        return self._process.poll() is not None

    def result(self) -> dict:
        """error, status, spoken, address, body; waits for the end."""
        out = self._process.stdout.read()
        if self._process.wait(timeout=30) != 0:
            raise LabError(f"visit.py ended with {self._process.returncode}")
        return json.loads(out)


class LoadRun:
    """A load that runs while this is open; `finish` returns its counts."""

    def __init__(self, argv: list[str], order: dict):
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True)
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def finish(self) -> dict:
        out, _ = self._process.communicate(timeout=240)
        if self._process.returncode != 0:
            raise LabError(f"the load generator ended with {self._process.returncode}")
        return json.loads(out)


def cache_directory() -> pathlib.Path:
    """Beside the builds when the checkout is ours to write in, else the user's cache."""
    repository = _HERE.parents[1]
    if os.access(repository, os.W_OK):
        return repository / "build/lab"
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "lockstep"


def fetch_libraries(cache: pathlib.Path) -> pathlib.Path:
    """The private libcurl with HTTP/3 (unpacked once, never installed)."""
    if there := unpacked_libraries(cache):
        return there
    target = cache / _LIBRARIES
    run(_HERE / "fetch-curl-h3", target, timeout_s=180, env=dict(os.environ))
    return target


def unpacked_libraries(cache: pathlib.Path) -> pathlib.Path | None:
    target = cache / _LIBRARIES
    return target if (target / "complete").exists() else None
