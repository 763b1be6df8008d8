"""From an HTTP request with an `X-Amz-Target` to a call, and from its reply to the bytes of a
response."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tailrace import limits
from tailrace.api.dispatch import Dispatcher
from tailrace.clock import Clock, Ids
from tailrace.errors import AwsError, PayloadTooLargeException
from tailrace.wire import sigv4
from tailrace.wire.bodies import checksum, decoded_body
from tailrace.wire.call import Call, Reply, Scope
from tailrace.wire.dialects import Dialect, dialect_of
from tailrace.wire.faults import fault

__all__ = ["STATUS_LINES", "Gateway", "HttpRequest"]

STATUS_LINES = {
    200: b"HTTP/1.1 200 OK\r\n",
    400: b"HTTP/1.1 400 Bad Request\r\n",
    403: b"HTTP/1.1 403 Forbidden\r\n",
    404: b"HTTP/1.1 404 Not Found\r\n",
    413: b"HTTP/1.1 413 Request Entity Too Large\r\n",
    500: b"HTTP/1.1 500 Internal Server Error\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\n",
}
_RESPONSE = (
    b"%b%bx-amzn-RequestId: %b\r\nx-amz-crc32: %b\r\nContent-Type: %b\r\n"
    b"Content-Length: %d\r\n%b\r\n%b"
)
_SCOPES_KEPT = 256
_KINESIS = b"Kinesis_"


class HttpRequest(msgspec.Struct, gc=False):
    """A request as the protocol read it. Header names are in lower case."""

    method: bytes
    url: bytes
    target: bytes
    authorization: bytes | None
    encoding: bytes | None
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool
    body: bytes = b""
    too_large: bool = False


class Gateway:
    """Checks who calls, unpacks what they sent, and hands it to the dispatcher.

    `credentials` maps access keys to secrets; empty means that signatures are not looked at beyond
    the region they name. `accounts` maps access keys to accounts other than `account`.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        clock: Clock,
        ids: Ids,
        *,
        account: str,
        region: str,
        credentials: Mapping[str, str],
        accounts: Mapping[str, str],
    ) -> None:
        self._dispatch = dispatcher.dispatch
        self._clock = clock
        self._request_id = ids.request_id
        self._account = account
        self._region = region
        self._credentials = credentials
        self._accounts = accounts
        self._scopes: dict[tuple[str, str], Scope] = {}
        self._targets: dict[bytes, str] = {}
        self._default_headers: list[tuple[bytes, bytes]] = []
        self._default_lines = b""

    def handle(self, request: HttpRequest, respond: Callable[[Reply], None]) -> None:
        """Answer a request; `respond` is called once. Never raises."""
        dialect = None
        if request.target.startswith(_KINESIS):
            dialect = dialect_of(request.headers)
            respond = dialect.answering(respond)
        try:
            call = self.checked(request, dialect)
        except AwsError as error:
            respond(fault(error))
            return
        self._dispatch(call, respond)

    def checked(self, request: HttpRequest, dialect: Dialect | None) -> Call:
        """The call that a request makes. Raises the AwsError for one that is not allowed, or whose
        body can't be read."""
        if request.too_large:
            raise PayloadTooLargeException(f"Request size exceeded {limits.REQUEST_BYTES} bytes")
        body = request.body
        if request.encoding is not None:
            body = decoded_body(body, request.encoding)
        if dialect is not None:
            body = dialect.read(body)
        if self._credentials:
            self._verify(request)
        return Call(self._target(request.target), body, self._scope(request.authorization))

    def _verify(self, request: HttpRequest) -> None:
        path, _, query = request.url.partition(b"?")
        sigv4.verify(
            request.method,
            path,
            query,
            request.headers,
            request.body,
            self._credentials,
            self._clock.now_us(),
        )

    def _scope(self, authorization: bytes | None) -> Scope:
        named = ("", self._region) if authorization is None else sigv4.scope_of(authorization)
        scope = self._scopes.get(named)
        if scope is None:
            access_key, region = named
            scope = Scope(self._accounts.get(access_key, self._account), region)
            if len(self._scopes) >= _SCOPES_KEPT:
                self._scopes.clear()
            self._scopes[named] = scope
        return scope

    def _target(self, target: bytes) -> str:
        text = self._targets.get(target)
        if text is None:
            text = target.decode("latin-1")
            if len(self._targets) >= _SCOPES_KEPT:
                self._targets.clear()
            self._targets[target] = text
        return text

    def response(
        self, reply: Reply, keep_alive: bool, default_headers: list[tuple[bytes, bytes]]
    ) -> bytes:
        """The bytes of the response. uvicorn replaces `default_headers` whole, once a second."""
        if default_headers is not self._default_headers:
            self._default_headers = default_headers
            self._default_lines = b"".join([b"%b: %b\r\n" % header for header in default_headers])
        body = reply.body
        return _RESPONSE % (
            STATUS_LINES.get(reply.status, STATUS_LINES[400]),
            self._default_lines,
            self._request_id().encode(),
            checksum(body),
            reply.content_type,
            len(body),
            b"" if keep_alive else b"Connection: close\r\n",
            body,
        )

    def fields(
        self, reply: Reply, default_headers: list[tuple[bytes, bytes]]
    ) -> list[tuple[bytes, bytes]]:
        """The response's header fields, for a protocol that frames them itself."""
        return [
            *default_headers,
            (b"x-amzn-requestid", self._request_id().encode()),
            (b"x-amz-crc32", checksum(reply.body)),
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
        ]
