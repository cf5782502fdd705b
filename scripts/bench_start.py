"""How long the API's image takes from `docker run` to ready: uv run --no-sync python scripts/bench_start.py.

The container starts as it would with MLflow away: a model is in its cache, and nothing answers at the registry's
address. Ready is the first 200 of /readyz that also says that the database answers. Two starts are measured:

  first   on an empty database, whose tables are made meanwhile (SQLite)
  again   on that database, as after a crash or an upgrade of the image

Prints one JSON document: every run, the median and the worst, in seconds; `cpu_s` is what the container computed until
then, which says more than the clock on a machine that others use, whose load is printed, too.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench_ingest import give_champion

LIMIT_S = 120.0
# An API key is wanted wherever the address is not this machine's own. This one opens nothing: its SHA-256 is of no key.
KEYS = json.dumps([{"name": "bench", "sha256": "0" * 64, "scopes": ["predict"]}])


def docker(*arguments: str) -> str:
    """Give what Docker printed. Raises SystemExit with what it said when it failed."""
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"docker {arguments[0]}: {result.stderr.strip()}")
    return result.stdout.strip()


@contextmanager
def container(image: str, state: Path, port: int) -> Iterator[str]:
    """Run the image on `state`, gone afterwards. Yields its id as soon as Docker says it."""
    settings = {
        "VIGIE_API_KEYS": KEYS,
        "VIGIE_API_DATABASE_URL": "sqlite:////var/lib/vigie/vigie.db",
        "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
    }
    options = ["--detach", "--read-only", "--cap-drop=ALL", "--tmpfs=/tmp", f"--publish=127.0.0.1:{port}:8000"]
    options += [f"--volume={state}:/var/lib/vigie", *(f"--env={name}={value}" for name, value in settings.items())]
    identifier = docker("run", *options, image)
    try:
        yield identifier
    finally:
        docker("rm", "--force", identifier)


def ready(port: int) -> bool:
    """Tell whether the API serves a model and reaches its database."""
    with suppress(OSError, http.client.HTTPException, ValueError):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return answer.status == 200 and body.get("database") is True
    return False


def cpu_s(identifier: str) -> float:
    """Seconds of processor time that the container used so far."""
    program = "cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage"
    said = docker("exec", identifier, "sh", "-c", program).split()
    return int(said[1]) / 1e6 if said[0] == "usage_usec" else int(said[0]) / 1e9


def start(image: str, state: Path) -> dict[str, float]:
    """Start once. Raises SystemExit with the log when it is not ready within two minutes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    began = time.monotonic()
    with container(image, state, port) as identifier:
        while not ready(port):
            if time.monotonic() - began > LIMIT_S:
                raise SystemExit(f"not ready after {LIMIT_S:.0f} s:\n{docker('logs', '--tail=20', identifier)}")
            time.sleep(0.02)
        took = time.monotonic() - began
        return {"seconds": round(took, 2), "cpu_s": round(cpu_s(identifier), 2)}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", default="vigie-api:local")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {"first": [], "again": []}
    with tempfile.TemporaryDirectory(prefix="vigie-bench-") as temporary:
        models = Path(temporary) / "models"
        give_champion(models)
        for number in range(arguments.rounds):
            state = Path(temporary) / f"state-{number}"
            shutil.copytree(models, state / "models")
            for path in (state, *state.rglob("*")):
                # The container's user is nobody here.
                path.chmod(0o777 if path.is_dir() else 0o666)
            for kind in runs:
                runs[kind].append(start(arguments.image, state))
    seconds = {kind: [run["seconds"] for run in found] for kind, found in runs.items()}
    report = {
        "image": arguments.image,
        "image_id": docker("image", "inspect", "--format", "{{.Id}}", arguments.image),
        "load": round(os.getloadavg()[0], 1),
        "median_s": {kind: statistics.median(found) for kind, found in seconds.items()},
        "worst_s": {kind: max(found) for kind, found in seconds.items()},
        "median_cpu_s": {kind: statistics.median(run["cpu_s"] for run in found) for kind, found in runs.items()},
        "runs": runs,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
