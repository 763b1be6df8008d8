"""Handlers are found by module or file, and what is wrong with a name is told clearly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.errors import ConfigurationError
from tailrace.runtimes.load import load_handler, load_module


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_module_of_the_directory(tmp_path: Path) -> None:
    write(tmp_path / "shop/orders.py", "def handler(event, context): return 'orders'")
    assert load_handler("shop.orders:handler", tmp_path)({}, None) == "orders"


def test_a_file_and_what_lies_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "fn/words.py", "WORD = 'beside'")
    write(tmp_path / "fn/index.py", "import words\ndef handler(e, c): return words.WORD")
    assert load_handler("fn/index.py:handler", tmp_path)({}, None) == "beside"


def test_a_method_of_an_object(tmp_path: Path) -> None:
    text = "class App:\n  def handle(self, e, c): return 'method'\napp = App()"
    write(tmp_path / "service.py", text)
    assert load_handler("service:app.handle", tmp_path)({}, None) == "method"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("handler", "names no handler: write MODULE:HANDLER"),
        ("app.py:", "names no handler"),
        (":handler", "names no handler"),
        ("nowhere:handler", "there is no module 'nowhere'"),
        ("nowhere.deep:handler", "there is no module 'nowhere.deep'"),
        ("nowhere.py:handler", "there is no file"),
        ("good:missing", "there is no 'missing' in good"),
        ("good:VALUE", "'VALUE' in good is no function"),
        ("bad:handler", "importing bad failed: ZeroDivisionError"),
        ("bad.py:handler", "importing .*bad.py failed: ZeroDivisionError"),
        ("needy:handler", "importing needy failed: ModuleNotFoundError: .*absent_part"),
        ("broken:handler", "importing broken failed: SyntaxError"),
        ("quits:handler", "importing quits failed: SystemExit"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, name: str, told: str) -> None:
    write(tmp_path / "good.py", "VALUE = 1")
    write(tmp_path / "bad.py", "1 / 0")
    write(tmp_path / "needy.py", "import absent_part")
    write(tmp_path / "broken.py", "def (")
    write(tmp_path / "quits.py", "raise SystemExit(3)")
    with pytest.raises(ConfigurationError, match=told):
        load_handler(name, tmp_path)


def test_modules_are_found_as_their_handlers_are(tmp_path: Path) -> None:
    (tmp_path / "whole.py").write_text("VALUE = 1")
    assert load_module("whole.py", tmp_path).VALUE == 1
    assert load_module("whole", tmp_path).VALUE == 1
    with pytest.raises(ConfigurationError, match="there is no file"):
        load_module("none.py", tmp_path)
