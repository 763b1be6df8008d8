"""Proves that the source keeps the style: short functions and files, 100 columns, honest `__all__`.

What breaks a rule today is listed with its measure in exceptions.toml. The measure must be exact:
growth fails, and so does an entry that could be lowered or struck, so that the list only shrinks.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
# How long that list may be: only ever lowered.
MAX_EXCEPTIONS = 0

MAX_FUNCTION_LINES = 69
MAX_FILE_LINES = 399
MAX_FILE_LINES_EVER = 600
MAX_COLUMNS = 100

MEASURED_SUFFIXES = (".py", ".sql", ".sh", ".toml", "Makefile", ".ci/run")
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# Spelled in two parts, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
FOREIGN = re.compile(
    r"(?<![\w.~}])/(?:wo" + r"rk|ro" + r"ot|fa" + r"rm|home|Us" + r"ers)/\w"
    r"|(?:extra-)?index" + r"-url|find" + r"-links\b(?!])|trusted" + r"-host"
    r"|(?:https?://|\b)(?:[\w-]+\.)*(?:py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.org"
    r"|repo1?\.maven|crates" + r"\.io|proxy\.gol" + r"ang\.org|debian" + r"\.org)"
)


def _tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    paths = [ROOT / name.decode() for name in listing.split(b"\0") if name]
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _text(path: Path) -> str:
    """The file's text; none if it is binary."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode()


FILES = _tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]
MEASURED = [
    path
    for path in FILES
    if str(path).endswith(MEASURED_SUFFIXES) or path.is_relative_to(ROOT / "scripts")
]
MODULES = [path for path in PYTHON if path.is_relative_to(ROOT / "src")]


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Each function's dotted name and how many lines it has, from `def` to its last."""
    for node in ast.iter_child_nodes(tree):
        name = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{node.name}" if prefix else node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, (node.end_lineno or node.lineno) - node.lineno + 1
        yield from _functions(node, name)


def long_functions() -> dict[str, int]:
    """Functions of too many lines, as `path::name`."""
    return {
        f"{_name(path)}::{function}": lines
        for path in PYTHON
        for function, lines in _functions(ast.parse(_text(path)))
        if lines > MAX_FUNCTION_LINES
    }


def long_files() -> dict[str, int]:
    """Files of too many lines."""
    lines = {_name(path): len(_text(path).splitlines()) for path in MEASURED}
    return {name: count for name, count in lines.items() if count > MAX_FILE_LINES}


def wide_lines() -> dict[str, int]:
    """For each file, how many of its lines are too wide."""
    counts = {
        _name(path): sum(len(line) > MAX_COLUMNS for line in _text(path).splitlines())
        for path in MEASURED
    }
    return {name: count for name, count in counts.items() if count}


RULES: dict[str, Callable[[], dict[str, int]]] = {
    "function_lines": long_functions,
    "file_lines": long_files,
    "wide_lines": wide_lines,
}


def _excepted() -> dict[str, dict[str, int]]:
    return tomllib.loads(EXCEPTIONS.read_text())


@pytest.mark.parametrize("rule", RULES)
def test_measures_are_kept_but_for_the_listed_exceptions(rule: str) -> None:
    assert RULES[rule]() == _excepted().get(rule, {})


def test_exceptions_are_of_known_rules_and_not_more_than_they_were() -> None:
    excepted = _excepted()
    assert excepted.keys() <= RULES.keys()
    assert sum(map(len, excepted.values())) == MAX_EXCEPTIONS


def test_no_file_is_longer_than_any_may_ever_be() -> None:
    assert not {name for name, lines in long_files().items() if lines > MAX_FILE_LINES_EVER}


def _defines(statement: ast.stmt) -> list[str]:
    """The public names that a module's statement brings."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            names = [name]
        case ast.ImportFrom(module=module, names=imported) if module != "__future__":
            names = [name.asname or name.name for name in imported]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            names = [name]
        case _:
            names = []
    return [name for name in names if not name.startswith("_")]


def _public_modules() -> list[str]:
    """Dotted names of the modules others may import, but for packages that define nothing."""
    names: list[str] = []
    for path in MODULES:
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        is_bare = False
        if parts[-1] == "__init__":
            parts = parts[:-1]
            is_bare = not any(map(_defines, ast.parse(_text(path)).body))
        if not is_bare and not any(part.startswith("_") for part in parts):
            names.append(".".join(parts))
    return names


@pytest.mark.parametrize("module", _public_modules())
def test_public_modules_list_their_names(module: str) -> None:
    loaded = importlib.import_module(module)
    listed = getattr(loaded, "__all__", None)
    assert listed is not None, f"{module} has no __all__"
    assert len(listed) == len(set(listed))
    assert not [name for name in listed if not hasattr(loaded, name)]


def test_no_module_has_an_empty_name() -> None:
    assert not [_name(path) for path in PYTHON if EMPTY_NAMES & {*path.with_suffix("").parts}]


def _found(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(_text(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_is_left_unfinished() -> None:
    assert not _found(UNFINISHED, FILES)


def test_nothing_points_at_one_machine_or_at_a_package_index() -> None:
    assert not _found(FOREIGN, FILES)


@pytest.mark.parametrize(
    "line",
    [
        "cd /ro" + "ot/x",
        "see /home/" + "me/notes",
        "--index" + "-url=x",
        "https://files.python" + "hosted.org/p",
        "https://repo.mav" + "en.apache.org",
    ],
)
def test_foreign_addresses_are_recognised(line: str) -> None:
    assert FOREIGN.search(line)
