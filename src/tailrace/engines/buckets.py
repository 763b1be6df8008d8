"""Buckets as the subdirectories of a directory, objects as files in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from tailrace.tables.transfer.buckets import BucketFault, Encryption, StoredObject

__all__ = ["DirectoryBuckets"]


class DirectoryBuckets:
    """The buckets below `root`, None for none. A bucket is made by making its directory."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def write(
        self, bucket: str, key: str, data: bytes, encryption: Encryption | None = None
    ) -> None:
        del encryption  # it is for whoever sees the directory to encrypt it
        path = self._path(bucket, key)
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise _fault(error) from error

    def objects(self, bucket: str, prefix: str) -> Sequence[StoredObject]:
        directory = self._bucket(bucket)
        try:
            found = [
                StoredObject(path.relative_to(directory).as_posix(), path.stat().st_size)
                for path in directory.rglob("*")
                if path.is_file()
            ]
        except OSError as error:
            raise _fault(error) from error
        return sorted(
            [stored for stored in found if stored.key.startswith(prefix)],
            key=lambda stored: stored.key,
        )

    def open(self, bucket: str, key: str) -> BinaryIO:
        try:
            return self._path(bucket, key).open("rb")
        except OSError as error:
            raise _fault(error) from error

    def _bucket(self, bucket: str) -> Path:
        directory = None if self._root is None else self._root / bucket
        if directory is None or bucket in ("", ".", "..") or not directory.is_dir():
            raise BucketFault("S3NoSuchBucket", "The specified bucket does not exist")
        return directory

    def _path(self, bucket: str, key: str) -> Path:
        directory = self._bucket(bucket)
        parts = key.split("/")
        if any(part in (".", "..") or "\0" in part for part in parts) or not parts[-1]:
            raise BucketFault("S3AccessDenied", f"No file can have the key {key!r}")
        return directory.joinpath(*[part for part in parts if part])


def _fault(error: OSError) -> BucketFault:
    return BucketFault("S3AccessDenied", error.strerror or "Access Denied")
