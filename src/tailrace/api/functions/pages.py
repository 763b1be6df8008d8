"""Pages of lists: some entries, and a marker for what follows."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final

from tailrace.api.functions.errors import InvalidParameterValueException

__all__ = ["page"]

# What Lambda puts on a page of functions at most, whatever is asked for.
PAGE_ENTRIES: Final = 50


def page(
    member: str,
    entries: Sequence[tuple[str, dict[str, Any]]],
    marker: str | None,
    max_items: int | None,
    largest: int = PAGE_ENTRIES,
) -> dict[str, Any]:
    """The entries behind the marker, in their order. Entries come with the keys that markers are
    made of. Raises InvalidParameterValueException for a marker that never was one."""
    start = 0
    if marker is not None:
        last = _key(marker)
        keys = [key for key, _ in entries]
        # The entry may have gone since: then go on at its place among those sorted by key.
        found = keys.index(last) + 1 if last in keys else sum(key <= last for key in keys)
        start = found
    size = min(max_items or largest, largest)
    shown = entries[start : start + size]
    reply: dict[str, Any] = {member: [content for _, content in shown]}
    if start + size < len(entries):
        reply["NextMarker"] = base64.urlsafe_b64encode(shown[-1][0].encode()).decode()
    return reply


def _key(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError):
        raise InvalidParameterValueException(f"Invalid marker: {marker}") from None
