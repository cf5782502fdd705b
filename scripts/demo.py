"""Run the whole of Vigie on this machine, without Docker.

Three services under one process manager (honcho), and a fourth process, `ready`, that trains and promotes a first
champion when there is none, waits until everything answers, and prints where to go. When one of them ends, all end;
so do Ctrl-C, SIGTERM and a closed terminal. Nothing speaks to MLflow's port before our own MLflow holds it: another
program may have taken it since it was found free.
"""

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, NoReturn

from honcho.manager import Manager
from honcho.printer import Message, Printer

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("VIGIE_HOME", "var")).expanduser()
HOME = HOME if HOME.is_absolute() else ROOT / HOME
HOST = "127.0.0.1"
READY_TIMEOUT_S = 240.0


class Ports:
    """The three ports, each with the setting that moves it."""

    settings: ClassVar = {
        "MLflow": ("VIGIE_MLFLOW_PORT", 5000),
        "API": ("VIGIE_API_PORT", 8000),
        "page": ("VIGIE_UI_PORT", 8501),
    }

    def __init__(self) -> None:
        self.by_name: dict[str, int] = {}
        for name, (variable, default) in self.settings.items():
            value = os.environ.get(variable, str(default))
            if not value.isdecimal() or not 0 < int(value) < 65536:
                raise SystemExit(f"{variable} must be a port number from 1 to 65535, not {value!r}.")
            self.by_name[name] = int(value)

    def __getitem__(self, name: str) -> int:
        return self.by_name[name]

    def url(self, name: str) -> str:
        """The address of a service on this machine."""
        return f"http://{HOST}:{self[name]}"

    def taken(self) -> list[str]:
        """One sentence for each port that another program holds."""
        sentences = []
        for name, port in self.by_name.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError:
                    variable = self.settings[name][0]
                    sentences.append(
                        f"Port {port} ({name}) is in use, perhaps by another Vigie. "
                        f"Stop that program, or choose another port: {variable}={port + 1} make demo"
                    )
        return sentences


class LinePrinter(Printer):  # type: ignore[misc]  # honcho ships no types
    """Shows what `ready` says, as it says it; the services write to their own logs."""

    def write(self, message: Message) -> None:
        """Print one line of `ready`, drop the process manager's own chatter."""
        if message.name == "ready":
            data = message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
            print(data.rstrip("\n"), flush=True)


class Services(Manager):  # type: ignore[misc]  # honcho ships no types
    """honcho's manager, safe against a signal that comes before every child has told its process id."""

    def terminate(self) -> None:
        """End every process, as soon as all of them are known."""
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(0.2, self.terminate).start()


