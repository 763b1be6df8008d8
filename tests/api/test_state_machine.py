"""The same calls to the memory engine and to SQLite get the same answers, the same refusals word
for word, and leave the same items and the same stream."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tailrace.clock import ManualClock
from tailrace.testing.calling import Caller, CallRefused

_KEYS = st.sampled_from(["a", "b", "c"])
_SORTS = st.sampled_from(["1", "2", "\u00e9"])
_TEXTS = st.sampled_from(["", "x", "y", "\u4e2d", "long" * 50])
_NUMBERS = st.sampled_from(["0", "1", "-1.50", "1e3", "9" * 38, "1e126", "no number"])
_VALUES = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, _TEXTS),
        st.builds(lambda text: {"N": text}, _NUMBERS),
        st.just({"BOOL": True}),
        st.just({"NULL": True}),
        st.just({"B": "AAEC"}),
        st.builds(lambda members: {"SS": members}, st.lists(_TEXTS, max_size=3)),
        st.builds(lambda members: {"NS": members}, st.lists(_NUMBERS, max_size=3)),
    ),
    lambda inner: st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(inner, max_size=2)),
        st.builds(lambda members: {"M": members}, st.dictionaries(_TEXTS, inner, max_size=2)),
    ),
    max_leaves=4,
)
_ATTRIBUTES = st.dictionaries(st.sampled_from(["v", "w", "g", "l"]), _VALUES, max_size=3)
_RETURNED = st.sampled_from(["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"])
_CONDITIONS = st.sampled_from(
    [
        None,
        "attribute_exists(pk)",
        "attribute_not_exists(pk)",
        "v = :x",
        "size(w) > :n",
        "contains(v, :x) OR NOT begins_with(w, :x)",
        "v =",
        "nope(:x)",
    ]
)
_UPDATES = st.sampled_from(
    [
        "SET v = :x",
        "SET v = if_not_exists(v, :n) + :n",
        "ADD w :n",
        "REMOVE v, w",
        "SET #g = :x REMOVE l",
        "DELETE v :set",
        "SET l.a[0] = :x",
        "SET pk = :x",
        "SET v = v + :x",
        "UPDATE v",
    ]
)
_BOUND = {":x": {"S": "x"}, ":n": {"N": "1"}, ":set": {"SS": ["x"]}}
_INDEXED = [
    {
        "IndexName": "by-g",
        "KeySchema": [
            {"AttributeName": "g", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["v"]},
    }
]
# What differs by nature: request and event ids, and the clocks of two stores.
_OWN = ("SequenceNumber", "eventID", "ApproximateCreationDateTime")


class Agreement(RuleBasedStateMachine):
    """Two stores side by side."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        data = Path(self._directory.name) / "data"
        self.both = (Caller(clock=ManualClock()), Caller(data, clock=ManualClock()))

    def teardown(self) -> None:
        for caller in self.both:
            caller.close()
        self._directory.cleanup()

    def call(self, operation: str, **members: Any) -> dict[str, Any] | None:
        """The answer of both, or None when both refuse."""
        told = {name: value for name, value in members.items() if value is not None}
        naive, sqlite = (_answer(caller, operation, told) for caller in self.both)
        assert sqlite == naive, (operation, told)
        return naive if "refused" not in naive else None

    @initialize()
    def create(self) -> None:
        for caller in self.both:
            caller.create(
                sort=True,
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "g")
                ],
                GlobalSecondaryIndexes=_INDEXED,
                StreamSpecification={
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            )

    @rule(pk=_KEYS, sk=_SORTS, more=_ATTRIBUTES, condition=_CONDITIONS, returned=_RETURNED)
    def put(self, pk: str, sk: str, more: Any, condition: str | None, returned: str) -> None:
        self.call(
            "PutItem",
            TableName="things",
            Item={**more, "pk": {"S": pk}, "sk": {"S": sk}},
            ConditionExpression=condition,
            ExpressionAttributeValues=_used(condition),
            ReturnValues=returned,
            ReturnConsumedCapacity="INDEXES",
        )

    @rule(pk=_KEYS, sk=_SORTS, update=_UPDATES, condition=_CONDITIONS, returned=_RETURNED)
    def update(self, pk: str, sk: str, update: str, condition: str | None, returned: str) -> None:
        self.call(
            "UpdateItem",
            TableName="things",
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#g": "g"} if "#g" in update else None,
            ExpressionAttributeValues=_used(update, condition),
            ReturnValues=returned,
        )

    @rule(pk=_KEYS, sk=_SORTS, condition=_CONDITIONS, returned=_RETURNED)
    def delete(self, pk: str, sk: str, condition: str | None, returned: str) -> None:
        self.call(
            "DeleteItem",
            TableName="things",
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            ConditionExpression=condition,
            ExpressionAttributeValues=_used(condition),
            ReturnValues=returned,
        )

    @rule(keys=st.lists(st.tuples(_KEYS, _SORTS), min_size=1, max_size=4), condition=_CONDITIONS)
    def transact(self, keys: list[tuple[str, str]], condition: str | None) -> None:
        actions: list[dict[str, Any]] = []
        for number, (pk, sk) in enumerate(keys):
            item = {"pk": {"S": pk}, "sk": {"S": sk}, "v": {"N": str(number)}}
            put: dict[str, Any] = {"TableName": "things", "Item": item}
            if condition is not None and number == 0:
                put["ConditionExpression"] = condition
                put["ExpressionAttributeValues"] = _used(condition)
            actions.append({"Put": {k: v for k, v in put.items() if v is not None}})
        self.call("TransactWriteItems", TransactItems=actions)

    @rule(
        pk=_KEYS,
        forward=st.booleans(),
        limit=st.sampled_from([None, 1, 2]),
        index=st.sampled_from([None, "by-g"]),
    )
    def query(self, pk: str, forward: bool, limit: int | None, index: str | None) -> None:
        start: dict[str, Any] | None = None
        while True:
            page = self.call(
                "Query",
                TableName="things",
                IndexName=index,
                KeyConditionExpression=f"{'g' if index else 'pk'} = :key",
                ExpressionAttributeValues={":key": {"S": "x" if index else pk}},
                ScanIndexForward=forward,
                Limit=limit,
                ExclusiveStartKey=start,
            )
            start = (page or {}).get("LastEvaluatedKey")
            if start is None:
                return

    @rule(segment=st.sampled_from([None, 0, 1]))
    def scan(self, segment: int | None) -> None:
        total = None if segment is None else 2
        self.call("Scan", TableName="things", Segment=segment, TotalSegments=total)

    @invariant()
    def streams_agree(self) -> None:
        if all("things" in caller.call("ListTables")["TableNames"] for caller in self.both):
            naive, sqlite = (list(map(_plain, caller.records())) for caller in self.both)
            assert sqlite == naive


def _used(*expressions: str | None) -> dict[str, Any] | None:
    found = {
        name: value
        for name, value in _BOUND.items()
        if any(name in expression for expression in expressions if expression)
    }
    return found or None


def _answer(caller: Caller, operation: str, members: dict[str, Any]) -> dict[str, Any]:
    try:
        return caller.call(operation, **members)
    except CallRefused as refusal:
        return {"refused": refusal.body}


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    change = {name: value for name, value in record["dynamodb"].items() if name not in _OWN}
    return {"eventName": record["eventName"], **change}


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(
    max_examples=60,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
