"""An embedded full-text index (tantivy) that follows a table.

A document for each item: its id from the item's key, its text from all strings in the item, the
item itself as plain JSON. Each document keeps the sequence number of the change that made it, and
removed ones leave a tombstone with theirs, so that a replay never brings older content back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from tailrace.delivery.ports import Batch, Failure
from tailrace.errors import ConfigurationError, ValidationException
from tailrace.sinks.documents import DocumentChange, changes_of, newest
from tailrace.sinks.threads import run_to_end

__all__ = ["Hit", "SearchSink"]

WRITER_BYTES: Final = 64 * 1024 * 1024
PAGE: Final = 10_000
# A stream keeps its records for 24 hours: whatever is replayed is younger than twice that.
TOMBSTONE_MS: Final = 2 * 24 * 3600 * 1000
PURGE_EVERY: Final = 256
_DEFAULT_FIELDS: Final = ["text", "fields"]


class Hit(msgspec.Struct, frozen=True):
    """One document that a search found."""

    id: str
    score: float
    document: Mapping[str, Any]


class SearchSink:
    """A sink and an index in the directory `path`; in memory without one.

    One process may write to a directory at a time.
    """

    def __init__(self, path: Path | None = None) -> None:
        try:
            import tantivy
        except ImportError as error:
            raise ConfigurationError(
                "the search sink needs tantivy: pip install 'tailrace[search]'"
            ) from error
        # Typed as Any: tantivy's stubs lack much of what it has.
        self._tantivy: Any = tantivy
        self._schema = _schema(tantivy)
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
        try:
            self._index: Any = self._tantivy.Index(self._schema, str(path) if path else None)
            self._writer: Any = self._index.writer(WRITER_BYTES, 1)
        except ValueError as error:
            raise ConfigurationError(
                f"the search index in {path} cannot be opened: {error}"
            ) from error
        self._live: Any = self._tantivy.Query.term_query(self._schema, "live", True)
        self._lock = asyncio.Lock()
        self._writes = 0

    async def write(self, batch: Batch) -> Sequence[Failure]:
        """Bring the documents of a batch up to date; committed and searchable when it returns."""
        async with self._lock:
            return await run_to_end(self._write, batch)

    async def reconcile(self, upto: int) -> int:
        """Remove the documents of changes up to the number `upto`; how many."""
        searcher, offset, removed = self._index.searcher(), 0, 0
        while True:
            async with self._lock:
                found, old = await run_to_end(self._reconcile, searcher, offset, upto)
            removed += old
            offset += found
            if found < PAGE:
                return removed

    async def close(self) -> None:
        """Let go of the directory."""
        async with self._lock:
            if self._writer is not None:
                writer, self._writer = self._writer, None
                await run_to_end(writer.wait_merging_threads)

    def search(self, query: str, limit: int = 10) -> Sequence[Hit]:
        """The best hits for a query of words, phrases and `attribute:word`, the best first.

        Raises ValidationException for a query that cannot be read.
        """
        try:
            parsed = self._index.parse_query(query, _DEFAULT_FIELDS)
        except ValueError as error:
            raise ValidationException(f"Invalid query: {error}") from error
        searcher = self._index.searcher()
        found = searcher.search(self._living(parsed), limit)
        hits: list[Hit] = []
        for score, address in found.hits:
            stored = searcher.doc(address)
            document = msgspec.json.decode(stored.get_first("document"))
            hits.append(Hit(stored.get_first("id"), float(score), document))
        return hits

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All documents with their ids, as of now, in no particular order."""
        searcher = self._index.searcher()
        offset = 0
        while True:
            found = searcher.search(self._live, PAGE, count=False, offset=offset).hits
            for _, address in found:
                stored = searcher.doc(address)
                yield stored.get_first("id"), msgspec.json.decode(stored.get_first("document"))
            if len(found) < PAGE:
                return
            offset += PAGE

    def count(self) -> int:
        """How many documents there are."""
        found = self._index.searcher().search(self._live, 1)
        return int(found.count or 0)

    def _living(self, query: Any) -> Any:
        must = self._tantivy.Occur.Must
        return self._tantivy.Query.boolean_query([(must, query), (must, self._live)])

    def _write(self, batch: Batch) -> Sequence[Failure]:
        changes, failures = changes_of(batch)
        last = newest(changes)
        known = self._sequences(last)
        fresh = [c for c in last.values() if c.sequence >= known.get(c.id, -1)]
        try:
            for change in fresh:
                self._writer.delete_documents_by_term("id", change.id)
                self._writer.add_document(self._made(change))
            self._purge(changes)
            self._writer.commit()
        except BaseException:
            self._writer.rollback()
            raise
        self._index.reload()
        return failures

    def _reconcile(self, searcher: Any, offset: int, upto: int) -> tuple[int, int]:
        """Make tombstones of what is older on a page of an earlier state of the index; how long the
        page was, and how many they are."""
        hits = searcher.search(self._live, PAGE, count=False, offset=offset).hits
        seen = [searcher.doc(address).get_first("id") for _, address in hits]
        before = self._sequences(seen)
        old = [identity for identity in seen if before.get(identity, upto + 1) <= upto]
        if old:
            now_ms = time.time_ns() // 1_000_000
            # Beyond what it removes, or a replay would bring that back.
            self._replace([DocumentChange(upto + 1, now_ms, each, None) for each in old])
        return len(seen), len(old)

    def _replace(self, changes: Iterable[DocumentChange]) -> None:
        try:
            for change in changes:
                self._writer.delete_documents_by_term("id", change.id)
                self._writer.add_document(self._made(change))
            self._writer.commit()
        except BaseException:
            self._writer.rollback()
            raise
        self._index.reload()

    def _sequences(self, ids: Iterable[str]) -> dict[str, int]:
        """The sequence numbers of the documents and tombstones that are there."""
        wanted = list(ids)
        query = self._tantivy.Query.term_set_query(self._schema, "id", wanted)
        searcher = self._index.searcher()
        hits = searcher.search(query, max(len(wanted), 1), count=False).hits
        stored = (searcher.doc(address) for _, address in hits)
        return {each.get_first("id"): int(each.get_first("sequence")) for each in stored}

    def _made(self, change: DocumentChange) -> Any:
        made = self._tantivy.Document()
        made.add_text("id", change.id)
        made.add_text("sequence", str(change.sequence))
        made.add_boolean("live", change.document is not None)
        if change.document is None:
            made.add_unsigned("removed_ms", change.created_ms)
            return made
        made.add_bytes("document", msgspec.json.encode(change.document))
        made.add_json("fields", change.document)
        for text in _texts(change.document):
            made.add_text("text", text)
        return made

    def _purge(self, changes: Sequence[DocumentChange]) -> None:
        """Now and then, drop the tombstones that no replay can need any more."""
        self._writes += 1
        if self._writes % PURGE_EVERY or not changes:
            return
        before = max(change.created_ms for change in changes) - TOMBSTONE_MS
        if before > 0:
            kind = self._tantivy.FieldType.Unsigned
            old = self._tantivy.Query.range_query(
                self._schema, "removed_ms", kind, 0, before, include_upper=False
            )
            self._writer.delete_documents_by_query(old)


def _schema(tantivy: Any) -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("sequence", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_boolean_field("live", indexed=True)
    builder.add_unsigned_field("removed_ms", indexed=True, fast=True)
    builder.add_bytes_field("document", stored=True)
    builder.add_text_field("text")
    builder.add_json_field("fields")
    return builder.build()


def _texts(value: Any) -> Iterator[str]:
    """All strings in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in cast("dict[str, Any]", value).values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in cast("list[Any]", value):
            yield from _texts(member)
