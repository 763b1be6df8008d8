"""`tailrace demo`: the main job on real data. Airports in a table; a Lambda function on its stream
keeps a search index equal to it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from tailrace.app import Tailrace
from tailrace.app.triggers import Trigger
from tailrace.cli import airports
from tailrace.cli.airports import Changes, Difference
from tailrace.errors import ConfigurationError
from tailrace.runtimes.load import load_handler
from tailrace.settings import Settings

__all__ = ["demo"]

_SEARCHES = ("chicago", "international tx", "municipal renovated")
_HITS_SHOWN = 3
_BATCH_SIZE = 1000
_PATIENCE_S = 300.0


class Report(msgspec.Struct, frozen=True):
    """What the demo did and found."""

    index: str
    written: int
    unchanged: int
    expected: Changes
    seen: Changes
    records_per_s: float
    lag_s: float
    searches: dict[str, Sequence[str]]
    documents: int
    difference: Difference

    @property
    def good(self) -> bool:
        """Whether every change, and nothing else, came through, and the index equals the table."""
        return self.seen == self.expected and self.difference.none


def demo(
    data: Annotated[
        Path, typer.Option(help="Directory for the data; emptied at the start.")
    ] = Path("demo-data"),
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Run the main job: 3,376 real airports, their changes, and a search index that follows.

    The index is embedded (tantivy), or the OpenSearch that OPENSEARCH_URL names. Exit status 1
    unless it equals the table at the end, document by document.
    """
    boto3 = _imported("boto3")
    _empty(data)
    os.environ.setdefault("INDEX_DIRECTORY", str(data / "index"))
    handler = _Counting(load_handler("handler.py:handler", _examples()))
    console = Console(stderr=json, highlight=False)
    with Tailrace(Settings(data=data / "tables", port=0)) as tailrace:
        client = boto3.client(
            "dynamodb",
            endpoint_url=tailrace.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="demo",
            aws_secret_access_key="demo",
        )
        console.print(f"Tailrace at [cyan]{tailrace.endpoint_url}[/], data in {data}")
        report = _run(tailrace, client, handler, console)
    if json:
        typer.echo(msgspec.json.encode({**msgspec.to_builtins(report), "good": report.good}))
    else:
        _print(report, console)
    if not report.good:
        sys.exit(1)


