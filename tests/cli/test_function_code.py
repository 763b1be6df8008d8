"""Names of code are told from names of functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.cli.function_code import find_code, read_environment
from tailrace.errors import ConfigurationError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "functions" / "deep").mkdir(parents=True)
    for name in ("index.py", "functions/index.py", "functions/deep/__init__.py"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "directory", "handler", "name"),
    [
        ("index.py:handler", ".", "index.handler", "index-handler"),
        ("functions/index.py:h", "functions", "index.h", "index-h"),
        ("index:handler", ".", "index.handler", "index-handler"),
        ("functions.index:h", ".", "functions.index.h", "functions-index-h"),
        ("functions.deep:h", ".", "functions.deep.h", "functions-deep-h"),
    ],
)
def test_code(place: Path, text: str, directory: str, handler: str, name: str) -> None:
    found = find_code(text, place)
    assert found is not None
    assert (found.directory, found.handler) == ((place / directory).resolve(), handler)
    assert found.name == name


@pytest.mark.parametrize(
    "text", ["orders", "orders:prod", "arn:aws:lambda:us-east-1:1:function:f", ":x", "none.x:y"]
)
def test_functions(place: Path, text: str) -> None:
    assert find_code(text, place) is None


@pytest.mark.parametrize("text", ["none.py:handler", "index.py:", "index.py:a.b", "index:1"])
def test_neither(place: Path, text: str) -> None:
    with pytest.raises(ConfigurationError):
        find_code(text, place)


def test_variables() -> None:
    assert read_environment(["A=1", "B=x=y", "C="]) == {"A": "1", "B": "x=y", "C": ""}
    with pytest.raises(ConfigurationError, match="'=x' is no variable"):
        read_environment(["=x"])
