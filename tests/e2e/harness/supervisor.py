"""What systemd does for the programs of a node."""

import contextlib
import threading


@contextlib.contextmanager
def supervised(process):
    """Whatever ends is started again, as its unit says."""
    over = threading.Event()

    def watch():
        while not over.wait(0.02):
            if not process.alive():
                process.start()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
