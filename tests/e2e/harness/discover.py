"""Test files and the tests in them.

A file is `NN_words.py`. A test is a public function of it that takes `fleet` (a lab is up) or
`machine` (none is: the test brings up what it needs); its name is the behaviour. `LAB`, a dict, says
what the file's lab differs in: nodes (how many), controller and agent (laid over the configs).
`FULL = True` marks a file, `@full` a test, for `--full` only.
"""

import dataclasses
import importlib.util
import inspect
import pathlib
import re
import types


@dataclasses.dataclass(frozen=True)
class File:
    name: str
    lab: dict
    tests: tuple[types.FunctionType, ...]


def needs_of(test: types.FunctionType) -> str:
    """The name of its first parameter."""
    return next(iter(inspect.signature(test).parameters), "")


def full(test):
    """Decorator: only with --full."""
    test.is_full = True
    return test


def files(directory: pathlib.Path, match: str, with_full: bool) -> list[File]:
    found = []
    for path in sorted(directory.glob("[0-9][0-9]_*.py")):
        module = _load(path)
        if getattr(module, "FULL", False) and not with_full:
            continue
        tests = tuple(test for test in _tests_of(module)
                      if (with_full or not getattr(test, "is_full", False))
                      and re.search(match, f"{path.stem}.{test.__name__}"))
        if tests:
            found.append(File(path.stem, getattr(module, "LAB", {}), tests))
    return found


def _load(path: pathlib.Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"e2e_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tests_of(module: types.ModuleType) -> list[types.FunctionType]:
    """In the order they are written: later ones may build on what earlier ones left."""
    functions = [f for name, f in vars(module).items()
                 if inspect.isfunction(f) and f.__module__ == module.__name__
                 and not name.startswith("_")
                 and needs_of(f) in ("fleet", "machine")]
    return sorted(functions, key=lambda f: f.__code__.co_firstlineno)