def environment(ports: Ports) -> dict[str, str]:
    """The settings that connect the services to one another; what the caller has set wins."""
    ours = {
        "VIGIE_HOME": str(HOME),
        "VIGIE_API_PORT": str(ports["API"]),
        "VIGIE_API_MLFLOW_URI": ports.url("MLflow"),
        "VIGIE_UI_PORT": str(ports["page"]),
        "VIGIE_UI_API_URL": ports.url("API"),
        "VIGIE_TRAINER_MLFLOW_URI": ports.url("MLflow"),
        "VIGIE_TRAINER_API_URL": ports.url("API"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONUNBUFFERED": "1",
    }
    return ours | {name: value for name, value in os.environ.items() if name not in ("VIGIE_HOME",)}


def commands(ports: Ports) -> dict[str, list[str]]:
    """The command line of each service."""
    binaries = Path(sys.executable).parent
    store = HOME / "mlflow"
    return {
        "mlflow": [
            str(binaries / "mlflow"),
            "server",
            f"--host={HOST}",
            f"--port={ports['MLflow']}",
            "--workers=1",
            f"--backend-store-uri=sqlite:///{store / 'mlflow.db'}",
            f"--default-artifact-root={(store / 'artifacts').as_uri()}",
            "--no-serve-artifacts",
        ],
        # It would take its first model from whatever answers there.
        "api": [sys.executable, __file__, "api"],
        "ui": [str(binaries / "vigie-ui")],
    }


def mlflow_listens(ports: Ports) -> bool:
    """Whether our own MLflow holds its port: uvicorn says so once it does, in the log that began with this start."""
    return f"Uvicorn running on {ports.url('MLflow')} " in log_of("mlflow")


def answers(url: str) -> bool:
    """Whether a GET of the address gives a 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(200 <= response.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def wait_for(what: str, probe: Callable[[], bool], started: float) -> None:
    """Wait until the probe succeeds, telling what is awaited.

    Raises:
        SystemExit: after READY_TIMEOUT_S, with the log to read.
    """
    while not probe():
        if time.monotonic() - started > READY_TIMEOUT_S:
            raise SystemExit(f"{what} did not answer within {READY_TIMEOUT_S:.0f} s. Its log is in {HOME / 'logs'}.")
        time.sleep(0.2)
    print(f"  {what:<28} ready after {time.monotonic() - started:4.1f} s", flush=True)


def refresh_model(api: str) -> None:
    """Tell the API to look for its champion now rather than at its next poll."""
    request = urllib.request.Request(f"{api}/v1/model/refresh", method="POST", data=b"")
    try:
        urllib.request.urlopen(request, timeout=60).close()
    except (urllib.error.URLError, OSError):
        return  # the poll finds it a few seconds later


def ready() -> int:
    """Make sure that there is a champion, wait for all services, print the addresses, and stay."""
    ports = Ports()
    started = time.monotonic()
    first_time = not any((HOME / "api" / "models").glob("*/manifest.json"))
    print(
        "Starting Vigie" + (" for the first time: a first model is trained on the way." if first_time else " ..."),
        flush=True,
    )
    wait_for("MLflow", lambda: mlflow_listens(ports) and answers(ports.url("MLflow") + "/health"), started)
    bootstrap = subprocess.run(
        [str(Path(sys.executable).parent / "vigie"), "bootstrap"], stdout=subprocess.DEVNULL, check=False
    )
    if bootstrap.returncode:
        print("The first model could not be trained (the reason is above).", flush=True)
        return bootstrap.returncode
    wait_for("API", lambda: answers(ports.url("API") + "/livez"), started)
    if not answers(ports.url("API") + "/readyz"):
        refresh_model(ports.url("API"))
    wait_for("Champion", lambda: answers(ports.url("API") + "/readyz"), started)
    wait_for("Page", lambda: answers(ports.url("page") + "/_stcore/health"), started)
    with urllib.request.urlopen(ports.url("API") + "/v1/model", timeout=5) as response:
        model = json.load(response)
    print(
        f"\nVigie is ready, with {model['recipe']} version {model['version']}.\n\n"
        f"  The page     {ports.url('page')}\n"
        f"  The API      {ports.url('API')}/docs\n"
        f"  MLflow       {ports.url('MLflow')}\n"
        f"  Logs, data   {HOME}\n\n"
        f"Try:  curl -s {HOST}:{ports['API']}/v1/predict -H 'content-type: application/json' "
        '-d \'{"text":"What a lovely flight!"}\'\n'
        f"      uv run python scripts/demo_week.py --api-url {ports.url('API')}    # a week of posts, with a surge\n"
        "Stop: Ctrl-C\n",
        flush=True,
    )
    while True:
        signal.pause()


def api() -> NoReturn:
    """Become the API as soon as our MLflow listens; when it never does, the process manager ends this too."""
    ports = Ports()
    while not mlflow_listens(ports):
        time.sleep(0.1)
    command = Path(sys.executable).parent / "vigie-api"
    os.execv(command, [str(command), "serve"])  # noqa: S606 - our own command, nothing in between


def log_of(name: str) -> str:
    """What a service has written, or nothing."""
    log = HOME / "logs" / f"{name}.log"
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def tail(name: str, lines: int = 15) -> str:
    """The last lines of a service's log."""
    return "\n".join(log_of(name).splitlines()[-lines:])


def run() -> int:
    """Start everything and stay until one process ends or a signal comes."""
    ports = Ports()
    if sentences := ports.taken():
        print("\n".join(sentences), file=sys.stderr)
        return 2
    logs = HOME / "logs"
    for folder in (logs, HOME / "mlflow" / "artifacts"):
        folder.mkdir(parents=True, exist_ok=True)
    # What an earlier start said must not be taken for what this one says.
    (logs / "mlflow.log").unlink(missing_ok=True)
    env = environment(ports)
    services = Services(LinePrinter())
    for name, command in commands(ports).items():
        log = logs / f"{name}.log"
        # exec: the signal must reach the service itself, not a shell in front of it.
        services.add_process(name, f"exec {shlex.join(command)} >{shlex.quote(str(log))} 2>&1", env=env, cwd=str(ROOT))
    services.add_process("ready", f"exec {shlex.join([sys.executable, __file__, 'ready'])}", env=env, cwd=str(ROOT))
    # A closed terminal must not leave the services behind; honcho itself hears only Ctrl-C and SIGTERM.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    services.loop()
    stopped_by_person = services.returncode in (130, 143)
    if stopped_by_person:
        print("\nVigie is stopped. What it knows is kept in " + str(HOME) + "; `make demo` starts it again.")
        return 0
    # The first to end has a code of its own; those that honcho ended have a negative one (the signal).
    for name, process in services._processes.items():
        code = process.get("returncode", 0)
        # MLflow ends with 0 when it finds its port taken.
        never_began = name == "mlflow" and code == 0 and not mlflow_listens(ports)
        if name != "ready" and (never_began or code not in (0, -signal.SIGTERM, 143)):
            print(
                f"\n{name} ended with code {code}. The end of {logs / name}.log:\n{tail(name)}",
                file=sys.stderr,
            )
    return 1


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Run Vigie on this machine, without Docker (make demo).")
    parts = {"run": run, "ready": ready, "api": api}
    parser.add_argument("part", choices=list(parts), nargs="?", default="run", help="the others are started by run")
    return parts[parser.parse_args().part]()


if __name__ == "__main__":
    raise SystemExit(main())
