"""What is kept of functions and event source mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tailrace.api.functions.names import LATEST, function_arn

__all__ = [
    "Alias",
    "Code",
    "EventInvokeConfig",
    "EventSourceMapping",
    "Function",
    "Policy",
    "Version",
    "forgetting",
]


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Where code lies: in a bundle that was uploaded, or in a directory, from which it is loaded
    anew when it was saved. `size` is the zip's in bytes, `sha256` its digest in base64."""

    bundle: str | None = None
    directory: str | None = None
    size: int = 0
    sha256: str = ""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of one version. `kept` holds members that change nothing here, as they came
    (`VpcConfig`, `Layers`, ...). `modified` is worded as replies have it."""

    version: str = LATEST
    code: Code
    role: str
    runtime: str | None = None
    handler: str = ""
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    environment: Mapping[str, str] = {}
    architectures: tuple[str, ...] = ("x86_64",)
    log_level: str | None = None
    log_group: str | None = None
    log_format: str = "Text"
    modified: str
    revision_id: str
    kept: Mapping[str, Any] = {}


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """A name for a version; `weights` sends shares of the calls to others."""

    name: str
    function_version: str
    description: str = ""
    weights: Mapping[str, float] = {}
    revision_id: str


class EventInvokeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How asynchronous invocations are handled, where it was said; `on_success` and `on_failure`
    are ARNs that records of them go to."""

    modified_us: int
    maximum_retry_attempts: int | None = None
    maximum_event_age_s: int | None = None
    on_success: str | None = None
    on_failure: str | None = None


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call a function, in statements of AWS's policy language."""

    statements: tuple[Mapping[str, Any], ...]
    revision_id: str


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function: its code that may change, what was published of it, and its aliases.
    `concurrency` is what is reserved for it, None without; `event_configs` are by the version or
    alias they are for, $LATEST for events that name none; so are `policies`, an empty name for the
    function itself."""

    account: str
    region: str
    name: str
    latest: Version
    published: Mapping[str, Version] = {}
    next_version: int = 1
    aliases: Mapping[str, Alias] = {}
    tags: Mapping[str, str] = {}
    concurrency: int | None = None
    event_configs: Mapping[str, EventInvokeConfig] = {}
    policies: Mapping[str, Policy] = {}

    @property
    def place(self) -> tuple[str, str, str]:
        """What identifies it."""
        return self.account, self.region, self.name

    @property
    def arn(self) -> str:
        """Its ARN without qualifier."""
        return function_arn(self.place)

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions, the changing one first."""
        return (self.latest, *self.published.values())


class EventSourceMapping(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's changes to a function. `members` are those of the request that concern delivery,
    by AWS's names; `qualifier` is the version or alias the mapping names."""

    uuid: str
    account: str
    region: str
    function: str
    qualifier: str | None
    source_arn: str
    enabled: bool
    members: Mapping[str, Any]
    modified_us: int
    tags: Mapping[str, str] = {}

    @property
    def function_arn(self) -> str:
        """The ARN of the function, qualified as the mapping names it."""
        return function_arn((self.account, self.region, self.function), self.qualifier)


def forgetting(function: Function, qualifier: str) -> Function:
    """The function without what is said of a version or alias that goes."""
    configs = {name: each for name, each in function.event_configs.items() if name != qualifier}
    policies = {name: each for name, each in function.policies.items() if name != qualifier}
    return msgspec.structs.replace(function, event_configs=configs, policies=policies)
