#!/usr/bin/python3
"""Log message ids are stable: each is `room.what` and stands with its levels in docs/log-messages.md.

`log_messages_are_catalogued.py --write` brings the catalogue up to date and keeps the meanings that
are written there; a new id gets an empty meaning, which this check then asks for."""

import re
import sys

from lintlib import PRODUCTION, ROOT, Checks, read, tracked

CATALOGUE = "docs/log-messages.md"
_CALL = re.compile(r'\blog::(Debug|Info|Warning|Error)\(\s*([^,)]+)(?:,\s*(\{.*?\}\s*\}))?', re.S)
_ROW = re.compile(r"^\| `([^`]+)` \| ([\w/]+) \| ([^|]*) \| (.*?) \|$")
_HEADER = """# Log messages

One line per fact: time, level, message id, then `key=value` pairs. Ids are stable; scripts may rely on
them. Secrets never appear. Levels: `error` needs an operator, `warning` may, `info` is the story,
`debug` is off unless asked for.

This table is checked against the code (`tests/lint/log_messages_are_catalogued.py`).

| id | level | fields | meaning |
|---|---|---|---|
"""


def calls():
    """(path:line, level, id expression, fields) of every log call."""
    for path in tracked(".h", ".cc", under=[f"{top}/" for top in PRODUCTION]):
        if str(path).startswith("common/log/"):
            continue
        text = read(path)
        for match in _CALL.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            fields = re.findall(r'\{\s*"(\w+)"', match[3] or "")
            yield f"{path}:{line}", match[1].lower(), match[2].strip(), fields


def catalogue():
    if not (ROOT / CATALOGUE).exists():
        return {}
    rows = (_ROW.match(line) for line in read(CATALOGUE).splitlines())
    return {row[1]: (row[2], row[3], row[4].strip()) for row in rows if row}


def collect():
    found, problems = {}, []
    for where, level, expression, fields in calls():
        if not re.fullmatch(r'([^"?]+\? *"[^"]*" *: *)?"[^"]*"', expression):
            problems.append(f"{where}: the message id must be a literal, or one of two, not {expression}")
            continue
        for name in re.findall(r'"([^"]*)"', expression):
            if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_-]*)+", name):
                problems.append(f"{where}: message id '{name}' must look like room.what")
            levels, keys = found.setdefault(name, (set(), []))
            levels.add(level)
            keys += [key for key in fields if key not in keys]
    return {name: ("/".join(sorted(levels)), ", ".join(keys)) for name, (levels, keys) in found.items()}, problems


def write(found, known):
    rows = [f"| `{name}` | {level} | {fields} | {known.get(name, ('', '', ''))[2]} |"
            for name, (level, fields) in sorted(found.items())]
    (ROOT / CATALOGUE).parent.mkdir(exist_ok=True)
    (ROOT / CATALOGUE).write_text(_HEADER + "\n".join(rows) + "\n", encoding="utf-8")


def main():
    found, problems = collect()
    known = catalogue()
    if "--write" in sys.argv[1:]:
        write(found, known)
        known = catalogue()
    checks = Checks()
    stale = [f"{CATALOGUE} lists '{name}', which no code logs" for name in sorted(set(known) - set(found))]
    missing = [f"{CATALOGUE} lacks '{name}' (run {sys.argv[0]} --write, then write its meaning)"
               for name in sorted(set(found) - set(known))]
    differing = [f"{CATALOGUE}: '{name}' has another level or other fields (run {sys.argv[0]} --write)"
                 for name in sorted(set(found) & set(known)) if found[name] != known[name][:2]]
    meaningless = [f"{CATALOGUE}: '{name}' has no meaning" for name, row in sorted(known.items()) if not row[2]]
    checks.check("log message ids are literals and look like room.what", problems)
    checks.check("the catalogue of log messages is complete", missing + stale + differing + meaningless)
    checks.exit()


if __name__ == "__main__":
    main()
