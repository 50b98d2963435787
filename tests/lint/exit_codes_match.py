#!/usr/bin/python3
"""The exit codes of `lockstep` are the same in controller/cli and in docs/cli.md: number, name, meaning."""

import re

from lintlib import ROOT, Checks, read

HEADER, TABLE, PAGE = "controller/cli/exit_code.h", "controller/cli/exit_code.cc", "docs/cli.md"


def in_code():
    numbers = dict(re.findall(r"\b(k\w+) = (\d+),", read(HEADER)))
    rows = re.findall(r'\{ExitCode::(k\w+),\s*"([^"]+)",\s*"([^"]+)"\s*\}', read(TABLE))
    return {int(numbers[code]): (name, meaning) for code, name, meaning in rows}, len(numbers)


def in_page():
    section = read(PAGE).partition("## Exit codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", section, re.M)
    return {int(number): (name.strip(), meaning.strip()) for number, name, meaning in rows}


def main():
    checks = Checks()
    problems = []
    if (ROOT / HEADER).exists():
        code, count = in_code()
        page = in_page()
        if len(code) != count:
            problems.append(f"{TABLE} has {len(code)} rows for the {count} codes of {HEADER}")
        for number in sorted(set(code) | set(page)):
            if code.get(number) != page.get(number):
                problems.append(f"code {number} is {code.get(number)} in {TABLE} and {page.get(number)} in {PAGE}")
    checks.check("exit codes are documented as they are", problems)
    checks.exit()


if __name__ == "__main__":
    main()
