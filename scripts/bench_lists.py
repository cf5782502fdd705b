"""Time to answer of the lists that people work with, on SQLite and on Postgres, with a hundred thousand predictions and
with a million.

    uv run python scripts/bench_lists.py --predictions 1000000 --verdicts 5000 --json

Each database is filled in a temporary folder, then a real API process serves it and every address is asked over HTTP,
one request at a time. Then the same batches that the API writes are written with and without the index that the review
list needs. The median and the 95th percentile are printed; exit 1 when a median is over
--limit-ms, but for the longest lists, which are for programs.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # ships no types
from sqlalchemy import Engine, text

from bench_lists_data import fill, predictions_of
from temporary_postgres import temporary_postgres
from vigie_api.database.engine import open_engine
from vigie_api.database.migrate import migrate
from vigie_api.prediction.table import insert_predictions

SMALL = 100_000
NOW = datetime.now(UTC)
DAY_AGO = (NOW - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
ADDRESSES = {
    "review": "/v1/review",
    "review, 300": "/v1/review?limit=300",
    "review, 1,000": "/v1/review?limit=1000",
    "review, French": "/v1/review?language=fr",
    "review, neither language": "/v1/review?language=und",
    "review, last day": f"/v1/review?since={DAY_AGO}",
    "review, version of 1 %": "/v1/review?model_version=1",
    "review, nothing matches": "/v1/review?model_version=999",
    "review, topic": "/v1/review?topic=Air%20Paradis",
    "review, topic of 5 %": "/v1/review?topic=Lumi%C3%A8re",
    "review, all filters": f"/v1/review?language=fr&model_version=4&since={DAY_AGO}&limit=100",
    "patterns": "/v1/review/patterns",
    "patterns, French": "/v1/review/patterns?language=fr",
    "patterns, topic": "/v1/review/patterns?topic=Rail%20Azur",
    "feedback": "/v1/feedback",
    "feedback, 1,000": "/v1/feedback?limit=1000",
    "feedback, deep page": "/v1/feedback?cursor=f300",
    "feedback, wrong and French": "/v1/feedback?verdict=wrong&language=fr",
    "feedback, all filters": "/v1/feedback?verdict=wrong&language=fr&given_by=ann&correction=positive&model_version=4",
    "feedback, version of 1 %": "/v1/feedback?model_version=1",
    "feedback, topic": "/v1/feedback?topic=Rail%20Azur",
    "feedback, nothing matches": "/v1/feedback?given_by=nobody",
    "export CSV": "/v1/feedback?format=csv",
    "export NDJSON": "/v1/feedback?format=ndjson",
    "predictions": "/v1/predictions",
    "predictions, version of 1 %": "/v1/predictions?model_version=1",
    "predictions, topic of 5 %": "/v1/predictions?topic=Lumi%C3%A8re",
    "alerts": "/v1/alerts",
    "alerts, open": "/v1/alerts?state=open&limit=1000",
}
FOR_PROGRAMS = frozenset(["review, 300", "review, 1,000"])  # nobody waits in front of these
_QUIET_S, _RESTING = 5, 0.1  # seconds in a row, and the share of a core that counts as rest
_WRITTEN = 20_000
_BATCH = 250  # as the API writes them
_INDEX = "ix_predictions_confidence"


@contextmanager
def serving(database_url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """A real API process on this database, without a model: address and process id, once it reads the database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    environment |= {
        "VIGIE_HOME": str(folder),
        "VIGIE_API_DATABASE_URL": database_url,
        "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
        "VIGIE_API_POLL_S": "3600",
    }
    command = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve", "--port", str(port)]
    log = folder / "api.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                if process.poll() is not None:
                    break
                try:
                    if httpx.get(f"{address}/v1/feedback?limit=1", timeout=20).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
            if process.poll() is not None:
                raise SystemExit(f"The API did not start:\n{log.read_text()[-2000:]}")
            yield address, process.pid
        finally:
            process.terminate()
            process.wait()


class Workers:
    """The API's process and the database server's, whose processor time is counted."""

    def __init__(self, api: int, database_url: str) -> None:
        folder = urllib.parse.parse_qs(urllib.parse.urlsplit(database_url).query).get("host", ["no server"])[0]
        servers = [p.pid for p in psutil.process_iter(["cmdline"]) if f"{folder}/data" in (p.info["cmdline"] or ())]
        self._roots = [psutil.Process(pid) for pid in (api, *servers)]

    def cpu_s(self) -> float:
        """Seconds of processor time so far, theirs and their children's."""
        total = 0.0
        for root in self._roots:
            ended = root.cpu_times()
            total += ended.children_user + ended.children_system
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    total += sum(process.cpu_times()[:2])
        return total

    def settle(self) -> None:
        """Wait until they rest: at its start the API counts the days of all the predictions that it finds."""
        quiet_s, before_s = 0, self.cpu_s()
        while quiet_s < _QUIET_S:
            time.sleep(1)
            now_s = self.cpu_s()
            quiet_s = quiet_s + 1 if now_s - before_s < _RESTING else 0
            before_s = now_s


