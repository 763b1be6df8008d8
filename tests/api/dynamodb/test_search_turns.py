"""Proves that long searches let others have their turn, and are answered whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from tailrace import limits
from tailrace.api.dispatch import Dispatcher
from tailrace.api.registry import OPERATIONS, SERVICES
from tailrace.testing.calling import Caller
from tailrace.wire.call import Call, Reply
from tests.api.dynamodb.vectors import Json, index, vector


def begun(
    caller: Caller, query: Json
) -> tuple[list[Callable[[], None]], list[Reply], Callable[[], None]]:
    """A search that has had its first turn: the steps that wait for the next, the replies, and what
    begins another."""
    waiting: list[Callable[[], None]] = []
    replies: list[Reply] = []

    def soon(step: Callable[[], None]) -> bool:
        waiting.append(step)
        return True

    service = msgspec.structs.replace(caller.service, soon=soon)
    members = {"TableName": "things", "IndexName": "near", "TopK": 2, "SearchVector": query["L"]}
    body = msgspec.json.encode(members)
    call = Call("DynamoDB_20120810.SearchVectors", body, caller.scope)
    dispatcher = Dispatcher(service, OPERATIONS, SERVICES)

    def again() -> None:
        dispatcher.dispatch(call, replies.append)

    again()
    return waiting, replies, again


def test_a_long_search_lets_others_have_their_turn(store: Caller) -> None:
    store.create(VectorIndexes=[index()])
    puts = [
        {"PutRequest": {"Item": {"pk": {"S": f"k{place}"}, "v": vector(place, 0, 0)}}}
        for place in range(600)
    ]
    for start in range(0, len(puts), 25):
        store.call("BatchWriteItem", RequestItems={"things": puts[start : start + 25]})
    waiting, replies, _ = begun(store, vector(1, 0, 0))
    turns = 0
    while waiting:
        assert not replies
        store.put("between", v=vector(turns, 0, 0))
        waiting.pop()()
        turns += 1
    assert turns == 2
    (reply,) = replies
    assert reply.status == 200
    assert len(msgspec.json.decode(reply.body)["SearchResults"]) == 2


def test_only_so_many_searches_are_under_way(caller: Caller) -> None:
    caller.create(VectorIndexes=[index(Dimensions=4096)])
    numbers = vector(*[1] * 4096)
    for place in range(6):
        caller.put(f"k{place}", v=numbers)
    waiting, replies, again = begun(caller, numbers)
    for _ in range(limits.CALLS_CONTINUED - 1):
        again()
    assert len(waiting) == limits.CALLS_CONTINUED
    assert replies == []
    again()
    (refusal,) = replies
    assert b"ThrottlingException" in refusal.body
    assert b"Too many searches are under way" in refusal.body
    while waiting:
        waiting.pop()()
    assert [reply.status for reply in replies[1:]] == [200] * limits.CALLS_CONTINUED
    again()
    while waiting:
        waiting.pop()()
    assert replies[-1].status == 200


def test_a_table_that_goes_during_a_search_ends_it(store: Caller) -> None:
    store.create(VectorIndexes=[index(Dimensions=4096)])
    numbers = vector(*[1] * 4096)
    for place in range(6):
        store.put(f"k{place}", v=numbers)
    waiting, replies, _ = begun(store, numbers)
    store.call("DeleteTable", TableName="things")
    store.keep()
    while waiting:
        waiting.pop()()
    assert [reply.status for reply in replies] == [200]


def test_a_search_that_the_store_fails_is_answered(tmp_path: Path) -> None:
    durable = Caller(tmp_path)
    durable.create(VectorIndexes=[index(Dimensions=4096)])
    numbers = vector(*[1] * 4096)
    for place in range(6):
        durable.put(f"k{place}", v=numbers)
    waiting, replies, _ = begun(durable, numbers)
    durable.close()
    (step,) = waiting
    step()
    assert [reply.status for reply in replies] == [500]
