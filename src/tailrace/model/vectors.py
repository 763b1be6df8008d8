"""What a vector index asks of items, and how far vectors lie apart.

An index holds vectors as 32-bit floating point numbers, whatever digits the items have; distances
are computed of those with double precision, as AWS was seen to do
(VectorSearch.Requirements.html, and the messages that the service answers).
"""

from __future__ import annotations

import enum
import math
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cached_property
from operator import mul
from typing import Any, Final, TypeAlias

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.keys import KeyAttribute
from tailrace.model.values import AttributeValue, Item, value_size

__all__ = [
    "DistanceFunction",
    "SearchAttribute",
    "SearchRole",
    "Vector",
    "VectorSchema",
    "distance_to",
    "fits",
    "float_text",
    "stored_vector",
    "vector_of",
]

Vector: TypeAlias = tuple[float, ...]

# The largest 32-bit number, and the bound as the service writes it.
FLOAT_MAX: Final = 3.4028234663852886e38
_BOUND: Final = 3.4028235e38
_SHOWN_BOUND: Final = "3.4028235E38"
_INVALID: Final = "One or more parameter values were invalid. "
_JSON_START: Final = b'{"L":[{"N":"'
_JSON_BETWEEN: Final = b'"},{"N":"'
_JSON_END: Final = b'"}]}'
# More significant digits than this no 32-bit number needs.
_FLOAT_DIGITS: Final = 9


class DistanceFunction(enum.Enum):
    COSINE = "COSINE"
    DOT_PRODUCT = "DOT_PRODUCT"
    EUCLIDEAN = "EUCLIDEAN"

    @property
    def nearest_is_greatest(self) -> bool:
        """Whether greater scores stand for more similar vectors."""
        return self is DistanceFunction.DOT_PRODUCT


class SearchRole(enum.Enum):
    """A HASH attribute divides an index into parts, of which a search names one; by INLINE_FILTER
    attributes it may choose among the items of that part."""

    HASH = "HASH"
    INLINE_FILTER = "INLINE_FILTER"


class SearchAttribute(msgspec.Struct, frozen=True):
    """An element of a search schema: an attribute, its type (S, N or B), and what it is there
    for."""

    name: str
    type: str
    role: SearchRole


class VectorSchema(msgspec.Struct, frozen=True, dict=True):
    """What makes an index a vector index: the attribute with the vectors, their dimensions, how
    they are compared, and the attributes that a search can name, in the order of their
    definition."""

    attribute: str
    dimensions: int
    function: DistanceFunction
    search: tuple[SearchAttribute, ...] = ()

    @cached_property
    def hash(self) -> KeyAttribute | None:
        """The attribute that divides the index."""
        for attribute in self.search:
            if attribute.role is SearchRole.HASH:
                return KeyAttribute(attribute.name, attribute.type)
        return None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The attributes that a search can name."""
        return tuple(attribute.name for attribute in self.search)

    def check_index(self, item: Item, index_name: str) -> None:
        """Raise ValidationException when an item carries the index's attributes in a form that it
        can't hold; those that are missing are no fault."""
        problem = self._vector_problem(item.get(self.attribute), index_name)
        if problem is None:
            problem = self._search_problem(item, index_name)
        if problem is not None:
            raise ValidationException(problem)

    def holds(self, item: Item) -> bool:
        """Whether an item is in the index: it has a vector and a value of the HASH attribute, and
        nothing that the index can't hold."""
        if self.attribute not in item or (self.hash is not None and self.hash.name not in item):
            return False
        return (
            self._vector_problem(item[self.attribute], "") is None
            and self._search_problem(item, "") is None
        )

    def _vector_problem(self, value: AttributeValue | None, index_name: str) -> str | None:
        if value is None:
            return None
        name = self.attribute
        elements: list[AttributeValue] | None = value.get("L")
        if elements is None:
            expected = "32-bit floating point number list"
            return (
                f"{_INVALID}Invalid type for parameter {name}, Expected: {expected} IndexName:"
                f" {index_name}"
            )
        if len(elements) != self.dimensions:
            return (
                f"{_INVALID}Invalid size for parameter {name}, Expected: {self.dimensions}, Actual:"
                f" {len(elements)} IndexName: {index_name}"
            )
        try:
            numbers = [float(element["N"]) for element in elements]
            if min(numbers) >= -_BOUND and max(numbers) <= _BOUND:
                return None
        except KeyError:
            pass
        for place, element in enumerate(elements):
            ((kind, content),) = element.items()
            if kind != "N":
                return (
                    f"{_INVALID}Invalid type for parameter {name}[{place}], Expected: 32-bit"
                    f" floating point number, Actual: {kind}. IndexName: {index_name}"
                )
            if not fits(content):
                return (
                    f"{_INVALID}Invalid value for parameter {name}[{place}], Value:"
                    f" {Decimal(content).normalize()} is outside valid range [-{_SHOWN_BOUND},"
                    f" {_SHOWN_BOUND}]. IndexName: {index_name}"
                )
        return None

    def _search_problem(self, item: Item, index_name: str) -> str | None:
        for attribute in self.search:
            value = item.get(attribute.name)
            if value is None:
                continue
            if attribute.type not in value:
                return (
                    f"{_INVALID}Attribute '{attribute.name}' type mismatch. Expected:"
                    f" {attribute.type}, Actual: {next(iter(value))}. IndexName: {index_name}"
                )
            if attribute.role is not SearchRole.HASH or attribute.type == "N":
                continue
            if not value[attribute.type]:
                kind = "string" if attribute.type == "S" else "binary"
                return (
                    "One or more parameter values are not valid. A value specified for a secondary"
                    " index key is not supported. The AttributeValue for a key attribute cannot"
                    f" contain an empty {kind} value. IndexName: {index_name}, IndexKey:"
                    f" {attribute.name}"
                )
            if value_size(value) > limits.PARTITION_KEY_BYTES:
                return (
                    "One or more parameter values were invalid: Size of hashkey has exceeded the"
                    f" maximum size limit of{limits.PARTITION_KEY_BYTES} bytes"
                )
        return None


