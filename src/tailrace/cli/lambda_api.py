"""The Lambda API as the command line calls it: Tailrace's or AWS's, found as boto3 finds it."""

from __future__ import annotations

import asyncio
import os
import re
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

import typer

from tailrace.cli.connection import connect
from tailrace.consumer.streams import StreamOf, find_stream
from tailrace.errors import ConfigurationError, TailraceError
from tailrace.sources.http_caller import HttpCaller, is_local

__all__ = [
    "FunctionsEndpoint",
    "LambdaApi",
    "LambdaRefusal",
    "Measured",
    "is_meant",
    "measures_in",
    "short_function",
]

FunctionsEndpoint: TypeAlias = Annotated[
    str | None,
    typer.Option(
        envvar=["AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"],
        help="Endpoint of functions and tables, e.g. http://127.0.0.1:8000; AWS when not given.",
    ),
]
# What a mapping counts by the names of `/metrics`, without `tailrace_`.
Measured: TypeAlias = dict[str, float]

# Longer than any function may run.
READ_TIMEOUT_S: Final = 910
# How long a mapping may take from one state to the next; AWS takes up to a minute or two.
STATE_TIMEOUT_S: Final = 180.0
_STATE_POLL_S: Final = (0.02, 0.1, 0.5, 2.0)
_METRICS_TIMEOUT_S: Final = 5.0
# Fewer characters of a UUID than this could be anybody's.
_PREFIX_CHARACTERS: Final = 4
_SAMPLE: Final = re.compile(r"tailrace_(\w+)\{(.*)\} (\S+)")
_Result = TypeVar("_Result")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class LambdaRefusal(TailraceError):
    """A call that Lambda refused; `code` is its error's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class LambdaApi:
    """Calls Lambda. Endpoint, region and credentials are found as boto3 finds them, unless given;
    an endpoint on this machine needs neither region nor credentials."""

    def __init__(self, endpoint_url: str | None, region: str | None, profile: str | None) -> None:
        # Imported here: it costs a tenth of a second, and few commands need it.
        import botocore.session  # pyright: ignore[reportMissingTypeStubs]
        from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]

        self.endpoint_url = endpoint_url
        self._region, self._profile = region, profile
        session: Any = botocore.session.Session(profile=profile)
        region = region or session.get_config_variable("region")
        if region is None and endpoint_url is None:
            raise ConfigurationError("no region: set AWS_REGION, or give --region")
        credentials: dict[str, str] = {}
        if endpoint_url is not None and is_local(endpoint_url) and not session.get_credentials():
            credentials = {"aws_access_key_id": "tailrace", "aws_secret_access_key": "tailrace"}
        self._client: Any = session.create_client(
            "lambda",
            region_name=region or "us-east-1",
            endpoint_url=endpoint_url,
            config=Config(read_timeout=READ_TIMEOUT_S, retries={"mode": "standard"}),
            **credentials,
        )

    @property
    def is_aws(self) -> bool:
        """Whether calls go to AWS itself."""
        url = str(self._client.meta.endpoint_url)
        host = urlsplit(url).hostname or ""
        return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))

    def tables(self) -> HttpCaller:
        """What calls the tables and streams at the same place, or at their own when functions have
        an endpoint of their own."""
        own = os.environ.get("AWS_ENDPOINT_URL_LAMBDA")
        elsewhere = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB")
        url = elsewhere if elsewhere and self.endpoint_url == own else self.endpoint_url
        return connect(url, self._region, self._profile)

    def on_stream(
        self, name: str, work: Callable[[HttpCaller, StreamOf], Awaitable[_Result]]
    ) -> _Result:
        """What `work` gives for the stream that a table's name or an ARN means."""

        async def run() -> _Result:
            caller = self.tables()
            try:
                return await work(caller, await find_stream(caller, name))
            finally:
                await caller.close()

        return asyncio.run(run())

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """An operation by boto3's name for it. Raises LambdaRefusal for what was refused,
        ConfigurationError for what could not be asked."""
        from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
            BotoCoreError,
            ClientError,
        )

        try:
            reply: dict[str, Any] = getattr(self._client, operation)(**members)
        except ClientError as error:
            response: Any = error.response
            told: dict[str, Any] = response["Error"]
            raise LambdaRefusal(told.get("Code", "?"), told.get("Message", "")) from error
        except BotoCoreError as error:
            raise ConfigurationError(str(error)) from error
        reply.pop("ResponseMetadata", None)
        return reply

    def mappings(
        self, function: str | None = None, source_arn: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """All event source mappings, page by page."""
        members = {"FunctionName": function, "EventSourceArn": source_arn}
        params = {name: value for name, value in members.items() if value is not None}
        while True:
            reply = self.call("list_event_source_mappings", **params)
            yield from reply["EventSourceMappings"]
            if not reply.get("NextMarker"):
                return
            params["Marker"] = reply["NextMarker"]

    def find(self, name: str) -> dict[str, Any]:
        """The mapping that is meant by its UUID, the beginning of it, or its function's name.
        Raises ConfigurationError when there is none, or more than one."""
        found = [mapping for mapping in self.mappings() if is_meant(mapping, name)]
        if not found:
            raise ConfigurationError(f"there is no trigger {name!r}; see `tailrace triggers list`")
        if len(found) > 1:
            several = ", ".join(str(mapping["UUID"]) for mapping in found)
            raise ConfigurationError(f"{name!r} could be any of {several}: give more of the UUID")
        return found[0]

    def settled(self, uuid: str) -> dict[str, Any] | None:
        """A mapping once it is in none of the states between others; None once it is gone. Raises
        TailraceError when that takes too long."""
        deadline = time.monotonic() + STATE_TIMEOUT_S
        pauses = iter(_STATE_POLL_S)
        pause_s = next(pauses)
        while True:
            try:
                mapping = self.call("get_event_source_mapping", UUID=uuid)
            except LambdaRefusal as error:
                if error.code == "ResourceNotFoundException":
                    return None
                raise
            if mapping["State"] in ("Enabled", "Disabled"):
                return mapping
            if time.monotonic() > deadline:
                raise TailraceError(
                    f"trigger {uuid} is still {mapping['State']} after {STATE_TIMEOUT_S:g} s"
                )
            time.sleep(pause_s)
            pause_s = next(pauses, pause_s)

    def measured(self) -> Sequence[tuple[Mapping[str, str], Measured]]:
        """The labels and counts of consumers in the server, as `/metrics` of a Tailrace tells them;
        none where nobody tells any."""
        if self.endpoint_url is None:
            return ()
        url = self.endpoint_url.rstrip("/") + "/metrics"
        try:
            with urllib.request.urlopen(url, timeout=_METRICS_TIMEOUT_S) as answer:
                return measures_in(answer.read().decode())
        except (OSError, ValueError):
            return ()


def is_meant(mapping: Mapping[str, Any], name: str) -> bool:
    """Whether a mapping is meant by its UUID, the beginning of it, or its function."""
    uuid, function = str(mapping["UUID"]), str(mapping["FunctionArn"])
    is_prefix = len(name) >= _PREFIX_CHARACTERS and uuid.startswith(name)
    return is_prefix or name in (uuid, function, short_function(function))


def short_function(arn: str) -> str:
    """A function's name out of its ARN, with the qualifier when there is one."""
    return arn.partition(":function:")[2] or arn


def measures_in(text: str) -> Sequence[tuple[Mapping[str, str], Measured]]:
    """The labels and counts in an exposition of Prometheus, together by labels."""
    found: dict[str, tuple[dict[str, str], Measured]] = {}
    for line in text.splitlines():
        sample = _SAMPLE.fullmatch(line)
        if sample is None:
            continue
        name, labels, value = sample.groups()
        if labels not in found:
            found[labels] = ({key: _plain(text) for key, text in _LABEL.findall(labels)}, {})
        found[labels][1][name] = float(value)
    return list(found.values())


def _plain(escaped: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], escaped)
