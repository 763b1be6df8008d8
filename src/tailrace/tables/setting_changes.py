"""Changes of a table's settings that take a while: its encryption, its warm throughput, its class.

What was asked for is in the settings at once; beside it stands until when it counts as being
changed, and what is shown until then. What is over says nothing any more, so nobody has to take it
away.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tailrace.model.schema import Table

__all__ = [
    "CLASS",
    "ENCRYPTION",
    "WARM",
    "changing",
    "is_changing",
    "shown_settings",
    "table_class",
]

ENCRYPTION: Final = "SSEDescription"
CLASS: Final = "TableClassSummary"
WARM: Final = "WarmThroughput"
_CHANGES: Final = "SettingChanges"


class _Change(msgspec.Struct, frozen=True):
    ends_us: int
    former: dict[str, Any] | None = None


def changing(old: Table, new: Table, ends_us: int) -> Table:
    """A table some of whose settings have just been changed: these count as being changed until
    `ends_us`."""
    changes = dict(_changes(old))
    for name in (ENCRYPTION, CLASS, WARM):
        former: Any = old.settings.get(name)
        if former != new.settings.get(name):
            changes[name] = _Change(ends_us, former)
    if changes == _changes(old):
        return new
    settings = {**new.settings, _CHANGES: msgspec.to_builtins(changes)}
    return msgspec.structs.replace(new, settings=settings)


def is_changing(table: Table, name: str, now_us: int) -> bool:
    """Whether a setting is being changed."""
    change = _changes(table).get(name)
    return change is not None and now_us < change.ends_us


def table_class(table: Table) -> str:
    """The class of a table, or the one that it is to have."""
    summary: Any = table.settings.get(CLASS) or {}
    return str(summary.get("TableClass", "STANDARD"))


def shown_settings(table: Table, now_us: int) -> dict[str, Any]:
    """A table's settings as they are described: the class as it was until it is changed, the
    encryption as it is wanted, or as it was when it is taken away, UPDATING."""
    settings: dict[str, Any] = dict(table.settings)
    for name, change in _changes(table).items():
        if change.ends_us <= now_us:
            continue
        if name == CLASS:
            settings[CLASS] = change.former
        elif name == ENCRYPTION:
            described: dict[str, Any] = settings.get(ENCRYPTION) or change.former or {}
            settings[ENCRYPTION] = {**described, "Status": "UPDATING"}
    return settings


def _changes(table: Table) -> dict[str, _Change]:
    stored = table.settings.get(_CHANGES)
    return {} if stored is None else msgspec.convert(stored, dict[str, _Change])
