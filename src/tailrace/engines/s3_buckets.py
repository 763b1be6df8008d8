"""Buckets of S3, or of whatever speaks as it does."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar, cast

from tailrace.tables.transfer.buckets import BucketFault, Encryption, StoredObject

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["S3Buckets"]

_Result = TypeVar("_Result")
# What is asked for at a time: a connection need not outlive a pause between steps.
_PIECE_BYTES: Final = 8 * 1024 * 1024
_ATTEMPTS: Final = 5
_CONNECT_S: Final = 5
_READ_S: Final = 60
_ALGORITHMS: Final = {"AES256": "AES256", "KMS": "aws:kms"}
_FAULTS: Final = {
    "NoSuchBucket": "S3NoSuchBucket",
    "NoSuchKey": "S3NoSuchKey",
    "404": "S3NoSuchKey",
    "AccessDenied": "S3AccessDenied",
    "403": "S3AccessDenied",
    "412": "S3ObjectModified",
    "PreconditionFailed": "S3ObjectModified",
}


class S3Buckets:
    """The buckets of an endpoint; None for those of AWS, or what botocore's settings say. Region
    and credentials are found as boto3 finds them, but for `region` where none is set."""

    def __init__(self, endpoint_url: str | None, region: str) -> None:
        self._endpoint_url = endpoint_url
        self._region = region
        self._made: Any = None

    def write(
        self, bucket: str, key: str, data: bytes, encryption: Encryption | None = None
    ) -> None:
        more: dict[str, str] = {}
        if encryption is not None:
            more["ServerSideEncryption"] = _ALGORITHMS[encryption.algorithm]
            if encryption.key_id is not None:
                more["SSEKMSKeyId"] = encryption.key_id
        self._call(lambda client: client.put_object(Bucket=bucket, Key=key, Body=data, **more))

    def objects(self, bucket: str, prefix: str) -> Sequence[StoredObject]:
        found: list[StoredObject] = []
        more: dict[str, Any] = {}
        while True:
            page = self._listed(bucket, prefix, more)
            found += [StoredObject(each["Key"], each["Size"]) for each in page.get("Contents", ())]
            if not page.get("IsTruncated"):
                return sorted(found, key=lambda stored: stored.key)
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _listed(self, bucket: str, prefix: str, more: dict[str, Any]) -> Any:
        return self._call(
            lambda client: client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        )

    def open(self, bucket: str, key: str) -> BinaryIO:
        where = {"Bucket": bucket, "Key": key}
        size, tag, first = self._call(lambda client: _begun(client.get_object(**where)))

        def piece(start: int) -> bytes:
            """What is there from `start` on, of the same object as at first."""
            end = min(start + _PIECE_BYTES, size) - 1
            part = {**where, "Range": f"bytes={start}-{end}", "IfMatch": tag}
            found = self._call(lambda client: bytes(client.get_object(**part)["Body"].read()))
            if len(found) != end - start + 1:
                raise BucketFault("S3Unavailable", f"A part of {key} was not served as asked for")
            return found

        return cast("BinaryIO", io.BufferedReader(_Pieces(first, piece, size)))

    def _call(self, work: Callable[[Any], _Result]) -> _Result:
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            BotoCoreError,
            ClientError,
        )

        try:
            return work(self._client())
        except ClientError as error:
            told: Any = error.response  # pyright: ignore[reportUnknownMemberType]
            code = str(told.get("Error", {}).get("Code", ""))
            raise BucketFault(_FAULTS.get(code, f"S3{code}"), str(error)) from error
        except BotoCoreError as error:
            raise BucketFault("S3Unavailable", str(error)) from error

    def _client(self) -> Any:
        """The client, made when it is first needed: that takes a tenth of a second."""
        if self._made is None:
            import botocore.session  # pyright: ignore[reportMissingTypeStubs]
            from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]

            made: Any = botocore.session
            session = made.get_session()
            region = session.get_config_variable("region") or self._region
            config = Config(
                connect_timeout=_CONNECT_S,
                read_timeout=_READ_S,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                # Not everything that speaks as S3 does knows names of buckets in host names, or
                # the checksums that came later.
                s3={"addressing_style": "path"} if self._endpoint_url else None,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
            self._made = session.create_client(
                "s3", region_name=region, endpoint_url=self._endpoint_url, config=config
            )
        return self._made


def _begun(answer: Any) -> tuple[int, str, bytes]:
    """The size of an object, what tells it from one that takes its place, and its beginning."""
    with contextlib.closing(answer["Body"]) as body:
        return int(answer["ContentLength"]), str(answer["ETag"]), bytes(body.read(_PIECE_BYTES))


class _Pieces(io.RawIOBase):
    """A file of `size` bytes that `piece` has parts of, from any place on; `first` is the first."""

    def __init__(self, first: bytes, piece: Callable[[int], bytes], size: int) -> None:
        self._piece = piece
        self._size = size
        self._behind = len(first)
        self._held = memoryview(first)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        if not self._held and self._behind < self._size:
            self._held = memoryview(self._piece(self._behind))
            self._behind += len(self._held)
        taken = self._held[: len(view)]
        view[: len(taken)] = taken
        self._held = self._held[len(taken) :]
        return len(taken)
