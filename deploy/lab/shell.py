"""Run a command, or fail with its own words."""

import subprocess
import time


class LabError(Exception):
    """Something in the lab could not be done; the text says what and why."""


def run(*argv, stdin: str | None = None, timeout_s: float = 30, env: dict | None = None) -> str:
    """Standard output of a command that must succeed."""
    code, out, err = attempt(*argv, stdin=stdin, timeout_s=timeout_s, env=env)
    if code != 0:
        words = (err or out).strip().splitlines()
        raise LabError(f"'{_shown(argv)}' failed ({code}): {' / '.join(words[-3:]) or 'no output'}")
    return out


def attempt(*argv, stdin: str | None = None, timeout_s: float = 30,
            env: dict | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that may fail."""
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, env=env,
                              input=stdin if stdin is not None else "", errors="replace")
    except subprocess.TimeoutExpired as error:
        raise LabError(f"'{_shown(argv)}' did not end within {timeout_s:g} s") from error
    except FileNotFoundError as error:
        raise LabError(f"'{argv[0]}' is not there; deploy/install-deps run lab installs it") from error
    return done.returncode, done.stdout, done.stderr


def wait_until(what: str, check, timeout_s: float, every_s: float = 0.05):
    """Calls `check` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)


def _shown(argv) -> str:
    text = " ".join(str(a) for a in argv)
    return text if len(text) <= 200 else text[:200] + "…"
