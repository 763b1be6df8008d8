"""Proves that keys' bytes sort as keys do, that none runs into another, and what is refused."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ValidationException
from tailrace.model.keys import (
    HASH_BYTES,
    KeyAttribute,
    KeySchema,
    closed,
    content_bytes,
    partition_of,
    successor,
)

strings = st.text(alphabet="\0\x01ab\u00ff\U0001f600", min_size=1, max_size=5)
numerals = st.decimals(min_value=Decimal("-1e20"), max_value=Decimal("1e20"), places=3).map(
    lambda number: str(number)
)
binaries = st.lists(st.sampled_from([0, 1, 254, 255]), min_size=1, max_size=5).map(bytes)

PARENT = KeySchema((KeyAttribute("pk", "S"),))
PAIR = KeySchema((KeyAttribute("pk", "S"),), (KeyAttribute("sk", "S"),))


def _binary(data: bytes) -> dict[str, str]:
    return {"B": base64.b64encode(data).decode()}


@given(strings, strings, strings, strings)
def test_keys_sort_by_partition_then_by_sort_key(p1: str, s1: str, p2: str, s2: str) -> None:
    one = PAIR.item_key({"pk": {"S": p1}, "sk": {"S": s1}})
    two = PAIR.item_key({"pk": {"S": p2}, "sk": {"S": s2}})
    expected = (p1.encode(), s1.encode()) < (p2.encode(), s2.encode())
    assert (one[HASH_BYTES:] < two[HASH_BYTES:]) == expected
    assert (one == two) == ((p1, s1) == (p2, s2))


@given(numerals, numerals)
def test_number_keys_sort_by_value(one: str, two: str) -> None:
    first, second = content_bytes({"N": one}), content_bytes({"N": two})
    assert (first < second) == (Decimal(one) < Decimal(two))
    assert (closed({"N": one}) < closed({"N": two})) == (Decimal(one) < Decimal(two))


@given(binaries, binaries)
def test_binary_keys_sort_by_unsigned_bytes_open_and_closed(one: bytes, two: bytes) -> None:
    assert (content_bytes(_binary(one)) < content_bytes(_binary(two))) == (one < two)
    assert (closed(_binary(one)) < closed(_binary(two))) == (one < two)


@given(binaries, binaries)
def test_no_closed_part_is_the_beginning_of_another(one: bytes, two: bytes) -> None:
    assert closed(_binary(one)).startswith(closed(_binary(two))) == (one == two)


@given(st.binary(max_size=4), st.binary(max_size=6))
def test_the_successor_is_above_everything_with_the_prefix_and_nothing_else(
    prefix: bytes, other: bytes
) -> None:
    above = successor(prefix)
    if above is None:
        assert set(prefix) <= {255}
    else:
        assert (prefix <= other < above) == other.startswith(prefix)


@given(strings, st.integers(1, 256))
def test_partitions_are_ranges_of_keys(pk: str, partitions: int) -> None:
    key = PARENT.item_key({"pk": {"S": pk}})
    number = partition_of(key, partitions)
    assert 0 <= number < partitions
    assert partition_of(b"\0\0\0\0", partitions) == 0
    assert partition_of(b"\xff\xff\xff\xff", partitions) == partitions - 1


@given(st.lists(strings, min_size=2, max_size=2), strings)
def test_index_rows_sort_by_all_attributes_then_by_the_item(parts: list[str], pk: str) -> None:
    schema = KeySchema((KeyAttribute("g", "S"),), (KeyAttribute("h", "S"),))
    item: dict[str, Any] = {"pk": {"S": pk}, "g": {"S": parts[0]}, "h": {"S": parts[1]}}
    key = PARENT.item_key(item)
    row = schema.index_row(item, key)
    assert row is not None
    assert row.endswith(key[HASH_BYTES:])
    assert row.startswith(schema.hash_bytes([item["g"]]) + closed(item["h"]))
    assert schema.index_row({"pk": {"S": pk}, "g": {"N": "1"}, "h": {"S": "a"}}, key) is None
    assert schema.index_row({"pk": {"S": pk}, "g": {"S": "a"}}, key) is None


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "One or more parameter values were invalid: Missing the key pk in the item"),
        (
            {"pk": {"N": "1"}, "sk": {"S": "a"}},
            (
                "One or more parameter values were invalid: Type mismatch for key pk expected: S"
                " actual: N"
            ),
        ),
        (
            {"pk": {"S": ""}, "sk": {"S": "a"}},
            (
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                " cannot contain an empty string value. Key: pk"
            ),
        ),
        (
            {"pk": {"S": "a" * 2049}, "sk": {"S": "a"}},
            (
                "One or more parameter values were invalid: Size of hashkey has exceeded the"
                " maximum size limit of2048 bytes"
            ),
        ),
        (
            {"pk": {"S": "a"}, "sk": {"S": "é" * 513}},
            (
                "One or more parameter values were invalid: Aggregated size of all range keys has"
                " exceeded the size limit of 1024 bytes"
            ),
        ),
    ],
)
def test_bad_keys_are_refused_with_the_services_words(item: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        PAIR.item_key(item)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ({"pk": {"S": "a"}}, "The number of conditions on the keys is invalid"),
        (
            {"pk": {"S": "a"}, "x": {"S": "a"}},
            "The provided key element does not match the schema",
        ),
        (
            {"pk": {"S": "a"}, "sk": {"N": "1"}},
            "The provided key element does not match the schema",
        ),
    ],
)
def test_lookups_need_exactly_the_key(key: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        PAIR.lookup_key(key)
    assert caught.value.message == message
    assert PAIR.lookup_key({"pk": {"S": "a"}, "sk": {"S": "b"}}) == PAIR.item_key(
        {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"S": "c"}}
    )
