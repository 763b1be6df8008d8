"""The contract of durable engines under `kill -9`: what was acknowledged is there, and agrees.

A child process writes to a store and says what was acknowledged; it is killed at some moment, the
store is opened again and held against what the child said. Then the next child goes on with it.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from random import Random
from typing import ClassVar, Final

import msgspec
import pytest

from tailrace.model.schema import Table
from tailrace.model.values import encode_item
from tailrace.tables.engine import Engine
from tailrace.testing.builders import item
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.reading import Seen, history, shards_of
from tailrace.testing.victim import WRITERS, Step, opened, survivors, units

__all__ = ["CrashContract", "Report", "check_survivors", "killed_child"]

_ROUNDS: Final = 3
_LONGEST_LIFE: Final = 900  # lines


class Report(msgspec.Struct, frozen=True):
    """What a child said before it was killed: the units acknowledged to each writer, by number,
    and how many rotations were."""

    acknowledged: dict[int, set[int]]
    rotations: int


class CrashContract:
    """Kills. `factory` is the `package.module:name` of what opens a store, given a directory and a
    clock; child processes must be able to import it."""

    factory: ClassVar[str]

    @pytest.mark.parametrize("seed", range(3))
    def test_what_was_acknowledged_outlives_its_process(self, tmp_path: Path, seed: int) -> None:
        chance = Random(seed)
        rotations = 0
        for round_ in range(_ROUNDS):
            report = killed_child(self.factory, tmp_path, round_, chance.randint(1, _LONGEST_LIFE))
            rotations += report.rotations
            with closing(opened(self.factory, tmp_path)) as engine:
                check_survivors(engine, round_, report, rotations)

    @pytest.mark.parametrize("lines", [1, 2, 3])
    def test_a_store_outlives_a_kill_while_it_is_opened(self, tmp_path: Path, lines: int) -> None:
        for round_ in range(_ROUNDS):
            report = killed_child(self.factory, tmp_path, round_, lines)
            with closing(opened(self.factory, tmp_path)) as engine:
                check_survivors(engine, round_, report, 0)


def killed_child(factory: str, path: Path, round_: int, lines: int) -> Report:
    """Start a child, kill it when it has said so many lines, and collect all that it said."""
    command = [sys.executable, "-m", "tailrace.testing.victim", factory, str(path), str(round_)]
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                said.append(line)
                if len(said) == lines:
                    break
        finally:
            child.kill()
        # What it said between the line that was its last order and its death counts as well.
        said.extend(child.stdout)
    assert len(said) >= lines, (
        f"the child ended by itself with status {child.returncode}: {said[-3:]}"
    )
    return _report(said)


def _report(said: list[str]) -> Report:
    acknowledged: dict[int, set[int]] = {writer: set() for writer in range(WRITERS)}
    rotations = 0
    for line in said:
        words = line.split()
        assert words[0] != "failed:", line
        if words == ["rotated"]:
            rotations += 1
        elif len(words) == 2:
            acknowledged[int(words[0])].add(int(words[1]))
    return Report(acknowledged, rotations)


def check_survivors(engine: Engine, round_: int, report: Report, rotations: int) -> None:
    """Check a store against what the child of a round said. Raises AssertionError.

    `rotations` are those acknowledged in all rounds so far.
    """
    table = survivors(engine)
    if table is None:
        assert not any(report.acknowledged.values()), "the table is gone"
        return
    check_agreement(engine, table)
    assert len(shards_of(engine, table)) >= table.partitions * (1 + rotations)
    versions = _versions(history(engine, table))
    for writer, acknowledged in report.acknowledged.items():
        names = f"r{round_}-w{writer}-"
        mine = {name: seen for name, seen in versions.items() if name.startswith(names)}
        _check_units(table, round_, writer, acknowledged, mine)


def _versions(records: list[Seen]) -> dict[str, list[Seen]]:
    """The records of each item in their order."""
    versions: dict[str, list[Seen]] = defaultdict(list)
    for record in records:
        versions[_name(record)].append(record)
    return versions


def _name(record: Seen) -> str:
    image = record.new or record.old
    assert image is not None
    return image["pk"]["S"]


def _check_units(
    table: Table, round_: int, writer: int, acknowledged: set[int], versions: dict[str, list[Seen]]
) -> None:
    """Check that each unit took effect wholly or not at all, and that all acknowledged ones did."""
    met: dict[str, int] = defaultdict(int)
    left = sum(map(len, versions.values()))
    for number, unit in enumerate(units(round_, writer)):
        if left == 0 and number > max(acknowledged, default=-1):
            return
        effects = [_took_effect(step, met, versions.get(step.name, [])) for step in unit]
        assert len(set(effects)) == 1, f"unit {number} was torn"
        assert effects[0] or number not in acknowledged, f"unit {number} is lost"
        left -= effects.count(True)
    raise AssertionError(f"{table.name} has {left} records that nobody wrote")


def _took_effect(step: Step, met: dict[str, int], records: list[Seen]) -> bool:
    """Whether the next record of the step's item is there; checks that it is what the step made."""
    place = met[step.name]
    met[step.name] += 1
    if place >= len(records):
        return False
    assert records[place].key == encode_item(item(step.name))
    assert records[place].new == step.becomes
    return True
