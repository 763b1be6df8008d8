"""Proves that vector indexes are created and deleted for as long as changes take, and that they are
searched when they are ready, and no earlier."""

from __future__ import annotations

from tailrace.testing.calling import Caller
from tests.api.dynamodb.transitions import IN_USE, described, refused, update, wait
from tests.api.dynamodb.vectors import Json, created, index, scores, search, vector
from tests.api.dynamodb.vectors import refused as refused_search

QUERY = vector(1, 0, 0)
ONE = (
    "LimitExceededException: Subscriber limit exceeded: Only 1 online index can be created or"
    " deleted simultaneously per table"
)


def shown(caller: Caller) -> tuple[str, str, bool | None]:
    """The status of the table, that of its index, and whether it is being filled."""
    table = described(caller)
    (own,) = table["VectorIndexes"]
    return table["TableStatus"], own["IndexStatus"], own.get("Backfilling")


def delete() -> list[Json]:
    return [{"Delete": {"IndexName": "near"}}]


def test_an_index_that_comes_with_its_table_is_active_with_it(slow: Caller) -> None:
    created(slow, index())
    assert shown(slow) == ("CREATING", "CREATING", None)
    wait(slow)
    assert shown(slow) == ("ACTIVE", "ACTIVE", None)
    slow.put("a", v=QUERY)
    assert scores(search(slow, QUERY)) == {"a": 0.0}


def test_an_added_index_is_allocated_then_filled_then_searched(slow: Caller) -> None:
    slow.create()
    wait(slow)
    slow.put("a", v=QUERY)
    answer = update(slow, VectorIndexUpdates=[{"Create": index()}])
    assert answer["TableStatus"] == "UPDATING"
    assert shown(slow) == ("UPDATING", "CREATING", False)
    backfilling = "Cannot search backfilling vector index: near"
    assert refused_search(slow, QUERY) == backfilling
    assert refused(slow, "UpdateTable", VectorIndexUpdates=delete()) == (
        f"{IN_USE}Index creation is in resource allocation phase. Retry deletion during backfilling"
        " phase or when the index is active. Table: things Index: near"
    )
    more = [{"Create": index("far")}]
    assert refused(slow, "UpdateTable", VectorIndexUpdates=more) == ONE
    wait(slow, 6)
    slow.keep()
    assert shown(slow) == ("ACTIVE", "CREATING", True)
    assert refused_search(slow, QUERY) == backfilling
    assert refused(slow, "DeleteTable") == (
        f"{IN_USE}Cannot delete table while indexes are being created, updated, or deleted."
    )
    slow.put("b", v=vector(0, 1, 0))
    wait(slow, 5)
    assert shown(slow) == ("ACTIVE", "ACTIVE", None)
    assert scores(search(slow, QUERY)) == {"a": 0.0, "b": 1.0}


def test_an_index_can_be_given_up_while_it_is_filled(slow: Caller) -> None:
    slow.create()
    wait(slow)
    update(slow, VectorIndexUpdates=[{"Create": index()}])
    wait(slow, 6)
    update(slow, VectorIndexUpdates=delete())
    assert shown(slow)[1] == "DELETING"
    missing = "The table does not have the specified index: near"
    assert refused_search(slow, QUERY) == missing
    wait(slow)
    assert "VectorIndexes" not in described(slow)
    assert refused_search(slow, QUERY) == missing
    assert described(slow)["TableStatus"] == "ACTIVE"
