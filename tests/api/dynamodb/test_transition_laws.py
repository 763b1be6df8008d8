"""Whatever is asked for in whatever order, and however time goes: nobody can tell whether
housekeeping has settled what is due, statuses go only the ways that AWS's go, and all of it
ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.tables.keeping import Policy, keep
from tailrace.testing.calling import Caller, CallRefused
from tests.api.dynamodb.transitions import DEFINED, INDEX, KEY, SECOND_US, TEN_S, VIEW

NAMES = ("one", "two")
INDEXES = ("by-n", "by-m")
Step = tuple[str, dict[str, Any]]

# What a status may be followed by, when it is looked at after each step; None: there is no table.
TABLE_WAYS = {
    None: {None, "CREATING"},
    "CREATING": {"CREATING", "ACTIVE"},
    "ACTIVE": {"ACTIVE", "UPDATING", "DELETING"},
    "UPDATING": {"UPDATING", "ACTIVE"},
    "DELETING": {"DELETING", None},
}
INDEX_WAYS = {
    None: {None, "CREATING"},
    "CREATING": {"CREATING", "ACTIVE", "DELETING"},
    "ACTIVE": {"ACTIVE", "UPDATING", "DELETING", None},
    "UPDATING": {"UPDATING", "ACTIVE"},
    "DELETING": {"DELETING", None},
}


def steps() -> st.SearchStrategy[Step]:
    """Calls, and `wait` for some seconds."""
    names, indexes = st.sampled_from(NAMES), st.sampled_from(INDEXES)
    units = st.builds(
        lambda reads: {"ReadCapacityUnits": reads, "WriteCapacityUnits": 1}, st.integers(1, 3)
    )

    def call(operation: str, **members: Any) -> st.SearchStrategy[Step]:
        built = st.fixed_dictionaries({"TableName": names, **members})
        return built.map(lambda asked: (operation, asked))

    def index_update(action: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Step]:
        updates = action.map(lambda one: [one])
        return call(
            "UpdateTable",
            AttributeDefinitions=st.just(DEFINED),
            GlobalSecondaryIndexUpdates=updates,
        )

    made = st.builds(
        lambda name, own: {"Create": {**INDEX, "IndexName": name, "ProvisionedThroughput": own}},
        indexes,
        units,
    )
    changed = st.builds(
        lambda name, own: {"Update": {"IndexName": name, "ProvisionedThroughput": own}},
        indexes,
        units,
    )
    removed = indexes.map(lambda name: {"Delete": {"IndexName": name}})
    stream = st.sampled_from([VIEW, {"StreamEnabled": False}])
    item = st.sampled_from(["a", "b"]).map(lambda pk: {"pk": {"S": pk}, "n": {"N": "1"}})
    creation = {
        "ProvisionedThroughput": units,
        **{name: st.just(value) for name, value in KEY.items()},
    }
    return st.one_of(
        st.integers(1, 12).map(lambda seconds: ("wait", {"seconds": seconds})),
        call("CreateTable", **creation),
        call("DeleteTable"),
        call("UpdateTable", ProvisionedThroughput=units),
        call("UpdateTable", StreamSpecification=stream),
        index_update(made),
        index_update(changed),
        index_update(removed),
        call("PutItem", Item=item),
        call("Scan", IndexName=indexes),
        call("Scan"),
        call("DescribeTimeToLive"),
    )


class Pair:
    """Two stores with the same calls: one is kept in order after each, in the other nothing is done
    but filling indexes."""

    def __init__(self) -> None:
        self.callers = [Caller(), Caller()]
        for caller in self.callers:
            caller.service.faults.transition_us = TEN_S

    def do(self, step: Step) -> None:
        operation, members = step
        if operation == "wait":
            for caller in self.callers:
                caller.clock.advance(members["seconds"] * SECOND_US)
        else:
            first, second = (_answer(caller, operation, members) for caller in self.callers)
            assert first == second
        self.callers[0].keep()
        self.fill()

    def fill(self) -> None:
        """Housekeeping at the beginning of time: nothing is due."""
        while keep(self.callers[1].engine, Policy(), 0):
            pass

    def states(self) -> Iterator[tuple[Any, str | None]]:
        """The statuses of tables by name, and of indexes by the names of both."""
        for name in NAMES:
            first, second = (
                _answer(caller, "DescribeTable", {"TableName": name}) for caller in self.callers
            )
            assert first == second
            table: dict[str, Any] = first.get("Table", {})
            yield name, table.get("TableStatus")
            known = {
                own["IndexName"]: own["IndexStatus"]
                for own in table.get("GlobalSecondaryIndexes", ())
            }
            for index in INDEXES:
                yield (name, index), known.get(index)


def _answer(caller: Caller, operation: str, members: dict[str, Any]) -> dict[str, Any]:
    try:
        return caller.call(operation, **members)
    except CallRefused as refusal:
        if refusal.code == "InternalServerError":
            raise
        return refusal.body


@given(st.lists(steps(), max_size=30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_transitions_go_their_ways_whoever_looks(run: list[Step]) -> None:
    pair = Pair()
    before = dict(pair.states())
    for step in run:
        pair.do(step)
        after = dict(pair.states())
        for place, status in after.items():
            ways = TABLE_WAYS if isinstance(place, str) else INDEX_WAYS
            assert status in ways[before[place]], (place, before[place], status, step)
        before = after
    for caller in pair.callers:
        caller.clock.advance(20 * SECOND_US)
    for status in dict(pair.states()).values():
        assert status in (None, "ACTIVE")
    pair.do(("ListTables", {}))
    pair.callers[1].keep()
    for caller in pair.callers:
        assert caller.engine.catalog().next_settlement_us is None
