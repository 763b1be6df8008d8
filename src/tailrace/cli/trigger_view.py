"""Triggers as people read them: a table of all, a page of one."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tailrace.cli.lag import duration
from tailrace.cli.lambda_api import Measured, short_function

__all__ = ["TriggerRow", "json_of", "page_of", "patterns_of", "rows_of", "source_name", "table_of"]

_STATE_STYLES: Final = {"Enabled": "green", "Disabled": "dim", "Running": "green"}
_LATE_MS: Final = 60_000
_ID_CHARACTERS: Final = 8
# Members that the page tells in lines of its own.
_TOLD: Final = (
    *("UUID", "FunctionArn", "EventSourceArn", "EventSourceMappingArn", "State"),
    *("LastProcessingResult", "StateTransitionReason", "LastModified", "FilterCriteria"),
    "DestinationConfig",
)


class TriggerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One trigger: `id` is its mapping's UUID, empty for a trigger of the server's own program.
    Counts are since the server began, `age_ms` is the age of the oldest record not handled; both
    are None where nobody tells them."""

    id: str
    function: str
    source: str
    state: str
    last_result: str
    records: int | None = None
    errors: int | None = None
    dropped: int | None = None
    age_ms: int | None = None


def rows_of(
    mappings: Iterable[Mapping[str, Any]], measured: Sequence[tuple[Mapping[str, str], Measured]]
) -> list[TriggerRow]:
    """All triggers: the event source mappings, and those that the server's program has besides."""
    counts = {labels["uuid"]: measure for labels, measure in measured if "uuid" in labels}
    rows = [
        TriggerRow(
            id=mapping["UUID"],
            function=short_function(mapping["FunctionArn"]),
            source=source_name(mapping.get("EventSourceArn", "")),
            state=mapping["State"],
            last_result=mapping.get("LastProcessingResult", ""),
            **_counts(counts.get(mapping["UUID"])),
        )
        for mapping in mappings
    ]
    rows.sort(key=lambda row: (row.source, row.function, row.id))
    return rows + [
        TriggerRow(
            id="",
            function=labels.get("consumer", ""),
            source=source_name(labels.get("stream", "")),
            state="Running",
            last_result="",
            **_counts(measure),
        )
        for labels, measure in measured
        if labels.get("kind") == "trigger"
    ]


def _counts(measure: Measured | None) -> dict[str, int | None]:
    if measure is None:
        return {}
    age_s = measure.get("iterator_age_seconds")
    return {
        "records": _count(measure, "records_total"),
        "errors": _count(measure, "errors_total"),
        "dropped": _count(measure, "records_dropped_total"),
        "age_ms": None if age_s is None else round(age_s * 1000),
    }


def _count(measure: Measured, name: str) -> int | None:
    return int(measure[name]) if name in measure else None


def source_name(arn: str) -> str:
    """A table's or a stream's name out of an event source's ARN."""
    resource = arn.split(":", 5)[-1]
    kind, _, name = resource.partition("/")
    return name.partition("/")[0] if kind == "table" else resource


def table_of(rows: Sequence[TriggerRow]) -> RenderableType:
    """The triggers, one in a line."""
    if not rows:
        return Text("There are no triggers.", "dim")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("trigger", "source", "function", "state", "last result"):
        table.add_column(name, overflow="fold")
    for name in ("records", "errors", "age"):
        table.add_column(name, justify="right")
    for row in rows:
        failing = row.last_result.startswith("PROBLEM")
        late = row.age_ms is not None and row.age_ms >= _LATE_MS
        table.add_row(
            row.id[:_ID_CHARACTERS] or "—",
            row.source,
            row.function,
            Text(row.state, _STATE_STYLES.get(row.state, "yellow")),
            Text(row.last_result or "—", "red" if failing else ""),
            _number(row.records),
            Text(_number(row.errors), "yellow" if row.errors else ""),
            Text("—" if row.age_ms is None else duration(row.age_ms), "red" if late else ""),
        )
    return table


def _number(count: int | None) -> str:
    return "—" if count is None else f"{count:,}"


def page_of(mapping: Mapping[str, Any], row: TriggerRow) -> RenderableType:
    """One trigger with all its settings."""
    grid = Table(box=None, show_header=False, pad_edge=False)
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    modified = mapping.get("LastModified")
    lines = {
        "function": mapping["FunctionArn"],
        "source": mapping.get("EventSourceArn", ""),
        "state": mapping["State"],
        "last result": mapping.get("LastProcessingResult", ""),
        "records": _number(row.records),
        "errors": _number(row.errors),
        "given up": _number(row.dropped),
        "age": "—" if row.age_ms is None else duration(row.age_ms),
        "changed": f"{modified:%Y-%m-%d %H:%M:%S %Z}" if modified else "",
        **{f"filter {at}": text for at, text in enumerate(patterns_of(mapping), 1)},
        "on failure": _on_failure(mapping) or "—",
    }
    for name, value in lines.items():
        if value:
            grid.add_row(name, Text(str(value)))
    for name, value in sorted(mapping.items()):
        if name not in _TOLD and value not in (None, [], {}):
            grid.add_row(name, Text(str(value)))
    return Group(Text(str(mapping["UUID"]), "bold cyan"), grid)


def patterns_of(mapping: Mapping[str, Any]) -> list[str]:
    """The filter patterns of a mapping."""
    criteria: dict[str, Any] = mapping.get("FilterCriteria") or {}
    return [str(each["Pattern"]) for each in criteria.get("Filters") or ()]


def _on_failure(mapping: Mapping[str, Any]) -> str:
    config: dict[str, Any] = mapping.get("DestinationConfig") or {}
    on_failure: dict[str, str] = config.get("OnFailure") or {}
    return on_failure.get("Destination") or ""


def json_of(content: Any) -> bytes:
    """JSON of what boto3 answers, times in ISO 8601."""
    return msgspec.json.encode(content, enc_hook=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")
