"""Proves who may open a data directory, with which key, and that others change nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tailrace.clock import ManualClock
from tailrace.engines.sqlite import SqliteEngine, rekey
from tailrace.engines.sqlite.statements import SQL, migrations
from tailrace.engines.sqlite.store import FILE_NAME, Store
from tailrace.errors import ConfigurationError
from tailrace.testing.builders import item, put_write
from tailrace.testing.contracts.agreement import check_agreement
from tailrace.testing.driving import make_table, settled
from tailrace.testing.reading import items_of

KEY = b"the key"
MARK = "a-text-that-is-nowhere-else"


def _open(path: Path, key: bytes | None = None) -> SqliteEngine:
    return SqliteEngine(path, ManualClock(), key=key)


def _crashed(path: Path, key: bytes | None) -> Path:
    """A store as a crash leaves it: its last writes are in the write-ahead log only."""
    with closing(_open(path / "running", key)) as engine:
        table = make_table(engine, index_on=["g"])
        settled(engine, *(put_write(table, item(f"k{n}", g=MARK)) for n in range(40)))
        shutil.copytree(path / "running", path / "crashed")
    assert (path / "crashed" / f"{FILE_NAME}-wal").stat().st_size > 0
    return path / "crashed"


def _content(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def _check_refused(path: Path, key: bytes | None, message: str) -> None:
    before = _content(path)
    with pytest.raises(ConfigurationError, match=message):
        _open(path, key)
    assert _content(path) == before


@pytest.mark.parametrize(
    ("made_with", "opened_with", "message"),
    [
        (KEY, b"another key", "key given is not that of"),
        (KEY, b"", "key given is not that of"),
        (KEY, None, "encrypted or damaged, and no key was given"),
        (None, KEY, "not encrypted, but a key was given"),
    ],
)
def test_the_wrong_key_is_a_clear_error_and_touches_nothing(
    tmp_path: Path, made_with: bytes | None, opened_with: bytes | None, message: str
) -> None:
    path = _crashed(tmp_path, made_with)
    _check_refused(path, opened_with, message)
    with closing(_open(path, made_with)) as engine:
        (table,) = engine.catalog().tables.values()
        assert len(items_of(engine, table)) == 40
        check_agreement(engine, table)


@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize("harm", ["shorter than it says", "torn"])
def test_a_file_that_a_crash_left_half_moved_is_opened(
    tmp_path: Path, key: bytes | None, harm: str
) -> None:
    path = _crashed(tmp_path, key)
    shutil.copytree(path, tmp_path / "moved")
    with closing(_open(tmp_path / "moved", key)):
        pass  # which moves the log into the file
    moved = (tmp_path / "moved" / FILE_NAME).read_bytes()
    if harm == "torn":
        page = moved[:512] + (path / FILE_NAME).read_bytes()[512:8192]
        assert key is None or page != moved[:8192]
    else:
        page = moved[:8192]
        assert len(moved) > (path / FILE_NAME).stat().st_size
    with (path / FILE_NAME).open("r+b") as file:
        file.write(page)
    if key is not None:
        _check_refused(path, b"another key", "key given is not that of")
    with closing(_open(path, key)) as engine:
        (table,) = engine.catalog().tables.values()
        assert len(items_of(engine, table)) == 40
        check_agreement(engine, table)


def test_an_encrypted_store_shows_nothing_in_any_of_its_files(tmp_path: Path) -> None:
    plain = b"".join(_content(_crashed(tmp_path / "plain", None)).values())
    secret = b"".join(_content(_crashed(tmp_path / "secret", KEY)).values())
    for text in (MARK.encode(), b"CREATE TABLE", b"SQLite format 3"):
        assert text in plain
        assert text not in secret


@pytest.mark.parametrize("old", [KEY, None])
@pytest.mark.parametrize("new", [b"another key", KEY, None])
def test_a_store_can_be_given_another_key(
    tmp_path: Path, old: bytes | None, new: bytes | None
) -> None:
    path = _crashed(tmp_path, old)
    parts: list[float] = []
    rekey(path, old, new, parts.append)
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert {file.name for file in path.iterdir()} == {FILE_NAME, "tailrace.lock"}
    assert (MARK.encode() in (path / FILE_NAME).read_bytes()) == (new is None)
    if old != new:
        _check_refused(path, old, "key")
    with closing(_open(path, new)) as engine:
        (table,) = engine.catalog().tables.values()
        assert len(items_of(engine, table)) == 40
        check_agreement(engine, table)
        settled(engine, put_write(table, item("more")))


def test_a_new_key_needs_the_old_one_and_a_store_that_is_closed(tmp_path: Path) -> None:
    path = _crashed(tmp_path, KEY)
    before = _content(path)
    with pytest.raises(ConfigurationError, match="key given is not that of"):
        rekey(path, b"wrong", b"new")
    assert _content(path) == before
    with closing(_open(path, KEY)), pytest.raises(ConfigurationError, match="in use"):
        rekey(path, KEY, b"new")
    with pytest.raises(ConfigurationError, match="no store"):
        rekey(tmp_path / "nowhere", KEY, b"new")
    assert not (tmp_path / "nowhere").exists()


def test_a_new_key_that_comes_to_nothing_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _crashed(tmp_path, KEY)

    class Interrupted(Exception):
        """Stands for whatever may happen between the copy and its taking the place."""

    def fail(store: Store) -> None:
        raise Interrupted

    monkeypatch.setattr(Store, "_put_in_place", fail)
    with pytest.raises(Interrupted):
        rekey(path, KEY, b"new")
    assert (path / f"{FILE_NAME}.new").exists()
    with closing(_open(path, KEY)) as engine:
        (table,) = engine.catalog().tables.values()
        check_agreement(engine, table)
    assert not (path / f"{FILE_NAME}.new").exists()


def test_a_log_without_its_file_is_not_taken_for_anothers(tmp_path: Path) -> None:
    path = _crashed(tmp_path, None)
    (path / FILE_NAME).unlink()
    _check_refused(path, None, "missing")


def test_each_store_is_encrypted_differently(tmp_path: Path) -> None:
    pages: set[bytes] = set()
    for name in ("one", "two"):
        _open(tmp_path / name, KEY).close()
        pages.add((tmp_path / name / FILE_NAME).read_bytes()[:512])
    assert len(pages) == 2


def test_a_directory_has_one_engine_at_a_time(tmp_path: Path) -> None:
    with closing(_open(tmp_path)) as engine:
        _check_refused(tmp_path, None, "in use by another process")
        make_table(engine)
    _open(tmp_path).close()


def test_another_process_is_kept_out(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tailrace.clock import ManualClock;"
        "from tailrace.engines.sqlite import SqliteEngine;"
        "SqliteEngine(Path(sys.argv[1]), ManualClock())"
    )
    with closing(_open(tmp_path)):
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
        )
    assert other.returncode == 1
    assert re.search("ConfigurationError: .* in use by another process", other.stderr)


def test_a_refusal_lets_go_of_the_directory(tmp_path: Path) -> None:
    _open(tmp_path, KEY).close()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="key given"):
            _open(tmp_path, b"wrong")
    _open(tmp_path, KEY).close()


@pytest.mark.parametrize("content", [b"", b"short", b"\x07" * 8192, b"SQLite format 3\0" * 512])
def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    (tmp_path / "tailrace.lock").touch()
    _check_refused(tmp_path, None, FILE_NAME)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / FILE_NAME))) as connection:
        connection.execute("CREATE TABLE item (x)")
    (tmp_path / "tailrace.lock").touch()
    _check_refused(tmp_path, None, "not a store of Tailrace's")


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    _open(tmp_path).close()
    with closing(apsw.Connection(str(tmp_path / FILE_NAME))) as connection:
        connection.pragma("user_version", len(migrations()) + 1)
        connection.pragma("journal_mode", "delete")
    _check_refused(tmp_path, None, "later version of Tailrace")


def test_a_directory_that_cannot_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"Cannot use .* as data directory"):
        _open(tmp_path / "file" / "store")


def test_what_a_broken_beginning_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / f"{FILE_NAME}.new").write_bytes(b"half a file")
    (tmp_path / f"{FILE_NAME}.new-journal").write_bytes(b"and its journal")
    with closing(_open(tmp_path)) as engine:
        table = make_table(engine)
        settled(engine, put_write(table, item("a")))
    assert not list(tmp_path.glob("*.new*"))


def test_a_damaged_file_is_a_clear_error(tmp_path: Path) -> None:
    with closing(_open(tmp_path)) as engine:
        make_table(engine)
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:8192] + b"\xee" * (file.stat().st_size - 8192))
    with pytest.raises(ConfigurationError, match="Cannot open the store"):
        _open(tmp_path)
    with pytest.raises(ConfigurationError, match="Cannot open the store"):
        _open(tmp_path)


@pytest.mark.parametrize("name", sorted(SQL))
def test_no_statement_takes_longer_the_more_there_is(tmp_path: Path, name: str) -> None:
    _open(tmp_path).close()
    if name in ("begin", "begin_write", "commit", "rollback"):
        return
    relations = {"item", "index_row", "row", "record", "dropped", "counter"}
    bindings = [1] * (2 if "?2" in SQL[name] else SQL[name].count("?"))
    with closing(apsw.Connection(str(tmp_path / FILE_NAME))) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {SQL[name]}", bindings)]
    scanned = {step.split()[1] for step in plan if step.startswith("SCAN ")}
    # All that was dropped is looked through in its order, of which only the first is taken.
    assert not scanned & relations or name == "next_dropped", plan
