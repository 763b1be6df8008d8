"""How a trigger delivers: options of the command line, and the members of requests they mean."""

from __future__ import annotations

import datetime
import enum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from tailrace.errors import ConfigurationError

__all__ = [
    "BatchSize",
    "Bisect",
    "Filters",
    "Lanes",
    "MaxAge",
    "OnFailure",
    "ReportItemFailures",
    "Retries",
    "Start",
    "TumblingWindow",
    "Window",
    "mapping_members",
    "starting_members",
]

BatchSize: TypeAlias = Annotated[
    int | None, typer.Option(help="Records a call, 1 to 10000.", show_default="100")
]
Window: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Seconds to wait for a full batch, 0 to 300.", show_default="0"),
]
Lanes: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Batches of one shard at a time, 1 to 10; items stay in order.", show_default="1"
    ),
]
Retries: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Retries of a failed batch; -1: until it ages out.", show_default="-1"),
]
MaxAge: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Seconds after which a record is given up, 60 to 604800; -1: never.",
        show_default="-1",
    ),
]
Bisect: TypeAlias = Annotated[
    bool | None, typer.Option("--bisect/--no-bisect", help="Halve batches that fail.")
]
TumblingWindow: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Seconds of each tumbling window, 0 to 900; 0: none.", show_default="0"),
]
ReportItemFailures: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--report-item-failures/--ignore-item-failures",
        help="Whether the function returns batchItemFailures.",
    ),
]
Filters: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", help="Filter pattern as JSON, or @FILE; any of several. '': no filter."
    ),
]
OnFailure: TypeAlias = Annotated[
    str | None,
    typer.Option(help="ARN of a queue, topic or bucket for batches given up; '': none."),
]
Start: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="TRIM_HORIZON|LATEST|TIME",
        help="Where to begin: the oldest record, now, or (Kinesis) a time such as"
        " 2026-11-22T07:00:00Z.",
    ),
]


class _Fixed(enum.Enum):
    """Starting positions that are no time."""

    TRIM_HORIZON = "TRIM_HORIZON"
    LATEST = "LATEST"


def starting_members(start: str) -> dict[str, Any]:
    """The members of a request that say where to begin. Raises ConfigurationError for what is
    neither a position nor a time."""
    name = start.upper().replace("-", "_")
    if name in _Fixed.__members__:
        return {"StartingPosition": name}
    try:
        moment = datetime.datetime.fromisoformat(start)
    except ValueError:
        raise ConfigurationError(
            f"{start!r} is no place to begin: give TRIM_HORIZON, LATEST or a time"
        ) from None
    if moment.tzinfo is None:
        moment = moment.astimezone()
    return {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": moment}


def mapping_members(
    *,
    batch_size: int | None,
    window: int | None,
    lanes: int | None,
    retries: int | None,
    max_age: int | None,
    bisect: bool | None,
    tumbling_window: int | None,
    report_item_failures: bool | None,
    filters: list[str] | None,
    on_failure: str | None,
) -> dict[str, Any]:
    """The members that these options mean, without those that were not given. Raises
    ConfigurationError for a file that cannot be read."""
    members: dict[str, Any] = {
        "BatchSize": batch_size,
        "MaximumBatchingWindowInSeconds": window,
        "ParallelizationFactor": lanes,
        "MaximumRetryAttempts": retries,
        "MaximumRecordAgeInSeconds": max_age,
        "BisectBatchOnFunctionError": bisect,
        "TumblingWindowInSeconds": tumbling_window,
    }
    if report_item_failures is not None:
        reported = ["ReportBatchItemFailures"] if report_item_failures else []
        members["FunctionResponseTypes"] = reported
    if filters is not None:
        given = [{"Pattern": _pattern(text)} for text in filters if text]
        members["FilterCriteria"] = {"Filters": given} if given else {}
    if on_failure is not None:
        destination = {"Destination": on_failure} if on_failure else {}
        members["DestinationConfig"] = {"OnFailure": destination}
    return {name: value for name, value in members.items() if value is not None}


def _pattern(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text()
    except OSError as error:
        raise ConfigurationError(f"cannot read {text[1:]}: {error.strerror}") from error
