"""The port behind which objects lie in buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol

import msgspec

from tailrace.errors import TailraceError

__all__ = ["BucketFault", "Buckets", "StoredObject"]


class BucketFault(TailraceError):
    """A bucket or an object that can't be read or written. `code` is what the description of an
    export or import shows (S3NoSuchBucket, S3AccessDenied, ...)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StoredObject(msgspec.Struct, frozen=True, gc=False):
    """An object's key, and its size in bytes."""

    key: str
    size: int


class Buckets(Protocol):
    """Objects by bucket and key. All methods raise BucketFault, and may be called by one thread at
    a time."""

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object, whole or not at all, in place of one that is there."""
        ...

    def objects(self, bucket: str, prefix: str) -> Sequence[StoredObject]:
        """The objects whose keys begin with a prefix, in the order of the keys."""
        ...

    def open(self, bucket: str, key: str) -> BinaryIO:
        """An object's content, to be closed."""
        ...
