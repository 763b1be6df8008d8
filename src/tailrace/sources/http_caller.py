"""API calls over HTTP: real AWS, or any endpoint that speaks its API. Endpoints, regions and
credentials are found as boto3 finds them; answers stay the bytes they are."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from tailrace.errors import AwsError, ConfigurationError
from tailrace.sources.caller import RemoteError, checked_body

__all__ = ["HttpCaller", "is_local"]

MAX_CALLS: Final = 16
ATTEMPTS: Final = 4
RETRY_FIRST_S: Final = 0.05
CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 20.0
_SERVER_ERROR: Final = 500
_SERVICES: Final = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Kinesis_20131202": "kinesis",
}
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottlingException",
        "Throttling",
        "TransactionInProgressException",
    }
)


class _Endpoint(msgspec.Struct, frozen=True):
    url: str
    region: str
    signing_name: str
    content_type: str


class HttpCaller:
    """Makes signed calls. Errors that may pass are tried again a few times.

    `region`, `profile` and the credentials default to what boto3 would take. An endpoint on this
    machine needs neither: calls to it are signed with a made-up key when there is none.
    """

    def __init__(
        self,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        profile: str | None = None,
    ) -> None:
        # Imported here: botocore costs a tenth of a second, and who serves only does not need it.
        import botocore.session  # pyright: ignore[reportMissingTypeStubs]
        from botocore.httpsession import (  # pyright: ignore[reportMissingTypeStubs]
            URLLib3Session,
        )
        from botocore.utils import (  # pyright: ignore[reportMissingTypeStubs]
            get_environ_proxies,  # pyright: ignore[reportUnknownVariableType]
        )

        self._session: Any = botocore.session.Session(profile=profile)
        self._endpoint_url = endpoint_url
        self._region = region or self._session.get_config_variable("region")
        if self._region is None:
            if endpoint_url is None:
                raise ConfigurationError("no region: set AWS_REGION, or give one")
            self._region = "us-east-1"
        self._credentials = self._find_credentials()
        self._http: Any = URLLib3Session(
            verify=self._session.get_config_variable("ca_bundle") or True,
            proxies=get_environ_proxies(endpoint_url or "https://amazonaws.com"),
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            max_pool_connections=MAX_CALLS,
        )
        self._threads = ThreadPoolExecutor(MAX_CALLS, thread_name_prefix="tailrace-http")
        self._endpoints: dict[str, _Endpoint] = {}
        self._resolving = threading.Lock()

    @property
    def region(self) -> str:
        """The region that calls go to."""
        return str(self._region)

    async def call(self, target: str, params: dict[str, Any]) -> bytes:
        """The JSON body of the answer; raises as `Caller.call` says."""
        body = msgspec.json.encode(params)
        loop = asyncio.get_running_loop()
        delay_s = RETRY_FIRST_S
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return await loop.run_in_executor(self._threads, self._send, target, body)
            except (AwsError, OSError) as error:
                if not left or not _may_pass(error):
                    raise
            await asyncio.sleep(delay_s * (0.5 + random.random()))
            delay_s *= 2
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Let go of connections and threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _find_credentials(self) -> Any:
        from botocore.credentials import Credentials  # pyright: ignore[reportMissingTypeStubs]

        found = self._session.get_credentials()
        if found is not None:
            return found
        if self._endpoint_url is None or not is_local(self._endpoint_url):
            raise ConfigurationError("no AWS credentials were found")
        return Credentials("tailrace", "tailrace")

    def _send(self, target: str, body: bytes) -> bytes:
        from botocore.auth import SigV4Auth  # pyright: ignore[reportMissingTypeStubs]
        from botocore.awsrequest import AWSRequest  # pyright: ignore[reportMissingTypeStubs]
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            BotoCoreError,
            HTTPClientError,
        )
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            ConnectionError as NoConnection,
        )

        endpoint = self._endpoint(target)
        headers = {"Content-Type": endpoint.content_type, "X-Amz-Target": target}
        request: Any = AWSRequest("POST", endpoint.url, headers, body)
        try:
            frozen = self._credentials.get_frozen_credentials()
            auth: Any = SigV4Auth(frozen, endpoint.signing_name, endpoint.region)
            auth.add_auth(request)
            response = self._http.send(request.prepare())
        except (HTTPClientError, NoConnection) as error:
            raise ConnectionError(f"{endpoint.url}: {error}") from error
        except BotoCoreError as error:
            raise ConfigurationError(str(error)) from error
        return checked_body(response.status_code, response.content)

    def _endpoint(self, target: str) -> _Endpoint:
        prefix = target.partition(".")[0]
        with self._resolving:
            if prefix not in self._endpoints:
                self._endpoints[prefix] = self._resolve(_SERVICES[prefix])
            return self._endpoints[prefix]

    def _resolve(self, service: str) -> _Endpoint:
        client = self._session.create_client(
            service,
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id="unused",
            aws_secret_access_key="unused",
        )
        model = client.meta.service_model
        return _Endpoint(
            url=client.meta.endpoint_url,
            region=client.meta.region_name,
            signing_name=model.signing_name,
            content_type=f"application/x-amz-json-{model.metadata['jsonVersion']}",
        )


def _may_pass(error: AwsError | OSError) -> bool:
    if isinstance(error, RemoteError):
        return error.remote_status >= _SERVER_ERROR or error.remote_code in _PASSING
    if isinstance(error, AwsError):
        return error.status >= _SERVER_ERROR or error.code in _PASSING
    return True


def is_local(url: str) -> bool:
    """Whether a URL leads to this machine by its very name."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
