"""The demo's job: real airports in a table, changes made to them, and the check of what came of
it."""

from __future__ import annotations

import csv
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tailrace.errors import ConfigurationError

__all__ = [
    "DELETED",
    "TABLE",
    "UNCHANGED",
    "UPDATED",
    "Changes",
    "Difference",
    "compare",
    "create_table",
    "delete_some",
    "load_all",
    "read_airports",
    "rewrite_some",
    "table_documents",
    "update_some",
]

TABLE: Final = "airports"
# Every 8th airport is renovated, every 20th closed, every 10th written again as it is.
UPDATED: Final = 8
DELETED: Final = 20
UNCHANGED: Final = 10
_NUMBERS: Final = ("latitude", "longitude")

Advance = Callable[[int], None]


class Changes(msgspec.Struct, frozen=True):
    """How many records of each kind the job must lead to."""

    inserted: int
    modified: int
    removed: int

    @property
    def total(self) -> int:
        """All records."""
        return self.inserted + self.modified + self.removed


class Difference(msgspec.Struct, frozen=True):
    """Where an index and a table do not agree, by document id."""

    missing: Sequence[str]
    superfluous: Sequence[str]
    unequal: Sequence[str]

    @property
    def none(self) -> bool:
        """Whether they agree."""
        return not (self.missing or self.superfluous or self.unequal)


def read_airports() -> list[dict[str, Any]]:
    """The airports of the vega-datasets package, as items in DynamoDB JSON."""
    try:
        found = importlib.metadata.distribution("vega-datasets")
    except importlib.metadata.PackageNotFoundError:
        raise ConfigurationError(
            "the demo needs airports: pip install 'tailrace[demo]', or make demo"
        ) from None
    path = Path(str(found.locate_file("vega_datasets/_data/airports.csv")))
    with path.open(newline="", encoding="utf-8") as file:
        return [_item(row) for row in csv.DictReader(file)]


def _item(row: dict[str, str]) -> dict[str, Any]:
    return {
        name: {"N": text} if name in _NUMBERS else {"S": text} for name, text in row.items() if text
    }


def create_table(client: Any) -> None:
    """The table, with a stream of both images."""
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "iata", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "iata", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client.get_waiter("table_exists").wait(TableName=TABLE)


def load_all(client: Any, airports: Sequence[dict[str, Any]], advance: Advance) -> None:
    """Put all airports, 25 at a time."""
    for batch in _batches(airports, 25):
        waiting = {TABLE: [{"PutRequest": {"Item": item}} for item in batch]}
        while waiting:
            waiting = client.batch_write_item(RequestItems=waiting)["UnprocessedItems"]
        advance(len(batch))


def update_some(client: Any, airports: Sequence[dict[str, Any]], advance: Advance) -> int:
    """Renovate some; how many."""
    chosen = airports[::UPDATED]
    for number, airport in enumerate(chosen):
        client.update_item(
            TableName=TABLE,
            Key={"iata": airport["iata"]},
            UpdateExpression="SET #n = :name, gates = if_not_exists(gates, :none) + :more",
            ExpressionAttributeNames={"#n": "name"},
            ExpressionAttributeValues={
                ":name": {"S": f"{airport['name']['S']} Renovated"},
                ":none": {"N": "0"},
                ":more": {"N": str(1 + number % 9)},
            },
        )
        advance(1)
    return len(chosen)


def rewrite_some(client: Any, airports: Sequence[dict[str, Any]], advance: Advance) -> int:
    """Put some again exactly as they are stored, which is no change; how many."""
    chosen = airports[1::UNCHANGED]
    for airport in chosen:
        stored = client.get_item(TableName=TABLE, Key={"iata": airport["iata"]})["Item"]
        client.put_item(TableName=TABLE, Item=stored)
        advance(1)
    return len(chosen)


def delete_some(client: Any, airports: Sequence[dict[str, Any]], advance: Advance) -> int:
    """Close some; how many."""
    chosen = airports[3::DELETED]
    for airport in chosen:
        client.delete_item(TableName=TABLE, Key={"iata": airport["iata"]})
        advance(1)
    return len(chosen)


def table_documents(client: Any) -> dict[str, dict[str, Any]]:
    """All items of the table by airport code, in DynamoDB JSON."""
    found: dict[str, dict[str, Any]] = {}
    for page in client.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True):
        found.update((item["iata"]["S"], item) for item in page["Items"])
    return found


def compare(table: dict[str, dict[str, Any]], index: dict[str, dict[str, Any]]) -> Difference:
    """The documents that a table and an index do not share."""
    return Difference(
        missing=sorted(table.keys() - index.keys()),
        superfluous=sorted(index.keys() - table.keys()),
        unequal=sorted(key for key in table.keys() & index.keys() if table[key] != index[key]),
    )


def _batches(things: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
