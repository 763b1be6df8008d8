"""BatchGetItem and BatchWriteItem: several tables at once, sizes, and the words of the refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.client import Client, Json
from tests.conformance.conftest import Refuses

INVALID = "One or more parameter values were invalid: "
SCHEMA = "The provided key element does not match the schema"
TWICE = "Provided list of item keys contains duplicates"
SEVERAL = (
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the"
    " supported datatypes"
)


def key(name: Any) -> Json:
    return {"a": {"S": str(name)}}


def put(item: Json) -> Json:
    return {"PutRequest": {"Item": item}}


def delete(item: Json) -> Json:
    return {"DeleteRequest": {"Key": item}}


def writes(*requests: Json, table: str = "@simple") -> Json:
    return {"RequestItems": {table: list(requests)}}


def gets(*keys: Json, table: str = "@simple", **more: Any) -> Json:
    return {"RequestItems": {table: {"Keys": list(keys), **more}}}


WRITES: dict[str, tuple[Json, str]] = {
    "nothing": (
        {"RequestItems": {}},
        "The requestItems parameter is required for BatchWriteItem",
    ),
    "a request of nothing": (writes({}), SEVERAL),
    "a put and a delete in one": (writes({**put(key(1)), **delete(key(1))}), SEVERAL),
    "one key put twice": (writes(put(key(1)), put(key(1))), TWICE),
    "one key put and deleted": (writes(put(key(1)), delete(key(1))), TWICE),
    "an item without key": (writes(put({"b": {"S": "x"}})), SCHEMA),
    "a key of another type": (writes(put({"a": {"N": "5"}})), SCHEMA),
    "a list for a key": (writes(put({"a": {"L": [{"S": "x"}]}})), SCHEMA),
    "a delete with too much": (
        writes(delete({**key(1), "b": {"S": "x"}})),
        "The number of conditions on the keys is invalid",
    ),
    "an empty key": (
        writes(put({"a": {"S": ""}})),
        (
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            " cannot contain an empty string value. Key: a"
        ),
    ),
    "an index key of another type": (
        writes(put({**key(1), "b": {"S": "x"}, "c": {"N": "5"}}), table="@composite"),
        INVALID + "Type mismatch for Index Key c Expected: S Actual: N IndexName: global_all",
    ),
    "a bad value": (
        writes(put(key(1)), put({**key(2), "x": {"N": "x"}})),
        "The parameter cannot be converted to a numeric value: x",
    ),
    "too large an item": (
        writes(put({**key(1), "x": {"S": "x" * 409_600}})),
        "Item size has exceeded the maximum allowed size",
    ),
    "more than 25 over several tables": (
        {
            "RequestItems": {
                "@simple": [put(key(n)) for n in range(20)],
                "@composite": [put({**key(n), "b": {"S": "x"}}) for n in range(6)],
            }
        },
        "Too many items requested for the BatchWriteItem call",
    ),
}


@pytest.mark.parametrize("case", WRITES)
def test_batch_write_refuses(refuses: Refuses, case: str) -> None:
    request, message = WRITES[case]
    refuses("BatchWriteItem", request, message)


@pytest.mark.parametrize("case", ["a request of nothing", "a bad value", "too large an item"])
def test_what_is_wrong_with_writes_is_told_before_the_table_is_looked_for(
    refuses: Refuses, case: str
) -> None:
    request, message = WRITES[case]
    body = {"RequestItems": {"no-such-table": request["RequestItems"]["@simple"]}}
    refuses("BatchWriteItem", body, message)


def test_nothing_is_written_of_a_batch_that_is_refused(db: Client, simple: str) -> None:
    item = key("batch-refused")
    assert db.send("BatchWriteItem", writes(put(item), put({}), table=simple)).status == 400
    assert db.get(simple, item) is None


@pytest.mark.parametrize("operation", ["BatchWriteItem", "BatchGetItem"])
def test_tables_that_are_not_there(refuses: Refuses, operation: str) -> None:
    body = writes(put(key(1)), table="no-such-table")
    if operation == "BatchGetItem":
        body = gets(key(1), table="no-such-table")
    refuses(operation, body, "Requested resource not found", "ResourceNotFoundException")


def test_26_writes_of_one_table_break_the_constraint(db: Client, simple: str) -> None:
    answer = db.send("BatchWriteItem", writes(*(put(key(n)) for n in range(26)), table=simple))
    assert (answer.status, answer.code) == (400, "ValidationException")
    start = f"1 validation error detected: Value '{{{simple}=[WriteRequest(putRequest=PutRequest("
    assert answer.message.startswith(start)
    assert answer.message.endswith(
        "]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint:"
        " [Member must have length less than or equal to 25, Member must have length greater than"
        " or equal to 1]"
    )


def test_batches_write_to_several_tables(db: Client, simple: str, composite: str) -> None:
    db.put(simple, key("gone"))
    item = {**key("batch"), "x": {"S": "1"}}
    other = {**key("batch"), "b": {"S": "x"}}
    body = {"RequestItems": {simple: [put(item), delete(key("gone"))], composite: [put(other)]}}
    assert db.call("BatchWriteItem", body) == {"UnprocessedItems": {}}
    assert db.get(simple, key("batch")) == item
    assert db.get(simple, key("gone")) is None
    assert db.get(composite, other) == other


# BatchGetItem ------------------------------------------------------------------------------------

GETS: dict[str, tuple[Json, str]] = {
    "nothing": ({"RequestItems": {}}, "The requestItems parameter is required for BatchGetItem"),
    "one key twice": (gets(key(1), key(2), key(1)), TWICE),
    "too many keys over several tables": (
        {
            "RequestItems": {
                "@simple": {"Keys": [key(n) for n in range(60)]},
                "@composite": {"Keys": [{**key(n), "b": {"S": "x"}} for n in range(60)]},
            }
        },
        "Too many items requested for the BatchGetItem call",
    ),
    "a key of another name": (gets({"z": {"S": "x"}}), SCHEMA),
    "a key with too much": (
        gets({**key(1), "b": {"S": "x"}}),
        "The number of conditions on the keys is invalid",
    ),
    "old and new": (
        gets(key(1), AttributesToGet=["a"], ProjectionExpression="a"),
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {AttributesToGet} Expression parameters:"
            " {ProjectionExpression}"
        ),
    ),
    "old for one table and new for another": (
        {
            "RequestItems": {
                "@simple": {"Keys": [key(1)], "ProjectionExpression": "a"},
                "@composite": {
                    "Keys": [{**key(1), "b": {"S": "x"}}],
                    "AttributesToGet": ["a"],
                },
            }
        },
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {AttributesToGet} Expression parameters:"
            " {ProjectionExpression}"
        ),
    ),
    "a bad projection": (
        gets(key(1), ProjectionExpression="a, a"),
        (
            "Invalid ProjectionExpression: Two document paths overlap with each other; must remove"
            " or rewrite one of these paths; path one: [a], path two: [a]"
        ),
    ),
}


@pytest.mark.parametrize("case", GETS)
def test_batch_get_refuses(refuses: Refuses, case: str) -> None:
    request, message = GETS[case]
    refuses("BatchGetItem", request, message)


def test_duplicates_are_told_before_the_table_is_looked_for(refuses: Refuses) -> None:
    refuses("BatchGetItem", gets(key(1), key(1), table="no-such-table"), TWICE)


def test_101_keys_break_the_constraint(db: Client, simple: str) -> None:
    answer = db.send("BatchGetItem", gets(*(key(n) for n in range(101)), table=simple))
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert answer.message.endswith(
        f" at 'requestItems.{simple}.member.keys' failed to satisfy constraint: Member must have"
        " length less than or equal to 100"
    )


def test_batches_read_from_several_tables(db: Client, simple: str, composite: str) -> None:
    item = {**key("batch-get"), "x": {"S": "1"}}
    other = {**key("batch-get"), "b": {"S": "x"}, "n": {"N": "1"}}
    db.put(simple, item)
    db.put(composite, other)
    found = db.call(
        "BatchGetItem",
        {
            "RequestItems": {
                simple: {"Keys": [key("batch-get"), key("missing")], "ConsistentRead": True},
                composite: {
                    "Keys": [{"a": other["a"], "b": other["b"]}],
                    "ProjectionExpression": "#n",
                    "ExpressionAttributeNames": {"#n": "n"},
                },
            }
        },
    )
    assert found == {
        "Responses": {simple: [item], composite: [{"n": {"N": "1"}}]},
        "UnprocessedKeys": {},
    }


def test_what_does_not_fit_into_16_mb_is_left_to_the_caller(db: Client) -> None:
    from tests.conformance.shapes import definitions, keys

    table = db.new_table(AttributeDefinitions=definitions(("a", "S")), KeySchema=keys("a"))
    for start in range(0, 50, 5):
        db.put_many(table, [{**key(n), "x": {"S": "x" * 390_000}} for n in range(start, start + 5)])
    wanted = {table: {"Keys": [key(n) for n in range(50)], "ConsistentRead": True}}
    seen: set[str] = set()
    rounds = 0
    while wanted:
        answer = db.call("BatchGetItem", {"RequestItems": wanted})
        found = answer["Responses"][table]
        assert sum(len(item["x"]["S"]) for item in found) <= 16 * 1024 * 1024 + 400_000
        assert found
        seen |= {item["a"]["S"] for item in found}
        wanted = answer["UnprocessedKeys"]
        if wanted:
            assert set(wanted[table]) == {"Keys", "ConsistentRead"}
        rounds += 1
    assert len(seen) == 50
    assert rounds > 1
