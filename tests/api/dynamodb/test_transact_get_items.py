"""Proves that TransactGetItems reads of one moment count twice, and are refused as on AWS."""

from __future__ import annotations

from typing import Any

from tailrace.testing.calling import Caller


def get(pk: str, table: str = "things", **more: Any) -> dict[str, Any]:
    return {"Get": {"TableName": table, "Key": {"pk": {"S": pk}}, **more}}


def read(caller: Caller, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return caller.call("TransactGetItems", TransactItems=list(actions), **more)


def test_items_come_in_the_order_of_their_keys_and_absent_ones_are_empty(caller: Caller) -> None:
    caller.create()
    caller.create("others")
    caller.put("a", n={"N": "1"}, m={"N": "2"})
    caller.put("a", "others")
    more = {"ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": "n"}}
    answer = read(caller, get("absent"), get("a", **more), get("a", "others"))
    assert answer == {"Responses": [{}, {"Item": {"n": {"N": "1"}}}, {"Item": {"pk": {"S": "a"}}}]}


def test_each_item_counts_twice_and_absent_ones_too(caller: Caller) -> None:
    caller.create()
    caller.put("a", text={"S": "x" * 5000})
    answer = read(caller, get("a"), get("absent"), ReturnConsumedCapacity="INDEXES")
    units = {"CapacityUnits": 6.0, "ReadCapacityUnits": 6.0}
    assert answer["ConsumedCapacity"] == [{"TableName": "things", **units, "Table": units}]


def test_a_key_that_does_not_fit_cancels(caller: Caller) -> None:
    caller.create()
    wrong = {"Get": {"TableName": "things", "Key": {}}}
    refusal = caller.refused("TransactGetItems", TransactItems=[get("a"), wrong])
    assert refusal.code == "TransactionCanceledException"
    assert refusal.message.endswith("specific reasons [None, ValidationError]")
    empty = caller.refused("TransactGetItems", TransactItems=[get("")])
    assert empty.code == "ValidationException"


def test_requests_are_refused_as_a_whole(caller: Caller) -> None:
    caller.create()
    twice = caller.refused("TransactGetItems", TransactItems=[get("a"), get("a")])
    assert twice.message == "Transaction request cannot include multiple operations on one item"
    absent = caller.refused("TransactGetItems", TransactItems=[get("a", "nowhere")])
    assert (absent.code, absent.message) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    syntax = caller.refused(
        "TransactGetItems", TransactItems=[get("a", ProjectionExpression="!!!")]
    )
    assert syntax.message == 'Invalid ProjectionExpression: Syntax error; token: "!", near: "!!"'
    many = [get(str(number)) for number in range(101)]
    too_many = caller.refused("TransactGetItems", TransactItems=many)
    assert too_many.message.endswith("Member must have length less than or equal to 100")


def test_more_than_four_megabytes_are_refused(caller: Caller) -> None:
    caller.create()
    for number in range(11):
        caller.put(str(number), text={"S": "x" * 400_000})
    assert len(read(caller, *[get(str(number)) for number in range(10)])["Responses"]) == 10
    refusal = caller.refused("TransactGetItems", TransactItems=[get(str(n)) for n in range(11)])
    assert refusal.code == "ValidationException"
