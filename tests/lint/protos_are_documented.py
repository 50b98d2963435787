#!/usr/bin/python3
"""Every service, rpc, message, field, oneof, enum and value has its comment; every rpc says who may
call it; shapes are as docs/ARCHITECTURE.md promises."""

import re

from lintlib import Checks, read, tracked

_DECLARATION = re.compile(
    r"^\s*(?:(?P<kind>message|enum|service|rpc|oneof)\s+(?P<name>\w+)|"
    r"(?:(?:optional|repeated|required)\s+)?(?:map<[^>]+>|[\w.]+)\s+(?P<field>\w+)\s*=\s*\d+|"
    r"(?P<value>[A-Z][A-Z0-9_]*)\s*=\s*\d+)")


def declarations(text):
    """(line number, kind, name, comment) of everything declared."""
    comment = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("//"):
            comment.append(stripped[2:].strip())
            continue
        match = _DECLARATION.match(line)
        if match and not re.match(r"\s*(syntax|package|import|option|reserved|return)\b", line):
            kind = match["kind"] or ("value" if match["value"] else "field")
            name = match["name"] or match["field"] or match["value"]
            trailing = line.partition("//")[2].strip()
            yield number, kind, name, " ".join(comment) or trailing
        comment = []


def shape_problems(path, text):
    package = re.search(r"^package ([\w.]+);", text, re.M)
    wanted = ".".join(path.parts[1:-1])
    if not package or package[1] != wanted:
        yield f"{path}: its package must be {wanted}, like its directory"
    for enum, body in re.findall(r"\benum (\w+) \{([^}]*)\}", text):
        zero = re.search(r"(\w+)\s*=\s*0\s*;", body)
        if not zero or not zero[1].endswith("_UNSPECIFIED"):
            yield f"{path}: enum {enum}: its zero value must be called …_UNSPECIFIED"
    for name, request, response in re.findall(r"rpc (\w+)\(([\w. ]+)\) returns \(([\w. ]+)\)", text):
        streaming = request.startswith("stream ")
        if not streaming and (request != f"{name}Request" or
                              response.removeprefix("stream ") != f"{name}Response"):
            yield f"{path}: rpc {name} takes {name}Request and returns {name}Response"


def pagination_problems(path, text):
    for name, body in re.findall(r"\bmessage (List\w+Request) \{(.*?)^\}", text, re.S | re.M):
        if "page_size" not in body or "page_token" not in body:
            yield f"{path}: {name} lacks page_size or page_token"


def main():
    checks = Checks()
    undocumented, callers, shapes, pages = [], [], [], []
    for path in tracked(".proto", under=["proto/"]):
        text = read(path)
        for number, kind, name, comment in declarations(text):
            if len(comment) < 4:
                undocumented.append(f"{path}:{number}: {kind} {name} has no comment")
            if kind == "rpc" and "Caller:" not in comment:
                callers.append(f"{path}:{number}: the comment of rpc {name} must name its caller ('Caller: …')")
        shapes += shape_problems(path, text)
        pages += pagination_problems(path, text)
    checks.check("everything in a proto has its comment", undocumented)
    checks.check("every rpc says who may call it", callers)
    checks.check("packages, enums and requests have their shape", shapes)
    checks.check("every List is paginated", pages)
    checks.exit()


if __name__ == "__main__":
    main()