def vector_of(elements: Sequence[Any]) -> Vector:
    """The vector of numbers or numerals, each the nearest 32-bit number. Raises ValueError for what
    is no number, OverflowError for what 32 bits can't hold."""
    form = f"<{len(elements)}f"
    return struct.unpack(form, struct.pack(form, *map(float, elements)))


def stored_vector(data: bytes) -> Vector:
    """The vector in the canonical JSON of an attribute value that an index holds. Three times as
    fast as decoding it."""
    return vector_of(data[len(_JSON_START) : -len(_JSON_END)].split(_JSON_BETWEEN))


def fits(numeral: str) -> bool:
    """Whether 32 bits can hold a number."""
    return abs(float(numeral)) <= _BOUND


def float_text(value: float) -> str:
    """The shortest numeral of a 32-bit number, with a point or an exponent, as a search returns
    it."""
    wanted = struct.pack("<f", value)
    for digits in range(1, _FLOAT_DIGITS + 1):
        near = float(f"{value:.{digits}g}")
        if abs(near) <= _BOUND and struct.pack("<f", near) == wanted:
            return repr(near)
    return repr(value)


# Distances ---------------------------------------------------------------------------------------


def distance_to(query: Vector, function: DistanceFunction) -> Callable[[Vector], float]:
    """What scores vectors of the same dimensions by how they lie to `query`; scores are never
    beyond what 32 bits hold.

    COSINE is 1 less the cosine, 0 for the same direction and 2 for the opposite, 1 for vectors
    without a direction; EUCLIDEAN the distance; DOT_PRODUCT the product.
    """
    if function is DistanceFunction.EUCLIDEAN:
        return lambda vector: min(math.dist(query, vector), FLOAT_MAX)
    if function is DistanceFunction.DOT_PRODUCT:
        return lambda vector: max(-FLOAT_MAX, min(_product(query, vector), FLOAT_MAX))
    square = _product(query, query)

    def cosine_distance(vector: Vector) -> float:
        # The root of the product, not the product of the roots: exact for equal vectors.
        length = math.sqrt(square * _product(vector, vector))
        if not length:
            return 1.0
        return max(0.0, min(1.0 - _product(query, vector) / length, 2.0))

    return cosine_distance


def _product(left: Vector, right: Vector) -> float:
    return sum(map(mul, left, right))
