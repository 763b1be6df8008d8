"""Dead letters in an SQS queue, at any endpoint: a message each.

A queue takes messages of so many bytes only, and not every character. What does not fit as JSON
goes compressed; what does not fit so either goes into a bucket, whole, with a message that points
there; without a bucket the message has the record's keys and its place in its stream, but not its
images.
"""

from __future__ import annotations

import asyncio
import base64
import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from typing import Any, Final

import msgspec

from tailrace.delivery.dead_letters import StoredLetter, cut, stored
from tailrace.delivery.ports import DeadLetter
from tailrace.sinks.aws_client import AwsCallFailed, AwsClient
from tailrace.sinks.dead_letter_bucket import BucketDeadLetters

__all__ = ["QueueDeadLetters"]

# A queue's MaximumMessageSize, of a queue whose attributes may not be read: what any queue takes
# that was not told otherwise (AWS: 1 MiB since August 2025, 256 KiB before).
MESSAGE_BYTES: Final = 256 * 1024
CALLS_AT_ONCE: Final = 8
RECEIVED_AT_ONCE: Final = 10
# How long a message is hidden from others while it is listed; it is given back before, as a rule.
HELD_S: Final = 300
RECEIVE_WAIT_S: Final = 1
# A queue may say that it is empty when it is not.
EMPTY_RECEIVES: Final = 2
# What SQS refuses in a message (SendMessage: the characters of XML), apart from what JSON escapes.
_REFUSED: Final = re.compile("[\ufffe\uffff]")
_encode: Final = msgspec.json.encode


class _Pointer(msgspec.Struct, frozen=True):
    bucket: str
    key: str


