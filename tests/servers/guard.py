"""Runs a server as a child for as long as this process's standard input stays open.

Whoever starts a guard holds the other end of its standard input. However that holder ends, by
kill -9 too, the pipe closes and the server is killed: none is ever left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

__all__ = ["guard"]


def guard(command: Sequence[str], log: Path) -> NoReturn:
    """Run `command`, its output appended to `log`; exit with its status when it has ended."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )

    def kill_at_end_of_input() -> None:
        while os.read(0, 4096):
            pass
        child.kill()

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda *_: child.kill())
    threading.Thread(target=kill_at_end_of_input, daemon=True).start()
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    sys.exit(abs(child.wait()))


if __name__ == "__main__":
    guard(sys.argv[2:], Path(sys.argv[1]))
