"""DescribeAccountSettings and UpdateAccountSettings: an account's commitment to a minimum of
throughput, which lets its on-demand streams be warmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tailrace.api.kinesis import access
from tailrace.api.operation import Altered, Context, Operation
from tailrace.errors import InvalidArgumentException
from tailrace.tables import kinesis_accounts
from tailrace.tables.catalog import Catalog

__all__ = [
    "DESCRIBE_ACCOUNT_SETTINGS",
    "UPDATE_ACCOUNT_SETTINGS",
    "CommitmentInput",
    "DescribeAccountSettingsInput",
    "UpdateAccountSettingsInput",
    "check_committed",
]

_COMMITMENT: Final = "MinimumThroughputBillingCommitment"
# On-demand Advantage mode (how-do-i-size-a-stream.html): a commitment is for 24 hours at least.
_COMMITTED_US: Final = 24 * 3600 * 1_000_000


class DescribeAccountSettingsInput(msgspec.Struct, rename="pascal", frozen=True):
    """An operation without parameters."""


class CommitmentInput(msgspec.Struct, rename="pascal", frozen=True):
    status: str


class UpdateAccountSettingsInput(msgspec.Struct, rename="pascal", frozen=True, kw_only=True):
    minimum_throughput_billing_commitment: CommitmentInput


class _Commitment(msgspec.Struct, frozen=True):
    """`ended_us` is when it ends or ended, None while nobody asked for its end."""

    started_us: int
    ended_us: int | None = None

    @property
    def earliest_end_us(self) -> int:
        return self.started_us + _COMMITTED_US

    def holds(self, now_us: int) -> bool:
        return self.ended_us is None or now_us < self.ended_us


def describe_account_settings(context: Context, request: DescribeAccountSettingsInput) -> bytes:
    del request
    return _reply(context, context.service.engine.catalog())


def update_account_settings(context: Context, request: UpdateAccountSettingsInput) -> Altered:
    scope, now_us = context.scope, context.service.clock.now_us()
    enable = request.minimum_throughput_billing_commitment.status == "ENABLED"

    def change(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        known = _stored(settings)
        after = _enabled(known, now_us) if enable else _disabled(known, now_us)
        return settings if after is None else {**settings, _COMMITMENT: msgspec.to_builtins(after)}

    decide = kinesis_accounts.update(scope.account, scope.region, change, now_us)
    return Altered(decide, lambda catalog: _reply(context, catalog))


def check_committed(context: Context) -> None:
    """Raise InvalidArgumentException for an account without a commitment."""
    known = _commitment(context, context.service.engine.catalog())
    if known is None or not known.holds(context.service.clock.now_us()):
        raise InvalidArgumentException(
            f"Warm throughput is only supported for accounts with {_COMMITMENT} enabled. Account"
            f" {context.scope.account} does not have it enabled."
        )


def _enabled(known: _Commitment | None, now_us: int) -> _Commitment:
    if known is None or not known.holds(now_us):
        return _Commitment(now_us)
    return _Commitment(known.started_us)


def _disabled(known: _Commitment | None, now_us: int) -> _Commitment | None:
    if known is None or known.ended_us is not None:
        return known
    return _Commitment(known.started_us, max(now_us, known.earliest_end_us))


def _stored(settings: Mapping[str, Any]) -> _Commitment | None:
    stored = settings.get(_COMMITMENT)
    return None if stored is None else msgspec.convert(stored, _Commitment)


def _commitment(context: Context, catalog: Catalog) -> _Commitment | None:
    scope = context.scope
    return _stored(kinesis_accounts.settings_of(catalog, scope.account, scope.region))


def _reply(context: Context, catalog: Catalog) -> bytes:
    known, now_us = _commitment(context, catalog), context.service.clock.now_us()
    if known is None:
        return access.reply_of({_COMMITMENT: {"Status": "DISABLED"}})
    described: dict[str, Any] = {
        "StartedAt": access.seconds(known.started_us),
        "EarliestAllowedEndAt": access.seconds(known.earliest_end_us),
    }
    if known.ended_us is None:
        described["Status"] = "ENABLED"
    elif known.holds(now_us):
        described["Status"] = "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    else:
        described |= {"Status": "DISABLED", "EndedAt": access.seconds(known.ended_us)}
    return access.reply_of({_COMMITMENT: described})


DESCRIBE_ACCOUNT_SETTINGS = Operation(
    "DescribeAccountSettings", DescribeAccountSettingsInput, describe_account_settings
)
UPDATE_ACCOUNT_SETTINGS = Operation(
    "UpdateAccountSettings", UpdateAccountSettingsInput, update_account_settings
)
