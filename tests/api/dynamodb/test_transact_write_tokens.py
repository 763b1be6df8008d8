"""Proves that a client request token makes a transaction happen once in ten minutes."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller, CallRefused

SECOND_US = 1_000_000


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}}


def add(pk: str, amount: int = 1) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "things",
            "Key": key(pk),
            "UpdateExpression": "ADD n :n",
            "ExpressionAttributeValues": {":n": {"N": str(amount)}},
        }
    }


def check(pk: str) -> dict[str, Any]:
    condition = {"ConditionExpression": "attribute_exists(pk)"}
    return {"ConditionCheck": {"TableName": "things", "Key": key(pk), **condition}}


def transact(caller: Caller, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return caller.call("TransactWriteItems", TransactItems=list(actions), **more)


def refused(caller: Caller, *actions: dict[str, Any], **more: Any) -> CallRefused:
    return caller.refused("TransactWriteItems", TransactItems=list(actions), **more)


def test_a_token_makes_a_request_happen_once(caller: Caller) -> None:
    caller.create()
    for _ in range(3):
        assert transact(caller, add("a"), ClientRequestToken="t") == {}
    assert caller.get("a") == {**key("a"), "n": {"N": "1"}}
    transact(caller, add("a"), ClientRequestToken="other")
    assert caller.get("a") == {**key("a"), "n": {"N": "2"}}


def test_a_repetition_shows_what_reading_the_items_uses(caller: Caller) -> None:
    caller.create()
    more = {"ClientRequestToken": "t", "ReturnConsumedCapacity": "TOTAL"}
    first = transact(caller, add("a"), **more)
    again = transact(caller, add("a"), **more)
    common = {"TableName": "things", "CapacityUnits": 2.0}
    assert first["ConsumedCapacity"] == [{**common, "WriteCapacityUnits": 2.0}]
    assert again["ConsumedCapacity"] == [{**common, "ReadCapacityUnits": 2.0}]


def test_a_token_belongs_to_one_request(caller: Caller) -> None:
    caller.create()
    transact(caller, add("a"), ClientRequestToken="t")
    refusal = refused(caller, add("a", 2), ClientRequestToken="t")
    assert refusal.code == "IdempotentParameterMismatchException"
    assert caller.get("a") == {**key("a"), "n": {"N": "1"}}


def test_a_token_is_forgotten_after_ten_minutes(caller: Caller) -> None:
    caller.create()
    transact(caller, add("a"), ClientRequestToken="t")
    caller.clock.advance(599 * SECOND_US)
    caller.keep()
    transact(caller, add("a"), ClientRequestToken="t")
    caller.clock.advance(SECOND_US)
    transact(caller, add("a"), ClientRequestToken="t")
    assert caller.get("a") == {**key("a"), "n": {"N": "2"}}
    caller.clock.advance(600 * SECOND_US)
    caller.keep()
    (tokens,) = [
        table for table in caller.engine.catalog().tables.values() if table.name != "things"
    ]
    assert caller.engine.usage(tokens).items == 0


def test_a_cancelled_transaction_leaves_its_token_unused(caller: Caller) -> None:
    caller.create()
    actions = (add("a"), check("b"))
    refused(caller, *actions, ClientRequestToken="t")
    caller.put("b")
    transact(caller, *actions, ClientRequestToken="t")
    assert caller.get("a") == {**key("a"), "n": {"N": "1"}}


def test_tokens_belong_to_their_region_and_hidden_tables_to_nobody(caller: Caller) -> None:
    caller.create()
    transact(caller, add("a"), ClientRequestToken="t")
    assert caller.call("ListTables")["TableNames"] == ["things"]
    refusal = caller.refused("DescribeTable", TableName="transaction-tokens")
    assert refusal.code == "ResourceNotFoundException"


def test_tokens_outlive_a_restart(disk: Any) -> None:
    caller = disk.open()
    caller.create()
    transact(caller, add("a"), ClientRequestToken="t")
    caller = disk.open()
    transact(caller, add("a"), ClientRequestToken="t")
    assert caller.get("a") == {**key("a"), "n": {"N": "1"}}
