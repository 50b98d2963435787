#!/usr/bin/python3
"""Files below 500 lines, functions below 60: longer ones are split by meaning, or named with a reason
in tests/lint/size-exceptions.txt (`path[:function]  # why it is better in one piece`)."""

import ast
import re

from lintlib import Checks, read, tracked, without_comments_and_strings

FILE_LINES = 500
FUNCTION_LINES = 60
EXCEPTIONS = "tests/lint/size-exceptions.txt"
_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def cpp_functions(source):
    """(name, first line, lines) of every function body: a brace opened outside of other bodies after
    a head with parentheses."""
    text = without_comments_and_strings(source)
    text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m[0].count("\n"), text, flags=re.M)
    stack, head_start, line = [], 0, 1
    head_line = 1
    for index, character in enumerate(text):
        if character == "\n":
            line += 1
        elif character in ";}" and not (stack and stack[-1][0] == "body"):
            head_start, head_line = index + 1, line
        if character == "{":
            head = text[head_start:index].strip()
            inside_body = any(kind == "body" for kind, _, _ in stack)
            if inside_body:
                stack.append(("inner", "", line))
            elif "(" in head and not re.match(r"(?:template\s*<[^{]*>\s*)?" + _SCOPE.pattern, head):
                name = re.search(r"([~\w:]+|operator[^\s(]+)\s*\(", head)
                stack.append(("body", name[1] if name else head[:40], head_first_line(text, head_start)))
            else:
                stack.append(("scope", "", line))
                head_start, head_line = index + 1, line
        elif character == "}" and stack:
            kind, name, first = stack.pop()
            if kind == "body":
                yield name, first, line - first + 1
                head_start, head_line = index + 1, line


def head_first_line(text, start):
    blank = len(text[start:]) - len(text[start:].lstrip())
    return text.count("\n", 0, start + blank) + 1


def python_functions(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def read_exceptions():
    allowed, problems = set(), []
    for number, line in enumerate(read(EXCEPTIONS).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition("#")
        if len(reason.strip()) < 10:
            problems.append(f"{EXCEPTIONS}:{number}: an exception needs its reason after '#'")
        allowed.add(name.strip())
    return allowed, problems


def is_python(path):
    return path.suffix == ".py" or (path.suffix == "" and read(path).startswith("#!/usr/bin/python3"))


def main():
    checks = Checks()
    allowed, problems = read_exceptions()
    long_files, long_functions, used = [], [], set()
    for path in tracked():
        if path.suffix not in (".h", ".cc", ".py", ".sh", ".proto", "") or path.is_symlink():
            continue
        source = read(path)
        lines = source.count("\n")
        if lines > FILE_LINES and path.suffix != "":
            used.add(str(path))
            if str(path) not in allowed:
                long_files.append(f"{path} has {lines} lines; split it by meaning")
        functions = (cpp_functions(source) if path.suffix in (".h", ".cc") else
                     python_functions(source) if is_python(path) else ())
        for name, first, length in functions:
            if length <= FUNCTION_LINES:
                continue
            key = f"{path}:{name}"
            used.add(key)
            if key not in allowed:
                long_functions.append(f"{path}:{first}: {name} has {length} lines; split it by meaning")
    problems += [f"{EXCEPTIONS}: {name} is short enough now; remove its line" for name in sorted(allowed - used)]
    checks.check("files have at most 500 lines", long_files)
    checks.check("functions have at most 60 lines", long_functions)
    checks.check("exceptions are needed and have their reason", problems)
    checks.exit()


if __name__ == "__main__":
    main()
