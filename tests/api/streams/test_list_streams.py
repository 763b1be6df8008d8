"""ListStreams shows the caller's streams, old ones until they have aged out, in pages that hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tailrace.errors import ValidationException
from tailrace.model.schema import Table
from tailrace.wire.call import Scope

if TYPE_CHECKING:
    from tests.api.conftest import StreamDesk

HOUR_US = 3_600_000_000


def labels(reply: dict[str, Any]) -> list[str]:
    return [stream["TableName"] for stream in reply["Streams"]]


def pages(desk: StreamDesk, limit: int) -> list[str]:
    names: list[str] = []
    members: dict[str, Any] = {"Limit": limit}
    while True:
        reply = desk.call("ListStreams", **members)
        assert len(reply["Streams"]) <= limit
        names += labels(reply)
        if "LastEvaluatedStreamArn" not in reply:
            return names
        assert reply["LastEvaluatedStreamArn"] == reply["Streams"][-1]["StreamArn"]
        members["ExclusiveStartStreamArn"] = reply["LastEvaluatedStreamArn"]


def tables(desk: StreamDesk, count: int) -> list[Table]:
    return [desk.table(f"table{number}") for number in range(count)]


def test_entries_have_three_members(desk: StreamDesk) -> None:
    table = desk.table()
    assert table.stream is not None
    assert desk.call("ListStreams") == {
        "Streams": [
            {
                "StreamArn": table.stream.arn,
                "TableName": "things",
                "StreamLabel": table.stream.label,
            }
        ]
    }


def test_none_at_all(desk: StreamDesk) -> None:
    assert desk.call("ListStreams") == {"Streams": []}


def test_one_tables_streams(desk: StreamDesk) -> None:
    first, _ = tables(desk, 2)
    desk.disable(first)
    desk.clock.advance(HOUR_US)
    desk.enable(first)
    assert labels(desk.call("ListStreams", TableName="table0")) == ["table0", "table0"]
    assert desk.call("ListStreams", TableName="unknown") == {"Streams": []}


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
def test_pages_hold_each_stream_once(desk: StreamDesk, limit: int) -> None:
    tables(desk, 4)
    assert pages(desk, limit) == ["table0", "table1", "table2", "table3"]


def test_a_cursor_survives_its_table_and_its_stream(desk: StreamDesk) -> None:
    first, *_ = tables(desk, 3)
    reply = desk.call("ListStreams", Limit=1)
    desk.delete(first)
    desk.clock.advance(25 * HOUR_US)
    desk.keep()
    rest = desk.call("ListStreams", ExclusiveStartStreamArn=reply["LastEvaluatedStreamArn"])
    assert labels(rest) == ["table1", "table2"]


def test_streams_of_deleted_tables_stay_a_day(desk: StreamDesk) -> None:
    table = desk.table()
    desk.delete(table)
    desk.clock.advance(24 * HOUR_US)
    assert labels(desk.call("ListStreams")) == ["things"]
    desk.clock.advance(1_000)
    assert desk.call("ListStreams") == {"Streams": []}


@pytest.mark.parametrize("scope", [Scope("1" * 12, "us-east-1"), Scope("0" * 12, "eu-west-1")])
def test_others_streams_are_not_shown(desk: StreamDesk, scope: Scope) -> None:
    desk.table()
    desk.scope = scope
    assert desk.call("ListStreams") == {"Streams": []}


@pytest.mark.parametrize(
    "arn", ["x" * 40, "arn:aws:dynamodb:us-east-1:000000000000:table/things/index/by-it"]
)
def test_a_cursor_that_is_no_arn_of_a_stream(desk: StreamDesk, arn: str) -> None:
    with pytest.raises(ValidationException):
        desk.call("ListStreams", ExclusiveStartStreamArn=arn)


def test_more_than_a_page_may_hold(desk: StreamDesk) -> None:
    with pytest.raises(ValidationException, match="less than or equal to 100"):
        desk.call("ListStreams", Limit=101)
