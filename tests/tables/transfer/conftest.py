"""A bucket with objects, and a caller who puts them into a table with a stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.testing.calling import Caller


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    made = tmp_path / "buckets" / "bucket"
    made.mkdir(parents=True)
    (made.parent / "reports").mkdir()
    return made


@pytest.fixture
def putter(bucket: Path) -> Caller:
    """A caller with a table whose stream has both images."""
    caller = Caller(s3_directory=bucket.parent)
    caller.create(
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    return caller
