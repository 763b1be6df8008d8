"""Two search indexes for the example: tantivy in a directory, or an OpenSearch.

Both keep for each document its fields to search in, its version, and the item it was made of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["OpenSearchIndex", "TantivyIndex", "open_index"]

FIELDS = ("name", "city", "state", "country")
INDEX = "airports"


def open_index(environment: Mapping[str, str]) -> TantivyIndex | OpenSearchIndex:
    """The index that OPENSEARCH_URL names, or else the one in the directory INDEX_DIRECTORY."""
    url = environment.get("OPENSEARCH_URL")
    if url:
        return OpenSearchIndex(url)
    return TantivyIndex(Path(environment.get("INDEX_DIRECTORY", "airports-index")))


class TantivyIndex:
    """An embedded index. One process writes at a time; `apply` is durable when it returns."""

    def __init__(self, directory: Path) -> None:
        import tantivy

        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw")
        for field in FIELDS:
            builder.add_text_field(field)
        builder.add_text_field("item", stored=True, tokenizer_name="raw", index_option="basic")
        directory.mkdir(parents=True, exist_ok=True)
        self._tantivy = tantivy
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema, path=str(directory))
        self._writer = self._index.writer(heap_size=32_000_000, num_threads=1)
        # Deleted documents keep their versions here, so that a change read twice does not bring
        # them back.
        self._versions: dict[str, int] = {}

    def apply(self, operations: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """Carry out a batch; the sequence numbers that failed: none, a failure here is one of the
        whole batch."""
        newest = {operation["id"]: operation for operation in operations}
        for key, operation in newest.items():
            if operation["version"] < self._versions.get(key, 0):
                continue
            self._writer.delete_documents_by_term("id", key)
            if operation["document"] is not None:
                self._writer.add_document(self._document(key, operation["document"]))
        self._writer.commit()
        self._versions.update((key, operation["version"]) for key, operation in newest.items())
        return []

    def _document(self, key: str, item: Mapping[str, Any]) -> Any:
        document = self._tantivy.Document()
        document.add_text("id", key)
        document.add_text("item", json.dumps(item, sort_keys=True))
        for field in FIELDS:
            if field in item:
                document.add_text(field, item[field]["S"])
        return document

    def search(self, text: str, limit: int) -> list[dict[str, Any]]:
        """The best matching items."""
        self._index.reload()
        query = self._index.parse_query(text, list(FIELDS), conjunction_by_default=True)
        searcher = self._index.searcher()
        return [self._item(searcher, address) for _, address in searcher.search(query, limit).hits]

    def documents(self) -> dict[str, dict[str, Any]]:
        """All items by their ids."""
        self._index.reload()
        searcher = self._index.searcher()
        everything = self._tantivy.Query.all_query()
        found = searcher.search(everything, max(searcher.num_docs, 1)).hits
        return {
            searcher.doc(address).to_dict()["id"][0]: self._item(searcher, address)
            for _, address in found
        }

    def _item(self, searcher: Any, address: Any) -> dict[str, Any]:
        return json.loads(searcher.doc(address).to_dict()["item"][0])


class OpenSearchIndex:
    """An index of an OpenSearch, which itself refuses versions older than what it has."""

    def __init__(self, url: str) -> None:
        from opensearchpy import OpenSearch

        self._client = OpenSearch(url, timeout=60)
        fields: dict[str, Any] = {field: {"type": "text"} for field in FIELDS}
        fields["item"] = {"type": "object", "enabled": False}
        self._client.indices.delete(index=INDEX, ignore_unavailable=True)
        self._client.indices.create(
            index=INDEX,
            body={
                "settings": {"number_of_shards": 1, "number_of_replicas": 0},
                "mappings": {"properties": fields},
            },
        )

    def apply(self, operations: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """Carry out a batch with one bulk request; the sequence numbers that failed."""
        body: list[Mapping[str, Any]] = []
        for operation in operations:
            meta = {
                "_index": INDEX,
                "_id": operation["id"],
                "version": operation["version"],
                "version_type": "external_gte",
            }
            item = operation["document"]
            if item is None:
                body.append({"delete": meta})
            else:
                text = {field: item[field]["S"] for field in FIELDS if field in item}
                body += [{"index": meta}, {**text, "item": item}]
        answers = self._client.bulk(body=body)["items"]
        return [
            operation["sequence_number"]
            for operation, answer in zip(operations, answers, strict=True)
            if not _is_done(next(iter(answer.values()))["status"])
        ]

    def search(self, text: str, limit: int) -> list[dict[str, Any]]:
        """The best matching items."""
        self._client.indices.refresh(index=INDEX)
        query = {
            "multi_match": {
                "query": text,
                "fields": list(FIELDS),
                "operator": "and",
                "type": "cross_fields",
            }
        }
        hits = self._client.search(index=INDEX, body={"query": query, "size": limit})["hits"][
            "hits"
        ]
        return [hit["_source"]["item"] for hit in hits]

    def documents(self) -> dict[str, dict[str, Any]]:
        """All items by their ids."""
        from opensearchpy.helpers import scan

        self._client.indices.refresh(index=INDEX)
        return {hit["_id"]: hit["_source"]["item"] for hit in scan(self._client, index=INDEX)}


def _is_done(status: int) -> bool:
    # 404: already deleted; 409: the index has a newer version.
    return status < 300 or status in (404, 409)
