"""Uploaded code is unpacked apart, within limits, and dropped when nobody has it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from tailrace.api.functions.ports import BadBundle
from tailrace.app import bundles
from tailrace.app.bundles import DirectoryBundles


def zipped(**files: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
        for name, text in files.items():
            content.writestr(name.replace("__", "/"), text)
    return archive.getvalue()


def test_it_is_kept_and_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = DirectoryBundles(Path("code"))
    archive = zipped(index="x = 1", package__module="y = 2")
    code = asyncio.run(kept.keep(archive))
    assert code.size == len(archive)
    assert base64.b64decode(code.sha256) == hashlib.sha256(archive).digest()
    assert code.bundle is not None
    directory = kept.directory(code.bundle)
    assert directory.is_absolute()
    assert (directory / "index").read_text() == "x = 1"
    assert (directory / "package" / "module").read_text() == "y = 2"
    assert asyncio.run(kept.read(code.bundle)) == archive


def test_what_may_be_run_stays_so(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        for name, mode in (("bootstrap", 0o755), ("data", 0o644)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            content.writestr(entry, "x")
    kept = DirectoryBundles(tmp_path)
    directory = kept.directory(asyncio.run(kept.keep(archive.getvalue())).bundle or "")
    assert (directory / "bootstrap").stat().st_mode & 0o100
    assert not (directory / "data").stat().st_mode & 0o100


def test_what_is_too_large_or_leads_out_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = DirectoryBundles(tmp_path)
    whole = zipped(index="x" * 5000)
    for archive in (whole[:-30], b"", zipped(**{"..__out": "x"}), zipped(__etc__out="x")):
        with pytest.raises(BadBundle):
            asyncio.run(kept.keep(archive))
    monkeypatch.setattr(bundles, "MAX_UNZIPPED_BYTES", 4999)
    with pytest.raises(BadBundle, match="Unzipped size must be smaller than 4999 bytes"):
        asyncio.run(kept.keep(whole))
    monkeypatch.setattr(bundles, "MAX_FILES", 0)
    with pytest.raises(BadBundle):
        asyncio.run(kept.keep(zipped(index="x")))
    assert not list(tmp_path.iterdir())


def test_an_entry_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    honest = zipped(index="x" * 5000)
    lying = honest.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(BadBundle):
        asyncio.run(DirectoryBundles(tmp_path).keep(lying))


def test_only_what_is_in_use_or_new_is_retained(tmp_path: Path) -> None:
    async def main() -> None:
        kept = DirectoryBundles(tmp_path)
        first, second, new = [(await kept.keep(zipped(index=text))).bundle for text in "abc"]
        assert all((first, second, new))
        await kept.retain([first, second])
        await kept.retain([second])
        assert await kept.read(first) is None
        assert await kept.read(second) == zipped(index="b")
        assert await kept.read(new) == zipped(index="c")
        later = DirectoryBundles(tmp_path)
        await later.retain([second])
        assert await later.read(new) is None

    asyncio.run(main())


def test_names_that_are_none_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(b"secret")
    kept = DirectoryBundles(tmp_path)
    for name in ("..", ".", "x", "0" * 31, "../" + "0" * 29):
        assert asyncio.run(kept.read(name)) is None


def test_without_a_place_it_lasts_until_it_is_closed() -> None:
    async def main() -> Path:
        kept = DirectoryBundles(None)
        code = await kept.keep(zipped(index="x"))
        directory = kept.directory(code.bundle or "")
        assert directory.exists()
        await kept.close()
        return directory

    assert not asyncio.run(main()).exists()
