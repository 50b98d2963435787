"""The kinds of tests: GoogleTest programs, lint scripts, the end-to-end runner."""

import json
import os
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from runner.process import run
from runner.report import Group

PROGRAM_SECONDS = 180
LINT_SECONDS = 180
_SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=0:exitcode=66:second_deadlock_stack=1",
}


def kind_of(program):
    """unit, contract or integration: the folder a program was built into."""
    return program.parent.name.removesuffix("-tests")


def test_programs(build_dir, kinds, match=""):
    """The GoogleTest programs CMake listed, so that a stale binary is never run."""
    listed = (build_dir / "test-programs.txt").read_text().split()
    programs = [build_dir / path for path in listed]
    return [p for p in programs if kind_of(p) in kinds and match in p.name]


def run_programs(report, programs, seed, label="", wrapper=(), slow_factor=1):
    """Runs GoogleTest programs two at a time, each with a temporary directory of its own."""
    def one(program):
        report.add(run_program(program, seed, label, wrapper, slow_factor))
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(one, programs))


def run_program(program, seed, label="", wrapper=(), slow_factor=1):
    group = Group(f"{label or kind_of(program)} {program.name}")
    scratch = tempfile.mkdtemp(prefix="lstest-")
    try:
        result_file = os.path.join(scratch, "result.json")
        environment = dict(os.environ, TMPDIR=scratch, RC_PARAMS=f"seed={seed}",
                           LOCKSTEP_BUILD_DIR=str(program.parent.parent), **_SANITIZER_ENVIRONMENT)
        finished = run([*wrapper, program, f"--gtest_output=json:{result_file}", "--gtest_shuffle",
                        f"--gtest_random_seed={seed % 99999}", "--gtest_brief=0"],
                       timeout=PROGRAM_SECONDS * slow_factor, env=environment, cwd=scratch)
        group.seconds = finished.seconds
        if os.path.exists(result_file) and not finished.timed_out:
            with open(result_file, encoding="utf-8") as file:
                _take_gtest_json(group, json.load(file), finished)
        else:
            _take_gtest_output(group, finished)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return group


def _take_gtest_json(group, result, finished):
    reasons = _skip_reasons(finished.output)
    for suite in result["testsuites"]:
        for test in suite["testsuite"]:
            name = f"{suite['name']}.{test['name']}"
            if test.get("failures"):
                group.fail(name, "\n".join(f["failure"] for f in test["failures"]))
            elif test.get("result") == "SKIPPED":
                group.skipped.append((name, reasons.get(name, "no reason given")))
            elif test.get("status") == "NOTRUN":
                group.skipped.append((name, "disabled in its source"))
            else:
                group.passed.append(name)
    if finished.code != 0 and not group.failed:
        # All tests passed, and then the program still failed: a leak, a crash in a destructor.
        group.fail("(after the tests)", finished.how_it_ended() + "\n" + finished.last_lines())
    if not group.passed and not group.failed and not group.skipped:
        group.fail("(no tests)", "the program holds no test")


def _take_gtest_output(group, finished):
    """A program that crashed wrote no result file: what it printed says how far it came."""
    group.passed += re.findall(r"^\[       OK \] (\S+)", finished.output, re.M)
    started = re.findall(r"^\[ RUN      \] (\S+)", finished.output, re.M)
    ended = set(re.findall(r"^\[  ?(?:     OK|FAILED|SKIPPED) ? ?\] (\S+?),? ", finished.output, re.M))
    unfinished = [name for name in started if name not in ended and name not in group.passed]
    group.fail(unfinished[-1] if unfinished else "(the program)",
               finished.how_it_ended() + "\n" + finished.last_lines(60))


def _skip_reasons(output):
    reasons, current, take_next = {}, None, False
    for line in output.splitlines():
        if started := re.match(r"\[ RUN      \] (\S+)", line):
            current = started[1]
        elif re.search(r": Skipped$", line):
            take_next = True
        elif take_next and line.strip():
            reasons[current] = line.strip()
            take_next = False
    return reasons


def run_lint(report, root, match=""):
    """Every executable of tests/lint prints `ok name` or `FAIL name: why` per check."""
    for script in sorted((root / "tests/lint").glob("*.py")):
        if not os.access(script, os.X_OK) or match not in script.name:
            continue
        group = Group(f"lint {script.stem}")
        finished = run([sys.executable, script], timeout=LINT_SECONDS, cwd=root)
        group.seconds = finished.seconds
        for line in finished.output.splitlines():
            if line.startswith("ok "):
                group.passed.append(line[3:])
            elif line.startswith("FAIL "):
                name, _, why = line[5:].partition(": ")
                group.fail(name, why)
        if (finished.code != 0) != bool(group.failed) or not (group.passed or group.failed):
            group.fail("(the script)", finished.how_it_ended() + "\n" + finished.last_lines())
        report.add(group)


def run_e2e(report, root, build_dir, full, seconds):
    """tests/e2e/run prints its progress and leaves {passed, failed, skipped} in a result file."""
    script = root / "tests/e2e/run"
    if not script.exists():
        return
    group = Group("e2e")
    with tempfile.TemporaryDirectory(prefix="lstest-") as scratch:
        result_file = os.path.join(scratch, "result.json")
        argv = [script, "--build-dir", build_dir, "--result", result_file] + (["--full"] if full else [])
        started = time.monotonic()

        def show(line):
            report.say(f"        {time.monotonic() - started:6.1f} s  {line}")

        finished = run(argv, timeout=seconds, cwd=root, on_line=show, grace=60)
        group.seconds = finished.seconds
        if os.path.exists(result_file):
            with open(result_file, encoding="utf-8") as file:
                result = json.load(file)
            group.passed += result.get("passed", [])
            group.failed += [(f["name"], f["why"]) for f in result.get("failed", [])]
            group.skipped += [(s["name"], s["reason"]) for s in result.get("skipped", [])]
            if finished.code != 0 and not group.failed:
                group.fail("(the runner)", finished.how_it_ended() + "\n" + finished.last_lines())
        else:
            group.fail("(the runner)", "left no result: " + finished.how_it_ended() + "\n" +
                       finished.last_lines(60))
    report.add(group)
