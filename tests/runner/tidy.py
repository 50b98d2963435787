"""clang-tidy over our sources, one process a core. A source that was clean is not looked at again
until it, a header under it, its compiler flags, .clang-tidy or clang-tidy itself changes: a whole run
takes an hour on two cores, and nearly all of it is headers of others.

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
    """All our sources that are compiled, or those changed since the commit `base`."""
    argv = ["git", "ls-files", "*.cc"] if base is None else [
        "git", "diff", "--name-only", "--diff-filter=d", base, "--", "*.cc"]
    listed = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout.split()
    keys = _Keys(root, build_dir)
    clean = _clean_directory()
    group = Group("clang-tidy")

    def one(source):
        known = clean / keys.of(source)
        if known.exists():
            return source, None
        finished = run(["clang-tidy", "-p", build_dir, "--quiet", "--warnings-as-errors=*", source],
                       timeout=SECONDS, cwd=root)
        if finished.code == 0 and not finished.timed_out:
            known.touch()
        return source, finished

    looked_at = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for source, finished in pool.map(one, filter(keys.compiled, listed)):
            if finished is None:
                group.passed.append(source)
                continue
            looked_at += 1
            group.seconds += finished.seconds / os.cpu_count()
            if finished.code == 0 and not finished.timed_out:
                group.passed.append(source)
            else:
                group.fail(source, finished.how_it_ended() + "\n" + finished.last_lines(40))
    report.say(f"        clang-tidy looked at {looked_at} sources; "
               f"{len(group.passed) + len(group.failed) - looked_at} are as they were when clean")
    report.add(group)


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
                          json.loads((build_dir / "compile_commands.json").read_text())}
        self._dependencies = self._read_dependencies()
        version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True)
        self._common = version.stdout + (root / ".clang-tidy").read_text()

    def compiled(self, source):
        return str(self._root / source) in self._commands

    def of(self, source):
        command = self._commands[str(self._root / source)]
        digest = hashlib.sha256(self._common.encode())
        digest.update(command.replace(str(self._build_dir), "").replace(str(self._root), "").encode())
        output = re.search(r" -o (\S+)", command)[1]
        for path in sorted(self._dependencies[output]):
            digest.update(self._digest(path))
        return digest.hexdigest()

    def _digest(self, path):
        if path not in self._digests:
            self._digests[path] = hashlib.sha256((self._build_dir / path).read_bytes()).digest()
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