class _Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message whose letter does not fit as it is."""

    id: str
    packed: str | None = None
    whole: _Pointer | None = None
    letter: StoredLetter | None = None


class _Received(msgspec.Struct, frozen=True):
    """A message: a letter's, or another's, of which only the id is known."""

    id: str
    handle: str
    letter: StoredLetter | None = None
    pointer: _Pointer | None = None


class QueueDeadLetters:
    """Keeps dead letters in a queue, named by its URL, ARN or name; those that fit no message in
    `bucket`. A queue cannot be looked at: listing receives its messages, hides them meanwhile and
    gives them back, which counts for a redrive policy."""

    def __init__(
        self,
        queue: str,
        bucket: BucketDeadLetters | None = None,
        *,
        region: str | None = None,
        profile: str | None = None,
        wait_s: int = RECEIVE_WAIT_S,
    ) -> None:
        self._queue = queue
        self._bucket = bucket
        if queue.startswith("arn:"):
            region = queue.split(":")[3]
        self._client = AwsClient("sqs", region, profile=profile)
        self._wait_s = wait_s
        self._url: str | None = None
        self._room = MESSAGE_BYTES
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._received: dict[str, _Received] = {}

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Send a message for each letter."""
        await self._open()
        await asyncio.gather(*(self._send(stored(letter)) for letter in letters))

    async def letters(self) -> AsyncGenerator[StoredLetter, None]:
        """All letters that can be received now, in no order. Messages of others are left alone."""
        await self._open()
        self._received.clear()
        try:
            async for found in self._receive_all():
                whole = None if found.pointer is None else await self._whole(found.pointer)
                letter = whole or found.letter
                if letter is not None:
                    yield letter
        finally:
            await asyncio.shield(self._give_back(self._received.values()))

    async def remove(self, ids: Sequence[str]) -> None:
        """Delete letters: those that were listed by their receipts, others when they are found."""
        await self._open()
        left = set(ids)
        for letter_id in list(left & self._received.keys()):
            found = self._received.pop(letter_id)
            if await self._delete(found):
                left.discard(letter_id)
        if not left:
            return
        self._received.clear()
        try:
            async for found in self._receive_all():
                if found.id in left and await self._delete(found):
                    left.discard(found.id)
                    del self._received[found.id]
                if not left:
                    break
        finally:
            await asyncio.shield(self._give_back(self._received.values()))

    # Sending ------------------------------------------------------------------------------------

    async def _open(self) -> None:
        if self._url is None:
            self._url, self._room = await self._client.call(self._find)

    def _find(self, client: Any) -> tuple[str, int]:
        url = self._queue
        if url.startswith("arn:"):
            account, name = url.split(":")[4:6]
            named = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
            url = named["QueueUrl"]
        elif "://" not in url:
            url = client.get_queue_url(QueueName=url)["QueueUrl"]
        from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

        asked = ["MaximumMessageSize"]
        try:
            told = client.get_queue_attributes(QueueUrl=url, AttributeNames=asked)
        except ClientError as error:
            code: Any = error.response  # pyright: ignore[reportUnknownMemberType]
            if "AccessDenied" not in str(code.get("Error", {}).get("Code")):
                raise
            return url, MESSAGE_BYTES
        return url, int(told.get("Attributes", {}).get("MaximumMessageSize", MESSAGE_BYTES))

    async def _send(self, letter: StoredLetter) -> None:
        body = await self._body(letter)
        params = {"QueueUrl": self._url, "MessageBody": body}
        if str(self._url).endswith(".fifo"):
            # A group of its own: one that is being looked at holds no others up.
            params |= {"MessageGroupId": letter.id, "MessageDeduplicationId": letter.id}
        async with self._slots:
            await self._client.call(lambda client: client.send_message(**params))

    async def _body(self, letter: StoredLetter) -> str:
        plain = _encode(letter)
        if self._fits(plain):
            return plain.decode()
        packed = base64.b64encode(zlib.compress(plain)).decode()
        body = _encode(_Message(letter.id, packed=packed))
        if self._fits(body):
            return body.decode()
        pointer = None
        if self._bucket is not None:
            pointer = _Pointer(self._bucket.bucket, await self._bucket.put(letter))
        short = _encode(_Message(letter.id, whole=pointer, letter=cut(letter)))
        if not self._fits(short):  # a character that no message may have
            packed = base64.b64encode(zlib.compress(_encode(cut(letter)))).decode()
            short = _encode(_Message(letter.id, whole=pointer, packed=packed))
        return short.decode()

    def _fits(self, body: bytes) -> bool:
        return len(body) <= self._room and not _REFUSED.search(body.decode())

    # Receiving ----------------------------------------------------------------------------------

    async def _receive_all(self) -> AsyncIterator[_Received]:
        """Receive until there is nothing new."""
        empty = 0
        while empty < EMPTY_RECEIVES:
            messages = await self._client.call(self._receive)
            fresh: list[_Received] = []
            for message in messages:
                found = _read(message)
                if found.id not in self._received:
                    fresh.append(found)
                self._received[found.id] = found
            empty = 0 if fresh else empty + 1
            for found in fresh:
                if found.letter is not None:
                    yield found

    def _receive(self, client: Any) -> list[Any]:
        answer = client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=RECEIVED_AT_ONCE,
            VisibilityTimeout=HELD_S,
            WaitTimeSeconds=self._wait_s,
        )
        return list(answer.get("Messages", ()))

    async def _whole(self, pointer: _Pointer) -> StoredLetter | None:
        if self._bucket is None or self._bucket.bucket != pointer.bucket:
            return None
        return await self._bucket.get(pointer.key)

    async def _delete(self, found: _Received) -> bool:
        """Delete a message; whether its receipt was still good."""

        def work(client: Any) -> None:
            client.delete_message(QueueUrl=self._url, ReceiptHandle=found.handle)

        try:
            async with self._slots:
                await self._client.call(work)
        except AwsCallFailed as error:
            if "ReceiptHandle" in error.code or error.code == "InvalidParameterValue":
                return False
            raise
        if found.pointer is not None and self._bucket is not None:
            await self._bucket.delete(found.pointer.key)
        return True

    async def _give_back(self, received: Iterable[_Received]) -> None:
        handles = [found.handle for found in received]
        starts = range(0, len(handles), RECEIVED_AT_ONCE)
        groups = (handles[start : start + RECEIVED_AT_ONCE] for start in starts)
        await asyncio.gather(*map(self._show, groups))

    async def _show(self, handles: Sequence[str]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for number, handle in enumerate(handles)
        ]

        def work(client: Any) -> None:
            client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

        async with self._slots:
            await self._client.call(work)


def _read(message: Any) -> _Received:
    """The letter of a message, if it is one."""
    body, handle = message["Body"], message["ReceiptHandle"]
    try:
        letter = msgspec.json.decode(body, type=StoredLetter)
        return _Received(letter.id, handle, letter)
    except msgspec.MsgspecError:
        pass
    try:
        told = msgspec.json.decode(body, type=_Message)
        letter = told.letter
        if told.packed is not None:
            unpacked = zlib.decompress(base64.b64decode(told.packed))
            letter = msgspec.json.decode(unpacked, type=StoredLetter)
    except (msgspec.MsgspecError, ValueError, zlib.error):
        letter = pointer = None
    else:
        pointer = told.whole
    if letter is None:
        return _Received("message " + message["MessageId"], handle)
    return _Received(letter.id, handle, letter, pointer)
