"""A server that speaks over HTTP as much of SQS (its JSON protocol) and of S3 as dead letters need,
with the services' own limits. Time stands still unless a test moves it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["QueuesAndBuckets"]

REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
MISSING = "AWS.SimpleQueueService.NonExistentQueue"


class _Message:
    def __init__(self, body: str, group: str | None) -> None:
        self.id = str(uuid.uuid4())
        self.body = body
        self.group = group
        self.hidden_until_s = 0.0
        self.receipt = ""
        self.receives = 0


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class QueuesAndBuckets:
    """Queues by name, made by a test, and buckets by name."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.message_bytes = 262_144
        self.attributes_are_secret = False
        self.queues: dict[str, list[_Message]] = {}
        self.buckets: dict[str, dict[str, bytes]] = {}
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The endpoint of both services."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def visible(self, queue: str) -> int:
        """How many messages of a queue can be received."""
        return sum(each.hidden_until_s <= self.now_s for each in self.queues[queue])

    # SQS ----------------------------------------------------------------------------------------

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to an SQS operation."""
        with self._lock:
            self.calls.append(operation)
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
            return getattr(self, f"_{name}")(asked)

    def _queue(self, asked: dict[str, Any]) -> list[_Message]:
        name = str(asked["QueueUrl"]).rpartition("/")[2]
        if name not in self.queues:
            raise _Refused(MISSING, "The specified queue does not exist.")
        return self.queues[name]

    def _get_queue_url(self, asked: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.url}/{asked.get('QueueOwnerAWSAccountId', '000000000000')}/"
        self._queue({"QueueUrl": asked["QueueName"]})
        return {"QueueUrl": url + asked["QueueName"]}

    def _get_queue_attributes(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._queue(asked)
        if self.attributes_are_secret:
            raise _Refused("AccessDenied", "Access to the resource is denied.")
        return {"Attributes": {"MaximumMessageSize": str(self.message_bytes)}}

    def _send_message(self, asked: dict[str, Any]) -> dict[str, Any]:
        queue, body = self._queue(asked), str(asked["MessageBody"])
        if len(body.encode()) > self.message_bytes:
            raise _Refused("InvalidParameterValue", "Message must be shorter.")
        if any(
            (ord(each) < 32 and each not in "\t\n\r") or each in "\ufffe\uffff" for each in body
        ):
            raise _Refused("InvalidMessageContents", "Invalid characters found.")
        if str(asked["QueueUrl"]).endswith(".fifo") and not asked.get("MessageGroupId"):
            raise _Refused("MissingParameter", "MessageGroupId")
        message = _Message(body, asked.get("MessageGroupId"))
        queue.append(message)
        digest = hashlib.md5(body.encode()).hexdigest()
        return {"MessageId": message.id, "MD5OfMessageBody": digest}

    def _receive_message(self, asked: dict[str, Any]) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        queue = self._queue(asked)
        busy = {each.group for each in queue if each.hidden_until_s > self.now_s and each.group}
        for message in queue:
            if message.hidden_until_s > self.now_s or message.group in busy:
                continue
            if len(found) == asked.get("MaxNumberOfMessages", 1):
                break
            message.hidden_until_s = self.now_s + asked.get("VisibilityTimeout", 30)
            message.receives += 1
            message.receipt = f"{message.id}#{message.receives}"
            found.append(
                {
                    "MessageId": message.id,
                    "ReceiptHandle": message.receipt,
                    "Body": message.body,
                    "MD5OfBody": hashlib.md5(message.body.encode()).hexdigest(),
                }
            )
        return {"Messages": found} if found else {}

    def _of_receipt(self, asked: dict[str, Any], receipt: str) -> _Message:
        for message in self._queue(asked):
            if message.receipt == receipt:
                return message
        raise _Refused("ReceiptHandleIsInvalid", "The receipt handle is not valid.")

    def _delete_message(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._queue(asked).remove(self._of_receipt(asked, asked["ReceiptHandle"]))
        return {}

    def _change_message_visibility_batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert 1 <= len(asked["Entries"]) <= 10
        for entry in asked["Entries"]:
            message = self._of_receipt(asked, entry["ReceiptHandle"])
            message.hidden_until_s = self.now_s + entry["VisibilityTimeout"]
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}

    # S3 -----------------------------------------------------------------------------------------

    def objects(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: Any
    ) -> Any:
        """The status, body and tag of an answer of S3's."""
        status, told = self._answered(method, path, query, body)
        tag = f'"{hashlib.md5(told).hexdigest()}"'
        if status == 200 and headers.get("If-Match", tag) != tag:
            return 412, b"<Error><Code>PreconditionFailed</Code></Error>", tag
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", ""))
        if status == 200 and wanted is not None:
            return 206, told[int(wanted[1]) : int(wanted[2]) + 1], tag
        return status, told, tag

    def _answered(self, method: str, path: str, query: dict[str, str], body: bytes) -> Any:
        with self._lock:
            bucket, _, key = urllib.parse.unquote(path).strip("/").partition("/")
            self.calls.append(f"{method} {key or 'list'}")
            if bucket not in self.buckets:
                return 404, b"<Error><Code>NoSuchBucket</Code><Message>no bucket</Message></Error>"
            kept = self.buckets[bucket]
            if method == "PUT":
                kept[key] = body
                return 200, b""
            if method == "DELETE":
                kept.pop(key, None)
                return 204, b""
            if key:
                missing = b"<Error><Code>NoSuchKey</Code><Message>no key</Message></Error>"
                return (200, kept[key]) if key in kept else (404, missing)
            return 200, _listing(kept, query)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                else:
                    data = b""
                    while size := int(self.rfile.readline(), 16):
                        data += self.rfile.read(size)
                        self.rfile.readline()
                    while self.rfile.readline().strip():
                        pass
                if "aws-chunked" in self.headers.get("Content-Encoding", ""):
                    data = _unchunked(data)
                return data

            def do_POST(self) -> None:
                asked = json.loads(self._body())
                operation = self.headers["X-Amz-Target"].partition(".")[2]
                try:
                    status, told = 200, world.answer(operation, asked)
                except _Refused as error:
                    told = {"__type": f"com.amazonaws.sqs#{error.code}", "message": str(error)}
                    status = 400
                self._reply(status, json.dumps(told).encode(), "application/x-amz-json-1.0")

            def do_GET(self) -> None:
                path, _, text = self.path.partition("?")
                query = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
                status, body, tag = world.objects(
                    self.command, path, query, self._body(), self.headers
                )
                self._reply(status, body, "application/xml", tag)

            do_PUT = do_DELETE = do_GET  # noqa: N815

            def _reply(self, status: int, body: bytes, kind: str, tag: str = "") -> None:
                self.send_response(status)
                self.send_header("ETag", tag)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None: ...

        return Handler


def _unchunked(data: bytes) -> bytes:
    """A body in the chunks that carry checksums behind them."""
    found = b""
    while data:
        head, _, data = data.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            break
        found, data = found + data[:size], data[size + 2 :]
    return found


def _listing(kept: dict[str, bytes], query: dict[str, str]) -> bytes:
    after = query.get("continuation-token", "")
    keys = sorted(key for key in kept if key.startswith(query.get("prefix", "")) and key > after)
    most = int(query.get("max-keys", 1000))
    page, is_cut = keys[:most], len(keys) > most
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(kept[key])}</Size></Contents>"
        for key in page
    )
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if is_cut else ""
    flag = str(is_cut).lower()
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{flag}</IsTruncated>{contents}{token}</ListBucketResult>"
    ).encode()
