"""How a Tailrace is set up. Data only; `app` makes components of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tailrace import limits
from tailrace.errors import ConfigurationError

__all__ = ["Settings", "is_loopback"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where data lives and who may come in.

    `data` None keeps everything in memory. `key` (32 bytes) encrypts the data at rest.
    `credentials` maps access keys to secret keys; when there are any, requests must be signed with
    one of them. `accounts` maps access keys to account ids. The subdirectories of `s3_directory`
    are the buckets of exports, imports and bulk puts, or else those of `s3_endpoint_url` are, where
    `aws` is S3 itself. `kinesis_endpoint_url` is where the Kinesis streams are that tables' changes
    go to: None for this server's own, `aws` for AWS.
    `kinesis_hold_ms` is how long changes are held that they have not taken, None for ever.
    `enforce_throughput` refuses what goes beyond tables' throughput and streams' rates.
    `transition_ms` is how long tables, indexes, streams and their like are being created, changed
    and deleted; 0 settles that at once.
    """

    data: Path | None = None
    key: bytes | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    region: str = "us-east-1"
    account: str = "000000000000"
    credentials: Mapping[str, str] = {}
    accounts: Mapping[str, str] = {}
    insecure: bool = False
    test_controls: bool = False
    stream_retention_ms: int = limits.STREAM_RETENTION_MS
    shard_rotation_ms: int = limits.SHARD_ROTATION_MS
    shard_split_writes_per_s: int | None = limits.SHARD_SPLIT_WRITES_PER_S
    s3_directory: Path | None = None
    s3_endpoint_url: str | None = None
    kinesis_endpoint_url: str | None = None
    kinesis_hold_ms: int | None = limits.HOLD_MS
    enforce_throughput: bool = False
    transition_ms: int = 0

    def checked(self) -> Settings:
        """These settings, if they can work together. Raises ConfigurationError."""
        if not self.credentials and not self.insecure and not is_loopback(self.host):
            raise ConfigurationError(
                f"refusing to listen on {self.host} without credentials: anyone who reaches this"
                " port could read and change everything, and run programs here. Configure"
                " credentials, or pass --insecure if that is what you want."
            )
        if self.s3_directory is not None and self.s3_endpoint_url is not None:
            raise ConfigurationError("buckets are in a directory or at an endpoint, not in both")
        if self.transition_ms < 0:
            raise ConfigurationError("transitions cannot take less than no time")
        if self.key is not None and self.data is None:
            raise ConfigurationError("a key encrypts a data directory; there is none")
        if self.kinesis_hold_ms is not None and self.kinesis_hold_ms < 0:
            raise ConfigurationError("changes cannot be held for a negative time")
        return self


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
