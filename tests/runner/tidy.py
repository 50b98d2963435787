"""clang-tidy over our sources, one process a core. It looks at what the asan preset compiled: the
sources of a room as one, since nearly all of its time goes into headers of others. A unit that was
clean is not looked at again until a source or header of it, its compiler flags, .clang-tidy or
clang-tidy itself changes.

What was clean is remembered as empty files named after a digest of all that, in
$XDG_CACHE_HOME/lockstep/clang-tidy; remove the directory to look at everything.
"""

import hashlib
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner.process import run
from runner.report import Group

SECONDS = 600


def tidy(report, root, build_dir, base=None):
    """All our sources that `build_dir` compiled, or the units of those changed since `base`."""
    keys = _Keys(root, build_dir)
    units = keys.units
    if base is not None:
        changed = _changed(root, base)
        units = {unit: sources for unit, sources in units.items() if sources & changed}
    clean = _clean_directory()
    group = Group("clang-tidy")

    def one(unit):
        known = clean / keys.of(unit)
        if known.exists():
            return unit, None
        # What GCC was told to leave out is no option that clang knows.
        finished = run(["clang-tidy", "-p", build_dir, "--quiet", "--warnings-as-errors=*",
                        "--extra-arg=-Wno-unknown-warning-option", unit], timeout=SECONDS, cwd=root)
        if finished.code == 0 and not finished.timed_out:
            known.touch()
        return unit, finished

    looked_at = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for unit, finished in pool.map(one, units):
            name = os.path.relpath(unit, root)
            looked_at += finished is not None
            group.seconds += finished.seconds / os.cpu_count() if finished else 0
            if finished is None or (finished.code == 0 and not finished.timed_out):
                group.passed += units[unit]
            else:
                group.fail(name, finished.how_it_ended() + "\n" + finished.last_lines(40))
    report.say(f"        clang-tidy looked at {looked_at} units; "
               f"{len(units) - looked_at} are as they were when clean")
    report.add(group)


def _changed(root, base):
    argv = ["git", "diff", "--name-only", "--diff-filter=d", base, "--", "*.cc"]
    return set(subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout.split())


def _clean_directory():
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(cache) / "lockstep/clang-tidy"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


class _Keys:
    """A digest of everything that clang-tidy's answer for a source depends on."""

    def __init__(self, root, build_dir):
        self._root, self._build_dir = root, build_dir
        self._digests = {}  # path → digest of its content
        self._commands = {entry["file"]: entry["command"] for entry in
                          json.loads((build_dir / "compile_commands.json").read_text())
                          if "/generated/" not in entry["file"]}
        self.units = {unit: self._sources_of(unit) for unit in self._commands}
        self._dependencies = self._read_dependencies()
        version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True)
        self._common = version.stdout + (root / ".clang-tidy").read_text()

    def _sources_of(self, unit):
        """The sources, relative to the root, that a unit holds."""
        files = re.findall(r'^#include "(.*)"', Path(unit).read_text(), re.M) if "/Unity/" in unit else [unit]
        return {os.path.relpath(file, self._root) for file in files}

    def of(self, unit):
        command = self._commands[unit]
        digest = hashlib.sha256(self._common.encode())
        digest.update(command.replace(str(self._build_dir), "").replace(str(self._root), "").encode())
        output = re.search(r" -o (\S+)", command)[1]
        for path in sorted(self._dependencies[output]):
            digest.update(self._digest(path))
        return digest.hexdigest()

    def _digest(self, path):
        if path not in self._digests:
            content = (self._build_dir / path).read_bytes()
            # A unit names its sources by their whole paths.
            content = content.replace(str(self._root).encode(), b"")
            self._digests[path] = hashlib.sha256(content).digest()
        return self._digests[path]

    def _read_dependencies(self):
        """What ninja learnt from the compiler: object file → the files it was made of."""
        listing = subprocess.run(["ninja", "-C", self._build_dir, "-t", "deps"], capture_output=True,
                                 text=True, check=True).stdout
        dependencies = {}
        for line in listing.splitlines():
            if line.startswith("    "):
                dependencies[output].append(line.strip())
            elif ": #deps" in line:
                output = line.split(":")[0]
                dependencies[output] = []
        return dependencies
