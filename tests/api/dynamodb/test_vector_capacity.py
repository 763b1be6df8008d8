"""Proves that writes count for what they change in vector indexes, to the byte as on AWS."""

from __future__ import annotations

from tailrace.testing.calling import Caller
from tests.api.dynamodb.vectors import (
    Json,
    created,
    index,
    vector,
)


def put_bytes(caller: Caller, pk: str, **attributes: Json) -> Json:
    answer = caller.call(
        "PutItem",
        TableName="things",
        Item={"pk": {"S": pk}, **attributes},
        ReturnConsumedCapacity="INDEXES",
    )
    return answer["ConsumedCapacity"].get("VectorIndexes", {})


def test_writes_are_counted_by_what_the_index_holds_of_them(caller: Caller) -> None:
    keys = index("keys", Projection={"ProjectionType": "KEYS_ONLY"}, Dimensions=512)
    created(caller, index(Dimensions=512), keys)
    long = vector(*[0.5] * 512)

    def used(**names: float) -> Json:
        return {name: {"VectorWriteRequestBytes": value} for name, value in names.items()}

    # Four bytes a number and the names and values of pk and note, and v's name.
    first = put_bytes(caller, "a", v=long, note={"S": "x"})
    assert first == used(near=2048.0 + 3 + 1 + 5, keys=2048.0 + 3 + 1)
    assert put_bytes(caller, "a", v=long, note={"S": "x"}) == {}
    assert put_bytes(caller, "a", v=long, note={"S": "y"}) == used(near=2057.0)
    other = vector(*[0.25] * 512)
    assert put_bytes(caller, "a", v=other, note={"S": "y"}) == used(near=2057.0, keys=2052.0)
    assert put_bytes(caller, "b", note={"S": "y"}) == {}
    answer = caller.call(
        "DeleteItem",
        TableName="things",
        Key={"pk": {"S": "a"}},
        ReturnConsumedCapacity="INDEXES",
    )
    assert answer["ConsumedCapacity"]["VectorIndexes"] == used(near=2057.0, keys=2052.0)


def test_a_write_that_shrinks_counts_for_what_it_was(caller: Caller) -> None:
    created(caller, index())
    sizes = [1500, 3000, 1500]
    used = [
        put_bytes(caller, "a", v=vector(1, 0, 0), blob={"S": "y" * size})["near"] for size in sizes
    ]
    # 12 for the vector, 1 for its name, 3 for the key, 4 for the blob's name.
    assert [each["VectorWriteRequestBytes"] for each in used] == [1520.0, 3020.0, 3020.0]


def test_bytes_are_no_units_and_nothing_counts_for_less_than_a_kilobyte(caller: Caller) -> None:
    created(caller, index())
    item = {"pk": {"S": "a"}, "v": vector(1, 0, 0)}
    total = caller.call("PutItem", TableName="things", Item=item, ReturnConsumedCapacity="TOTAL")[
        "ConsumedCapacity"
    ]
    assert total == {"TableName": "things", "CapacityUnits": 1.0}
    changed = {"Put": {"TableName": "things", "Item": item | {"v": vector(0, 1, 0)}}}
    (used,) = caller.call(
        "TransactWriteItems", TransactItems=[changed], ReturnConsumedCapacity="INDEXES"
    )["ConsumedCapacity"]
    assert used["CapacityUnits"] == 2.0
    assert used["VectorIndexes"] == {"near": {"VectorWriteRequestBytes": 1024.0}}
    puts = [{"PutRequest": {"Item": {"pk": {"S": pk}, "v": vector(0, 0, 1)}}} for pk in ("x", "y")]
    (used,) = caller.call(
        "BatchWriteItem", RequestItems={"things": puts}, ReturnConsumedCapacity="INDEXES"
    )["ConsumedCapacity"]
    assert used["VectorIndexes"] == {"near": {"VectorWriteRequestBytes": 2048.0}}
