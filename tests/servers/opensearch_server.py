"""A real single-node OpenSearch on loopback for tests, from the jars on Maven Central.

    opensearch_server.py PORT DIR    serves plain HTTP on 127.0.0.1:PORT, with all its files under
                                     DIR, until its standard input closes
    opensearch_server.py --fetch     downloads the jars, once, into the cache
    opensearch_server.py --find-java prints the Java that would be used

No security plugin, a small heap: for tests only. Exit status 77: this machine lacks a part.
TEST_JAVA names a Java 21 or newer, TEST_SERVER_CACHE another cache folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from guard import guard

__all__ = ["command", "fetch", "find_java"]

MISSING_PART_STATUS = 77
MIN_JAVA = 21
POM = Path(__file__).with_name("opensearch.xml")

# Folder under modules/, jar, plugin class, and the module whose classes it sees. The server loads a
# module only from a folder of its own with a descriptor; the jars that modules need may stay in
# lib/, which is the parent of every module's class loader.
MODULES = (
    (
        "aggs-matrix-stats",
        "aggs-matrix-stats-client",
        "search.aggregations.matrix.MatrixAggregationModulePlugin",
        "",
    ),
    (
        "analysis-common",
        "analysis-common",
        "analysis.common.CommonAnalysisModulePlugin",
        "lang-painless",
    ),
    ("geo", "geo", "geo.GeoModulePlugin", ""),
    ("ingest-common", "ingest-common", "ingest.common.IngestCommonModulePlugin", "lang-painless"),
    (
        "lang-expression",
        "lang-expression",
        "script.expression.ExpressionModulePlugin",
        "lang-painless",
    ),
    ("lang-mustache", "lang-mustache-client", "script.mustache.MustacheModulePlugin", ""),
    ("lang-painless", "lang-painless", "painless.PainlessModulePlugin", ""),
    ("mapper-extras", "mapper-extras-client", "index.mapper.MapperExtrasModulePlugin", ""),
    ("parent-join", "parent-join-client", "join.ParentJoinModulePlugin", ""),
    ("percolator", "percolator-client", "percolator.PercolatorModulePlugin", ""),
    ("rank-eval", "rank-eval-client", "index.rankeval.RankEvalModulePlugin", ""),
    ("reindex", "reindex-client", "index.reindex.ReindexModulePlugin", ""),
    (
        "search-pipeline-common",
        "search-pipeline-common",
        "search.pipeline.common.SearchPipelineCommonModulePlugin",
        "",
    ),
    ("transport-netty4", "transport-netty4-client", "transport.Netty4ModulePlugin", ""),
)

SETTINGS = """\
cluster.name: test
node.name: test
network.host: 127.0.0.1
http.port: {port}
transport.port: 0
discovery.type: single-node
path.data: {directory}/data
path.logs: {directory}/logs
node.store.allow_mmap: false
cluster.routing.allocation.disk.threshold_enabled: false
"""

LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %marker%m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""


def find_java() -> str:
    """Path of the first Java of release 21 or newer; exits where there is none."""
    homes = [os.environ.get("JAVA_HOME", "/nonexistent"), *sorted(map(str, _jvm_folders()))]
    candidates = [
        os.environ.get("TEST_JAVA"),
        shutil.which("java"),
        *(f"{home}/bin/java" for home in homes),
    ]
    for java in candidates:
        if java and os.access(java, os.X_OK) and _java_release(java) >= MIN_JAVA:
            return java
    return _lacks(f"no Java {MIN_JAVA} or newer: install one, or name it in TEST_JAVA")


def fetch() -> Path:
    """Folder with the server's lib/ and modules/, downloaded once for this POM and this file."""
    content = POM.read_bytes() + Path(__file__).read_bytes()
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"opensearch-{hashlib.sha256(content).hexdigest()[:12]}"
    with (cache / "opensearch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.is_dir():
            part = home.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            _download(part / "lib")
            _arrange_modules(part)
            part.rename(home)
    return home


def command(home: Path, port: int, directory: Path) -> list[str]:
    """The server's command line, once its configuration is written under `directory`."""
    config = directory / "config"
    temporary = directory / "tmp"
    config.mkdir(parents=True, exist_ok=True)
    temporary.mkdir(exist_ok=True)
    settings = SETTINGS.format(port=port, directory=directory)
    (config / "opensearch.yml").write_text(settings)
    (config / "log4j2.properties").write_text(LOGGING)
    return [
        find_java(),
        *("-Xms128m", "-Xmx512m", "-Xss1m", "-XX:+UseSerialGC"),
        # Halves the start; peak speed, which suffers, is of no use to a test.
        "-XX:TieredStopAtLevel=1",
        f"-Djava.io.tmpdir={temporary}",
        "-Djava.awt.headless=true",
        "-Dfile.encoding=UTF-8",
        "-Dio.netty.noUnsafe=true",
        "-Dio.netty.noKeySetOptimization=true",
        "-Dio.netty.recycler.maxCapacityPerThread=0",
        "-Dlog4j.shutdownHookEnabled=false",
        "-Dlog4j2.disable.jmx=true",
        # JNA's native library stays unloaded: the server then doesn't see that it runs as root, as
        # it does in many containers, and so doesn't refuse to.
        "-Djna.nounpack=true",
        "-Djna.nosys=true",
        "--add-modules=jdk.incubator.vector",
        f"-Dopensearch.path.home={home}",
        f"-Dopensearch.path.conf={config}",
        "-Dopensearch.distribution.type=tar",
        *("-cp", f"{home}/lib/*", "org.opensearch.bootstrap.OpenSearch"),
    ]


def _jvm_folders() -> list[Path]:
    folders = (Path("/usr/lib/jvm"), Path("/Library/Java/JavaVirtualMachines"))
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return [*found, *(path / "Contents/Home" for path in found)]


def _java_release(java: str) -> int:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    release = re.search(r'version "(\d+)', said)
    return int(release[1]) if release else 0


def _cache() -> Path:
    named = os.environ.get("TEST_SERVER_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "tailrace-test-servers"


def _download(lib: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        _lacks("no mvn: install Maven")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={lib}"]
    done = subprocess.run(
        [maven, "-B", "-q", "-C", "-ntp", "-f", str(POM), *goal],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"opensearch_server: mvn could not fetch OpenSearch\n{done.stdout}{done.stderr}")


def _arrange_modules(home: Path) -> None:
    lib = home / "lib"
    version = next(lib.glob("opensearch-[0-9]*.jar")).stem.removeprefix("opensearch-")
    for name, jar, plugin, extends in MODULES:
        folder = home / "modules" / name
        folder.mkdir(parents=True)
        (lib / f"{jar}-{version}.jar").rename(folder / f"{jar}-{version}.jar")
        descriptor = [
            f"name={name}",
            f"description={name}",
            f"version={version}",
            f"opensearch.version={version}",
            f"java.version={MIN_JAVA}",
            f"classname=org.opensearch.{plugin}",
        ]
        if extends:
            descriptor.append(f"extended.plugins={extends}")
        (folder / "plugin-descriptor.properties").write_text("\n".join(descriptor) + "\n")
    # lang-painless reads resources of this jar through its own class loader.
    spi = f"opensearch-scripting-painless-spi-{version}.jar"
    (lib / spi).rename(home / "modules/lang-painless" / spi)


def _lacks(what: str) -> NoReturn:
    print(f"opensearch_server: {what}", file=sys.stderr)
    sys.exit(MISSING_PART_STATUS)


def main(arguments: list[str]) -> None:
    """Do what the command line asks for."""
    if arguments == ["--find-java"]:
        print(find_java())
    elif arguments == ["--fetch"]:
        print(fetch())
    elif len(arguments) == 2:
        directory = Path(arguments[1]).absolute()
        find_java()
        words = command(fetch(), int(arguments[0]), directory)
        guard(words, directory / "opensearch.log")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
