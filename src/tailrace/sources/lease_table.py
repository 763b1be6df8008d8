"""Leases in a DynamoDB table, in the form of the Kinesis Client Library, on Tailrace, AWS or
anything like it. What that library leaves in its table is understood, and the other way round.

| attribute | what it is |
|---|---|
| leaseKey (S, partition key) | the shard id; behind a prefix where groups share a table |
| leaseOwner, checkpointOwner (S) | who is to have the lease, and who still works on it |
| leaseCounter (N) | raised by every write, which is conditional on it |
| checkpoint (S) | a sequence number, TRIM_HORIZON, LATEST or SHARD_END |
| pendingCheckpoint, pendingCheckpointState (S, B) | a checkpoint that was announced |
| ownerSwitchesSinceCheckpoint (N), parentShardId, childShardIds (SS) | |
| tableName (S) | Tailrace's own: whose stream it is |
| startedMillis (N), snapshotKey (S) | Tailrace's own: when LATEST was; where a scan goes on |
| spooled (M) | Tailrace's own: records taken from the stream, not handled, and who has them |
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from tailrace.delivery.leases.lease import Lease, Prepared, Spooled
from tailrace.delivery.ports import Position
from tailrace.errors import ConditionalCheckFailedException, ConfigurationError
from tailrace.sources.caller import Caller
from tailrace.sources.own_tables import MISSING, PREFIX, make_table

__all__ = ["DynamoLeaseTable", "item_of", "lease_of"]

_SEQUENCE_DIGITS: Final = 21
_KEY: Final = "leaseKey"
_Value = dict[str, Any]


class _Page(msgspec.Struct, rename="pascal"):
    items: list[dict[str, _Value]] = []
    last_evaluated_key: dict[str, Any] | None = None


class _Found(msgspec.Struct, rename="pascal"):
    item: dict[str, _Value] | None = None


class DynamoLeaseTable:
    """The leases of one group. With a `prefix` its lease keys begin with it, and a table holds the
    leases of many; without, all leases in the table are the group's, as in the Kinesis Client
    Library. `streamed` names the table whose stream is consumed: leases of another one's raise
    ConfigurationError, for their shards would be taken for lost."""

    def __init__(
        self, caller: Caller, table: str, prefix: str = "", *, streamed: str | None = None
    ) -> None:
        self._caller = caller
        self._table = table
        self._prefix = prefix
        self._streamed = streamed

    async def scan(self) -> Sequence[Lease]:
        """All leases; makes the table when there is none."""
        try:
            return await self._scan()
        except MISSING:
            await make_table(self._caller, self._table, (_KEY,))
            return await self._scan()

    async def _scan(self) -> list[Lease]:
        params: dict[str, Any] = {"TableName": self._table, "ConsistentRead": True}
        if self._prefix:
            params["FilterExpression"] = "begins_with(#key, :prefix)"
            params["ExpressionAttributeNames"] = {"#key": _KEY}
            params["ExpressionAttributeValues"] = {":prefix": {"S": self._prefix}}
        found: list[Lease] = []
        while True:
            page = msgspec.json.decode(await self._call("Scan", params), type=_Page)
            self._check(page.items)
            found += [lease for item in page.items if (lease := lease_of(item, self._prefix))]
            if not page.last_evaluated_key:
                return found
            params["ExclusiveStartKey"] = page.last_evaluated_key

    def _check(self, items: Sequence[Mapping[str, _Value]]) -> None:
        for item in items:
            other = _text(item, "tableName")
            if lease_of(item, self._prefix) and other not in (None, self._streamed or other):
                raise ConfigurationError(
                    f"the leases in {self._table} are of a group that consumes {other}, not"
                    f" {self._streamed}: take another group name"
                )

    async def get(self, shard_id: str) -> Lease | None:
        """A lease as it is now."""
        params = {"TableName": self._table, "Key": self._key(shard_id), "ConsistentRead": True}
        found = msgspec.json.decode(await self._call("GetItem", params), type=_Found)
        return None if not found.item else lease_of(found.item, self._prefix)

    async def create(self, lease: Lease) -> bool:
        """Add a lease; False when there is one."""
        params = {
            "TableName": self._table,
            "Item": {**item_of(lease, self._prefix), **self._origin()},
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": _KEY},
        }
        return await self._succeeds("PutItem", params)

    def _origin(self) -> dict[str, _Value]:
        return {} if self._streamed is None else {"tableName": {"S": self._streamed}}

    async def replace(self, old: Lease, new: Lease) -> bool:
        """Write what differs; attributes that are not known here stay as they are."""
        before, after = item_of(old, self._prefix), item_of(new, self._prefix)
        changed = sorted(name for name in after if after[name] != before.get(name))
        dropped = sorted(name for name in before if name not in after)
        names = {f"#{place}": name for place, name in enumerate([*changed, *dropped])}
        expression = "SET " + ", ".join(f"#{n} = :{n}" for n in range(len(changed)))
        if dropped:
            places = range(len(changed), len(names))
            expression += " REMOVE " + ", ".join(f"#{place}" for place in places)
        values: dict[str, Any] = {f":{n}": after[name] for n, name in enumerate(changed)}
        params = {
            "TableName": self._table,
            "Key": self._key(old.shard_id),
            "UpdateExpression": expression,
            "ConditionExpression": "#counter = :counter",
            "ExpressionAttributeNames": {**names, "#counter": "leaseCounter"},
            "ExpressionAttributeValues": {**values, ":counter": {"N": str(old.counter)}},
        }
        return await self._succeeds("UpdateItem", params)

    async def delete(self, lease: Lease) -> bool:
        """Remove a lease; False when its counter is not this one's any more."""
        params = {
            "TableName": self._table,
            "Key": self._key(lease.shard_id),
            "ConditionExpression": "#counter = :counter",
            "ExpressionAttributeNames": {"#counter": "leaseCounter"},
            "ExpressionAttributeValues": {":counter": {"N": str(lease.counter)}},
        }
        return await self._succeeds("DeleteItem", params)

    async def _succeeds(self, operation: str, params: dict[str, Any]) -> bool:
        try:
            await self._call(operation, params)
        except ConditionalCheckFailedException:
            return False
        return True

    async def _call(self, operation: str, params: dict[str, Any]) -> bytes:
        return await self._caller.call(PREFIX + operation, params)

    def _key(self, shard_id: str) -> dict[str, Any]:
        return {_KEY: {"S": self._prefix + shard_id}}


