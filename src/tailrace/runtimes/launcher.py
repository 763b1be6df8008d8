"""Becomes another program, one that ends with the process that asked for it.

python -m tailrace.runtimes.launcher PARENT PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

__all__ = ["die_with", "main"]

_PR_SET_PDEATHSIG: Final = 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, where the kernel can do that."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def main() -> None:
    """Become the program of the command line."""
    parent, *command = sys.argv[1:]
    die_with(int(parent))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
