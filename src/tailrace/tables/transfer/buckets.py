"""The port behind which objects lie in buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol

import msgspec

from tailrace.errors import TailraceError

__all__ = ["BucketFault", "Buckets", "Encryption", "SealedBuckets", "StoredObject"]


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


class Encryption(msgspec.Struct, frozen=True, gc=False):
    """How an object is to be encrypted where it lies: `algorithm` is AES256 or KMS, with the id of
    a key or with the service's own."""

    algorithm: str
    key_id: str | None = None


class Buckets(Protocol):
    """Objects by bucket and key. All methods raise BucketFault, and may be called by one thread at
    a time."""

    def write(
        self, bucket: str, key: str, data: bytes, encryption: Encryption | None = None
    ) -> None:
        """Put an object, whole or not at all, in place of one that is there. `encryption` None is
        the bucket's own."""
        ...

    def objects(self, bucket: str, prefix: str) -> Sequence[StoredObject]:
        """The objects whose keys begin with a prefix, in the order of the keys."""
        ...

    def open(self, bucket: str, key: str) -> BinaryIO:
        """An object's content, to be closed."""
        ...


class SealedBuckets:
    """Buckets in which everything that is written is encrypted in one way."""

    def __init__(self, buckets: Buckets, encryption: Encryption) -> None:
        self._buckets = buckets
        self._encryption = encryption

    def write(
        self, bucket: str, key: str, data: bytes, encryption: Encryption | None = None
    ) -> None:
        self._buckets.write(bucket, key, data, encryption or self._encryption)

    def objects(self, bucket: str, prefix: str) -> Sequence[StoredObject]:
        return self._buckets.objects(bucket, prefix)

    def open(self, bucket: str, key: str) -> BinaryIO:
        return self._buckets.open(bucket, key)
