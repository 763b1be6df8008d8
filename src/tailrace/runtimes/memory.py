"""How much memory a process and its children have, told by Linux. Elsewhere nobody tells it of
another process: there only what a Python worker says of itself after each call is known."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["ROOM_BYTES", "data_limit_bytes", "resident_kb"]

# What a program may ask for beyond its memory, without using it: stacks of threads, buffers.
ROOM_BYTES: Final = 1 << 30
_MEGABYTE: Final = 1 << 20
# Children are told by thread; so many threads of a process are asked.
_THREADS: Final = 64


def data_limit_bytes(memory_mb: int) -> int:
    """How much a process of so much memory may ask for. Far more than it may use, which is
    watched: this stops what would take the machine's memory between two looks."""
    return 2 * memory_mb * _MEGABYTE + ROOM_BYTES


def resident_kb(pid: int, limit_kb: int) -> int | None:
    """The most memory that a process had resident, and its children have now, in KiB; None where
    that is not told. What they share counts once as soon as it matters: when it is more than
    `limit_kb` otherwise."""
    own = _field("status", pid, b"VmHWM:")
    if own is None:
        return None
    children = _descendants(pid)
    if not children:
        return own
    counted = sum(_field("status", child, b"VmRSS:") or 0 for child in children)
    if own + counted <= limit_kb:
        return own + counted
    shares = [_field("smaps_rollup", each, b"Pss:") for each in (pid, *children)]
    return max(own, sum(share or 0 for share in shares))


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    wanted = [pid]
    while wanted:
        children = _children(wanted.pop())
        found += children
        wanted += children
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task")[:_THREADS]:  # noqa: PTH208
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except OSError:
        pass  # it has ended, or this kernel does not tell
    return found


def _field(name: str, pid: int, field: bytes) -> int | None:
    """A line's number out of a file of the process, in KiB."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(field):
                    return int(line.split()[1])
    except OSError:
        pass
    return None
