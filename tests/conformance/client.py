"""A raw client for the conformance tests: JSON in, status, code and message out, nothing checked on
the way."""

from __future__ import annotations

import http.client
import itertools
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

__all__ = ["Answer", "Client", "Json", "Refused"]

Json: TypeAlias = dict[str, Any]

_ACTIVE_TIMEOUT_S = 120.0
_POLL_S = 0.05
_SERVICES = {"dynamodb": "DynamoDB_20120810", "streams": "DynamoDBStreams_20120810"}


@dataclass(frozen=True)
class Answer:
    """What the endpoint said."""

    status: int
    body: Json

    @property
    def code(self) -> str:
        """The error's code without its namespace, "" for a success."""
        return str(self.body.get("__type", "")).rpartition("#")[2]

    @property
    def message(self) -> str:
        return str(self.body.get("message", self.body.get("Message", "")))


class Refused(Exception):
    """The endpoint answered with an error where the test needs a success."""


class Client:
    """Calls to one endpoint on one connection, one at a time, and the tables made by them."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.url = url
        self.region = _region(parts.hostname or "")
        self._connection = kind(parts.hostname or "localhost", parts.port, timeout=60)
        self._signer = SigV4Auth(_credentials(secure), "dynamodb", self.region)
        self._names = itertools.count()
        self._prefix = f"conformance-{uuid.uuid4().hex[:12]}"
        self._tables: list[str] = []

    def send(self, operation: str, body: Json | bytes, service: str = "dynamodb") -> Answer:
        """The answer to a request, whatever it is. Bytes are sent as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = AWSRequest("POST", self.url, data=data)
        request.headers["X-Amz-Target"] = f"{_SERVICES[service]}.{operation}"
        request.headers["Content-Type"] = "application/x-amz-json-1.0"
        self._signer.add_auth(request)
        headers = dict(request.headers.items())
        try:
            response = self._sent(data, headers)
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            # Idle for so long that the server has closed the connection.
            self._connection.close()
            response = self._sent(data, headers)
        content = response.read()
        return Answer(response.status, json.loads(content) if content else {})

    def _sent(self, data: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        self._connection.request("POST", "/", data, headers)
        return self._connection.getresponse()

    def call(self, operation: str, body: Json, service: str = "dynamodb") -> Json:
        """The body of a success; Refused for anything else."""
        answer = self.send(operation, body, service)
        if answer.status != 200:
            raise Refused(f"{operation}: {answer.status} {answer.code}: {answer.message}")
        return answer.body

    # What most tests are made of -----------------------------------------------------------------

    def put(self, table: str, *items: Json) -> None:
        """Put items one by one."""
        for item in items:
            self.call("PutItem", {"TableName": table, "Item": item})

    def put_many(self, table: str, items: list[Json]) -> None:
        """Put items in batches of 25."""
        for start in range(0, len(items), 25):
            requests = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
            wanted: Json = {table: requests}
            while wanted:
                wanted = self.call("BatchWriteItem", {"RequestItems": wanted})["UnprocessedItems"]

    def get(self, table: str, key: Json) -> Json | None:
        """The item of a key, read consistently."""
        body = {"TableName": table, "Key": key, "ConsistentRead": True}
        return self.call("GetItem", body).get("Item")

    def pages(self, operation: str, body: Json) -> list[Json]:
        """All pages of a Query or Scan."""
        found: list[Json] = []
        start: Json = {}
        while True:
            page = self.call(operation, {**body, **start})
            found.append(page)
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def items(self, operation: str, body: Json) -> list[Json]:
        """The items of all pages of a Query or Scan."""
        return [item for page in self.pages(operation, body) for item in page["Items"]]

    # Tables --------------------------------------------------------------------------------------

    def new_name(self) -> str:
        """A table's name that nobody has; if the table is made it goes when the tests end."""
        name = f"{self._prefix}-{next(self._names)}"
        self._tables.append(name)
        return name

    def adopt(self, name: str) -> None:
        """Take care that a table goes when the tests end."""
        self._tables.append(name)

    def new_table(self, **definition: Any) -> str:
        """The name of a new table that is ACTIVE. On demand unless `definition` says otherwise."""
        name = self.new_name()
        if "ProvisionedThroughput" not in definition:
            definition.setdefault("BillingMode", "PAY_PER_REQUEST")
        self.call("CreateTable", {"TableName": name, **definition})
        self.await_active(name)
        return name

    def describe(self, name: str) -> Json:
        return self.call("DescribeTable", {"TableName": name})["Table"]

    def await_active(self, name: str) -> Json:
        """The description of a table when it and all its indexes are ACTIVE."""
        deadline = time.monotonic() + _ACTIVE_TIMEOUT_S
        while True:
            table = self.describe(name)
            indexes = table.get("GlobalSecondaryIndexes", ())
            states = {table["TableStatus"], *(index["IndexStatus"] for index in indexes)}
            if states == {"ACTIVE"}:
                return table
            if time.monotonic() > deadline:
                raise Refused(f"{name} is still {states}")
            time.sleep(_POLL_S)

    def close(self) -> None:
        """Delete the tables and hang up."""
        for name in self._tables:
            self.send("UpdateTable", {"TableName": name, "DeletionProtectionEnabled": False})
            self.send("DeleteTable", {"TableName": name})
        self._connection.close()


def _region(host: str) -> str:
    """The region that an AWS endpoint's name holds."""
    parts = host.split(".")
    return parts[1] if host.endswith(".amazonaws.com") else "us-east-1"


def _credentials(secure: bool) -> Credentials:
    """The caller's own for a real endpoint; for local ones any will do."""
    found = botocore.session.get_session().get_credentials() if secure else None
    return found or Credentials("conformance", "conformance")
