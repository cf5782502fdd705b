"""Bulk scoring of the same rows: the local engine beside Spark, on this machine, each with two cores.

uv run --extra spark python scripts/bench_spark.py --data tweets.csv.gz [--rows 1000000] [--rounds 2]

A TF-IDF logistic regression is trained on the first 16,000 rows of --data (columns `text` or `comment`, and `target`),
or --model names an artifact folder. The rows are repeated up to --rows and written as one CSV for the local engine with
two processes, and as eight CSV files of the same rows for a Spark cluster, started here: one master and two workers of
one core each. Engines take turns. For each: seconds and processor seconds of the whole command, and what a row costs
beyond the start (from a second, ten times smaller input), which is what counts for an archive. Prints a table and one
line of JSON; the ratios are Spark's throughput over the local engine's.
"""

import argparse
import contextlib
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil  # type: ignore[import-untyped]  # ships no types

from vigie_trainer.bulk.spark_standalone import StandaloneCluster

SAMPLE = 16_000
FILES = 8
WORKERS = 2
VIGIE = Path(sys.executable).with_name("vigie")
Cost = dict[str, float]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1, help="of both engines; medians are told")
    parser.add_argument("--model", type=Path, help="folder of an artifact; trained here when not given")
    arguments = parser.parse_args()
    frame = pd.read_csv(arguments.data)
    texts = frame["text" if "text" in frame else "comment"].astype(str).tolist()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        artifact = arguments.model or train(frame, texts, folder)
        inputs = {rows: write(texts, rows, folder / str(rows)) for rows in (arguments.rows // 10, arguments.rows)}
        cluster = StandaloneCluster(folder)
        try:
            cluster.start()
            for number in range(WORKERS):
                cluster.start_worker(f"worker-{number}", memory="1200m")
            engines: dict[str, Callable[[Path, Path], Cost]] = {
                "local": lambda given, output: local(artifact, given, output),
                "spark": lambda given, output: spark(cluster, artifact, given, output),
            }
            costs: dict[tuple[str, int], list[Cost]] = {}
            for round_ in range(arguments.rounds):
                for rows, given in inputs.items():
                    for engine, run in engines.items():
                        cost = run(given, folder / f"{engine}-{rows}-{round_}")
                        print(f"{engine} {rows:,} rows: {cost['wall_s']:.1f} s", file=sys.stderr, flush=True)
                        costs.setdefault((engine, rows), []).append(cost)
        finally:
            cluster.stop()
    tell(costs, arguments.rows // 10, arguments.rows)


def train(frame: pd.DataFrame, texts: list[str], folder: Path) -> Path:
    """The artifact of tfidf_logreg on the first rows."""
    from vigie_trainer.fit import fit
    from vigie_trainer.recipe import Recipe, load_recipe

    recipe = load_recipe("tfidf_logreg")
    if not isinstance(recipe, Recipe):
        raise SystemExit("tfidf_logreg is no recipe of features and a classifier any more.")
    labels = (frame["target"] > 0).to_numpy().astype(int)[:SAMPLE]
    return fit(recipe, texts[:SAMPLE], labels, out=folder / "fit", trained={"dataset": "bench"}, threads=1).artifact


def write(texts: list[str], rows: int, folder: Path) -> Path:
    """One CSV of so many rows, and the same rows in eight files in the folder `parts` beside it."""
    (folder / "parts").mkdir(parents=True)
    with (folder / "posts.csv").open("w", newline="", encoding="utf-8") as whole:
        writer = csv.writer(whole)
        writer.writerow(["id", "text"])
        for number, ids in enumerate(np.array_split(np.arange(rows), FILES)):
            with (folder / "parts" / f"{number}.csv").open("w", newline="", encoding="utf-8") as part:
                writers = (writer, csv.writer(part))
                writers[1].writerow(["id", "text"])
                for one in ids.tolist():
                    for each in writers:
                        each.writerow([one, texts[one % len(texts)]])
    return folder


def local(artifact: Path, given: Path, output: Path) -> Cost:
    """The local engine, with a process a core."""
    arguments = ["--workers", str(WORKERS), "--output", f"{output}.parquet"]
    return timed([*command(artifact, given / "posts.csv"), *arguments], None, [])


def spark(cluster: StandaloneCluster, artifact: Path, given: Path, output: Path) -> Cost:
    """The Spark engine; the cluster's workers are part of the cost, once their executors have ended."""
    arguments = ["--engine", "spark", "--master", cluster.master, "--output", str(output)]
    return timed(
        [*command(artifact, given / "parts"), *arguments], cluster.environment, list(cluster.processes.values())
    )


def command(artifact: Path, given: Path) -> list[str]:
    """What both engines are asked."""
    return [str(VIGIE), "score", "--model", str(artifact), "--input", str(given), "--json"]


def timed(command: list[str], environment: dict[str, str] | None, servers: list["subprocess.Popen[bytes]"]) -> Cost:
    """Wall-clock and processor seconds of a command, with what it makes the servers do."""
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        meter = Meter([process.pid, *(server.pid for server in servers)])
        meter.start()
        out, _ = process.communicate()
        wall = time.perf_counter() - began
        meter.ended.set()
        meter.join()
    if process.returncode:
        raise SystemExit(process.returncode)
    return {"wall_s": wall, "cpu_s": meter.seconds, "rows": json.loads(out)["rows"]}


class Meter(threading.Thread):
    """Processor time of processes and of all that they start, read five times a second."""

    def __init__(self, roots: list[int]) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self._roots = [psutil.Process(pid) for pid in roots]
        self._seen: dict[int, float] = {}
        self._read()
        self._before = dict(self._seen)

    @property
    def seconds(self) -> float:
        """User and system time since this was made."""
        return sum(self._seen.values()) - sum(self._before.values())

    def run(self) -> None:
        """Read until it ends."""
        while not self.ended.wait(0.2):
            self._read()

    def _read(self) -> None:
        for root in self._roots:
            try:
                family = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    self._seen[process.pid] = times.user + times.system


def tell(costs: dict[tuple[str, int], list[Cost]], few: int, many: int) -> None:
    """The table and the line of JSON."""
    figures: dict[str, dict[str, float]] = {}
    for engine in ("local", "spark"):
        medians = {
            (rows, what): statistics.median(cost[what] for cost in costs[engine, rows])
            for rows in (few, many)
            for what in ("wall_s", "cpu_s")
        }
        further = {what: (medians[many, what] - medians[few, what]) / (many - few) for what in ("wall_s", "cpu_s")}
        figures[engine] = {
            "wall_s": medians[many, "wall_s"],
            "cpu_s": medians[many, "cpu_s"],
            "rows_per_s": many / medians[many, "wall_s"],
            "further_rows_per_s": 1 / further["wall_s"],
            "further_rows_per_cpu_s": 1 / further["cpu_s"],
        }
    ratios = {name: figures["spark"][name] / figures["local"][name] for name in figures["local"] if "rows" in name}
    print(f"{many:,} rows   {'local':>12} {'spark':>12} {'spark/local':>12}")
    for name in figures["local"]:
        ratio = f"{ratios[name]:12.2f}" if name in ratios else ""
        print(f"{name:<24} {figures['local'][name]:12,.1f} {figures['spark'][name]:12,.1f} {ratio}")
    print(json.dumps({"rows": many, **figures, "ratio": ratios}))


if __name__ == "__main__":
    main()