def _imported(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise ConfigurationError(
            f"the demo needs {name}: pip install 'tailrace[demo]', or make demo"
        ) from None


def _examples() -> Path:
    """The example's directory: in the source tree, or shipped with the package."""
    package = Path(__file__).resolve().parents[1]
    for place in (package.parents[1] / "examples" / "airports", package / "examples" / "airports"):
        if place.is_dir():
            return place
    raise ConfigurationError("the example's files are not where they belong: examples/airports")


_MADE_BY_DEMO = ("tables", "index")


def _empty(data: Path) -> None:
    """Remove what an earlier demo left; nothing else."""
    if data.is_dir():
        foreign = sorted(path.name for path in data.iterdir() if path.name not in _MADE_BY_DEMO)
        if foreign:
            raise ConfigurationError(f"{data} holds other things: {', '.join(foreign[:3])}")
        shutil.rmtree(data)


class _Counting:
    """The example's handler, with a count of the records it was given, each once."""

    def __init__(self, handler: Callable[[Any, Any], Any]) -> None:
        self._handler = handler
        self._seen: dict[str, str] = {}
        self.index: Any = sys.modules[handler.__module__].index

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        answer = self._handler(event, context)
        for record in event["Records"]:
            self._seen[record["eventID"]] = record["eventName"]
        return answer

    @property
    def changes(self) -> Changes:
        """How many records came, by kind."""
        kinds = list(self._seen.values())
        return Changes(kinds.count("INSERT"), kinds.count("MODIFY"), kinds.count("REMOVE"))


def _run(tailrace: Tailrace, client: Any, handler: _Counting, console: Console) -> Report:
    everything = airports.read_airports()
    airports.create_table(client)
    trigger = tailrace.on_change(
        airports.TABLE,
        handler,
        name="airports-to-search",
        batch_size=_BATCH_SIZE,
        function_response_types=("ReportBatchItemFailures",),
    )
    began = time.monotonic()
    with _progress(console) as progress:
        steps = _steps(client, everything)
        done = [_advance(progress, title, total, work) for title, total, work in steps]
        written = time.monotonic()
        _follow(progress, trigger)
    caught_up = time.monotonic()
    updated, rewritten, deleted = done[1:]
    expected = Changes(len(everything), updated, deleted)
    documents = handler.index.documents()
    return Report(
        index=type(handler.index).__name__.removesuffix("Index"),
        written=len(everything) + updated + rewritten + deleted,
        unchanged=rewritten,
        expected=expected,
        seen=handler.changes,
        records_per_s=expected.total / (caught_up - began),
        lag_s=caught_up - written,
        searches={text: _hits(handler.index, text) for text in _SEARCHES},
        documents=len(documents),
        difference=airports.compare(airports.table_documents(client), documents),
    )


_Step = tuple[str, int, Callable[[Callable[[int], None]], int]]


def _steps(client: Any, everything: Sequence[dict[str, Any]]) -> Sequence[_Step]:
    def load(advance: Callable[[int], None]) -> int:
        airports.load_all(client, everything, advance)
        return len(everything)

    return (
        ("Load", len(everything), load),
        (
            "Update",
            len(everything[:: airports.UPDATED]),
            lambda advance: airports.update_some(client, everything, advance),
        ),
        (
            "Rewrite unchanged",
            len(everything[1 :: airports.UNCHANGED]),
            lambda advance: airports.rewrite_some(client, everything, advance),
        ),
        (
            "Delete",
            len(everything[3 :: airports.DELETED]),
            lambda advance: airports.delete_some(client, everything, advance),
        ),
    )


@contextmanager
def _progress(console: Console) -> Generator[Progress]:
    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield progress


def _advance(
    progress: Progress, title: str, total: int, work: Callable[[Callable[[int], None]], int]
) -> int:
    task = progress.add_task(title, total=total)
    return work(lambda count: progress.advance(task, count))


def _follow(progress: Progress, trigger: Trigger) -> None:
    task = progress.add_task("Follow the stream", total=1)
    trigger.wait_until_caught_up(_PATIENCE_S)
    progress.advance(task)


def _hits(index: Any, text: str) -> Sequence[str]:
    return [
        f"{item['iata']['S']} {item['name']['S']}, {item.get('city', {}).get('S', '?')}"
        for item in index.search(text, _HITS_SHOWN)
    ]


def _print(report: Report, console: Console) -> None:
    kinds = RichTable("stream records", "expected", "came")
    for name in ("inserted", "modified", "removed"):
        kinds.add_row(
            name, f"{getattr(report.expected, name):,}", f"{getattr(report.seen, name):,}"
        )
    console.print(kinds)
    console.print(
        f"{report.written:,} writes, {report.unchanged:,} of them unchanged;"
        f" {report.records_per_s:,.0f} records/s; all handled {report.lag_s * 1000:,.0f} ms after"
        " the last write"
    )
    for text, hits in report.searches.items():
        console.print(f"[bold]{text}[/]: " + ("; ".join(hits) or "no hits"))
    if report.good:
        console.print(
            f"[green]The {report.index} index equals the table: {report.documents:,} documents.[/]"
        )
        return
    difference = report.difference
    console.print(
        f"[red]The {report.index} index does not follow the table:[/] {len(difference.missing)}"
        " missing,"
        f" {len(difference.superfluous)} superfluous, {len(difference.unequal)} unequal"
    )
    for name in ("missing", "superfluous", "unequal"):
        keys = getattr(difference, name)
        if keys:
            console.print(f"  {name}: {', '.join(keys[:10])}")
