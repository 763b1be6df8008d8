"""How large an item may be, to the byte, and what each value counts for."""

from __future__ import annotations

import itertools

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses

MAX = 409_600
PUT = "Item size has exceeded the maximum allowed size"
UPDATE = "Item size to update has exceeded the maximum allowed size"
_names = itertools.count()

# What values count for; numbers as measured on AWS at the edge of 400 KB.
SIZES: list[tuple[Json, int]] = [
    ({"S": ""}, 0),
    ({"S": "abc"}, 3),
    ({"S": "é€"}, 5),
    ({"B": "AAEC"}, 3),
    ({"BOOL": True}, 1),
    ({"NULL": True}, 1),
    ({"SS": ["a", "bcd"]}, 4),
    ({"BS": ["AA==", "AAE="]}, 3),
    ({"L": []}, 3),
    ({"M": {}}, 3),
    ({"L": [{"S": "ab"}]}, 3 + 2 + 1),
    ({"M": {"key": {"S": "ab"}}}, 3 + 3 + 2 + 1),
    *(
        ({"N": text}, size)
        for text, size in {
            "0": 1,
            "1": 2,
            "12": 2,
            "123": 3,
            "1234": 3,
            "12345678901234567890123456789012345678": 20,
            "0042": 2,
            "100": 2,
            "1010": 3,
            "0.0000001": 2,
            "1E125": 2,
            "1E-100": 2,
            "1.5": 3,
            "1.200": 3,
            "1.234": 4,
            "3.14159": 5,
            "123456": 4,
            "100.5": 4,
            "0.15": 2,
            "-42": 3,
            "-0": 1,
        }.items()
    ),
    ({"NS": ["1", "-42"]}, 5),
]


def padded(key: Json, size: int, **values: tuple[Json, int]) -> Json:
    """An item of `size` bytes: the key `a`, values with what they count for, and padding."""
    counted = 1 + len(key["a"]["S"].encode()) + 1
    counted += sum(len(name.encode()) + count for name, (_, count) in values.items())
    item = {**key, **{name: value for name, (value, _) in values.items()}}
    return {**item, "p": {"S": "x" * (size - counted)}}


@pytest.mark.parametrize(("value", "size"), SIZES, ids=str)
def test_a_value_counts_for_its_bytes(
    db: Client, simple: str, refuses: Refuses, value: Json, size: int
) -> None:
    key = {"a": {"S": "sized"}}
    db.put(simple, padded(key, MAX, v=(value, size)))
    over = {"TableName": simple, "Item": padded(key, MAX + 1, v=(value, size))}
    refuses("PutItem", over, PUT)


def test_batches_have_the_same_limit(db: Client, simple: str, refuses: Refuses) -> None:
    key = {"a": {"S": "batch-size"}}
    db.put_many(simple, [padded(key, MAX)])
    over = {simple: [{"PutRequest": {"Item": padded(key, MAX + 1)}}]}
    refuses("BatchWriteItem", {"RequestItems": over}, PUT)


# An update is measured by what it writes too: the finished item must not pass 400 KB, and neither
# may what the update writes, names and values, with 3 bytes for itself, 19 for each SET or ADD and
# 2 for each REMOVE or DELETE; a path through a list counts one more.


def ceiling(unwritten: int, cost: int) -> int:
    """The largest item that an update may leave, of which it doesn't write some bytes."""
    return min(MAX, MAX + unwritten - cost)


@pytest.mark.parametrize(
    ("key", "expression", "extra", "untouched", "cost"),
    [
        ("K", "SET p = :p", {}, {}, 3 + 19),
        ("K" * 100, "SET p = :p", {}, {}, 3 + 19),
        ("K", "SET p = :p, c = :c", {"c": ({"S": "y"}, 1)}, {}, 3 + 38),
        ("K", "SET p = :p, c = :c", {"c": ({"S": "y" * 500}, 500)}, {}, 3 + 38),
        ("K", "SET p = :p REMOVE r", {}, {}, 3 + 19 + 2),
        ("K", "SET p = :p", {}, {"u": ({"S": "y" * 10}, 10)}, 3 + 19),
        ("K", "SET p = :p", {}, {"u": ({"S": "y" * 30}, 30)}, 3 + 19),
    ],
    ids=["short", "long key", "two", "two large", "remove", "untouched", "much untouched"],
)
def test_an_update_has_a_ceiling_of_its_own(
    db: Client,
    simple: str,
    refuses: Refuses,
    key: str,
    expression: str,
    extra: dict[str, tuple[Json, int]],
    untouched: dict[str, tuple[Json, int]],
    cost: int,
) -> None:
    unwritten = 1 + len(key) + sum(len(name) + size for name, (_, size) in untouched.items())
    most = ceiling(unwritten, cost)
    place = {"a": {"S": key}}

    def request(size: int) -> Json:
        item = padded(place, size, **extra, **untouched)
        values = {":p": item["p"]}
        if "c" in extra:
            values[":c"] = item["c"]
        return {
            "TableName": simple,
            "Key": place,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        }

    before = {**place, "r": {"S": "z"}, **{name: value for name, (value, _) in untouched.items()}}
    if "REMOVE" not in expression:
        before.pop("r")
    db.put(simple, before)
    refuses("UpdateItem", request(most + 1), UPDATE)
    assert db.get(simple, place) == before
    db.call("UpdateItem", request(most))
    db.call("DeleteItem", {"TableName": simple, "Key": place})


def test_a_path_into_a_map_costs_as_much_as_the_map_and_into_a_list_one_byte_more(
    db: Client, simple: str, refuses: Refuses
) -> None:
    place = {"a": {"S": "D"}}

    def request(expression: str, value: Json) -> Json:
        return {
            "TableName": simple,
            "Key": place,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": {":v": value},
        }

    # d, the container's 3 bytes, and 1 for the element beside its own bytes.
    whole = MAX - 3 - 19 - 1 - 3 - 1
    for container, path, name, more in (
        (lambda text: {"M": {"leaf": {"S": text}}}, "SET d.#leaf = :v", "leaf", 0),
        (lambda text: {"L": [{"S": text}]}, "SET d[0] = :v", "", 1),
    ):
        room = whole - len(name)
        db.call("UpdateItem", request("SET d = :v", container("x" * room)))
        refuses("UpdateItem", request("SET d = :v", container("x" * (room + 1))), UPDATE)
        names = {"ExpressionAttributeNames": {"#leaf": "leaf"}} if name else {}
        fits = {**request(path, {"S": "x" * (room - more)}), **names}
        over = {**request(path, {"S": "x" * (room - more + 1)}), **names}
        refuses("UpdateItem", over, UPDATE)
        db.call("UpdateItem", fits)
