#!/usr/bin/python3
"""Every package that deploy/ installs has its line with a reason in docs/dependencies.md, and no other has."""

import re

from lintlib import Checks, read

LISTS = ("deploy/packages.txt", "deploy/packages-backports.txt")
PAGE = "docs/dependencies.md"


def listed():
    """package -> role."""
    found = {}
    for name in LISTS:
        for line in read(name).splitlines():
            words = line.split()
            if words and not line.startswith("#"):
                found[words[0]] = words[1]
    return found


def explained():
    """package -> (role, reason)."""
    found, role = {}, ""
    for line in read(PAGE).splitlines():
        if line.startswith("## "):
            role = line[3:].strip().lower()
        elif row := re.match(r"\| ([^|]+) \| ([^|]+) \|$", line):
            for package in re.sub(r"\([^)]*\)", "", row[1]).split(","):
                found[package.strip()] = (role, row[2].strip())
    found.pop("package", None)
    return {name: value for name, value in found.items() if not name.startswith("-")}


def main():
    checks = Checks()
    packages, reasons = listed(), explained()
    problems = [f"{PAGE} has no line for {name}" for name in sorted(set(packages) - set(reasons))]
    problems += [f"{PAGE} explains {name}, which no list installs" for name in sorted(set(reasons) - set(packages))]
    problems += [f"{PAGE} has {name} under '{reasons[name][0]}', {LISTS[0]} under '{packages[name]}'"
                 for name in sorted(set(packages) & set(reasons)) if reasons[name][0] != packages[name]]
    checks.check("every package has its reason and its role", problems)
    checks.exit()


if __name__ == "__main__":
    main()
