"""The change of one item, as it is born in a write plan and kept in the stream."""

from __future__ import annotations

import enum

import msgspec

__all__ = ["Change", "ChangeKind"]


class ChangeKind(enum.Enum):
    """What a write did to an item, by what existed before and after; the values are a stream
    record's `eventName`.
    """

    INSERT = "INSERT"
    MODIFY = "MODIFY"
    REMOVE = "REMOVE"


class Change(msgspec.Struct, frozen=True, gc=False):
    """One item's change. Images are canonical JSON, whole, whatever the stream will show of them;
    sizes are item sizes in bytes.

    `old` is None exactly for INSERT, `new` exactly for REMOVE. `by_service` marks deletions by time
    to live.
    """

    kind: ChangeKind
    keys: bytes
    keys_size: int
    old: bytes | None
    old_size: int
    new: bytes | None
    new_size: int
    by_service: bool = False
