"""A server under load: started, fed by wrk, measured, ended."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Threads are said explicitly: what is measured is one worker, not what a library thinks of the machine.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_TICKS = os.sysconf("SC_CLK_TCK")

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


def as_text(text: str) -> dict[str, Any]:
    """The body of our own route."""
    return {"text": text}


def as_mlflow(text: str) -> dict[str, Any]:
    """The body of MLflow's scoring protocol."""
    return {"dataframe_split": {"columns": ["text"], "data": [[text]]}}


def as_open_inference(text: str) -> dict[str, Any]:
    """The body of the Open Inference Protocol, version 2."""
    return {"inputs": [{"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [text]}]}


def free_port() -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One contestant: how to start it and what to send it. `<port>` in the command becomes its port."""

    def __init__(
        self, name: str, command: list[str], path: str, health: str, body: Callable[[str], dict[str, Any]] = as_text
    ) -> None:
        self.name, self.command, self.path, self.health, self.body = name, command, path, health, body

    def bodies(self, texts: list[str], folder: Path) -> Path:
        """A file with one JSON body a line."""
        file = folder / f"{self.name}.ndjson"
        file.write_text("".join(json.dumps(self.body(text)) + "\n" for text in texts), encoding="utf-8")
        return file

    def start(self, port: int, log: Path) -> "subprocess.Popen[bytes]":
        """Start and wait until it answers. Raises SystemExit with its log when it does not within five minutes."""
        command = [part.replace("<port>", str(port)) for part in self.command]
        process = subprocess.Popen(
            command, env=os.environ | THREADS, stdout=log.open("wb"), stderr=subprocess.STDOUT, start_new_session=True
        )
        deadline = time.monotonic() + 300
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


def cpu_s(group: int) -> float:
    """The processor time, in seconds, that the living processes of a group have used, and their ended children."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has ended
            continue
        if int(fields[2]) == group:
            total += sum(map(int, fields[11:15]))
    return total / _TICKS


def load(
    process: "subprocess.Popen[bytes]", url: str, bodies: Path, connections: int, seconds: int
) -> dict[str, float]:
    """One measurement of the server that `process` began, which answers at `url`.

    Requests a second, median and 99th percentile in ms, processor time of a request in µs, errors.
    """
    script = bodies.with_name("load.lua")
    script.write_text(LUA, encoding="utf-8")
    host, _, path = url.removeprefix("http://").partition("/")
    before_s = cpu_s(process.pid)
    output = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://{host}"],
        env=os.environ | {"BENCH_BODIES": str(bodies), "BENCH_PATH": f"/{path}"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    used_s = cpu_s(process.pid) - before_s
    match = re.search(r"JSON(\{.*\})", output)
    if match is None:
        raise SystemExit(f"wrk said something unexpected:\n{output}")
    raw = json.loads(match.group(1))
    return {
        "rps": raw["requests"] / raw["duration_us"] * 1e6,
        "p50_ms": raw["p50_us"] / 1e3,
        "p99_ms": raw["p99_us"] / 1e3,
        "cpu_us": used_s / max(1, raw["requests"]) * 1e6,
        "errors": raw["errors"],
    }
