"""Proves that the OpenSearch tests talk to is real: versioned bulk writes, deletes, search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch, helpers

INDEX = "opensearch-server-test"
NEWER = 1_700_000_000_000_000_001
OLDER = 1_700_000_000_000_000_000


@pytest.fixture
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    client = OpenSearch(opensearch_url)
    client.indices.create(index=INDEX)
    yield client
    client.indices.delete(index=INDEX)
    client.close()


def _bulk(client: OpenSearch, operation: str, version: int, **body: Any) -> int:
    action = {
        "_op_type": operation,
        "_index": INDEX,
        "_id": "JFK",
        "version": version,
        "version_type": "external_gte",
        **body,
    }
    ((_, reply),) = helpers.streaming_bulk(client, [action], raise_on_error=False)
    status: int = reply[operation]["status"]
    return status


def _hits(client: OpenSearch, word: str) -> list[str]:
    client.indices.refresh(index=INDEX)
    query = {"query": {"match": {"name": word}}}
    found = client.search(index=INDEX, body=query)
    return [hit["_id"] for hit in found["hits"]["hits"]]


def test_versions_order_bulk_writes_and_deletes(client: OpenSearch) -> None:
    document = {"name": "John F Kennedy Intl"}
    assert _bulk(client, "index", NEWER, _source=document) == 201
    assert _bulk(client, "index", NEWER, _source=document) == 200
    assert _bulk(client, "index", OLDER, _source={"name": "Idlewild"}) == 409
    assert _hits(client, "kennedy") == ["JFK"]
    assert _bulk(client, "delete", OLDER) == 409
    assert _bulk(client, "delete", NEWER) == 200
    assert _hits(client, "kennedy") == []
