"""The test controls of a running server as Python calls: what AWS won't let happen on demand.

Works against any server started with `--test-controls` (or `Settings(test_controls=True)`), in this
process or not.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import msgspec

from tailrace.errors import TailraceError

__all__ = ["Controls"]

_TIMEOUT_S = 30.0


class Controls:
    """The controls of one server. Each call raises TailraceError when the server refuses it."""

    def __init__(self, endpoint_url: str) -> None:
        self._url = f"{endpoint_url.rstrip('/')}/_tailrace/"

    def advance_clock(self, seconds: float) -> float:
        """Move time forward; returns the new time in seconds since the epoch. Iterators expire,
        shards rotate, records are trimmed and items reach the end of their time to live as if that
        time had passed."""
        return float(self._call("AdvanceClock", Milliseconds=round(seconds * 1000))["Now"])

    def rotate_shards(self, stream_arn: str, shard_id: str | None = None) -> None:
        """Close open shards and open one child for each: what happens on AWS every four hours."""
        self._call("RotateShards", **_shard(stream_arn, shard_id))

    def split_shards(self, stream_arn: str, shard_id: str | None = None) -> None:
        """Close open shards and open two children for each: what happens on AWS under load."""
        self._call("SplitShards", **_shard(stream_arn, shard_id))

    def trim_stream(
        self,
        stream_arn: str,
        *,
        before_sequence_number: str | None = None,
        older_than_seconds: float | None = None,
    ) -> None:
        """Drop a stream's records below a sequence number, or older than an age; without either,
        all of them."""
        wanted: dict[str, Any] = {"StreamArn": stream_arn}
        if before_sequence_number is not None:
            wanted["SequenceNumber"] = before_sequence_number
        if older_than_seconds is not None:
            wanted["OlderThanMilliseconds"] = round(older_than_seconds * 1000)
        self._call("TrimStream", **wanted)

    def expire_iterators(self) -> None:
        """Make every shard iterator issued so far expire."""
        self._call("ExpireIterators")

    def throttle_calls(self, calls: int, operation: str | None = None) -> None:
        """Answer the next calls, of one operation or of all, as AWS throttles; 0 takes it back."""
        self._refuse("ThrottleCalls", calls, operation, None)

    def fail_calls(self, calls: int, operation: str | None = None, code: str | None = None) -> None:
        """Answer the next calls with an internal error, or the AWS error code given; 0 takes it
        back."""
        self._refuse("FailCalls", calls, operation, code)

    def delay_shards(self, *, children_seconds: float = 0.0, ends_seconds: float = 0.0) -> None:
        """Let DescribeStream show new children, and the ends of closed shards, that much later, as
        AWS does at times."""
        self._call(
            "DelayShards",
            ChildrenMilliseconds=round(children_seconds * 1000),
            EndsMilliseconds=round(ends_seconds * 1000),
        )

    def set_transition_time(self, seconds: float) -> None:
        """Let what is created, changed or deleted from now on be CREATING, UPDATING, DELETING,
        ENABLING or DISABLING for so long by the server's clock; 0 settles it at once."""
        self._call("SetTransitionTime", Milliseconds=round(seconds * 1000))

    def clear_faults(self) -> None:
        """Take back all refusals and delays, and what was said of transitions."""
        self._call("ClearFaults")

    def _refuse(self, name: str, calls: int, operation: str | None, code: str | None) -> None:
        wanted: dict[str, Any] = {"Calls": calls}
        if operation is not None:
            wanted["Operation"] = operation
        if code is not None:
            wanted["Code"] = code
        self._call(name, **wanted)

    def _call(self, name: str, **members: Any) -> dict[str, Any]:
        body = msgspec.json.encode(members)
        request = urllib.request.Request(self._url + name, data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
                return msgspec.json.decode(response.read(), type=dict[str, Any])
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")
            raise TailraceError(f"{name} was refused ({error.code}): {said}") from None


def _shard(stream_arn: str, shard_id: str | None) -> dict[str, Any]:
    wanted: dict[str, Any] = {"StreamArn": stream_arn}
    if shard_id is not None:
        wanted["ShardId"] = shard_id
    return wanted
