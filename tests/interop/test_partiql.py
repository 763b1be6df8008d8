"""Proves that boto3's calls for statements work against a running server, resources included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

from tailrace.app import Tailrace
from tailrace.settings import Settings

SESSION: dict[str, str] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
}


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    with Tailrace(Settings(port=0)) as running:
        yield running.endpoint_url


@pytest.fixture
def client(endpoint_url: str) -> Iterator[Any]:
    made = boto3.client("dynamodb", endpoint_url=endpoint_url, **SESSION)
    made.create_table(
        TableName="Music",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("Artist", "Song")
        ],
        KeySchema=[
            {"AttributeName": "Artist", "KeyType": "HASH"},
            {"AttributeName": "Song", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    yield made
    made.delete_table(TableName="Music")
    made.close()


def test_an_item_through_its_life(client: Any):
    def run(statement: str, *parameters: dict[str, Any], **more: Any) -> Any:
        if parameters:
            more["Parameters"] = list(parameters)
        return client.execute_statement(Statement=statement, **more)

    insert = """INSERT INTO "Music" VALUE {'Artist': ?, 'Song': ?, 'Awards': {'Grammys': [2018]}}"""
    key = ({"S": "Acme Band"}, {"S": "It's Here"})
    where = 'WHERE "Artist" = ? AND "Song" = ?'
    assert run(insert, *key)["Items"] == []
    with pytest.raises(client.exceptions.DuplicateItemException):
        run(insert, *key)
    run(
        f'UPDATE "Music" SET Awards.Grammys = list_append(Awards.Grammys, [2020])'
        f" SET Members = set_add(Members, <<'one', 'two'>>) SET Cover = ? {where}",
        {"B": b"\x00\xff"},
        *key,
    )
    (found,) = run(f'SELECT Awards.Grammys[1], Members, Cover FROM "Music" {where}', *key)["Items"]
    assert found == {
        "Grammys[1]": {"N": "2020"},
        "Members": {"SS": ["one", "two"]},
        "Cover": {"B": b"\x00\xff"},
    }
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as refused:
        run(
            f'DELETE FROM "Music" {where} AND Plays IS NOT MISSING',
            *key,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Item"]["Artist"] == {"S": "Acme Band"}
    (gone,) = run(f'DELETE FROM "Music" {where} RETURNING ALL OLD *', *key)["Items"]
    assert gone["Song"] == {"S": "It's Here"}


def test_pages_are_followed(client: Any):
    for number in range(7):
        client.put_item(
            TableName="Music", Item={"Artist": {"S": "a"}, "Song": {"S": f"song {number}"}}
        )
    request = {"Statement": "SELECT Song FROM Music WHERE Artist = 'a' ORDER BY Song DESC"}
    songs: list[str] = []
    while True:
        page = client.execute_statement(Limit=3, **request)
        songs += [item["Song"]["S"] for item in page["Items"]]
        if "NextToken" not in page:
            break
        request["NextToken"] = page["NextToken"]
    assert songs == [f"song {number}" for number in reversed(range(7))]


def test_batches_and_transactions(client: Any):
    put = "INSERT INTO Music VALUE {'Artist': 'a', 'Song': ?}"
    client.execute_statement(Statement=put, Parameters=[{"S": "3"}])
    answer = client.batch_execute_statement(
        Statements=[{"Statement": put, "Parameters": [{"S": song}]} for song in ("1", "2", "3")]
    )
    assert [response.get("Error", {}).get("Code") for response in answer["Responses"]] == [
        None,
        None,
        "DuplicateItem",
    ]
    update = "UPDATE Music SET Plays = 1 WHERE Artist = 'a' AND Song = ?"
    client.execute_transaction(
        TransactStatements=[
            {"Statement": update, "Parameters": [{"S": song}]} for song in ("1", "2")
        ]
    )
    select = "SELECT Plays FROM Music WHERE Artist = 'a' AND Song = ?"
    read = client.execute_transaction(
        TransactStatements=[{"Statement": select, "Parameters": [{"S": "2"}]}]
    )
    assert read["Responses"] == [{"Item": {"Plays": {"N": "1"}}}]
    with pytest.raises(client.exceptions.TransactionCanceledException) as refused:
        client.execute_transaction(
            TransactStatements=[
                {"Statement": put, "Parameters": [{"S": "4"}]},
                {"Statement": put, "Parameters": [{"S": "1"}]},
            ]
        )
    reasons = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "DuplicateItem"]


def test_resources_speak_python_values(client: Any, endpoint_url: str):
    del client
    resource: Any = boto3.resource("dynamodb", endpoint_url=endpoint_url, **SESSION)
    run = resource.meta.client.execute_statement
    run(
        Statement="INSERT INTO Music VALUE {'Artist': ?, 'Song': ?, 'Data': ?}",
        Parameters=["a", "s", b"\x01"],
    )
    answer = run(Statement="SELECT * FROM Music WHERE Artist = ?", Parameters=["a"])
    assert answer["Items"] == [{"Artist": "a", "Song": "s", "Data": Binary(b"\x01")}]


def test_what_is_no_statement(client: Any):
    with pytest.raises(ClientError) as refused:
        client.execute_statement(Statement="SLECT * FROM Music")
    assert refused.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Statement wasn't well formed, can't be processed: Expected data manipulation",
    }
