"""The main job, end to end as a user runs it: every change comes through, and the index equals the
table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_AIRPORTS = 3376
_TIMEOUT_S = 300


def _demo(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "OPENSEARCH_URL"}
    return subprocess.run(
        [sys.executable, "-m", "tailrace", "demo", "--json", "--data", str(directory / "data")],
        cwd=directory,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )


def _report(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def _check(report: dict[str, Any], index: str) -> None:
    assert report["good"]
    assert report["index"] == index
    assert (
        report["seen"]
        == report["expected"]
        == {"inserted": _AIRPORTS, "modified": 422, "removed": 169}
    )
    assert report["unchanged"] == 338
    assert report["documents"] == _AIRPORTS - 169
    assert report["difference"] == {"missing": [], "superfluous": [], "unequal": []}
    assert len(report["searches"]) == 3
    assert all(hits for hits in report["searches"].values())


def test_the_embedded_index_follows_the_table(tmp_path: Path) -> None:
    _check(_report(_demo(tmp_path)), "Tantivy")
    # And once more over what the first one left.
    _check(_report(_demo(tmp_path)), "Tantivy")


def test_a_real_opensearch_follows_the_table(tmp_path: Path, opensearch_url: str) -> None:
    _check(_report(_demo(tmp_path, OPENSEARCH_URL=opensearch_url)), "OpenSearch")


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "data" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    ran = _demo(tmp_path)
    assert ran.returncode == 1
    assert "thesis.txt" in ran.stderr
    assert precious.read_text() == "years of work"
