"""What a test says and how it ends."""

import sys


class Failure(AssertionError):
    """The promise under test does not hold; the text says what was seen."""


class Skip(Exception):
    """This machine cannot run the test; the text is the reason."""


def expect(condition, why: str) -> None:
    if not condition:
        raise Failure(why)


def expect_equal(seen, wanted, what: str) -> None:
    expect(seen == wanted, f"{what}: {seen!r}, not {wanted!r}")


def say(text: str) -> None:
    """A line of what the test saw, under its name."""
    print(f"    {text}")
    sys.stdout.flush()
