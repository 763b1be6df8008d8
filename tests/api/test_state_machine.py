"""The same calls to the memory engine, to SQLite and, where it is there, to DynamoDB Local get the
same answers, the same refusals, and leave the same items and the same stream.

Word for word between the engines; what DynamoDB Local is known to do otherwise is listed in
`dynamodb_local.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tailrace.clock import ManualClock
from tailrace.testing.calling import Caller, CallRefused
from tests.api.commands import (
    ATTRIBUTES,
    CONDITIONS,
    FAILURES,
    KEYS,
    MALFORMED,
    PLACES,
    READ_STATEMENTS,
    READS,
    REMOVALS,
    RETURNED,
    RETURNING,
    TABLE,
    UPDATES,
    WRITE_STATEMENTS,
    action_of,
    given,
    key_of,
    misfits,
    stated,
    used,
)
from tests.api.dynamodb_local import DynamoDbLocal, bag, by_item, normal, plain_record

Json = dict[str, Any]


class Agreement(RuleBasedStateMachine):
    """Two stores side by side, and a third where `local_url` names one."""

    local_url: ClassVar[str | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        data = Path(self._directory.name) / "data"
        self.both = (Caller(clock=ManualClock()), Caller(data, clock=ManualClock()))
        self.local = DynamoDbLocal(self.local_url) if self.local_url is not None else None

    def teardown(self) -> None:
        try:
            self._compare_streams()
        finally:
            if self.local is not None:
                self.local.close()
            for caller in self.both:
                caller.close()
            self._directory.cleanup()

    def call(self, operation: str, local: bool = True, **members: Any) -> Json | None:
        """The answer of all, or None when all refuse. What DynamoDB Local would do otherwise has
        `local` False: then it isn't asked, and writes, which would leave it behind, are left out
        where it takes part."""
        told = given(**members)
        if self.local is not None and not local and operation not in READS:
            return None
        naive, sqlite = (_answer(caller, operation, told) for caller in self.both)
        assert sqlite == naive, (operation, told)
        if self.local is not None and local:
            theirs = _answer(self.local, operation, told)
            ours, theirs = self._comparable(told, naive), self._comparable(told, theirs)
            assert theirs == ours, (operation, told)
        return naive if "refused" not in naive else None

    def _comparable(self, told: Json, answer: Json) -> Json:
        """What of an answer can be held against DynamoDB Local's."""
        found = normal(answer)
        if "refused" in found and any(text in str(told) for text in MALFORMED):
            return {"refused": found["refused"][0]}
        parts = told.get("UpdateExpression") == "SET l.a[0] = :x"
        if parts and str(told.get("ReturnValues")).startswith("UPDATED"):
            found.pop("Attributes", None)
        return found

    def _makes_nothing(self, place: tuple[str, str], update: str) -> bool:
        """Whether an update only takes away from an item that is not there."""
        found = self.both[0].call("GetItem", TableName="things", Key=key_of(place))
        return update in REMOVALS and "Item" not in found

    @initialize()
    def create(self) -> None:
        for caller in self.both:
            caller.create(**TABLE)
        if self.local is not None:
            self.local.create("things", TABLE)

    # Items ---------------------------------------------------------------------------------------

    @rule(place=PLACES, more=ATTRIBUTES, condition=CONDITIONS, returned=RETURNED)
    def put(self, place: tuple[str, str], more: Json, condition: str | None, returned: str) -> None:
        self.call(
            "PutItem",
            TableName="things",
            Item={**more, **key_of(place)},
            ConditionExpression=condition,
            ExpressionAttributeValues=used(condition),
            ReturnValues=returned,
            ReturnConsumedCapacity="INDEXES",
        )

    @rule(place=PLACES, update=UPDATES, condition=CONDITIONS, returned=RETURNED)
    def update(
        self, place: tuple[str, str], update: str, condition: str | None, returned: str
    ) -> None:
        keyed = update == "SET pk = :x" and condition is not None
        self.call(
            "UpdateItem",
            local=not keyed and not self._makes_nothing(place, update),
            TableName="things",
            Key=key_of(place),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#g": "g"} if "#g" in update else None,
            ExpressionAttributeValues=used(update, condition),
            ReturnValues=returned,
        )

    @rule(place=PLACES, condition=CONDITIONS, returned=RETURNED, failure=FAILURES)
    def delete(
        self, place: tuple[str, str], condition: str | None, returned: str, failure: str | None
    ) -> None:
        self.call(
            "DeleteItem",
            TableName="things",
            Key=key_of(place),
            ConditionExpression=condition,
            ExpressionAttributeValues=used(condition),
            ReturnValues=returned,
            ReturnValuesOnConditionCheckFailure=failure,
        )

    # Batches -------------------------------------------------------------------------------------

    @rule(writes=st.lists(st.tuples(PLACES, st.none() | ATTRIBUTES), min_size=1, max_size=4))
    def batch_write(self, writes: list[tuple[tuple[str, str], Json | None]]) -> None:
        requests = [
            {"DeleteRequest": {"Key": key_of(place)}}
            if more is None
            else {"PutRequest": {"Item": {**more, **key_of(place)}}}
            for place, more in writes
        ]
        distinct = len({place for place, _ in writes}) == len(writes)
        indexed = [more.get("g") for _, more in writes if more is not None]
        local = distinct or all(value in (None, {"S": "x"}) for value in indexed)
        self.call("BatchWriteItem", local=local, RequestItems={"things": requests})

    @rule(
        places=st.lists(PLACES, min_size=1, max_size=4),
        projection=st.sampled_from([None, "v, l.a", "sk, #v"]),
    )
    def batch_get(self, places: list[tuple[str, str]], projection: str | None) -> None:
        names = {"#v": "v"} if projection is not None and "#" in projection else None
        asked = given(
            Keys=[key_of(place) for place in places],
            ProjectionExpression=projection,
            ExpressionAttributeNames=names,
        )
        answer = self.call("BatchGetItem", local=False, RequestItems={"things": asked})
        if self.local is not None and answer is not None:
            theirs = self.local.call("BatchGetItem", RequestItems={"things": asked})
            assert bag(theirs["Responses"]["things"]) == bag(answer["Responses"]["things"])

    # Transactions --------------------------------------------------------------------------------

    @rule(
        actions=st.lists(
            st.tuples(
                st.sampled_from(["Put", "Update", "Delete", "ConditionCheck"]),
                PLACES,
                ATTRIBUTES,
                UPDATES,
                CONDITIONS,
                FAILURES,
            ),
            min_size=1,
            max_size=4,
        )
    )
    def transact(self, actions: list[Any]) -> None:
        made = [action_of(*action) for action in actions]
        local = not any(
            kind == "Update" and self._makes_nothing(place, update)
            for kind, place, _, update, *_ in actions
        )
        local = local and not any(misfits(action) for action in made)
        distinct = len({place for _, place, *_ in actions}) == len(actions)
        local = local and (distinct or "ConditionExpression" not in str(made))
        self.call("TransactWriteItems", local=local, TransactItems=made)

    @rule(places=st.lists(PLACES, min_size=1, max_size=3))
    def transact_get(self, places: list[tuple[str, str]]) -> None:
        gets = [{"Get": {"TableName": "things", "Key": key_of(place)}} for place in places]
        self.call("TransactGetItems", TransactItems=gets)

    # Statements ----------------------------------------------------------------------------------

    @rule(statement=st.sampled_from(WRITE_STATEMENTS), place=PLACES, returning=RETURNING)
    def statement(self, statement: str, place: tuple[str, str], returning: str) -> None:
        if statement.startswith("INSERT"):
            returning = ""
        self.call("ExecuteStatement", **stated(statement + returning, place))

    @rule(statement=READ_STATEMENTS, place=PLACES)
    def select(self, statement: str, place: tuple[str, str]) -> None:
        self.call("ExecuteStatement", **stated(statement, place))

    @rule(
        several=st.lists(
            st.tuples(st.sampled_from(WRITE_STATEMENTS), PLACES), min_size=1, max_size=3
        )
    )
    def batch_of_statements(self, several: list[tuple[str, tuple[str, str]]]) -> None:
        statements = [stated(statement, place) for statement, place in several]
        distinct = len({place for _, place in several}) == len(several)
        self.call("BatchExecuteStatement", local=distinct, Statements=statements)

    @rule(
        several=st.lists(
            st.tuples(st.sampled_from(WRITE_STATEMENTS), PLACES), min_size=1, max_size=3
        )
    )
    def transaction_of_statements(self, several: list[tuple[str, tuple[str, str]]]) -> None:
        statements = [stated(statement, place) for statement, place in several]
        self.call("ExecuteTransaction", TransactStatements=statements)

    # Reads ---------------------------------------------------------------------------------------

    @rule(
        pk=KEYS,
        forward=st.booleans(),
        limit=st.sampled_from([None, 1, 2]),
        index=st.sampled_from([None, "by-g"]),
        more=st.sampled_from(["", " AND sk > :sk", " AND begins_with(sk, :sk)"]),
        kept=st.sampled_from([None, "v = :x", "attribute_exists(v)", "pk = :key"]),
    )
    def query(
        self,
        pk: str,
        forward: bool,
        limit: int | None,
        index: str | None,
        more: str,
        kept: str | None,
    ) -> None:
        values = {":key": {"S": "x" if index else pk}, **(used(kept) or {})}
        if more:
            values[":sk"] = {"S": "1"}
        asked = given(
            TableName="things",
            IndexName=index,
            KeyConditionExpression=f"{'g' if index else 'pk'} = :key{more}",
            FilterExpression=kept,
            ExpressionAttributeValues=values,
            ScanIndexForward=forward,
            Limit=limit,
        )
        found = self._all_pages("Query", asked)
        if self.local is not None:
            theirs = _pages_of(self.local, "Query", asked)
            order = [item["sk"] for item in found or ()]
            assert (None if theirs is None else bag(theirs)) == (found and bag(found))
            assert [item["sk"] for item in theirs or ()] == order

    def _all_pages(self, operation: str, asked: Json) -> list[Json] | None:
        """The items of all pages, each of which both engines answer alike; None for a refusal."""
        found: list[Json] = []
        start: Json | None = None
        while True:
            page = self.call(operation, local=False, **asked, ExclusiveStartKey=start)
            if page is None:
                return None
            found += page["Items"]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return found

    @rule(
        segment=st.sampled_from([None, 0, 1]),
        index=st.sampled_from([None, "by-g"]),
        kept=st.sampled_from([None, "size(w) > :n", "attribute_exists(v)"]),
    )
    def scan(self, segment: int | None, index: str | None, kept: str | None) -> None:
        asked = given(
            TableName="things",
            IndexName=index,
            FilterExpression=kept,
            ExpressionAttributeValues=used(kept),
        )
        total = None if segment is None else 2
        page = self.call("Scan", local=False, **asked, Segment=segment, TotalSegments=total)
        # It filters an index by attributes that the index does not project.
        projected = index is None or kept != "size(w) > :n"
        if self.local is not None and segment is None and page is not None and projected:
            theirs = self.local.call("Scan", **asked)
            assert bag(theirs["Items"]) == bag(page["Items"])
            assert theirs["ScannedCount"] == page["ScannedCount"]

    # Streams -------------------------------------------------------------------------------------

    @invariant()
    def streams_agree(self) -> None:
        if all("things" in caller.call("ListTables")["TableNames"] for caller in self.both):
            naive, sqlite = (list(map(plain_record, caller.records())) for caller in self.both)
            assert sqlite == naive

    def _compare_streams(self) -> None:
        """The whole stream against that of DynamoDB Local, item by item."""
        if self.local is None:
            return
        ours = self.both[0].records()
        theirs = self.local.records(len(ours))
        assert by_item(theirs) == by_item(ours)


def _pages_of(local: DynamoDbLocal, operation: str, asked: Json) -> list[Json] | None:
    found: list[Json] = []
    start: Json = {}
    while True:
        page = _answer(local, operation, {**asked, **start})
        if "refused" in page:
            return None
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _answer(caller: Caller | DynamoDbLocal, operation: str, members: Json) -> Json:
    try:
        return caller.call(operation, **members)
    except CallRefused as refusal:
        return {"refused": refusal.body}


_SETTINGS = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)
TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(_SETTINGS, max_examples=60, stateful_step_count=20)


class AgreementWithLocal(Agreement):
    """Three stores side by side."""


class TestAgreementWithLocal(AgreementWithLocal.TestCase):
    """Run where there is a DynamoDB Local."""

    # Not made smaller when it fails: that would take minutes.
    settings = settings(
        _SETTINGS, max_examples=40, stateful_step_count=25, phases=(Phase.generate,)
    )

    @pytest.fixture(autouse=True)
    def there_is_one(self, dynamodb_local_url: str) -> None:
        AgreementWithLocal.local_url = dynamodb_local_url
