"""Proves that the pinned requirements are those pyproject.toml asks for, hashed, and one set."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\]+))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
LOCKS = ("demo", "dev")


def _lock(name: str) -> list[str]:
    return (ROOT / f"requirements/{name}.txt").read_text().splitlines()


def _pins(name: str) -> dict[str, str]:
    matches = [PIN.fullmatch(line) for line in _lock(name)]
    return {match["name"]: match["version"] for match in matches if match}


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _asked_for() -> Iterator[Requirement]:
    project = _project()
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    for line in [*project["project"]["dependencies"], *(x for part in extras for x in part)]:
        yield Requirement(line)
    yield from (Requirement(x) for part in groups for x in part if isinstance(x, str))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_pin_or_a_hash(lock: str) -> None:
    previous_is_pin = False
    for line in _lock(lock):
        is_pin = PIN.fullmatch(line) is not None
        assert is_pin or HASH.fullmatch(line), line
        assert not (is_pin and previous_is_pin), f"no hash before {line}"
        previous_is_pin = is_pin
    assert not previous_is_pin


def test_every_dependency_is_pinned_at_an_accepted_version() -> None:
    pins = _pins("dev")
    for requirement in _asked_for():
        name = canonicalize_name(requirement.name)
        if name != "tailrace":
            assert requirement.specifier.contains(pins[name]), requirement


def test_the_demo_runs_with_what_is_tested() -> None:
    assert _pins("demo").items() <= _pins("dev").items()
    base = [Requirement(line) for line in _project()["project"]["dependencies"]]
    assert {canonicalize_name(requirement.name) for requirement in base} <= _pins("demo").keys()
