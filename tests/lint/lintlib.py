"""What the lint scripts share: the tracked files, and a line per check: `ok name` or `FAIL name: why`."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = ("common", "controller", "agent")


class Checks:
    """Counts what was checked; a check with no problem prints one `ok` line."""

    def __init__(self):
        self._failed = False

    def check(self, name, problems):
        problems = list(problems)
        for problem in problems:
            print(f"FAIL {name}: {problem}")
        if problems:
            self._failed = True
        else:
            print(f"ok {name}")

    def exit(self):
        sys.exit(1 if self._failed else 0)


def tracked(*suffixes, under=("",)):
    """Tracked files as paths relative to the root, those that still exist."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.split("\0")
    return [Path(name) for name in sorted(listed)
            if name and name.endswith(suffixes or ("",)) and name.startswith(tuple(under))
            and (ROOT / name).is_file()]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def is_text(path):
    return b"\0" not in (ROOT / path).read_bytes()[:8192]


def without_comments_and_strings(source):
    """C++ with comments, string and character literals blanked; lines keep their numbers."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
                         r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)

    def blank(match):
        text = match[0]
        return ('""' if text[0] in '"R' else " ") + "\n" * text.count("\n")

    return pattern.sub(blank, source)


class Room:
    """A folder with a CMakeLists.txt under common, controller or agent."""

    def __init__(self, folder, cmake):
        self.folder = folder
        self.cmake = cmake
        text = re.sub(r"#[^\n]*", "", cmake)
        self.calls = re.findall(r"\b(lockstep_room|lockstep_program|add_library|add_executable)\s*"
                                r"\(\s*([\w-]+)([^)]*)\)", text)
        self.targets = {name for _, name, _ in self.calls}
        self.deps, self.sources = set(), set()
        for kind, _, arguments in self.calls:
            groups = re.split(r"\b(SOURCES|DEPS|LIBS|TEST_LIBS|STATIC|INTERFACE)\b", arguments)
            for keyword, words in zip(groups[1::2], groups[2::2]):
                if keyword == "DEPS":
                    self.deps |= set(words.split())
                elif keyword in ("SOURCES", "STATIC"):
                    self.sources |= set(words.split())
            if kind == "add_executable":
                self.sources |= set(groups[0].split())

    @property
    def is_room(self):
        return any(kind in ("lockstep_room", "lockstep_program") for kind, _, _ in self.calls)


def rooms():
    """All rooms by folder ("common/base")."""
    found = {}
    for path in tracked("CMakeLists.txt", under=[f"{top}/" for top in PRODUCTION]):
        room = Room(str(path.parent), read(path))
        if room.is_room:
            found[room.folder] = room
    return found


def room_of(path, all_rooms):
    """The room that a file, or an included path, lives in; None for none."""
    folder = Path(path).parent
    while str(folder) != ".":
        if str(folder) in all_rooms:
            return str(folder)
        folder = folder.parent
    return None


def includes(path):
    """(line number, included path, "<" or '"') of a C++ file."""
    for number, line in enumerate(read(path).splitlines(), 1):
        if match := re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line):
            yield number, match[2], match[1]
