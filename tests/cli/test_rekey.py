"""A data directory's key can be given, changed and taken away; afterwards only the new state opens
it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from tailrace.app import Tailrace
from tailrace.cli import make_app
from tailrace.errors import ConfigurationError
from tailrace.settings import Settings


def _client(tailrace: Tailrace) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=tailrace.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


def _count(data: Path, key: bytes | None) -> int:
    with Tailrace(Settings(data=data, key=key, port=0)) as tailrace:
        return int(_client(tailrace).scan(TableName="things")["Count"])


def _rekey(*arguments: str) -> None:
    result = CliRunner().invoke(make_app(), ["rekey", *arguments])
    if result.exception is not None:
        raise result.exception
    assert result.exit_code == 0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    with Tailrace(Settings(data=directory, port=0)) as tailrace:
        client = _client(tailrace)
        client.create_table(
            TableName="things",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for n in range(20):
            client.put_item(TableName="things", Item={"pk": {"S": f"thing {n}"}})
    return directory


def test_a_key_is_given_changed_and_taken_away(data: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.key", tmp_path / "second.key"
    first.write_text("one\n")
    second.write_text("two\n")
    _rekey("--data", str(data), "--new-key-file", str(first))
    assert _count(data, b"one") == 20
    _rekey("--data", str(data), "--key-file", str(first), "--new-key-file", str(second))
    with pytest.raises(ConfigurationError):
        _count(data, b"one")
    assert _count(data, b"two") == 20
    _rekey("--data", str(data), "--key-file", str(second), "--decrypt")
    assert _count(data, None) == 20


def test_what_makes_no_sense_is_refused_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    key, empty = tmp_path / "a.key", tmp_path / "empty.key"
    key.write_text("one")
    empty.write_text("\n")
    for wrong in (
        [],
        ["--decrypt", "--new-key-file", str(key)],
        ["--new-key-file", str(empty)],
        ["--new-key-file", str(tmp_path / "missing.key")],
        ["--key-file", str(key), "--decrypt"],
    ):
        with pytest.raises(ConfigurationError):
            _rekey("--data", str(data), *wrong)
    with pytest.raises(ConfigurationError, match="no store"):
        _rekey("--data", str(tmp_path / "nowhere"), "--new-key-file", str(key))
    assert _count(data, None) == 20


def test_an_open_store_is_left_alone(data: Path, tmp_path: Path) -> None:
    key = tmp_path / "a.key"
    key.write_text("one")
    with (
        Tailrace(Settings(data=data, port=0)),
        pytest.raises(ConfigurationError, match="in use"),
    ):
        _rekey("--data", str(data), "--new-key-file", str(key))
