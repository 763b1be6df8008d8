"""A Tailrace starts, refuses what is unsafe, survives restarts, and can be moved in time by
tests."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tailrace.app import Tailrace
from tailrace.clock import ManualClock
from tailrace.errors import ConfigurationError
from tailrace.settings import Settings
from tests.app.conftest import create_table

Connect = Callable[[Tailrace], Any]


def test_items_and_iterators_outlive_a_restart(connect: Connect, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", port=0)
    with Tailrace(settings) as tailrace:
        client = connect(tailrace)
        create_table(client, "kept")
        client.put_item(TableName="kept", Item={"pk": {"S": "a"}})
    with Tailrace(settings) as tailrace:
        client = connect(tailrace)
        assert client.get_item(TableName="kept", Key={"pk": {"S": "a"}})["Item"] == {
            "pk": {"S": "a"}
        }


def test_two_servers_cannot_share_a_directory(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", port=0)
    with Tailrace(settings), pytest.raises(ConfigurationError, match="in use"):
        Tailrace(settings)


def test_a_taken_port_is_told_and_the_store_let_go(tmp_path: Path) -> None:
    with Tailrace(Settings(port=0)) as first:
        port = int(first.endpoint_url.rpartition(":")[2])
        taken = Settings(data=tmp_path / "data", port=port)
        with pytest.raises(ConfigurationError, match="cannot listen"):
            Tailrace(taken)
    with Tailrace(Settings(data=tmp_path / "data", port=0)):
        pass


def test_buckets_are_in_one_place(tmp_path: Path) -> None:
    both = Settings(port=0, s3_directory=tmp_path, s3_endpoint_url="aws")
    with pytest.raises(ConfigurationError, match="not in both"):
        Tailrace(both)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_off_loopback_credentials_are_required(host: str) -> None:
    with pytest.raises(ConfigurationError, match="without credentials"):
        Tailrace(Settings(host=host, port=0))
    assert Settings(host=host, insecure=True).checked()
    assert Settings(host=host, credentials={"key": "secret"}).checked()


def test_with_credentials_signatures_are_checked(connect: Connect) -> None:
    with Tailrace(Settings(port=0, credentials={"key": "secret"})) as tailrace:
        assert connect(tailrace).list_tables()["TableNames"] == []
    with Tailrace(Settings(port=0, credentials={"key": "other"})) as tailrace:
        with pytest.raises(ClientError) as refused:
            connect(tailrace).list_tables()
        assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_an_encrypted_store_needs_its_key(connect: Connect, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Tailrace(Settings(data=data, key=b"correct", port=0)) as tailrace:
        client = connect(tailrace)
        create_table(client, "sealed")
        client.put_item(TableName="sealed", Item={"pk": {"S": "a very secret word"}})
    for path in data.iterdir():
        assert b"secret word" not in path.read_bytes()
    for key in (b"wrong", None):
        with pytest.raises(ConfigurationError):
            Tailrace(Settings(data=data, key=key, port=0))
    with Tailrace(Settings(data=data, key=b"correct", port=0)) as tailrace:
        assert connect(tailrace).scan(TableName="sealed")["Count"] == 1


def _control(tailrace: Tailrace, name: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{tailrace.endpoint_url}/_tailrace/{name}", data=json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def test_controls_are_there_only_when_asked_for() -> None:
    with Tailrace(Settings(port=0)) as tailrace, pytest.raises(urllib.error.HTTPError):
        _control(tailrace, "AdvanceClock", Milliseconds=1)
    with Tailrace(Settings(port=0, test_controls=True)) as tailrace:
        before = _control(tailrace, "AdvanceClock", Milliseconds=0)["Now"]
        assert _control(tailrace, "AdvanceClock", Milliseconds=3_600_000)["Now"] >= before + 3600
        _control(tailrace, "FailCalls", Calls=1, Operation="ListTables")


def test_new_indexes_are_filled_in_the_background(connect: Connect) -> None:
    with Tailrace(Settings(port=0)) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        for n in range(30):
            client.put_item(TableName="orders", Item={"pk": {"S": f"k{n}"}, "state": {"S": "new"}})
        client.update_table(
            TableName="orders",
            AttributeDefinitions=[{"AttributeName": "state", "AttributeType": "S"}],
            GlobalSecondaryIndexUpdates=[
                {
                    "Create": {
                        "IndexName": "by-state",
                        "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                }
            ],
        )
        while True:
            (index,) = client.describe_table(TableName="orders")["Table"]["GlobalSecondaryIndexes"]
            if index["IndexStatus"] == "ACTIVE":
                break
        found = client.query(
            TableName="orders",
            IndexName="by-state",
            KeyConditionExpression="#s = :new",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={":new": {"S": "new"}},
        )
        assert found["Count"] == 30


def test_what_takes_a_while_goes_on_over_a_restart(connect: Connect, tmp_path: Path) -> None:
    clock = ManualClock()
    settings = Settings(data=tmp_path / "data", port=0, transition_ms=10_000)
    with Tailrace(settings, clock=clock) as tailrace:
        client = connect(tailrace)
        create_table(client, "orders")
        assert client.describe_table(TableName="orders")["Table"]["TableStatus"] == "CREATING"
    clock.advance(10_000_000)
    with Tailrace(settings, clock=clock) as tailrace:
        client = connect(tailrace)
        assert client.describe_table(TableName="orders")["Table"]["TableStatus"] == "ACTIVE"
        received: list[dict[str, Any]] = []
        # Its positions are kept in a table of the store's own, which takes no time to make.
        trigger = tailrace.on_change("orders", lambda event, context: received.append(event))
        client.put_item(TableName="orders", Item={"pk": {"S": "a"}})
        trigger.wait_until_caught_up(timeout_s=30)
    assert len(received) == 1


def test_nothing_takes_less_than_no_time() -> None:
    with pytest.raises(ConfigurationError, match="less than no time"):
        Tailrace(Settings(port=0, transition_ms=-1))
