"""Where Tailrace keeps what is its own: tables in an account that no request can name."""

from __future__ import annotations

from typing import Final

from tailrace.model.schema import StreamKind
from tailrace.tables.catalog import Catalog

__all__ = [
    "CHECKPOINT_TABLE",
    "EVENTS_TABLE",
    "FUNCTIONS_TABLE",
    "OWN_ACCOUNT",
    "has_destinations",
    "has_functions",
]

OWN_ACCOUNT: Final = "tailrace"
CHECKPOINT_TABLE: Final = "tailrace-checkpoints"
# Made when the first function is kept.
FUNCTIONS_TABLE: Final = "tailrace-functions"
# Made when the first function is called asynchronously.
EVENTS_TABLE: Final = "tailrace-events"


def has_functions(catalog: Catalog, region: str) -> bool:
    """Whether a function or an event source mapping was ever made."""
    return (OWN_ACCOUNT, region, FUNCTIONS_TABLE) in catalog.by_name


def has_destinations(catalog: Catalog) -> bool:
    """Whether some table's changes go to a Kinesis stream."""
    return any(
        stream.kind is StreamKind.CAPTURE and stream.destination is not None
        for stream in catalog.streams.values()
    )
