"""Keys as bytes that sort as DynamoDB sorts.

    key of an item      hash(4) | partition key, each part closed | sort key, last part open
    key of an index row hash(4) | index partition key, closed | index sort key, closed
                                | key of the item without its hash

Strings and binary compare as unsigned bytes, numbers by value. "Closed" means that zero bytes are
escaped (00 -> 00 FF) and the part ends in 00 00, so that no part runs into the next and order is
kept. The hash spreads items over partitions: partition p of n holds the hashes h with h * n >> 32
== p, so that one partition is one range of keys.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from functools import cached_property

import msgspec

from tailrace import limits
from tailrace.errors import ValidationException
from tailrace.model.numbers import canonical_number, sort_bytes
from tailrace.model.values import AttributeValue, Item, decoded_base64, encode_item, item_size

__all__ = ["HASH_BYTES", "KeyAttribute", "KeySchema", "key_hash", "partition_of", "successor"]

HASH_BYTES = 4
# Odd, so multiplying by it modulo 2^32 is a bijection; it carries CRC's low bits to the top.
_SPREAD = 0x9E3779B1


class KeyAttribute(msgspec.Struct, frozen=True):
    """One attribute of a key: its name and its type, S, N or B."""

    name: str
    type: str


class KeySchema(msgspec.Struct, frozen=True, dict=True):
    """The attributes of a table's or an index's key: one or more that place it, then those that
    sort it (none or more).

    Tables have one of each at most; global indexes have up to four of each.
    """

    hash: tuple[KeyAttribute, ...]
    range: tuple[KeyAttribute, ...] = ()

    @cached_property
    def attributes(self) -> tuple[KeyAttribute, ...]:
        return self.hash + self.range

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(attribute.name for attribute in self.attributes)

    @cached_property
    def _names_bytes(self) -> int:
        return sum(len(name.encode()) for name in self.names)

    @cached_property
    def _simple(self) -> tuple[str, str, str | None, str | None]:
        """Name and type of the only partition key and the only sort key: what nearly every key
        consists of.
        """
        (first,) = self.hash
        last = self.range[0] if self.range else None
        return first.name, first.type, last.name if last else None, last.type if last else None

    def item_key(self, item: Item) -> bytes:
        """The bytes of an item's primary key, its attributes checked as PutItem checks them.

        Raises ValidationException for missing, empty, mistyped and oversized key attributes.
        """
        hash_name, hash_type, range_name, range_type = self._simple
        try:
            content = item[hash_name][hash_type]
            # The common case, by far: a string without zero bytes.
            if hash_type == "S" and content and "\0" not in content:
                head = content.encode()
                if len(head) <= limits.PARTITION_KEY_BYTES:
                    head += b"\0\0"
                    if range_name is None:
                        return key_hash(head) + head
                    if range_type == "S":
                        tail = item[range_name]["S"].encode()
                        if tail and len(tail) <= limits.SORT_KEY_BYTES:
                            return key_hash(head) + head + tail
        except KeyError:
            pass
        self.check_item(item)
        head = self.hash_bytes([item[attribute.name] for attribute in self.hash])
        return head + self.range_bytes([item[attribute.name] for attribute in self.range])

    def check_item(self, item: Item) -> None:
        """Raise ValidationException unless `item` has this primary key with its types, not empty
        and not too long.
        """
        for attribute in self.attributes:
            value = item.get(attribute.name)
            if value is None:
                raise ValidationException(
                    "One or more parameter values were invalid: Missing the key"
                    f" {attribute.name} in the item"
                )
            if attribute.type not in value:
                raise ValidationException(
                    "One or more parameter values were invalid: Type mismatch for key"
                    f" {attribute.name} expected: {attribute.type} actual: {next(iter(value))}"
                )
        self.check_contents(item)

    def check_contents(self, item: Item) -> None:
        """Raise ValidationException for key attributes that are empty or too long for a key."""
        for attribute in self.attributes:
            if attribute.type != "N" and not item[attribute.name][attribute.type]:
                kind = "string" if attribute.type == "S" else "binary"
                raise ValidationException(
                    "One or more parameter values are not valid. The AttributeValue for a key"
                    f" attribute cannot contain an empty {kind} value. Key: {attribute.name}"
                )
        for attribute in self.hash:
            if _content_size(item[attribute.name]) > limits.PARTITION_KEY_BYTES:
                raise ValidationException(
                    "One or more parameter values were invalid: Size of hashkey has exceeded the"
                    f" maximum size limit of{limits.PARTITION_KEY_BYTES} bytes"
                )
        if (
            sum(_content_size(item[attribute.name]) for attribute in self.range)
            > limits.SORT_KEY_BYTES
        ):
            raise ValidationException(
                "One or more parameter values were invalid: Aggregated size of all range keys"
                f" has exceeded the size limit of {limits.SORT_KEY_BYTES} bytes"
            )

    def lookup_key(self, key: Item) -> bytes:
        """The bytes of a primary key that a caller gave by itself (`Key` parameters): exactly these
        attributes.

        Raises ValidationException `The provided key element does not match the schema` for any
        other set or type.
        """
        if len(key) != len(self.names):
            raise ValidationException("The number of conditions on the keys is invalid")
        for attribute in self.attributes:
            value = key.get(attribute.name)
            if value is None or attribute.type not in value:
                raise ValidationException("The provided key element does not match the schema")
        return self.item_key(key)

    def hash_bytes(self, values: Sequence[AttributeValue]) -> bytes:
        """hash(4) and the closed partition key: the prefix that all keys of one item collection
        share.
        """
        head = b"".join([closed(value) for value in values])
        return key_hash(head) + head

    def range_bytes(self, values: Sequence[AttributeValue]) -> bytes:
        """The sort key's bytes, the last part open; a prefix of the attributes gives a prefix of
        the bytes.
        """
        if not values:
            return b""
        if len(values) == len(self.range):
            return b"".join([closed(value) for value in values[:-1]]) + content_bytes(values[-1])
        return b"".join([closed(value) for value in values])

    def index_row(self, item: Item, item_key: bytes) -> bytes | None:
        """The bytes of the row an item has in an index with this key, or None when the item is not
        in the index (sparse).
        """
        values: list[AttributeValue] = []
        for attribute in self.attributes:
            value = item.get(attribute.name)
            if value is None or attribute.type not in value:
                return None
            values.append(value)
        count = len(self.hash)
        head = self.hash_bytes(values[:count])
        return head + b"".join([closed(value) for value in values[count:]]) + item_key[HASH_BYTES:]

    def check_index(self, item: Item, index_name: str) -> None:
        """Raise ValidationException when an item carries this index's key attributes in a form the
        index cannot hold.
        """
        for attribute in self.attributes:
            value = item.get(attribute.name)
            if value is None:
                continue
            if attribute.type not in value:
                raise ValidationException(
                    "One or more parameter values were invalid: Type mismatch for Index Key"
                    f" {attribute.name} Expected: {attribute.type} Actual: {next(iter(value))}"
                    f" IndexName: {index_name}"
                )
            if attribute.type != "N" and not value[attribute.type]:
                kind = "string" if attribute.type == "S" else "binary"
                raise ValidationException(
                    "One or more parameter values are not valid. A value specified for a secondary"
                    " index key is not supported. The AttributeValue for a key attribute cannot"
                    f" contain an empty {kind} value."
                    f" IndexName: {index_name}, IndexKey: {attribute.name}"
                )
            limit = limits.PARTITION_KEY_BYTES if attribute in self.hash else limits.SORT_KEY_BYTES
            if _content_size(value) > limit:
                part = "hashkey" if attribute in self.hash else "rangekey"
                raise ValidationException(
                    f"One or more parameter values were invalid: Size of {part} has exceeded the"
                    f" maximum size limit of{limit} bytes"
                )

    def key_of(self, item: Item) -> Item:
        """The key attributes of an item."""
        return {name: item[name] for name in self.names}

    def encoded_key(self, item: Item) -> tuple[bytes, int]:
        """Canonical JSON of an item's key attributes, and their size in bytes."""
        hash_name, hash_type, range_name, range_type = self._simple
        value = item[hash_name]
        # As in `item_key`, the common case first.
        if hash_type == "S":
            size = self._names_bytes + len(value["S"].encode())
            if range_name is None:
                return encode_item({hash_name: value}), size
            if range_type == "S":
                last = item[range_name]
                size += len(last["S"].encode())
                return encode_item({hash_name: value, range_name: last}), size
        key = self.key_of(item)
        return encode_item(key), item_size(key)


def key_hash(head: bytes) -> bytes:
    """The four bytes that place a closed partition key."""
    return ((zlib.crc32(head) * _SPREAD) & 0xFFFFFFFF).to_bytes(4, "big")


def partition_of(key: bytes, partitions: int) -> int:
    """Which of a table's partitions holds a key."""
    return int.from_bytes(key[:HASH_BYTES], "big") * partitions >> 32


def successor(prefix: bytes) -> bytes | None:
    """The least byte string above everything that begins with `prefix`; None when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def content_bytes(value: AttributeValue) -> bytes:
    """The order-preserving bytes of a key attribute's value, open."""
    ((kind, content),) = value.items()
    if kind == "S":
        return content.encode()
    if kind == "N":
        return sort_bytes(canonical_number(content))
    return decoded_base64(content)


def closed(value: AttributeValue) -> bytes:
    """The order-preserving bytes of a key attribute's value, escaped and terminated."""
    return content_bytes(value).replace(b"\0", b"\0\xff") + b"\0\0"


def _content_size(value: AttributeValue) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(sort_bytes(canonical_number(content)))
    return len(base64.b64decode(content))
