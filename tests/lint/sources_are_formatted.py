#!/usr/bin/python3
"""C++ is formatted by clang-format with the .clang-format of the root."""

import re
import subprocess

from lintlib import ROOT, Checks, tracked


def main():
    checks = Checks()
    sources = [str(path) for path in tracked(".h", ".cc")]
    result = subprocess.run(["clang-format", "--dry-run", "-ferror-limit=1", *sources], cwd=ROOT,
                            capture_output=True, text=True)
    unformatted = sorted(set(re.findall(r"^(\S+?):\d+:\d+: (?:warning|error): code should be", result.stderr, re.M)))
    problems = [f"{path}: run clang-format -i on it" for path in unformatted]
    if result.returncode != 0 and not problems:
        problems = [result.stderr.strip()[-500:]]
    checks.check("C++ is formatted", problems)
    checks.exit()


if __name__ == "__main__":
    main()
