"""Proves that directories serve as buckets, and that no key leads out of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.engines.buckets import DirectoryBuckets
from tailrace.tables.transfer.buckets import BucketFault, StoredObject


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "bucket").mkdir()
    return tmp_path


def test_objects_are_written_listed_and_read(root: Path) -> None:
    buckets = DirectoryBuckets(root)
    buckets.write("bucket", "a/b.json", b"old")
    buckets.write("bucket", "a/b.json", b"new")
    buckets.write("bucket", "ab", b"")
    nested, plain = StoredObject("a/b.json", 3), StoredObject("ab", 0)
    assert buckets.objects("bucket", "") == [nested, plain]
    assert buckets.objects("bucket", "a/") == [nested]
    assert buckets.objects("bucket", "a") == [nested, plain]
    with buckets.open("bucket", "a/b.json") as file:
        assert file.read() == b"new"


@pytest.mark.parametrize("bucket", ["absent", "", ".", ".."])
def test_a_bucket_must_be_a_directory_there(root: Path, bucket: str) -> None:
    for buckets in (DirectoryBuckets(root), DirectoryBuckets(None)):
        with pytest.raises(BucketFault) as caught:
            buckets.objects(bucket, "")
        assert caught.value.code == "S3NoSuchBucket"


@pytest.mark.parametrize("key", ["../out", "a/../../out", "a/", "", "a\0b"])
def test_no_key_leads_out_of_its_bucket(root: Path, key: str) -> None:
    buckets = DirectoryBuckets(root)
    with pytest.raises(BucketFault) as caught:
        buckets.write("bucket", key, b"x")
    assert caught.value.code == "S3AccessDenied"
    assert not (root / "out").exists()


def test_what_the_file_system_refuses_is_a_fault(root: Path) -> None:
    buckets = DirectoryBuckets(root)
    buckets.write("bucket", "file", b"x")
    with pytest.raises(BucketFault):
        buckets.write("bucket", "file/below", b"x")
    with pytest.raises(BucketFault):
        buckets.open("bucket", "absent")
