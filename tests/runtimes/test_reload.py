"""Code that was saved is seen, once for each time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tailrace.runtimes import reload
from tailrace.runtimes.reload import CodeDirectory


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every question."""
    monkeypatch.setattr(reload, "_SCAN_SHARE", float("inf"))


def test_files_that_come_go_and_change_are_seen(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    code = tmp_path / "parts" / "a.py"
    watched = CodeDirectory(tmp_path)
    assert not watched.changed()
    for change in (
        lambda: code.write_text("1"),
        lambda: code.write_text("12"),
        lambda: os.utime(code, ns=(1, 1)),
        lambda: code.rename(tmp_path / "b.py"),
        lambda: (tmp_path / "b.py").unlink(),
    ):
        change()
        assert watched.changed()
        assert not watched.changed()
    assert watched.generation == 5


def test_what_is_not_code_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    watched = CodeDirectory(tmp_path, ".py")
    (tmp_path / "__pycache__" / "a.py").touch()
    (tmp_path / "notes.txt").touch()
    assert not watched.changed()
    (tmp_path / "a.py").touch()
    assert watched.changed()


def test_it_is_not_looked_through_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "_SCAN_SHARE", 1e-9)
    watched = CodeDirectory(tmp_path)
    assert not watched.changed()
    (tmp_path / "a.py").touch()
    assert not watched.changed()  # the last look took its share for a while
