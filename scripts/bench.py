"""Serving speed, ours beside theirs, in one run on this machine (make bench).

Five servers answer the same tweets, one worker each, one after the other, several rounds:

  vigie        the API, all middleware on, with the artifact trained here on --data
  constant     the same app and middleware, whose model answers a constant
  echo         a bare typed FastAPI route that returns its input: the floor of the framework
  mlflow       `mlflow models serve` on the MLflow pyfunc of the same artifact
  sklearn      the framework's plainest use: a FastAPI route that calls scikit-learn's own vectorisers and classifier

The load generator is wrk, on the same machine, at concurrency 1 and 32. Medians over the rounds are printed.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = ROOT / "scripts" / "bench_apps.py"
CONCURRENCIES = (1, 32)
# The measurements of each server, by concurrency, one for each round.
Results = dict[str, dict[int, list[dict[str, float]]]]
# Threads are said explicitly: what is measured is one worker, not what a library thinks of the machine.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

LUA = """
local bodies = {}
for line in io.lines(os.getenv("BENCH_BODIES")) do bodies[#bodies + 1] = line end
local n = 0
request = function()
  n = n % #bodies + 1
  return wrk.format("POST", os.getenv("BENCH_PATH"), {["content-type"] = "application/json"}, bodies[n])
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('JSON{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "errors": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One contestant: how to start it and what to send it."""

    def __init__(self, name: str, command: list[str], path: str, health: str, body: str = "text") -> None:
        self.name, self.command, self.path, self.health, self.body = name, command, path, health, body

    def bodies(self, texts: list[str], folder: Path) -> Path:
        """A file with one JSON body a line."""
        file = folder / f"{self.name}.ndjson"
        rows = (
            {"dataframe_split": {"columns": ["text"], "data": [[text]]}} if self.body == "mlflow" else {"text": text}
            for text in texts
        )
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return file

    def start(self, port: int, log: Path) -> "subprocess.Popen[bytes]":
        """Start and wait until it answers. Raises SystemExit with its log when it does not within two minutes."""
        command = [part.replace("PORT", str(port)) for part in self.command]
        process = subprocess.Popen(
            command, env=os.environ | THREADS, stdout=log.open("wb"), stderr=subprocess.STDOUT, start_new_session=True
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{self.health}", timeout=2).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
            else:
                return process
        stop(process)
        raise SystemExit(f"{self.name} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server and its children."""
    if process.poll() is None:
        os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def load(port: int, server: Server, bodies: Path, script: Path, connections: int, seconds: int) -> dict[str, float]:
    """One measurement: requests a second, median and 99th percentile in ms, errors."""
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}"],
        env=os.environ | {"BENCH_BODIES": str(bodies), "BENCH_PATH": server.path},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    match = re.search(r"JSON(\{.*\})", output)
    if match is None:
        raise SystemExit(f"wrk said something unexpected:\n{output}")
    raw = json.loads(match.group(1))
    return {
        "rps": raw["requests"] / raw["duration_us"] * 1e6,
        "p50_ms": raw["p50_us"] / 1e3,
        "p99_ms": raw["p99_us"] / 1e3,
        "errors": raw["errors"],
    }


def contestants(folder: Path) -> list[Server]:
    """The five servers over the artifact in `folder`."""
    python = sys.executable
    app = [python, str(APPS), "--port", "PORT"]
    return [
        Server("vigie", [*app, "vigie", "--artifact", str(folder / "artifact")], "/v1/predict", "/readyz"),
        Server("constant", [*app, "constant"], "/v1/predict", "/readyz"),
        Server("echo", [*app, "echo"], "/echo", "/docs"),
        Server("sklearn", [*app, "sklearn", "--artifact", str(folder / "artifact")], "/predict", "/docs"),
        Server(
            "mlflow",
            [
                str(Path(python).parent / "mlflow"),
                *("models", "serve", "--model-uri", str(folder / "pyfunc"), "--env-manager", "local"),
                *("--host", "127.0.0.1", "--port", "PORT", "--workers", "1"),
            ],
            "/invocations",
            "/ping",
            body="mlflow",
        ),
    ]


def main() -> int:
    """Parse, prepare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("VIGIE_DATA"), help="labelled CSV (default: the demo corpus)")
    parser.add_argument("--recipe", default="tfidf_logreg")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="some of the contestants")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print("make bench needs wrk, the load generator: apt-get install -y wrk", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as temporary:
        folder = Path(temporary)
        prepare = [sys.executable, str(APPS), "prepare", "--recipe", arguments.recipe, "--artifact", str(folder)]
        subprocess.run(prepare + (["--data", arguments.data] if arguments.data else []), check=True)
        texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        script = folder / "load.lua"
        script.write_text(LUA, encoding="utf-8")
        servers = [s for s in contestants(folder) if not arguments.only or s.name in arguments.only]
        results: dict[str, dict[int, list[dict[str, float]]]] = {
            s.name: {c: [] for c in CONCURRENCIES} for s in servers
        }
        for number in range(arguments.rounds):
            for server in servers:
                print(f"round {number + 1} of {arguments.rounds}: {server.name} ...", file=sys.stderr, flush=True)
                port = free_port()
                process = server.start(port, folder / f"{server.name}.log")
                try:
                    bodies = server.bodies(texts, folder)
                    load(port, server, bodies, script, 8, 2)  # warm-up, not counted
                    for connections in CONCURRENCIES:
                        results[server.name][connections].append(
                            load(port, server, bodies, script, connections, arguments.seconds)
                        )
                finally:
                    stop(process)
    return report(results, arguments)


def report(results: Results, arguments: argparse.Namespace) -> int:
    """Print the table as Markdown; 1 when a request failed."""
    table = {
        name: {
            connections: {key: statistics.median(run[key] for run in runs) for key in ("rps", "p50_ms", "p99_ms")}
            | {"errors": sum(run["errors"] for run in runs)}
            for connections, runs in by_connections.items()
        }
        for name, by_connections in results.items()
    }
    print(f"\n{arguments.recipe} on {Path(arguments.data).name if arguments.data else 'the demo corpus'}, ", end="")
    print(f"{arguments.rounds} rounds of {arguments.seconds} s, medians, {os.cpu_count()} cores\n")
    print("| server | c=1 req/s | p50 ms | p99 ms | c=32 req/s | p50 ms | p99 ms | failed |")
    print("|---|---|---|---|---|---|---|---|")
    for name, row in table.items():
        cells = [f"{row[c]['rps']:,.0f} | {row[c]['p50_ms']:.2f} | {row[c]['p99_ms']:.2f}" for c in CONCURRENCIES]
        print(f"| {name} | {cells[0]} | {cells[1]} | {sum(row[c]['errors'] for c in CONCURRENCIES):.0f} |")
    if "vigie" in table:
        print()
        for other in table:
            if other != "vigie":
                print(f"vigie / {other} at 32: {table['vigie'][32]['rps'] / table[other][32]['rps']:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    return int(any(row[c]["errors"] for row in table.values() for c in CONCURRENCIES))


if __name__ == "__main__":
    raise SystemExit(main())
