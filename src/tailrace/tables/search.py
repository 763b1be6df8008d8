"""Searches of vector indexes: every vector is compared, so what is found are the nearest ones.

The rows of an index are read and scored some at a time. The nearest so far are all that is kept of
them; of several at the same distance, those whose keys come first.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tailrace import limits
from tailrace.model.keys import successor
from tailrace.model.schema import Index, Table
from tailrace.model.values import AttributeValue, Item, decode_item, encode_item, item_size
from tailrace.model.vectors import (
    Vector,
    VectorSchema,
    distance_to,
    float_text,
    stored_vector,
    vector_of,
)
from tailrace.tables.capacity import projected
from tailrace.tables.engine import Engine, Row, Span
from tailrace.tables.pages import beyond

__all__ = ["Found", "Search", "search_bytes"]

# Measured on AWS with indexes of few items; searches of larger ones count for more there, and not
# for the same each time: bytes for each dimension, for each result beside its own, and for each
# number of a vector that is returned.
_DIMENSION_BYTES: Final = 30.6875
_RESULT_BYTES: Final = 65
_NUMBER_BYTES: Final = 4

_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Found(msgspec.Struct, frozen=True):
    """An item's part that the index shows, with its vector as the index holds it, and its score."""

    item: Item
    score: float


class Search:
    """One search under way for the `most` items of `index` that are nearest to `query`, among those
    whose attributes are `equal` to values. A divided index needs the value of its HASH attribute.
    """

    def __init__(
        self,
        engine: Engine,
        table: Table,
        index: Index,
        schema: VectorSchema,
        query: Vector,
        equal: Mapping[str, AttributeValue],
        most: int,
    ) -> None:
        self._engine = engine
        self._table = table
        self._index = index
        self._schema = schema
        self._most = most
        self._score = distance_to(query, schema.function)
        self._sign = -1.0 if schema.function.nearest_is_greatest else 1.0
        low, high = b"", None
        if schema.hash is not None:
            low = index.keys.hash_bytes([equal[schema.hash.name]])
            high = successor(low)
        self._span = Span(table.id, low, high, index.id)
        partition = None if schema.hash is None else schema.hash.name
        # Stored items are canonical, so equal bytes are equal values.
        self._equal = [(name, encode_item(value)) for name, value in equal.items()]
        self._equal = [each for each in self._equal if each[0] != partition]
        per_step = limits.VECTOR_SEARCH_STEP_NUMBERS // schema.dimensions
        self._rows_per_step = max(1, min(limits.VECTOR_SEARCH_ROWS, per_step))
        # Distance (or its negative), key and item of the nearest so far, in this order.
        self._best: list[tuple[float, bytes, bytes]] = []

    def step(self) -> bool:
        """Look at the next rows; whether that was all."""
        wanted, room = self._rows_per_step, limits.PAGE_BYTES
        rows = self._engine.rows(self._span, wanted, room)
        for row in rows:
            self._look_at(row)
        if len(rows) < wanted and sum(row.size for row in rows) <= room:
            return True
        self._span = beyond(self._span, rows[-1].key)
        return False

    def _look_at(self, row: Row) -> None:
        attributes = _attributes.decode(row.data)
        for name, wanted in self._equal:
            if name not in attributes or bytes(attributes[name]) != wanted:
                return
        vector = stored_vector(bytes(attributes[self._schema.attribute]))
        rank = self._sign * self._score(vector)
        best = self._best
        if len(best) == self._most:
            if rank > best[-1][0]:
                return
            insort(best, (rank, row.key, row.data))
            del best[-1]
        else:
            insort(best, (rank, row.key, row.data))

    def found(self) -> Sequence[Found]:
        """The nearest items, the nearest first."""
        return [Found(self._shown(data), self._sign * rank) for rank, _, data in self._best]

    def _shown(self, data: bytes) -> Item:
        item = dict(projected(decode_item(data), self._table, self._index))
        name = self._schema.attribute
        if name in item:
            numbers = vector_of([element["N"] for element in item[name]["L"]])
            item[name] = {"L": [{"N": float_text(number)} for number in numbers]}
        return item


def search_bytes(schema: VectorSchema, found: Sequence[Found], shown_vectors: int) -> float:
    """The VectorSearchRequestBytes of a search, of whose results so many show their vectors."""
    name = schema.attribute
    items = sum(
        item_size({other: value for other, value in each.item.items() if other != name})
        for each in found
    )
    used = (
        _DIMENSION_BYTES * schema.dimensions
        + _RESULT_BYTES * len(found)
        + items
        + _NUMBER_BYTES * schema.dimensions * shown_vectors
    )
    return max(used, float(limits.VECTOR_CAPACITY_BYTES))
