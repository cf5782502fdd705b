"""What telemetry costs POST /v1/predict: the same server without it, with it, and while the ingestion end hangs.

    uv run --no-sync python scripts/bench_telemetry.py --rounds 3 --seconds 6

The model answers a constant, so that nothing hides the difference. Beside the requests a second stands the CPU time
of the server for each, which a busy machine disturbs less. Needs wrk. The ingestion endpoint is a thread in here.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench import APPS
from bench_load import Server, free_port, load, stop

KEY = "00000000-0000-0000-0000-000000000001"
MODES = ("off", "opencensus", "opentelemetry", "opencensus, hanging", "opentelemetry, hanging", "opencensus, gone")
CONNECTIONS = 32


class Ingestion:
    """Takes everything; or, `hanging`, accepts the request and never answers."""

    def __init__(self, *, hanging: bool) -> None:
        self.items_bytes = 0
        ended = threading.Event()
        ingestion = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ingestion.items_bytes += len(body)
                if hanging:
                    ended.wait()
                answer = b'{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # who hung has been left
                    self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._ended = ended
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Let go of everyone."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


def measure(mode: str, texts: list[str], folder: Path, seconds: int) -> dict[str, float]:
    """One measurement of one mode."""
    library, _, end = mode.partition(", ")
    ingestion = Ingestion(hanging=end == "hanging")
    port = 9 if end == "gone" else ingestion.port
    os.environ.pop("VIGIE_API_APPINSIGHTS_CONNECTION_STRING", None)
    if library != "off":
        os.environ["VIGIE_API_APPINSIGHTS_EXPORTER"] = library
        os.environ["VIGIE_API_APPINSIGHTS_CONNECTION_STRING"] = (
            f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{port}"
        )
    server = Server("constant", [sys.executable, str(APPS), "--port", "<port>", "constant"], "/v1/predict", "/readyz")
    own_port = free_port()
    process = server.start(own_port, folder / "server.log")
    try:
        bodies = server.bodies(texts, folder)
        url = f"http://127.0.0.1:{own_port}{server.path}"
        load(process, url, bodies, 8, 2)  # warm-up, not counted
        found = load(process, url, bodies, CONNECTIONS, seconds)
        found["sent_bytes_s"] = ingestion.items_bytes / (seconds + 2)
        return found
    finally:
        stop(process)
        ingestion.close()


def main() -> int:
    """Measure every mode in every round, one after the other, and print the medians as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=MODES, default=MODES)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    texts = [f"Flight {number} was cancelled and nobody told us" for number in range(200)]
    results: dict[str, list[dict[str, float]]] = {mode: [] for mode in arguments.only}
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as temporary:
        folder = Path(temporary)
        for number in range(arguments.rounds):
            for mode in arguments.only:
                print(f"round {number + 1} of {arguments.rounds}: {mode} ...", file=sys.stderr, flush=True)
                results[mode].append(measure(mode, texts, folder, arguments.seconds))
    print(f"\n{arguments.rounds} rounds of {arguments.seconds} s at concurrency {CONNECTIONS}, medians\n")
    print("| telemetry | req/s | CPU a request | p50 ms | p99 ms | failed | sent |")
    print("|---|---|---|---|---|---|---|")
    for mode, runs in results.items():
        row = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(
            f"| {mode} | {row['rps']:,.0f} | {row['cpu_us']:.0f} µs | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | "
            f"{row['errors']:.0f} | {row['sent_bytes_s'] / 1000:.1f} kB/s |"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return int(any(run["errors"] for runs in results.values() for run in runs))


if __name__ == "__main__":
    raise SystemExit(main())
