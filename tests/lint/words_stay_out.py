#!/usr/bin/python3
"""Words that mark something unfinished, timed by hope, or no business of this project."""

import re

from lintlib import PRODUCTION, Checks, is_text, read, tracked

# Character classes keep this file from finding itself.
UNFINISHED = (r"\bT[O]DO\b", r"\bF[I]XME\b", r"\bX[X]X\b", r"(?i)\bplace[h]olders?\b",
              r"(?i)\bnot (yet )?im[p]lemented\b", r"(?i)(//|#).*\bst[u]b\b", r"\bDISAB[L]ED_\w")
# Where such a word is somebody else's term: Caddy's config has {these}, SQL statements have them as "?".
OWN_TERM = ("agent/drivers/caddy/", "tests/unit/agent/drivers/caddy/")
HOPE = (r"\bsleep_(for|until)\b", r"\bu[s]leep\s*\(", r"\bnano[s]leep\s*\(", r"(?<![\w.:])sleep\s*\(",
        r"\.detach\(\)")
SWALLOWED = (r"\|\|\s*tru[e]\b", r"\bset \+[e]\b", r"except\s*:\s*$", r"catch \(\.\.\.\) \{\s*\}")
FOREIGN = (r"(^|[^a-z_.\w])/(w[o]rk|f[a]rm|tmp/l[k])/", r"\b(deb|registry|proxy)\.[a-z0-9-]+\.(org|com|io)\b",
           r"(?i)\bissue #?[0-9]+\b", r"(?i)\b(this|next) working ses[s]ion\b")
EXEMPT = {"tests/lint/words_stay_out.py"}


def find(patterns, paths):
    compiled = [re.compile(pattern) for pattern in patterns]
    for path in paths:
        if str(path) in EXEMPT or not is_text(path):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            for pattern in compiled:
                if "place" in pattern.pattern and str(path).startswith(OWN_TERM):
                    continue
                if match := pattern.search(line):
                    yield f"{path}:{number}: '{match[0].strip()}' in: {line.strip()[:100]}"


def main():
    checks = Checks()
    everything = tracked()
    sources = [p for p in everything if p.suffix in (".h", ".cc", ".proto", ".py", ".sh", ".cmake", ".txt", "")]
    production = [p for p in everything if p.parts[0] in PRODUCTION and p.suffix in (".h", ".cc", ".py")]
    scripts = [p for p in everything if p.suffix in (".h", ".cc", ".py", ".sh", "", ".service")]
    checks.check("nothing says it is unfinished", find(UNFINISHED, sources))
    checks.check("production code never sleeps and detaches no thread", find(HOPE, production))
    checks.check("no failure is swallowed", find(SWALLOWED, scripts))
    checks.check("nothing speaks of what lies outside the project", find(FOREIGN, everything))
    checks.exit()


if __name__ == "__main__":
    main()
