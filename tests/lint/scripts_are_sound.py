#!/usr/bin/python3
"""Scripts parse, are executable and use the system's interpreters; suppressions have their reason."""

import os
import re
import subprocess

from lintlib import ROOT, Checks, is_text, read, tracked


def shebang(path):
    with open(ROOT / path, "rb") as file:
        first = file.readline(200)
    return first.decode(errors="replace").strip() if first.startswith(b"#!") else ""


def main():
    checks = Checks()
    shells, pythons, modes, interpreters, suppressions = [], [], [], [], []
    for path in tracked():
        if (ROOT / path).is_symlink() or not is_text(path):
            continue
        line = shebang(path)
        if line and not os.access(ROOT / path, os.X_OK):
            modes.append(f"{path} starts with {line} but is not executable")
        if re.search(r"\b(ba)?sh\b", line):
            parsed = subprocess.run(["bash", "-n", str(path)], cwd=ROOT, capture_output=True, text=True)
            if parsed.returncode != 0:
                shells.append(f"{path}: {parsed.stderr.strip()}")
            if "bash" in line and not re.search(r"^set -[a-z]*u", read(path), re.M):
                shells.append(f"{path}: 'set -u' or 'set -euo pipefail' is missing")
        if "python" in line or path.suffix == ".py":
            try:
                compile(read(path), str(path), "exec")
            except SyntaxError as error:
                pythons.append(f"{path}:{error.lineno}: {error.msg}")
            if line and line != "#!/usr/bin/python3":
                interpreters.append(f"{path}: use #!/usr/bin/python3, whose modules are Debian packages")
        if path.suffix in (".h", ".cc"):
            for number, text in enumerate(read(path).splitlines(), 1):
                if "NOLINT" in text and not re.search(r"NOLINT(NEXTLINE|BEGIN|END)?\([\w.,*-]+\)(: \S|$)", text):
                    suppressions.append(f"{path}:{number}: NOLINT must name its check and the reason")
                elif re.search(r"NOLINT(NEXTLINE|BEGIN)?\([^)]*\)$", text):
                    suppressions.append(f"{path}:{number}: NOLINT must be followed by ': ' and the reason")
    checks.check("shell scripts parse and stop on unset variables", shells)
    checks.check("Python files compile", pythons)
    checks.check("scripts are executable", modes)
    checks.check("Python scripts use the system's Python", interpreters)
    checks.check("every NOLINT names its check and its reason", suppressions)
    checks.exit()


if __name__ == "__main__":
    main()
