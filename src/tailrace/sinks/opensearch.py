"""An OpenSearch index that follows a table, by bulk requests.

Documents carry the clock of their item's last change as an external version, so that OpenSearch
itself turns away what a replay brings late, deletions included.

Fields get their types from the first value that OpenSearch sees. It keeps later values of other
types without making them searchable; what it cannot keep, an object where there were plain values
or the reverse, and lists that mix what has no common type, it refuses: such records are failures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, cast

import msgspec

from tailrace.delivery.ports import Batch, Failure, SinkUnavailable
from tailrace.errors import ConfigurationError
from tailrace.sinks.documents import DocumentChange, changes_of
from tailrace.sinks.search import Hit

__all__ = ["OpenSearchSink"]

REQUESTS: Final = 8
REQUEST_TIMEOUT_S: Final = 30
SCAN_PAGE: Final = 1000
_SEQUENCE_BASE: Final = 10**20
_VERSION_MAX: Final = 2**63 - 1
_BUSY: Final = (429, 502, 503, 504)
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_ERROR: Final = 400

# Items have no schema. Text that looks like a date stays text; a number is a number, whole or not;
# and a value that does not fit its field is kept in the document without being searchable there.
_NUMBER: Final = {"mapping": {"type": "double"}}
_INDEX: Final = {
    "settings": {"index": {"mapping": {"ignore_malformed": True}}},
    "mappings": {
        "date_detection": False,
        "dynamic_templates": [
            {"whole": {"match_mapping_type": "long", **_NUMBER}},
            {"broken": {"match_mapping_type": "double", **_NUMBER}},
        ],
    },
}


class OpenSearchSink:
    """Writes to the index `index` at `url`, and makes it when it is not there."""

    def __init__(self, url: str, index: str, **options: Any) -> None:
        """`options` are those of `opensearchpy.OpenSearch`, e.g. `http_auth`, `ca_certs`."""
        try:
            import opensearchpy
        except ImportError as error:
            raise ConfigurationError(
                "the opensearch sink needs opensearch-py: pip install 'tailrace[opensearch]'"
            ) from error
        self._library: Any = opensearchpy
        settings: dict[str, Any] = {
            "timeout": REQUEST_TIMEOUT_S,
            "max_retries": 0,
            "maxsize": REQUESTS,
            **options,
        }
        self._client: Any = opensearchpy.OpenSearch(hosts=[url], **settings)
        self._index = index
        self._is_made = False
        self._threads = ThreadPoolExecutor(REQUESTS, thread_name_prefix="tailrace-opensearch")

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Bring the documents of a batch up to date. Documents that OpenSearch refuses are
        failures; raises SinkUnavailable when it is not there, or busy."""
        return await self._run(self._write, batch)

    async def close(self) -> None:
        """Close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def refresh(self) -> None:
        """Make all that was written searchable; OpenSearch does by itself each second."""
        await self._run(lambda: self._client.indices.refresh(index=self._index))

    def search(self, query: str, limit: int = 10) -> Sequence[Hit]:
        """The best hits for a query of words and phrases, the best first."""
        body = {"size": limit, "query": {"simple_query_string": {"query": query}}}
        found = self._client.search(index=self._index, body=body)
        return [
            Hit(hit["_id"], float(hit["_score"]), hit["_source"]) for hit in found["hits"]["hits"]
        ]

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All documents with their ids, as of the last refresh, in no particular order."""
        scan = self._library.helpers.scan(self._client, index=self._index, size=SCAN_PAGE)
        for hit in scan:
            yield hit["_id"], hit["_source"]

    def count(self) -> int:
        """How many documents there are, as of the last refresh."""
        return int(self._client.count(index=self._index)["count"])

    async def _run(self, work: Any, *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, *arguments)

    def _write(self, batch: Batch) -> Sequence[Failure]:
        changes, failures = changes_of(batch)
        if not changes:
            return failures
        exceptions = self._library.exceptions
        try:
            if not self._is_made:
                self._make_index()
            answer: Any = self._client.bulk(body=_bulk(self._index, changes))
        except exceptions.ConnectionError as error:
            raise SinkUnavailable(f"OpenSearch cannot be reached: {error}") from error
        except exceptions.TransportError as error:
            if error.status_code in _BUSY:
                raise SinkUnavailable(f"OpenSearch is busy: {error.error}") from error
            raise
        return [*_refused(changes, answer), *failures]

    def _make_index(self) -> None:
        try:
            self._client.indices.create(index=self._index, body=_INDEX)
        except self._library.exceptions.RequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
        self._is_made = True


def _bulk(index: str, changes: Sequence[DocumentChange]) -> bytes:
    lines: list[bytes] = []
    for change in changes:
        target = {"_index": index, "_id": change.id, **_version(change)}
        if change.document is None:
            lines.append(msgspec.json.encode({"delete": target}))
        else:
            lines.append(msgspec.json.encode({"index": target}))
            lines.append(msgspec.json.encode(change.document))
    lines.append(b"")
    return b"\n".join(lines)


def _version(change: DocumentChange) -> Mapping[str, Any]:
    """Tailrace's clock. Sequence numbers of AWS's are longer than a version may be: with those,
    replays converge by their order alone."""
    clock = change.sequence - _SEQUENCE_BASE
    if not 0 <= clock <= _VERSION_MAX:
        return {}
    return {"version": clock, "version_type": "external_gte"}


def _refused(changes: Sequence[DocumentChange], answer: Any) -> list[Failure]:
    failures: list[Failure] = []
    for change, item in zip(changes, answer["items"], strict=True):
        ((action, result),) = item.items()
        status = result["status"]
        if status in _BUSY:
            raise SinkUnavailable(f"OpenSearch is busy: {_reason(result)}")
        if status == _CONFLICT or (status == _NOT_FOUND and action == "delete"):
            continue  # newer content is there, or nothing was
        if status >= _ERROR:
            failures.append(Failure(change.sequence, _reason(result)))
    return failures


def _reason(result: Mapping[str, Any]) -> str:
    error: Any = result.get("error")
    if not isinstance(error, dict):
        return str(error)
    told = cast("dict[str, Any]", error)
    cause: Mapping[str, Any] = told.get("caused_by") or {}
    reasons = [str(told.get("reason")), *([str(cause["reason"])] if cause.get("reason") else [])]
    return f"{told.get('type')}: {': '.join(reasons)}"
