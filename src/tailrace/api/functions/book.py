"""The book of all functions and event source mappings: in memory to be read, in documents to last.

A document for each function, published version and mapping; what is read has been written."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Final

import msgspec

from tailrace.api.functions.errors import FunctionNotFound
from tailrace.api.functions.names import LATEST, FunctionName
from tailrace.api.functions.ports import Documents
from tailrace.api.functions.records import EventSourceMapping, Function, Version

__all__ = ["Book"]

_Place = tuple[str, str, str]
_encode: Final = msgspec.json.encode


class Book:
    """Belongs to one event loop. `changing` is held by whoever reads in order to write."""

    def __init__(self, documents: Documents) -> None:
        self.functions: dict[_Place, Function] = {}
        self.mappings: dict[str, EventSourceMapping] = {}
        self.changing = asyncio.Lock()
        self._documents = documents

    async def load(self) -> None:
        """Read what was written before."""
        versions: dict[_Place, dict[str, Version]] = {}
        for key, document in (await self._documents.load()).items():
            kind, _, name = key.partition(" ")
            if kind == "function":
                function = msgspec.json.decode(document, type=Function)
                self.functions[function.place] = function
            elif kind == "version":
                account, region, function_name, number = name.split(" ")
                version = msgspec.json.decode(document, type=Version)
                versions.setdefault((account, region, function_name), {})[number] = version
            elif kind == "mapping":
                mapping = msgspec.json.decode(document, type=EventSourceMapping)
                self.mappings[mapping.uuid] = mapping
        for place, published in versions.items():
            if place in self.functions:
                in_order = dict(sorted(published.items(), key=lambda entry: int(entry[0])))
                self.functions[place] = msgspec.structs.replace(
                    self.functions[place], published=in_order
                )

    def function(self, name: FunctionName) -> Function:
        """A function by its name. Raises FunctionNotFound."""
        found = self.functions.get(name.place)
        if found is None:
            raise FunctionNotFound(f"Function not found: {name.arn}")
        return found

    def version(self, name: FunctionName) -> Version:
        """The version that a name's qualifier means, an alias's own first. Raises
        FunctionNotFound."""
        function = self.function(name)
        wanted = name.qualifier
        if wanted is not None and wanted in function.aliases:
            wanted = function.aliases[wanted].function_version
        if wanted is None or wanted == LATEST:
            return function.latest
        found = function.published.get(wanted)
        if found is None:
            raise FunctionNotFound(f"Function not found: {name.arn}")
        return found

    def chosen(self, name: FunctionName) -> Version:
        """The version that is called by a name: of an alias with weights, each with its share of
        the calls. Raises FunctionNotFound."""
        function = self.function(name)
        alias = None if name.qualifier is None else function.aliases.get(name.qualifier)
        if alias is not None:
            draw = random.random()  # no secret depends on it
            for number, weight in alias.weights.items():
                if draw < weight and number in function.published:
                    return function.published[number]
                draw -= weight
        return self.version(name)

    async def keep(self, function: Function) -> None:
        """Write a function that is new or other than before."""
        before = self.functions.get(function.place)
        known: Mapping[str, Version] = {} if before is None else before.published
        for number, version in function.published.items():
            if known.get(number) != version:
                await self._documents.put(_version_key(function, number), _encode(version))
        head = msgspec.structs.replace(function, published={})
        await self._documents.put(_function_key(function), _encode(head))
        for number in known:
            if number not in function.published:
                await self._documents.delete(_version_key(function, number))
        self.functions[function.place] = function

    async def drop(self, function: Function) -> None:
        """Strike a function with all its versions out."""
        await self._documents.delete(_function_key(function))
        for number in function.published:
            await self._documents.delete(_version_key(function, number))
        self.functions.pop(function.place, None)

    async def keep_mapping(self, mapping: EventSourceMapping) -> None:
        """Write a mapping that is new or other than before."""
        await self._documents.put(f"mapping {mapping.uuid}", _encode(mapping))
        self.mappings[mapping.uuid] = mapping

    async def drop_mapping(self, mapping: EventSourceMapping) -> None:
        """Strike a mapping out."""
        await self._documents.delete(f"mapping {mapping.uuid}")
        self.mappings.pop(mapping.uuid, None)

    def mapping(self, uuid: str, account: str, region: str) -> EventSourceMapping:
        """A caller's mapping. Raises FunctionNotFound."""
        found = self.mappings.get(uuid)
        if found is None or (found.account, found.region) != (account, region):
            raise FunctionNotFound("The resource you requested does not exist.")
        return found

    def bundles(self) -> list[str]:
        """The bundles that are in use."""
        return [
            version.code.bundle
            for function in self.functions.values()
            for version in function.versions
            if version.code.bundle is not None
        ]

    def functions_of(self, account: str, region: str) -> list[Function]:
        """A caller's functions, by name."""
        found = [
            function
            for function in self.functions.values()
            if (function.account, function.region) == (account, region)
        ]
        return sorted(found, key=lambda function: function.name)


def _function_key(function: Function) -> str:
    return f"function {' '.join(function.place)}"


def _version_key(function: Function, number: str) -> str:
    return f"version {' '.join(function.place)} {number}"
