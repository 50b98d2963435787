#!/usr/bin/python3
"""A room is one folder, one library, one namespace, one CMakeLists.txt that says what it is for."""

import re
from pathlib import Path

from lintlib import PRODUCTION, Checks, read, room_of, rooms, tracked

UNDER = [f"{top}/" for top in PRODUCTION]


def purpose_problems(all_rooms):
    for folder, room in all_rooms.items():
        first = room.cmake.splitlines()[0]
        if not re.match(rf"# {re.escape(folder)}: \S.{{20,}}", first):
            yield f"{folder}/CMakeLists.txt: its first line must be '# {folder}: what the room is for'"
        expected = folder.replace("/", "_")
        libraries = [name for kind, name, _ in room.calls if kind == "lockstep_room"]
        if libraries and expected not in libraries:
            yield f"{folder}/CMakeLists.txt: the room's library is {expected}, not {libraries[0]}"


def source_problems(all_rooms):
    for path in tracked(".cc", under=UNDER):
        folder = room_of(path, all_rooms)
        if folder and str(path.relative_to(folder)) not in all_rooms[folder].sources:
            yield f"{path} is in no SOURCES of {folder}/CMakeLists.txt"
    for folder, room in all_rooms.items():
        for source in sorted(room.sources):
            places = (Path(folder, source), Path("tests/unit", folder, source))
            if source.endswith(".cc") and "$" not in source and not any(map(Path.exists, places)):
                yield f"{folder}/CMakeLists.txt names {source}, which is not there"


def namespace_of(folder):
    """common/status and common/base are plain lockstep; common/x is lockstep::x."""
    parts = folder.split("/")
    if parts[0] == "common":
        parts = [] if parts[1] in ("status", "base") else parts[1:]
    return "lockstep" + "".join("::" + part for part in parts)


def header_problems(all_rooms):
    for path in tracked(".h", under=UNDER):
        folder = room_of(path, all_rooms)
        if folder is None:
            continue
        text = read(path)
        if not text.startswith("// "):
            yield f"{path}: a header starts with a comment that says what it is"
        if "\n#pragma once\n" not in text:
            yield f"{path}: #pragma once is missing"
        if folder.startswith("controller/drivers/certbot/"):
            continue  # a program, not a library: no namespace of its own to promise
        declared = re.findall(r"^namespace (lockstep[\w:]*) \{", text, re.M)
        wanted = namespace_of(folder)
        shorter = wanted.replace("::drivers::", "::").replace("::store::sqlite", "::store")
        if not any(name.startswith((wanted, shorter)) for name in declared):
            yield f"{path}: declares nothing in namespace {wanted}"


def main():
    checks = Checks()
    all_rooms = rooms()
    checks.check("every room says what it is for", purpose_problems(all_rooms))
    checks.check("every source is built", source_problems(all_rooms))
    checks.check("every header has its comment, guard and namespace", header_problems(all_rooms))
    checks.exit()


if __name__ == "__main__":
    main()
