"""Proves that buckets at an endpoint are written, listed and read, in pieces, and what their faults
are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tailrace.engines import s3_buckets
from tailrace.engines.s3_buckets import S3Buckets
from tailrace.tables.transfer.buckets import BucketFault, Encryption, StoredObject
from tests.servers.queues_and_buckets import QueuesAndBuckets


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueuesAndBuckets]:
    made = QueuesAndBuckets()
    made.buckets["bucket"] = {}
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    yield made
    made.close()


@pytest.fixture
def buckets(service: QueuesAndBuckets) -> S3Buckets:
    return S3Buckets(service.url, "us-east-1")


def test_objects_are_written_listed_and_read(buckets: S3Buckets) -> None:
    buckets.write("bucket", "a/b.json", b"old")
    buckets.write("bucket", "a/b.json", b"new")
    buckets.write("bucket", "ab", b"")
    nested, plain = StoredObject("a/b.json", 3), StoredObject("ab", 0)
    assert buckets.objects("bucket", "") == [nested, plain]
    assert buckets.objects("bucket", "a/") == [nested]
    for key, content in (("a/b.json", b"new"), ("ab", b"")):
        with buckets.open("bucket", key) as file:
            assert file.read() == content


@pytest.mark.parametrize(
    ("encryption", "headers"),
    [
        (None, {}),
        (Encryption("AES256"), {"": "AES256"}),
        (Encryption("KMS"), {"": "aws:kms"}),
        (Encryption("KMS", "k"), {"": "aws:kms", "-aws-kms-key-id": "k"}),
    ],
)
def test_encryption_is_asked_for(
    buckets: S3Buckets,
    service: QueuesAndBuckets,
    monkeypatch: pytest.MonkeyPatch,
    encryption: Encryption | None,
    headers: dict[str, str],
) -> None:
    asked: list[dict[str, str]] = []
    whole = service.objects

    def watched(*parts: Any) -> Any:
        asked.append({name.lower(): value for name, value in parts[-1].items()})
        return whole(*parts)

    monkeypatch.setattr(service, "objects", watched)
    buckets.write("bucket", "a", b"x", encryption)
    name = "x-amz-server-side-encryption"
    (seen,) = asked
    assert {key: seen[key] for key in seen if key.startswith(name)} == {
        f"{name}{end}": value for end, value in headers.items()
    }


def test_all_pages_are_listed(buckets: S3Buckets, service: QueuesAndBuckets) -> None:
    service.buckets["bucket"] = {f"in/{number:05d}": b"x" for number in range(2500)}
    assert len(buckets.objects("bucket", "in/")) == 2500


def test_large_objects_are_read_in_pieces(
    buckets: S3Buckets, service: QueuesAndBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_buckets, "_PIECE_BYTES", 1000)
    content = bytes(range(256)) * 10
    buckets.write("bucket", "large", content)
    service.calls.clear()
    with buckets.open("bucket", "large") as file:
        assert file.read(10) == content[:10]
        assert len(service.calls) == 1
        assert file.read() == content[10:]
    assert service.calls == ["GET large"] * 3


def test_an_object_that_is_replaced_meanwhile_is_a_fault(
    buckets: S3Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_buckets, "_PIECE_BYTES", 1000)
    buckets.write("bucket", "a", b"x" * 2000)
    with buckets.open("bucket", "a") as file:
        assert file.read(10) == b"x" * 10
        buckets.write("bucket", "a", b"y" * 2000)
        with pytest.raises(BucketFault) as caught:
            file.read()
    assert caught.value.code == "S3ObjectModified"


def test_what_is_cut_short_is_a_fault(
    buckets: S3Buckets, service: QueuesAndBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_buckets, "_PIECE_BYTES", 1000)
    buckets.write("bucket", "a", b"x" * 2000)
    whole = service.objects

    def cut(*asked: Any) -> Any:
        status, body, tag = whole(*asked)
        return status, body[:-1] if status == 206 else body, tag

    monkeypatch.setattr(service, "objects", cut)
    with buckets.open("bucket", "a") as file, pytest.raises(BucketFault, match="not served"):
        file.read()


def test_what_is_not_there_is_a_fault(buckets: S3Buckets) -> None:
    for call, code in (
        (lambda: buckets.objects("absent", ""), "S3NoSuchBucket"),
        (lambda: buckets.write("absent", "a", b""), "S3NoSuchBucket"),
        (lambda: buckets.open("bucket", "absent"), "S3NoSuchKey"),
    ):
        with pytest.raises(BucketFault) as caught:
            call()
        assert caught.value.code == code


def test_an_endpoint_that_is_away_is_a_fault(
    service: QueuesAndBuckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_buckets, "_ATTEMPTS", 1)
    away = S3Buckets("http://127.0.0.1:1", "us-east-1")
    with pytest.raises(BucketFault) as caught:
        away.objects("bucket", "")
    assert caught.value.code == "S3Unavailable"
