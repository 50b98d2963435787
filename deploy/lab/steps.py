"""One line per step as it happens, with its time; plain text when nobody watches on a terminal."""

import contextlib
import sys
import time


_PROGRESS_EVERY_S = 20  # where there is no terminal to redraw a line on


class Steps:
    def __init__(self, stream=sys.stdout, began: float | None = None, terminal: bool = False):
        """`terminal`: somebody else passes on to one what is written."""
        self._stream = stream
        self._terminal = terminal or stream.isatty()
        self._began = began if began is not None else time.time()
        self._open_text: str | None = None
        self._progress_due = 0.0

    @property
    def elapsed_s(self) -> float:
        return time.time() - self._began

    @contextlib.contextmanager
    def step(self, text: str):
        """`✓ text  1.23 s` when the block ends, `✗ text` when it throws. Yields detail(words)."""
        began = time.monotonic()
        self._progress_due = began + _PROGRESS_EVERY_S
        self._open_text = text
        result = _Detail(self, text)
        self._transient(f"… {text}")
        try:
            yield result
        except BaseException:
            self._line(f"✗ {text}  {time.monotonic() - began:.2f} s")
            raise
        finally:
            self._open_text = None
        words = f"{text}: {result.words}" if result.words else text
        self._line(f"✓ {words}  {time.monotonic() - began:.2f} s")

    def note(self, text: str) -> None:
        """A line of its own, under a step that may still be running."""
        self._line(f"  · {text}")
        if self._open_text:
            self._transient(f"… {self._open_text}")

    def plain(self, text: str = "") -> None:
        self._line(text)

    def progress(self, text: str) -> None:
        """Replaces the step's running text on a terminal; elsewhere a line now and then."""
        self._transient(f"… {self._open_text}: {text}")
        if not self._terminal and time.monotonic() >= self._progress_due:
            self._progress_due = time.monotonic() + _PROGRESS_EVERY_S
            self._line(f"  · {text}")

    def _transient(self, text: str) -> None:
        if self._terminal:
            self._stream.write(f"\r\033[K{text[:150]}")
            self._stream.flush()

    def _line(self, text: str) -> None:
        self._stream.write(("\r\033[K" if self._terminal else "") + text + "\n")
        self._stream.flush()


class _Detail:
    """What a step found out, shown behind its text."""

    def __init__(self, steps: Steps, text: str):
        self._steps = steps
        self._text = text
        self.words = ""

    def __call__(self, words: str) -> None:
        self.words = words
