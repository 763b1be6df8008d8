"""Proves that PynamoDB's models work unmodified: attributes of all kinds, indexes, conditions and
update actions, versions, queries, scans, batches, transactions and times to live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.constants import PAY_PER_REQUEST_BILLING_MODE, STREAM_NEW_AND_OLD_IMAGE
from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import (
    AllProjection,
    GlobalSecondaryIndex,
    IncludeProjection,
    LocalSecondaryIndex,
)
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite

from tailrace.app import Tailrace
from tailrace.settings import Settings

_EXPIRY = datetime(2035, 6, 1, 12, tzinfo=UTC)


class _ByAuthor(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "ByAuthor"
        projection = IncludeProjection(["pages"])

    author = UnicodeAttribute(hash_key=True)
    year = NumberAttribute(range_key=True)


class _ByPages(LocalSecondaryIndex[Any]):
    class Meta:
        index_name = "ByPages"
        projection = AllProjection()

    shelf = UnicodeAttribute(hash_key=True)
    pages = NumberAttribute(range_key=True)


class _Publisher(MapAttribute[str, Any]):
    name = UnicodeAttribute()
    founded = NumberAttribute(null=True)


class _Book(Model):
    class Meta:
        table_name = "Books"
        region = "us-east-1"
        host = ""
        billing_mode = PAY_PER_REQUEST_BILLING_MODE
        stream_view_type = STREAM_NEW_AND_OLD_IMAGE

    shelf = UnicodeAttribute(hash_key=True)
    title = UnicodeAttribute(range_key=True)
    author = UnicodeAttribute(null=True)
    year = NumberAttribute(null=True)
    pages = NumberAttribute(null=True)
    available = BooleanAttribute(null=True)
    cover = BinaryAttribute(null=True, legacy_encoding=False)
    tags: Any = UnicodeSetAttribute(null=True)
    marks: Any = NumberSetAttribute(null=True)
    chapters: ListAttribute[Any] = ListAttribute(null=True)
    publisher = _Publisher(null=True)
    notes = JSONAttribute(null=True)
    published = UTCDateTimeAttribute(null=True)
    expires = TTLAttribute(null=True)
    by_author = _ByAuthor()
    by_pages = _ByPages()


class _Counter(Model):
    class Meta:
        table_name = "Counters"
        region = "us-east-1"
        host = ""
        billing_mode = PAY_PER_REQUEST_BILLING_MODE

    name = UnicodeAttribute(hash_key=True)
    value = NumberAttribute(default=0)
    version = VersionAttribute()


@pytest.fixture(scope="module")
def endpoint_url() -> Iterator[str]:
    with Tailrace(Settings(port=0)) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        for model in (_Book, _Counter):
            model.Meta.host = running.endpoint_url
        yield running.endpoint_url


@pytest.fixture(autouse=True)
def tables(endpoint_url: str) -> Iterator[None]:
    assert endpoint_url
    _Book.create_table(wait=True)
    _Counter.create_table(wait=True)
    yield
    _Book.delete_table(wait=True)
    _Counter.delete_table(wait=True)
    assert not _Book.exists()


def _shelve(count: int) -> None:
    with _Book.batch_write() as batch:
        for n in range(count):
            author = f"author {n % 3}"
            batch.save(_Book("long", f"title {n:03}", author=author, year=1900 + n, pages=n % 7))


def test_a_table_is_what_its_model_says(endpoint_url: str):
    described = _Book.describe_table()
    assert described["TableStatus"] == "ACTIVE"
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["ByAuthor"]
    assert [index["IndexName"] for index in described["LocalSecondaryIndexes"]] == ["ByPages"]
    assert "Books" in Connection(region="us-east-1", host=endpoint_url).list_tables()["TableNames"]


def test_values_of_all_kinds_come_back():
    book = _Book(
        "first",
        "Ä ☃ 𝄞",
        author="Somebody",
        year=1851,
        pages=1.5,
        available=False,
        cover=b"\x00\xff",
        tags={"sea", "whale"},
        marks={1, 2.5, -3},
        chapters=["one", 2, {"three": None}],
        publisher=_Publisher(name="Acme", founded=1801),
        notes={"a": [1, None, True]},
        published=datetime(1851, 10, 18, 1, 2, 3, 456789, tzinfo=UTC),
        expires=_EXPIRY,
    )
    book.save()
    found = _Book.get("first", "Ä ☃ 𝄞", consistent_read=True)
    assert found.attribute_values.keys() == book.attribute_values.keys()
    assert found.serialize() == book.serialize()
    assert found.publisher.founded == 1801
    assert found.published == book.published
    assert [*found.chapters[:2], found.chapters[2]["three"]] == ["one", 2, None]
    with pytest.raises(_Book.DoesNotExist):
        _Book.get("first", "missing")


def test_update_actions_and_conditions():
    book = _Book("first", "updated", year=1, pages=10, tags={"a", "b"}, chapters=["m"])
    book.publisher = _Publisher(name="Acme")
    book.save(condition=_Book.title.does_not_exist())
    with pytest.raises(PutError) as refused:
        book.save(condition=_Book.title.does_not_exist())
    assert refused.value.cause_response_code == "ConditionalCheckFailedException"
    book.update(
        actions=[
            _Book.pages.set(_Book.pages + 5),
            _Book.year.remove(),
            _Book.author.set(_Book.author | "Nobody"),
            _Book.chapters.set(_Book.chapters.append(["z"])),
            _Book.publisher.founded.set(1801),
            _Book.marks.add({4}),
            _Book.tags.delete({"b"}),
        ],
        condition=(_Book.pages.between(9, 11) & _Book.tags.contains("a"))
        | ~_Book.title.startswith("u"),
    )
    # PynamoDB takes over what the server returns, all of the new item.
    assert (book.pages, book.year, book.author) == (15, None, "Nobody")
    assert (list(book.chapters), book.tags, book.marks) == (["m", "z"], {"a"}, {4})
    book.refresh(consistent_read=True)
    assert book.publisher.founded == 1801
    _Book("first", "updated").update(actions=[_Book.chapters.set(_Book.chapters.prepend(["a"]))])
    assert list(_Book.get("first", "updated").chapters) == ["a", "m", "z"]
    with pytest.raises(UpdateError) as unchanged:
        book.update(
            actions=[_Book.pages.add(1)], condition=_Book.author.is_in("Somebody", "Anybody")
        )
    assert unchanged.value.cause_response_code == "ConditionalCheckFailedException"
    with pytest.raises(DeleteError):
        book.delete(condition=_Book.pages.is_type() & _Book.pages.does_not_exist())
    book.delete(condition=_Book.chapters[0] == "a")
    assert _Book.count() == 0


def test_versions_refuse_stale_writers():
    _Counter("visits").save()
    mine, theirs = _Counter.get("visits"), _Counter.get("visits")
    mine.update(actions=[_Counter.value.add(1)])
    assert (mine.value, mine.version) == (1, 2)
    theirs.value = 7
    with pytest.raises(PutError) as refused:
        theirs.save()
    assert refused.value.cause_response_code == "ConditionalCheckFailedException"
    theirs.refresh()
    theirs.delete()
    with pytest.raises(_Counter.DoesNotExist):
        _Counter.get("visits")


def test_queries_of_tables_and_indexes():
    _shelve(60)
    begins = _Book.query("long", _Book.title.startswith("title 01"), scan_index_forward=False)
    assert [book.title for book in begins] == [f"title {n:03}" for n in reversed(range(10, 20))]
    # In pages of seven, of which a filter leaves some.
    paged = _Book.query("long", filter_condition=_Book.pages == 3, page_size=7)
    assert [book.year for book in paged] == [1900 + n for n in range(60) if n % 7 == 3]
    first = _Book.query("long", limit=5)
    assert len(list(first)) == 5
    following = _Book.query("long", limit=5, last_evaluated_key=first.last_evaluated_key)
    assert [book.title for book in following] == [f"title {n:03}" for n in range(5, 10)]
    by_author = list(_Book.by_author.query("author 1", _Book.year > 1950))
    expected = [(1900 + n, n % 7) for n in range(51, 60) if n % 3 == 1]
    assert [(book.year, book.pages) for book in by_author] == expected
    by_pages = [book.pages for book in _Book.by_pages.query("long", _Book.pages >= 4)]
    assert len(by_pages) == sum(n % 7 >= 4 for n in range(60))
    assert by_pages == sorted(by_pages)
    assert _Book.by_author.count("author 0") == 20
    assert _Book.count("long", _Book.title < "title 010") == 10


def test_scans_and_batches():
    _shelve(60)
    found = [
        book.title
        for segment in range(3)
        for book in _Book.scan(
            _Book.pages.is_in(1, 2), segment=segment, total_segments=3, page_size=4
        )
    ]
    assert sorted(found) == [f"title {n:03}" for n in range(60) if n % 7 in (1, 2)]
    some = _Book.scan(limit=3, attributes_to_get=["title"])
    assert [book.author for book in some] == [None] * 3
    assert len(list(_Book.by_author.scan())) == 60
    keys = [("long", f"title {n:03}") for n in range(120)]
    # More than one request of a hundred keys; half of them are not there.
    assert len(list(_Book.batch_get(keys, consistent_read=True))) == 60
    with _Book.batch_write() as batch:
        for book in _Book.scan():
            batch.delete(book)
    assert _Book.count() == 0


def test_transactions(endpoint_url: str):
    connection = Connection(region="us-east-1", host=endpoint_url)
    _shelve(4)
    gone, kept = _Book("long", "title 000"), _Book("long", "title 001")
    with TransactWrite(connection=connection, client_request_token="once") as writes:
        writes.save(_Book("moved", "new", pages=1), condition=_Book.title.does_not_exist())
        writes.update(kept, actions=[_Book.pages.set(100)], condition=_Book.pages == 1)
        writes.delete(gone)
        writes.condition_check(_Book, "long", "title 002", condition=_Book.title.exists())
    with TransactGet(connection=connection) as reads:
        futures = [
            reads.get(_Book, "moved", "new"),
            reads.get(_Book, "long", "title 001"),
            reads.get(_Book, "long", "title 000"),
        ]
    assert [future.get().pages for future in futures[:2]] == [1, 100]
    with pytest.raises(_Book.DoesNotExist):
        futures[2].get()
    writes = TransactWrite(connection=connection)
    writes.save(_Book("moved", "other"))
    writes.update(kept, actions=[_Book.pages.add(1)], condition=_Book.pages < 100)
    with pytest.raises(TransactWriteError) as refused, writes:
        pass
    assert refused.value.cause_response_code == "TransactionCanceledException"
    reasons = refused.value.cancellation_reasons
    assert [reason and reason.code for reason in reasons] == [None, "ConditionalCheckFailed"]
    assert _Book.count("moved") == 1


def test_times_to_live(endpoint_url: str):
    client = boto3.client("dynamodb", endpoint_url=endpoint_url, region_name="us-east-1")
    described = client.describe_time_to_live(TableName="Books")["TimeToLiveDescription"]
    assert described["AttributeName"] == "expires"
    _Book("first", "a", expires=_EXPIRY).save()
    _Book("first", "b", expires=timedelta(hours=1)).save()
    key = {"shelf": {"S": "first"}, "title": {"S": "a"}}
    stored = client.get_item(TableName="Books", Key=key)["Item"]
    client.close()
    assert stored["expires"] == {"N": str(int(_EXPIRY.timestamp()))}
    soon = datetime.now(UTC) + timedelta(hours=2)
    assert [book.title for book in _Book.scan(_Book.expires < soon)] == ["b"]
