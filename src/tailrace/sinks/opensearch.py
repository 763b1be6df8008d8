"""An OpenSearch index that follows a table, by bulk requests.

Documents carry the clock of their item's last change as an external version, so that OpenSearch
itself turns away what a replay brings late, deletions included.

Fields get their types from the first value that OpenSearch sees. It keeps later values of other
types without making them searchable; what it cannot keep, an object where there were plain values
or the reverse, and lists that mix what has no common type, it refuses: such records are failures.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, cast

import msgspec

from tailrace.delivery.ports import Batch, Failure, SinkUnavailable
from tailrace.errors import ConfigurationError, TailraceError
from tailrace.sinks.documents import DocumentChange, changes_of
from tailrace.sinks.search import Hit
from tailrace.streams.sequence import clock_of

__all__ = ["OpenSearchSink"]

REQUESTS: Final = 8
REQUEST_TIMEOUT_S: Final = 30
SCAN_PAGE: Final = 1000
_BUSY: Final = (429, 502, 503, 504)
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_ERROR: Final = 400

_log = logging.getLogger(__name__)

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

    async def reconcile(self, upto: int) -> int:
        """Delete the documents of changes up to the number `upto`; how many. Documents that change
        meanwhile stay. Of AWS's sequence numbers, which are longer than a version may be, documents
        know nothing: then none is deleted, and a warning says so."""
        clock = clock_of(upto + 1)
        if clock is None:
            _log.warning(
                "what %s has and its table has not stays: its versions do not tell", self._index
            )
            return 0
        return await self._run(self._reconcile, clock)

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

    def _reconcile(self, clock: int) -> int:
        exceptions = self._library.exceptions
        removed = 0
        try:
            self._client.indices.refresh(index=self._index)
            for ids in self._older(clock):
                # With a version beyond theirs, or a replay would bring them back.
                body = b"".join(
                    msgspec.json.encode({"delete": {"_id": each, **_external(clock)}}) + b"\n"
                    for each in ids
                )
                answer = self._client.bulk(index=self._index, body=body)
                removed += _deleted(answer)
        except exceptions.NotFoundError:
            return removed  # there is no index
        except exceptions.ConnectionError as error:
            raise SinkUnavailable(f"OpenSearch cannot be reached: {error}") from error
        return removed

    def _older(self, clock: int) -> Iterator[Sequence[str]]:
        """The ids of documents below a version, some at a time."""
        scan = self._library.helpers.scan(
            self._client,
            index=self._index,
            query={"query": {"match_all": {}}, "_source": False, "version": True},
            size=SCAN_PAGE,
        )
        ids = (hit["_id"] for hit in scan if hit["_version"] < clock)
        while some := list(itertools.islice(ids, SCAN_PAGE)):
            yield some

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
    clock = clock_of(change.sequence)
    return {} if clock is None else _external(clock)


def _external(version: int) -> Mapping[str, Any]:
    return {"version": version, "version_type": "external_gte"}


def _deleted(answer: Any) -> int:
    """How many documents a bulk request deleted; the others have changed since, or are gone."""
    removed = 0
    for item in answer["items"]:
        result = item["delete"]
        status = result["status"]
        if status in _BUSY:
            raise SinkUnavailable(f"OpenSearch is busy: {_reason(result)}")
        if status >= _ERROR and status not in (_CONFLICT, _NOT_FOUND):
            raise TailraceError(f"OpenSearch deletes {result['_id']} not: {_reason(result)}")
        removed += result.get("result") == "deleted"
    return removed


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
