"""Builds the programs with the quickstart preset, showing ninja's own progress."""

import os
import pathlib
import re
import subprocess

from . import lockstep as ls
from .shell import LabError
from .steps import Steps


def build(directory: pathlib.Path, steps: Steps, programs=ls.PROGRAMS) -> ls.Build:
    environment = {**os.environ, "NINJA_STATUS": "[%f/%t] "}
    with steps.step("build") as detail:
        if not (directory / "build.ninja").exists():
            _follow(["cmake", "--preset", "quickstart", "-B", str(directory)], environment, steps)
        last = _follow(["cmake", "--build", str(directory), "--target", *programs], environment,
                       steps)
        count = re.match(r"\[(\d+)/", last)
        detail(f"{count[1]} steps" if count else "nothing to do")
    return ls.Build(directory)


def _follow(argv: list[str], environment: dict, steps: Steps) -> str:
    """Runs it, shows its lines passing by; returns the last progress line."""
    kept: list[str] = []
    progress = ""
    with subprocess.Popen(argv, cwd=ls.REPOSITORY, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as process:
        for line in process.stdout:
            line = line.rstrip()
            kept = [*kept[-59:], line]
            if line.startswith("["):
                progress = line
                steps.progress(line)
    if process.returncode != 0:
        raise LabError(f"'{' '.join(argv)}' failed ({process.returncode}):\n" + "\n".join(kept[-40:]))
    return progress
