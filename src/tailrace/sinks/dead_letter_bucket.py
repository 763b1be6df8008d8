"""Dead letters in an S3 bucket, at any endpoint: an object each, by the day they were given up."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec

from tailrace.delivery.dead_letters import StoredLetter, stored
from tailrace.delivery.ports import DeadLetter
from tailrace.sinks.aws_client import AwsCallFailed, AwsClient

__all__ = ["BucketDeadLetters"]

CALLS_AT_ONCE: Final = 8
LIST_PAGE: Final = 1000
_ID: Final = re.compile(r"\d+-(\d+)")
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_encode: Final = msgspec.json.encode
_decode: Final = msgspec.json.Decoder(StoredLetter).decode


class BucketDeadLetters:
    """Keeps dead letters as `<prefix>YYYY/MM/DD/<id>.json`, whole: an object may be larger than any
    record. `page` is how many objects are listed at a time."""

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        region: str | None = None,
        profile: str | None = None,
        page: int = LIST_PAGE,
    ) -> None:
        self.bucket = bucket
        self._prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"
        self._client = AwsClient("s3", region, profile=profile)
        self._page = page
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Put an object for each letter."""
        await asyncio.gather(*(self.put(stored(letter)) for letter in letters))

    async def put(self, letter: StoredLetter) -> str:
        """Put one object; its key."""
        key, body = self._key(letter.id), _encode(letter)
        assert key is not None

        def work(client: Any) -> None:
            client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType="application/json"
            )

        async with self._slots:
            await self._client.call(work)
        return key

    async def letters(self) -> AsyncGenerator[StoredLetter, None]:
        """All letters, by the day; other objects below the prefix are passed over."""
        asked: dict[str, Any] = {
            "Bucket": self.bucket,
            "Prefix": self._prefix,
            "MaxKeys": self._page,
        }
        while True:
            params = dict(asked)

            def work(client: Any, params: dict[str, Any] = params) -> Any:
                return client.list_objects_v2(**params)

            listed = await self._client.call(work)
            keys = [str(each["Key"]) for each in listed.get("Contents", ())]
            mine = [key for key in keys if self._is_letter(key)]
            for start in range(0, len(mine), CALLS_AT_ONCE):
                some = mine[start : start + CALLS_AT_ONCE]
                for letter in await asyncio.gather(*map(self.get, some)):
                    if letter is not None:
                        yield letter
            if not listed.get("IsTruncated"):
                return
            asked["ContinuationToken"] = listed["NextContinuationToken"]

    async def get(self, key: str) -> StoredLetter | None:
        """The letter of an object; None when it is gone."""

        def work(client: Any) -> bytes:
            return client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

        async with self._slots:
            try:
                return _decode(await self._client.call(work))
            except AwsCallFailed as error:
                if error.code in _MISSING:
                    return None
                raise

    async def remove(self, ids: Sequence[str]) -> None:
        """Delete letters."""
        keys = (key for each in ids if (key := self._key(each)) is not None)
        await asyncio.gather(*map(self.delete, keys))

    async def delete(self, key: str) -> None:
        """Delete one object."""

        def work(client: Any) -> None:
            client.delete_object(Bucket=self.bucket, Key=key)

        async with self._slots:
            await self._client.call(work)

    def _is_letter(self, key: str) -> bool:
        name = key.rpartition("/")[2].removesuffix(".json")
        return self._key(name) == key

    def _key(self, letter_id: str) -> str | None:
        """The key of a letter; None for what is no letter's id."""
        match = _ID.fullmatch(letter_id)
        if match is None:
            return None
        try:
            day = datetime.datetime.fromtimestamp(int(match[1]) / 1000, datetime.UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return f"{self._prefix}{day:%Y/%m/%d}/{letter_id}.json"
