"""Kill the API with SIGKILL at random moments under constant wrong verdicts, and count what was lost or came twice.

Everything is real: `vigie-api serve` processes, a Postgres and an SMTP server of their own. Every three verdicts make
an alert (no cooldown), so that at any moment one is being stored, mailed or marked. At the end must hold:

  every verdict that was answered with 2xx is in the database;
  every alert's e-mail arrived, and every alert was told to telemetry;
  a Message-ID came twice only when a kill fell between the mail server's 250 and the mark in the database.

    python scripts/chaos_alerts.py                     20 kills, one process
    python scripts/chaos_alerts.py --processes 3       20 kills, each of one of three processes
    python scripts/chaos_alerts.py --kills 3 --json    one JSON document
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

import numpy as np
from aiosmtpd.controller import Controller
from sqlalchemy import Engine, create_engine, text

import vigie_model
from temporary_postgres import temporary_postgres

SERVE = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve"]
SETTLE_S = 180.0
LONGEST_MAIL_S = 0.4


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def give_model(folder: Path) -> None:
    """Put a tiny model where the API keeps the last good one, so that it is ready without MLflow."""
    features = vigie_model.TfidfFeatures(
        vigie_model.Cleaner(vigie_model.CleaningOptions()),
        [vigie_model.Block("word", (1, 1), ["merci", "retard"], np.ones(2))],
    )
    vigie_model.save(
        folder / "1",
        recipe="tiny",
        features=features,
        head=vigie_model.LinearHead(np.array([2.0, -2.0]), 0.0),
        calibration=vigie_model.Platt(),
        uncertain=(0.4, 0.6),
        trained={},
    )
    record = {"version": "1", "recipe": "tiny", "gate": "passed: made by hand", "run_id": None}
    record["artifact_digest"] = vigie_model.artifact_digest(folder / "1")
    (folder / "champion.json").write_text(json.dumps(record), encoding="utf-8")


class Inbox:
    """The SMTP server's memory: the Message-ID of everything that it took."""

    def __init__(self, chance: random.Random) -> None:
        self.taken: list[str] = []
        self._chance = chance

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a message, now and then with some thought, so that kills fall before, during and after it."""
        await asyncio.sleep(self._chance.choice((0.0, 0.02, LONGEST_MAIL_S)))
        self.taken.append(str(BytesHeaderParser().parsebytes(envelope.content)["Message-ID"]))
        return "250 OK"


@dataclass
class Reviewers:
    """People who judge without pause, and remember what was promised to be kept."""

    addresses: list[str]
    per_second: float
    accepted: list[str] = field(default_factory=list)
    not_accepted: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, name: str) -> None:
        """Judge one prediction after another until told to stop. What is not accepted is not sent again."""
        number = 0
        while not self.stopping.wait(1 / self.per_second):
            number += 1
            said = {"verdict": "wrong", "text": "Encore un retard", "sentiment": "positive", "model_version": "1"}
            body = json.dumps(said | {"prediction_id": f"{name}-{number}"}).encode()
            address = self.addresses[number % len(self.addresses)]
            request = urllib.request.Request(
                f"{address}/v1/feedback", data=body, headers={"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    self.accepted.append(json.load(answer)["id"])
            except (OSError, ValueError):  # refused, reset, cut short: nothing was promised
                self.not_accepted += 1


class Process:
    """One `vigie-api serve`, started again and again with the same state."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = home / "log"
        self._home = home
        self._environment = environment | {"VIGIE_HOME": str(home), "VIGIE_API_SPOOL_DIR": str(home / "spool")}
        self._process: subprocess.Popen[bytes] | None = None
        give_model(home / "api" / "models")

    def start(self) -> None:
        """Start and wait until the database is in reach."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*SERVE, "--port", str(self.port)], env=self._environment, stdout=log, stderr=log, cwd=self._home
            )
        while not self._ready():
            if self._process.poll() is not None:
                raise SystemExit(f"vigie-api did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def end(self, how: signal.Signals) -> None:
        """Send the signal and wait until the process is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()

    def told(self) -> list[str]:
        """The alerts that telemetry heard of, as the log says."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line["alert_id"] for line in lines if line["message"] == "AlertRaised"]

    def _ready(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.address}/readyz", timeout=2) as answer,
        ):
            return bool(json.load(answer)["database"])
        return False


def claimed(engine: Engine) -> set[str]:
    """E-mails that somebody claimed and nobody marked."""
    query = text("SELECT message_id FROM alert_outbox WHERE channel = 'email' AND state = 'waiting' AND attempts > 0")
    with engine.connect() as connection:
        return set(connection.execute(query).scalars())


def column(engine: Engine, query: str) -> list[Any]:
    """The first column of a query."""
    with engine.connect() as connection:
        return list(connection.execute(text(query)).scalars())


def settle(engine: Engine, processes: list[Process]) -> None:
    """Wait until the spools are empty and everything in the outbox is delivered."""
    ends = time.monotonic() + SETTLE_S
    while time.monotonic() < ends:
        spooled = sum(1 for process in processes for _ in process.log.parent.glob("spool/*.json"))
        if not spooled and not column(engine, "SELECT 1 FROM alert_outbox WHERE state <> 'sent' LIMIT 1"):
            return
        time.sleep(0.5)


def run(kills: int, count: int, per_second: float, seed: int) -> dict[str, Any]:
    """The whole experiment; returns what was counted."""
    chance = random.Random(seed)
    inbox = Inbox(random.Random(seed + 1))
    with tempfile.TemporaryDirectory() as folder, temporary_postgres() as url:
        mail = Controller(inbox, hostname="127.0.0.1", port=free_port())
        mail.start()
        engine = create_engine(url)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")} | {
            "VIGIE_API_DATABASE_URL": url,
            "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
            "VIGIE_API_SMTP_HOST": "127.0.0.1",
            "VIGIE_API_SMTP_PORT": str(mail.port),
            "VIGIE_API_SMTP_SECURITY": "none",
            "VIGIE_API_MAIL_FROM": "vigie@example.org",
            "VIGIE_API_MAIL_TO": "marketing@example.org",
            "VIGIE_API_MAIL_RETRY_S": "0.5",
            "VIGIE_API_ALERT_COOLDOWN_S": "0",
            "VIGIE_API_RATE_PER_MINUTE": "0",
        }
        processes = [Process(Path(folder) / str(number), environment) for number in range(count)]
        for process in processes:
            process.start()
        people = Reviewers([process.address for process in processes], per_second / 2)
        threads = [threading.Thread(target=people.run, args=(f"r{number}",)) for number in range(2)]
        for thread in threads:
            thread.start()
        between: set[str] = set()
        for number in range(kills):
            time.sleep(chance.uniform(0.2, 3.0))
            victim = chance.choice(processes)
            victim.end(signal.SIGKILL)
            time.sleep(2 * LONGEST_MAIL_S)  # what the mail server had in hand is taken by now, and a last commit is in
            # Taken by the server, claimed, and not marked: the kill fell between the 250 and the mark.
            between |= claimed(engine) & set(inbox.taken)
            victim.start()
            print(f"kill {number + 1} of {kills}", file=sys.stderr, flush=True)
        people.stopping.set()
        for thread in threads:
            thread.join()
        settle(engine, processes)
        for process in processes:
            process.end(signal.SIGTERM)
        mail.stop()
        counted = count_up(engine, people, inbox, processes, between) | {"kills": kills, "processes": count}
        engine.dispose()
    return counted


def count_up(
    engine: Engine, people: Reviewers, inbox: Inbox, processes: list[Process], between: set[str]
) -> dict[str, Any]:
    """Compare what was promised with what there is."""
    kept = set(column(engine, "SELECT id FROM feedback"))
    alerts = set(column(engine, "SELECT id FROM alerts"))
    wanted = set(column(engine, "SELECT message_id FROM alert_outbox WHERE channel = 'email'"))
    arrived = Counter(inbox.taken)
    twice = {message for message, times in arrived.items() if times > 1}
    told = Counter(alert for process in processes for alert in process.told())
    return {
        "verdicts_accepted": len(people.accepted),
        "verdicts_not_accepted": people.not_accepted,
        "verdicts_lost": len(set(people.accepted) - kept),
        "alerts": len(alerts),
        "emails_arrived": len(set(arrived) & wanted),
        "emails_missing": len(wanted - set(arrived)),
        "killed_between_250_and_mark": len(between),
        "emails_twice": len(twice),
        "emails_twice_unexplained": len(twice - between),
        "events_missing": len(alerts - set(told)),
        "events_twice": sum(times > 1 for times in told.values()),
        "not_marked_as_sent": len(column(engine, "SELECT 1 FROM alert_outbox WHERE state <> 'sent'")),
    }


def holds(counted: dict[str, Any]) -> bool:
    """Whether nothing was lost, and nothing came twice without its reason."""
    never = ("verdicts_lost", "emails_missing", "emails_twice_unexplained", "events_missing", "not_marked_as_sent")
    return bool(counted["alerts"]) and not any(counted[name] for name in never)


def main() -> int:
    """Run it and show the counts; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how often to kill (default: 20)")
    parser.add_argument("--processes", type=int, default=1, help="API processes on the one database (default: 1)")
    parser.add_argument("--per-second", type=float, default=20.0, help="wrong verdicts a second (default: 20)")
    parser.add_argument("--seed", type=int, default=42, help="of the moments (default: 42)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    chosen = parser.parse_args()
    counted = run(chosen.kills, chosen.processes, chosen.per_second, chosen.seed)
    counted["holds"] = holds(counted)
    if chosen.json:
        print(json.dumps(counted))
    else:
        for name, value in counted.items():
            print(f"{name.replace('_', ' '):<30} {value}")
    return 0 if counted["holds"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
