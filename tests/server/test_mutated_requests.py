"""Proves that a server answers thousands of damaged requests with AWS's errors or their result,
never with a fault of its own, never with silence, and that what it refuses changes nothing."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.app import Tailrace
from tailrace.testing.mutations import VALID_REQUESTS, MutatedRequest, mutated_requests
from tests.server.http import Response, post, read_response

Connect = Callable[[], socket.socket]

REQUESTS = 4000
SEED = 20_261_122
KNOWN_CODES = {
    "AccessDeniedException",
    "ConditionalCheckFailedException",
    "ExpiredIteratorException",
    "LimitExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "SerializationException",
    "TrimmedDataAccessException",
    "UnknownOperationException",
    "ValidationException",
}
# The table that the requests are about, as the first of them makes it.
TABLE = VALID_REQUESTS[0].body
# Another table, which no request is about.
BYSTANDER = {**TABLE, "TableName": "bystander"}
READS = {
    *("GetItem", "BatchGetItem", "Query", "Scan", "SearchVectors"),
    *("DescribeTable", "ListTables"),
}
GARBAGE = [
    b"",
    b"null",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"TableName": "mutants", "Item": {"id": {"S": "' + b"\xff" * 64 + b'"}}}',
    b'{"TableName": "mutants", "Limit": ' + b"9" * 100_000 + b"}",
    json.dumps(
        {"TableName": "mutants", "FilterExpression": "(" * 4000 + "a" + ")" * 4000}
    ).encode(),
    json.dumps({"TableName": "mutants", "FilterExpression": "NOT " * 1000 + "a = b"}).encode(),
]


class _Caller:
    """One connection to the server. A damaged request must not cost it."""

    def __init__(self, connect: Connect) -> None:
        self._connection = connect()
        self._pending = bytearray()

    def send(self, target: str, body: bytes) -> Response:
        service, _, operation = target.partition(".")
        self._connection.sendall(post(operation, body, service=service))
        return read_response(self._connection, self._pending)

    def call(self, operation: str, body: Any) -> dict[str, Any]:
        response = self.send(f"DynamoDB_20120810.{operation}", json.dumps(body).encode())
        assert response.status == 200, response.body
        return response.json

    def content(self, table: str) -> Any:
        """Everything that a table holds, and what it is."""
        description = self.call("DescribeTable", {"TableName": table})["Table"]
        return description, self.call("Scan", {"TableName": table, "ConsistentRead": True})


@pytest.fixture
def caller(tailrace: Tailrace, connect: Connect) -> _Caller:
    caller = _Caller(connect)
    names = caller.call("ListTables", {})["TableNames"]
    for table in (TABLE, BYSTANDER):
        if table["TableName"] not in names:
            caller.call("CreateTable", table)
        for number in range(20):
            item = {"id": {"S": str(number)}, "n": {"N": str(number)}}
            caller.call("PutItem", {"TableName": table["TableName"], "Item": item})
    return caller


def check(response: Response, what: Any) -> None:
    """The answer is a result, or one of AWS's errors."""
    if response.status == 200:
        assert isinstance(response.json, dict), what
        return
    assert response.status in (400, 413), (response.status, response.body, what)
    assert response.code in KNOWN_CODES, (response.body, what)


def test_damaged_requests_get_results_or_errors_of_aws(caller: _Caller) -> None:
    before = caller.content("bystander")
    refused = 0
    for mutated in mutated_requests(SEED, REQUESTS):
        response = caller.send(mutated.target, mutated.body)
        check(response, mutated)
        refused += response.status != 200
    assert refused > REQUESTS // 4
    assert caller.content("bystander") == before


def test_what_is_refused_changes_nothing(caller: _Caller) -> None:
    writes = [
        request for request in VALID_REQUESTS if request.target.partition(".")[2] not in READS
    ]
    before = caller.content("mutants")
    refused = 0
    for mutated in mutated_requests(SEED + 1, REQUESTS // 4, writes):
        response = caller.send(mutated.target, mutated.body)
        check(response, mutated)
        if response.status == 200:
            before = _settled(caller, mutated, before)
        else:
            refused += 1
            assert caller.content("mutants") == before, mutated
    assert refused > REQUESTS // 20


def _settled(caller: _Caller, mutated: MutatedRequest, before: Any) -> Any:
    """What the table holds after a request that went through."""
    names = caller.call("ListTables", {})["TableNames"]
    assert "mutants" in names, mutated
    del before
    return caller.content("mutants")


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:20]))
def test_garbage_is_refused_by_every_operation(caller: _Caller, body: bytes) -> None:
    before = caller.content("mutants")
    for target in sorted({request.target for request in VALID_REQUESTS}):
        if target.endswith("Table") and b"mutants" in body:
            # What is garbage to the others would be an honest request to delete the table.
            continue
        response = caller.send(target, body)
        check(response, (target, body[:40]))
    assert caller.content("mutants") == before


def test_random_bytes_do_no_harm(caller: _Caller) -> None:
    chance = random.Random(SEED)
    targets = sorted({request.target for request in VALID_REQUESTS})
    for _ in range(300):
        response = caller.send(chance.choice(targets), chance.randbytes(chance.randrange(200)))
        assert (response.status, response.code) == (400, "SerializationException")


def test_requests_cut_short_leave_the_server_to_the_others(
    caller: _Caller, connect: Connect
) -> None:
    before = caller.content("mutants")
    for request in VALID_REQUESTS:
        service, _, operation = request.target.partition(".")
        whole = post(operation, json.dumps(request.body).encode(), service=service)
        for share in (3, 2):
            connection = connect()
            connection.sendall(whole[: len(whole) - len(whole) // share])
            connection.close()
    assert caller.content("mutants") == before
