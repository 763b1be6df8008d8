"""Batches do the part that there is throughput for, and give the rest back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Throttled


def puts(*keys: str) -> list[dict[str, Any]]:
    return [{"PutRequest": {"Item": {"pk": {"S": each}}}} for each in keys]


def keys(*names: str) -> list[dict[str, Any]]:
    return [{"pk": {"S": name}} for name in names]


def test_writes_beyond_the_throughput_are_unprocessed(throttled: Throttled) -> None:
    throttled.provisioned(writes=3)
    throttled.create("free")
    asked = {"things": [*puts("a", "b", "c", "d"), *deletes("e")], "free": puts("x")}
    answer = throttled.call("BatchWriteItem", RequestItems=asked)
    assert answer == {"UnprocessedItems": {"things": [*puts("d"), *deletes("e")]}}
    assert sorted(each["pk"]["S"] for each in throttled.scan()) == ["a", "b", "c"]
    assert throttled.get("x", "free") is not None


def deletes(*names: str) -> list[dict[str, Any]]:
    return [{"DeleteRequest": {"Key": each}} for each in keys(*names)]


def test_what_is_unprocessed_can_be_sent_again_until_all_is_done(throttled: Throttled) -> None:
    throttled.provisioned(writes=2)
    left: dict[str, Any] = {"things": puts(*"abcdefg")}
    rounds = 0
    while left:
        left = throttled.call("BatchWriteItem", RequestItems=left)["UnprocessedItems"]
        throttled.wait(1)
        rounds += 1
    assert rounds == 4
    assert len(throttled.scan()) == 7


def test_a_batch_of_writes_of_which_none_fits_is_refused(throttled: Throttled) -> None:
    throttled.provisioned(writes=1)
    throttled.put("a")
    refusal = throttled.refused("BatchWriteItem", RequestItems={"things": puts("b", "c")})
    assert refusal.code == "ProvisionedThroughputExceededException"
    assert refusal.body["ThrottlingReasons"][0]["reason"] == (
        "TableWriteProvisionedThroughputExceeded"
    )


def test_keys_beyond_the_throughput_are_unprocessed(throttled: Throttled) -> None:
    throttled.provisioned(reads=2, writes=100)
    throttled.create("free")
    for name in "abcdef":
        throttled.put(name)
    asked = {
        "things": {"Keys": keys(*"abcdef"), "ProjectionExpression": "pk"},
        "free": {"Keys": keys("x")},
    }
    answer = throttled.call("BatchGetItem", RequestItems=asked)
    assert answer["Responses"] == {"things": keys(*"abcd"), "free": []}
    assert answer["UnprocessedKeys"] == {
        "things": {"Keys": keys("e", "f"), "ProjectionExpression": "pk"}
    }
    assert "ConsumedCapacity" not in answer
    refusal = throttled.refused("BatchGetItem", RequestItems={"things": {"Keys": keys("a")}})
    assert refusal.code == "ProvisionedThroughputExceededException"


def test_consistent_keys_cost_double(throttled: Throttled) -> None:
    throttled.provisioned(reads=2)
    asked = {"things": {"Keys": keys(*"abc"), "ConsistentRead": True}}
    answer = throttled.call("BatchGetItem", RequestItems=asked, ReturnConsumedCapacity="TOTAL")
    assert answer["UnprocessedKeys"]["things"]["Keys"] == keys("c")
    assert answer["ConsumedCapacity"] == [{"TableName": "things", "CapacityUnits": 2.0}]


def test_statements_have_their_own_errors(throttled: Throttled) -> None:
    throttled.provisioned(reads=1, writes=1)
    writes = [{"Statement": f"INSERT INTO things VALUE {{'pk': '{name}'}}"} for name in "ab"]
    first, second = throttled.call("BatchExecuteStatement", Statements=writes)["Responses"]
    assert first == {"TableName": "things"}
    assert second["Error"]["Code"] == "ProvisionedThroughputExceeded"
    assert second["Error"].keys() == {"Code", "Message"}
    reads = [{"Statement": f"SELECT * FROM things WHERE pk = '{name}'"} for name in "abc"]
    answer = throttled.call(
        "BatchExecuteStatement", Statements=reads, ReturnConsumedCapacity="TOTAL"
    )
    assert [set(each) for each in answer["Responses"]] == [
        {"TableName", "Item"},
        {"TableName"},
        {"TableName", "Error"},
    ]
    assert len(answer["ConsumedCapacity"]) == 2