def item_of(lease: Lease, prefix: str = "") -> dict[str, _Value]:
    """The item of a lease."""
    item: dict[str, _Value] = {
        _KEY: {"S": prefix + lease.shard_id},
        "leaseCounter": {"N": str(lease.counter)},
        "ownerSwitchesSinceCheckpoint": {"N": str(lease.switches)},
        "checkpoint": {"S": _checkpoint(lease.position)},
        "checkpointSubSequenceNumber": {"N": "0"},
    }
    texts = {
        "leaseOwner": lease.owner,
        "checkpointOwner": lease.checkpoint_owner,
        "snapshotKey": lease.position.token,
    }
    item |= {name: {"S": text} for name, text in texts.items() if text is not None}
    sets = {"parentShardId": lease.parents, "childShardIds": lease.children}
    item |= {name: {"SS": sorted(members)} for name, members in sets.items() if members}
    if lease.started_ms is not None:
        item["startedMillis"] = {"N": str(lease.started_ms)}
    if lease.prepared is not None:
        item["pendingCheckpoint"] = {"S": _digits(lease.prepared.sequence)}
        item["pendingCheckpointSubSequenceNumber"] = {"N": "0"}
        if lease.prepared.state:
            state = base64.b64encode(lease.prepared.state).decode()
            item["pendingCheckpointState"] = {"B": state}
    if lease.spooled is not None:
        item["spooled"] = {"M": _spool_members(lease.spooled)}
    return item


def _spool_members(spooled: Spooled) -> dict[str, _Value]:
    numbers = {"first": spooled.first, "last": spooled.last, "oldestMillis": spooled.oldest_ms}
    return {
        "spool": {"S": spooled.spool},
        "readMillis": {"N": str(spooled.read_ms)},
        "lossy": {"BOOL": spooled.lossy},
        **{name: {"S": str(number)} for name, number in numbers.items() if number is not None},
    }


def lease_of(item: Mapping[str, _Value], prefix: str = "") -> Lease | None:
    """The lease of an item; None for what is no lease, or of another group."""
    key = _text(item, _KEY) or ""
    checkpoint = _text(item, "checkpoint")
    if checkpoint is None or "leaseCounter" not in item or not key.startswith(prefix):
        return None
    if ":" in key[len(prefix) :]:
        return None  # of a group whose leases have a prefix: shard ids have no colon
    token = _text(item, "snapshotKey")
    return Lease(
        shard_id=key[len(prefix) :],
        counter=_number(item, "leaseCounter"),
        owner=_text(item, "leaseOwner"),
        checkpoint_owner=_text(item, "checkpointOwner"),
        position=_position(checkpoint, token),
        switches=_number(item, "ownerSwitchesSinceCheckpoint"),
        parents=tuple(item.get("parentShardId", {}).get("SS", ())),
        children=tuple(item.get("childShardIds", {}).get("SS", ())),
        prepared=_prepared(item),
        started_ms=_number(item, "startedMillis") if "startedMillis" in item else None,
        spooled=_spooled(item.get("spooled", {}).get("M")),
    )


def _spooled(members: Mapping[str, _Value] | None) -> Spooled | None:
    if not members:
        return None

    def number(name: str) -> int | None:
        text = _text(members, name)
        return None if text is None else int(text)

    return Spooled(
        spool=_text(members, "spool") or "",
        first=number("first"),
        last=number("last"),
        oldest_ms=number("oldestMillis"),
        read_ms=_number(members, "readMillis"),
        lossy=bool(members.get("lossy", {}).get("BOOL")),
    )


def _prepared(item: Mapping[str, _Value]) -> Prepared | None:
    sequence = _text(item, "pendingCheckpoint") or ""
    if not sequence.isdigit():
        return None
    state = item.get("pendingCheckpointState", {}).get("B", "")
    return Prepared(int(sequence), base64.b64decode(state))


def _checkpoint(position: Position) -> str:
    if position.finished:
        return "SHARD_END"
    if position.sequence is not None:
        return _digits(position.sequence)
    return "LATEST" if position.latest else "TRIM_HORIZON"


def _position(checkpoint: str, token: str | None) -> Position:
    """Where a checkpoint stands; of what is not understood (AT_TIMESTAMP), at the start."""
    if checkpoint == "SHARD_END":
        return Position(finished=True)
    if checkpoint.isdigit():
        return Position(sequence=int(checkpoint), token=token)
    return Position(latest=checkpoint == "LATEST")


def _digits(sequence: int) -> str:
    return str(sequence).zfill(_SEQUENCE_DIGITS)


def _text(item: Mapping[str, _Value], name: str) -> str | None:
    return item.get(name, {}).get("S") or None


def _number(item: Mapping[str, _Value], name: str) -> int:
    return int(item.get(name, {}).get("N", 0))