def measure(address: str, workers: Workers, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds to the last byte of each address; of the exports, to the first byte, too.

    `cpu_ms` is the processor time that API and database server took: what is left on a machine with other work to do.
    """
    found: dict[str, dict[str, float]] = {}
    with httpx.Client(base_url=address, timeout=60) as client:
        for name, path in ADDRESSES.items():
            first, last = [], []
            before_s = 0.0
            for turn in range(rounds + 1):
                began_s = time.perf_counter()
                with client.stream("GET", path) as answer:
                    if answer.status_code != 200:
                        raise SystemExit(f"{path}: {answer.status_code} {answer.read()!r}")
                    blocks = answer.iter_bytes()
                    next(blocks)
                    first_s = time.perf_counter()
                    for _ in blocks:
                        pass
                if not turn:  # the first one opens connections and fills caches
                    before_s = workers.cpu_s()
                else:
                    first.append((first_s - began_s) * 1000)
                    last.append((time.perf_counter() - began_s) * 1000)
            if name.startswith("export"):
                found[f"{name}, first byte"] = _summary(first)
            cpu_ms = (workers.cpu_s() - before_s) / rounds * 1000
            found[name] = _summary(last) | {"cpu_ms": round(cpu_ms, 1)}
    return found


def _summary(times_ms: list[float]) -> dict[str, float]:
    ordered = sorted(times_ms)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return {"median_ms": round(statistics.median(ordered), 1), "p95_ms": round(p95, 1)}


def measure_writes(engine: Engine) -> dict[str, float]:
    """Microseconds a prediction takes to be written, in batches as the API's, with and without the review's index."""
    stored = engine.connect()
    with stored as connection:
        query = (
            "SELECT indexdef FROM pg_indexes WHERE indexname = :name"
            if engine.dialect.name == "postgresql"
            else "SELECT sql FROM sqlite_master WHERE name = :name"
        )
        definition = str(connection.execute(text(query), {"name": _INDEX}).scalar_one())
    with_it, without = [], []
    rows = predictions_of(8 * _WRITTEN, datetime.now(UTC))
    for turn in range(3):
        with_it.append(_written_us(engine, lambda: list(islice(rows, _WRITTEN)), fresh=f"a{turn}"))
        _run(engine, f"DROP INDEX {_INDEX}")
        without.append(_written_us(engine, lambda: list(islice(rows, _WRITTEN)), fresh=f"b{turn}"))
        _run(engine, definition)
    return {"with_us": round(statistics.median(with_it), 1), "without_us": round(statistics.median(without), 1)}


def _run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def _written_us(engine: Engine, draw: Callable[[], list[Any]], *, fresh: str) -> float:
    # Ids grow with time, as those of the API do.
    start_s = time.time()
    rows = [
        row._replace(id=f"{int(start_s * 1000):012x}-{fresh}-{number:06d}", created_s=start_s + number / 4_000)
        for number, row in enumerate(draw())
    ]
    began_s = time.perf_counter()
    for start in range(0, len(rows), _BATCH):
        with engine.begin() as connection:
            insert_predictions(connection, rows[start : start + _BATCH])
    return (time.perf_counter() - began_s) / len(rows) * 1e6


def run(kind: str, url: str, size: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Fill one database, serve it, and measure."""
    engine = open_engine(url)
    try:
        migrate(engine)
        began_s = time.perf_counter()
        fill(engine, size, options.verdicts, options.alerts, NOW)
        if kind == "postgres":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))  # autovacuum would do so within a minute
        print(f"{kind}, {size:,} predictions: filled in {time.perf_counter() - began_s:.0f} s", file=sys.stderr)
        with serving(url, folder) as (address, pid):
            workers = Workers(pid, url)
            workers.settle()
            lists = measure(address, workers, options.rounds)
        return {"database": kind, "predictions": size, "lists": lists, "write": measure_writes(engine)}
    finally:
        engine.dispose()


def table(results: list[dict[str, Any]]) -> str:
    """The measurements as a Markdown table: median / 95th percentile (processor time) in ms."""
    heads = [f"{result['database']}, {result['predictions']:,}" for result in results]
    lines = ["| call | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name in results[0]["lists"]:
        cells = (_cell(result["lists"][name]) for result in results)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    writes = (f"{result['write']['with_us']:.0f} ({result['write']['without_us']:.0f})" for result in results)
    lines.append("| µs to write a prediction (without the review's index) | " + " | ".join(writes) + " |")
    return "\n".join(lines)


def _cell(times: dict[str, float]) -> str:
    cpu = f" ({times['cpu_ms']:.0f})" if "cpu_ms" in times else ""
    return f"{times['median_ms']:.0f} / {times['p95_ms']:.0f}{cpu}"


def main() -> int:
    """Measure, print, and say whether every median is within the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=int, default=1_000_000, help="largest database; 100,000 comes first")
    parser.add_argument("--verdicts", type=int, default=5_000)
    parser.add_argument("--alerts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=15, help="requests of each address that are measured")
    parser.add_argument("--limit-ms", type=float, default=200.0, help="most that a median may take")
    parser.add_argument("--database", choices=["sqlite", "postgres"], action="append", help="default: both")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args()
    results = []
    for kind in options.database or ["sqlite", "postgres"]:
        for size in sorted({min(SMALL, options.predictions), options.predictions}):
            with tempfile.TemporaryDirectory(prefix="vigie-lists-") as name:
                folder = Path(name)
                if kind == "sqlite":
                    results.append(run(kind, f"sqlite:///{folder}/lists.db", size, options, folder))
                else:
                    with temporary_postgres() as url:
                        results.append(run(kind, url, size, options, folder))
                print(table(results[-1:]), file=sys.stderr, flush=True)
    slow = [
        f"{result['database']}, {result['predictions']:,}: {name} {times['median_ms']} ms"
        for result in results
        for name, times in result["lists"].items()
        if times["median_ms"] > options.limit_ms and name not in FOR_PROGRAMS
    ]
    document = {
        "limit_ms": options.limit_ms,
        "cores": os.cpu_count(),
        "runs": results,
        "load_average": os.getloadavg()[0],
        "over_limit": slow,
    }
    print(json.dumps(document, indent=2) if options.json else table(results))
    for line in slow:
        print(f"over {options.limit_ms:.0f} ms: {line}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
