"""Proves which keys a WHERE clause names, and in which ranges and order they are read."""

from __future__ import annotations

import pytest

from tailrace.errors import ValidationException
from tailrace.expressions.partiql import (
    Select,
    Where,
    item_key,
    key_reads,
    only_key,
    read_statement,
)
from tailrace.model.keys import KeyAttribute, KeySchema

SCHEMA = KeySchema((KeyAttribute("pk", "S"),), (KeyAttribute("sk", "N"),))


def where(text: str) -> Where:
    select = read_statement(f"SELECT * FROM t WHERE {text}", ())
    assert isinstance(select, Select)
    assert select.where is not None
    return select.where


def prefix(pk: str) -> bytes:
    return SCHEMA.hash_bytes([{"S": pk}])


@pytest.mark.parametrize(
    ("text", "names", "rest"),
    [
        ("pk = 'a' AND sk = 1", ["pk", "sk"], False),
        ("(1 = sk AND (pk = 'a')) AND n = 2", ["sk", "pk"], True),
        ("pk = 'a' AND sk > 1", ["pk"], True),
        ("pk = 'a' OR sk = 1", [], True),
        ("NOT pk = 'a'", [], True),
        ("pk.x = 'a' AND sk = n", [], True),
    ],
)
def test_an_item_is_named_by_equalities(text: str, names: list[str], rest: bool):
    key = item_key(where(text), SCHEMA)
    assert (list(key.values), key.rest is not None, key.conflict) == (names, rest, None)


def test_two_values_for_a_key_are_told():
    key = item_key(where("pk = 'a' AND pk = 'b' AND pk = 'a'"), SCHEMA)
    assert (key.values, key.conflict) == ({"pk": {"S": "a"}}, "pk")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pk = 'a' AND sk = 1", True),
        ("pk IN ['a'] AND sk IN [1] AND pk = 'a'", True),
        ("pk IN ['a', 'b'] AND sk = 1", False),
        ("pk = 'a'", False),
        ("pk = 'a' AND sk = 1 AND n = 2", False),
        ("pk = 'a' AND sk = 1 AND sk = 2", False),
    ],
)
def test_a_key_may_be_all_that_is_named(text: str, found: bool):
    assert (only_key(where(text), SCHEMA) is not None) == found
    assert only_key(None, SCHEMA) is None


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("pk = 'a'", True),
        ("pk = 'a' AND sk BETWEEN 1 AND 2 AND sk <> 1", False),
        ("pk = 'a' AND sk IN [1, 2]", True),
        ("pk = 'a' AND n = 1", False),
        ("pk = 'a' AND pk > 'A'", False),
        ("pk = 'a' AND NOT sk = 1", False),
    ],
)
def test_ranges_are_exact_where_nothing_else_is_asked(text: str, exact: bool):
    reads = key_reads(where(text), SCHEMA, index=False)
    assert reads.reaches is not None
    assert reads.exact is exact


@pytest.mark.parametrize(
    "text", ["n = 1", "pk > 'a'", "pk = 'a' OR n = 1", "pk = 'a' AND pk = 'b'"]
)
def test_without_a_partition_key_all_is_read(text: str):
    assert key_reads(where(text), SCHEMA, index=False).reaches is None


def test_partitions_are_read_in_the_order_of_their_md5():
    reads = key_reads(where("pk IN ['b', 'q', 'y', 'y2']"), SCHEMA, index=False)
    assert reads.reaches is not None
    assert [ranges[0].low for ranges in reads.reaches] == [
        prefix(pk) for pk in ("y2", "y", "q", "b")
    ]


def test_ranges_of_a_partition_are_joined_in_the_order_of_keys():
    reads = key_reads(where("pk = 'a' AND sk IN [3, 1] OR pk = 'a' AND sk <> 2"), SCHEMA, False)
    assert reads.reaches is not None
    ((whole,),) = reads.reaches
    assert whole.low == prefix("a")
    reads = key_reads(where("pk = 'a' AND sk IN [3, -1, 2]"), SCHEMA, index=False)
    assert reads.reaches is not None
    (ranges,) = reads.reaches
    assert [one.low for one in ranges] == sorted(one.low for one in ranges)
    assert len(ranges) == 3


def test_contradictions_read_nothing():
    reads = key_reads(where("pk = 'a' AND sk > 2 AND sk < 1"), SCHEMA, index=False)
    assert reads.reaches == ((),)


def test_attributes_of_the_first_alternative_are_told():
    text = "(pk = 'b' AND u = 1) OR (pk = 'q' AND v = 1 AND attribute_exists(w.x))"
    assert key_reads(where(text), SCHEMA, index=False).filtered == ("v", "w")


def test_alternatives_are_bounded():
    pairs = " AND ".join(f"(sk = {number} OR sk = {number + 1})" for number in range(0, 60, 2))
    with pytest.raises(ValidationException, match="Too many decomposed read operations"):
        key_reads(where(f"pk = 'a' AND {pairs}"), SCHEMA, index=False)
