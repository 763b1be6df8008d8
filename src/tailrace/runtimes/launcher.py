"""Becomes another program, one that ends with the process that asked for it.

python -m tailrace.runtimes.launcher PARENT PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

from tailrace.runtimes.memory import data_limit_bytes

__all__ = ["die_with", "limit_memory", "main"]

_PR_SET_PDEATHSIG: Final = 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, where the kernel can do that."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def limit_memory(memory_mb: int) -> None:
    """Have the kernel refuse this process memory far beyond what it may use, where it can."""
    if sys.platform != "linux":
        return
    import resource

    limit = data_limit_bytes(memory_mb)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main() -> None:
    """Become the program of the command line."""
    parent, *command = sys.argv[1:]
    die_with(int(parent))
    limit_memory(int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
