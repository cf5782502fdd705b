"""Sustained ingestion into a real API process with a TF-IDF champion, on SQLite and on Postgres.

    uv run python scripts/bench_ingest.py                      500 posts a second for 60 s, in lists of 50
    uv run python scripts/bench_ingest.py --kill 5             the same, and kill -9 at five random moments
    uv run python scripts/bench_ingest.py --batch 5000 --per-second 1000 --post-ms 2000
                                                               the longest lists, one every five seconds
    uv run python scripts/bench_ingest.py --databases sqlite --seconds 20 --json

Lists are sent at fixed times, whether or not the one before was answered, and their time is counted from when they
were due; after a kill a list is sent again until it is accepted, as any client would. Meanwhile a tweet is judged
fifty times a second, to see whether POST /v1/predict notices: `predict` is all of them, `beside` those that were under
way together with a list. At the end the database is counted: every post that was acknowledged must be there once, and
be judged. Exit 1 when one is missing or double, or when a target is missed without kills: 99 % of the lists answered
within 250 ms (or --post-ms), every post judged within 10 s of its arrival.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from sqlalchemy import text

import vigie_model
from temporary_postgres import temporary_postgres
from vigie_api.database.engine import open_engine
from vigie_trainer.data.demo import demo_posts
from vigie_trainer.fit import fit
from vigie_trainer.recipe import load_recipe

SERVE = [sys.executable, "-c", "from vigie_api.cli import main; main()", "serve"]
P99_MS, SCORED_S = 250.0, 10.0
_SETTLE_S = 120.0
_PREDICT_EVERY_S = 0.02
_JSON = {"Content-Type": "application/json"}


def give_champion(folder: Path) -> list[str]:
    """Train the quick baseline on the demo corpus into the API's folder of models; returns the texts to post."""
    posts = demo_posts()
    folder.mkdir(parents=True)
    fit(load_recipe("tfidf_logreg"), posts.texts, np.asarray(posts.labels), out=folder / "1", trained={})
    record = {"version": "1", "recipe": "tfidf_logreg", "gate": "passed: for a benchmark", "run_id": None}
    record["artifact_digest"] = vigie_model.artifact_digest(folder / "1")
    (folder / "champion.json").write_text(json.dumps(record), encoding="utf-8")
    return list(posts.texts)


class Api:
    """One `vigie-api serve`, started again and again on the same state."""

    def __init__(self, database_url: str, folder: Path, models: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "api.log"
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")} | {
            "VIGIE_HOME": str(folder),
            "VIGIE_API_PORT": str(self.port),
            "VIGIE_API_DATABASE_URL": database_url,
            "VIGIE_API_MODEL_CACHE_DIR": str(models),
            "VIGIE_API_MLFLOW_URI": "http://127.0.0.1:9",
            "OMP_NUM_THREADS": "1",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it takes mentions. Raises SystemExit with its log when it does not within a minute."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                SERVE, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz").is_success and httpx.get(f"{self.url}/v1/mentions").is_success:
                    return
            time.sleep(0.1)
        self.kill()
        raise SystemExit(f"the API did not start:\n{self._log.read_text(errors='replace')[-3000:]}")

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@dataclass
class Load:
    """What is sent, and what came of it."""

    url: str
    texts: Sequence[str]
    size: int
    acknowledged: set[str] = field(default_factory=set)
    took_ms: list[float] = field(default_factory=list)
    predict_ms: list[float] = field(default_factory=list)
    beside_ms: list[float] = field(default_factory=list)
    sent_again: int = 0
    under_way: int = 0
    begun: int = 0

    def ids(self, number: int) -> list[str]:
        """The ids of the posts of a list."""
        return [f"{number}-{at}" for at in range(self.size)]

    def body(self, number: int) -> bytes:
        """A list as it is sent. Made beforehand: whoever makes 5,000 posts does not see what waits meanwhile."""
        now = datetime.now(UTC).isoformat()
        posts = {
            "mentions": [
                {
                    "source": "bench",
                    "external_id": post_id,
                    "topic": f"Brand {at % 5}",
                    "text": f"{self.texts[(number * self.size + at) % len(self.texts)]} {post_id}",
                    "created_at": now,
                    "author": f"author {(number * 7 + at) % 20_000}",
                }
                for at, post_id in enumerate(self.ids(number))
            ]
        }
        return json.dumps(posts).encode()

    async def post(self, client: httpx.AsyncClient, number: int, body: bytes, due_s: float) -> None:
        """Send one list until it is accepted; its time is that of the last attempt when the API was killed."""
        while True:
            self.under_way += 1
            self.begun += 1
            try:
                answer = await client.post(f"{self.url}/v1/mentions", content=body, headers=_JSON)
                if answer.status_code == 202:
                    break
            except httpx.HTTPError:
                pass
            finally:
                self.under_way -= 1
            self.sent_again += 1
            await asyncio.sleep(0.5)
            due_s = time.perf_counter()
        self.took_ms.append((time.perf_counter() - due_s) * 1000)
        self.acknowledged.update(self.ids(number))

    async def predict(self, client: httpx.AsyncClient) -> None:
        """Judge a tweet again and again."""
        at = 0
        while True:
            at += 1
            began, beside, begun = time.perf_counter(), self.under_way > 0, self.begun
            with suppress(httpx.HTTPError):
                body = {"text": self.texts[at % len(self.texts)]}
                (await client.post(f"{self.url}/v1/predict", json=body)).raise_for_status()
                self.predict_ms.append((time.perf_counter() - began) * 1000)
                if beside or self.begun > begun:
                    self.beside_ms.append(self.predict_ms[-1])
            await asyncio.sleep(_PREDICT_EVERY_S)


async def run(api: Api, load: Load, *, per_second: float, seconds: float, kills: int) -> None:
    """Send lists at fixed times; kill and start the API at random moments, none in the first or last tenth."""
    chance = random.Random(5)
    moments = sorted(chance.uniform(0.1, 0.9) * seconds for _ in range(kills))
    every_s = load.size / per_second
    bodies = [load.body(number) for number in range(round(seconds / every_s))]
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client, asyncio.TaskGroup() as tasks:
        predicting = tasks.create_task(load.predict(client))
        killing = tasks.create_task(_kill(api, moments))
        began = time.perf_counter()
        posting = []
        for number, body in enumerate(bodies):
            due_s = began + number * every_s
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            posting.append(tasks.create_task(load.post(client, number, body, due_s)))
        await asyncio.gather(*posting, killing)
        predicting.cancel()


async def _kill(api: Api, moments: Sequence[float]) -> None:
    began = time.perf_counter()
    for moment in moments:
        await asyncio.sleep(max(0.0, moment - (time.perf_counter() - began)))
        api.kill()
        await asyncio.to_thread(api.start)


def counted(database_url: str, acknowledged: set[str]) -> dict[str, Any]:
    """What the database holds once nothing waits any more: missing, double, not judged, and the time to judge."""
    engine = open_engine(database_url)
    deadline = time.monotonic() + _SETTLE_S
    try:
        while time.monotonic() < deadline:
            with engine.connect().execution_options(vigie_read=True) as connection, connection.begin():
                if not connection.scalar(text("SELECT count(*) FROM mentions WHERE stage = 0")):
                    break
            time.sleep(0.2)
        with engine.connect().execution_options(vigie_read=True) as connection, connection.begin():
            ids = connection.execute(text("SELECT external_id FROM mentions")).scalars().all()
            seconds = (
                "extract(epoch FROM p.created_at - m.received_at)"
                if engine.dialect.name == "postgresql"
                else "(julianday(p.created_at) - julianday(m.received_at)) * 86400"
            )
            rows = f"SELECT {seconds} FROM mentions m JOIN predictions p ON p.id = m.id"  # noqa: S608 - constants
            scored_s = sorted(float(value) for value in connection.execute(text(rows)).scalars())
    finally:
        engine.dispose()
    return {
        "acknowledged": len(acknowledged),
        "kept": len(ids),
        "missing": len(acknowledged - set(ids)),
        "double": len(ids) - len(set(ids)),
        "not_judged": len(ids) - len(scored_s),
        "scored_p50_s": round(statistics.median(scored_s), 2),
        "scored_p99_s": round(scored_s[int(len(scored_s) * 0.99)], 2),
        "scored_max_s": round(scored_s[-1], 2),
    }


def percentiles(name: str, values: Sequence[float]) -> dict[str, float]:
    """The median, the 99th percentile and the worst, in milliseconds."""
    found = sorted(values) or [float("nan")]
    return {
        f"{name}_p50_ms": round(statistics.median(found), 1),
        f"{name}_p99_ms": round(found[int(len(found) * 0.99)], 1),
        f"{name}_max_ms": round(found[-1], 1),
    }


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/vigie.db"
    else:
        with temporary_postgres() as url:
            yield url


def measure(
    kind: str, folder: Path, models: Path, texts: Sequence[str], arguments: argparse.Namespace
) -> dict[str, Any]:
    """One run on a database of this kind."""
    with database(kind, folder) as url:
        api = Api(url, folder, models)
        load = Load(api.url, texts, arguments.batch)
        api.start()
        try:
            began = time.perf_counter()
            asyncio.run(
                run(
                    api,
                    load,
                    per_second=arguments.per_second,
                    seconds=arguments.seconds,
                    kills=arguments.kill,
                )
            )
            took_s = time.perf_counter() - began
            numbers = counted(url, load.acknowledged)
        finally:
            api.kill()
    numbers |= {"posts_per_s": round(len(load.acknowledged) / took_s, 1), "sent_again": load.sent_again}
    times = {"post": load.took_ms, "predict": load.predict_ms, "beside": load.beside_ms}
    for name, values in times.items():
        numbers |= percentiles(name, values)
    return {"database": kind} | numbers


def faults(found: dict[str, Any], kills: int, post_ms: float) -> list[str]:
    """What a run must not show."""
    said = [f"{found[name]} {name}" for name in ("missing", "double", "not_judged") if found[name]]
    if not kills and found["post_p99_ms"] >= post_ms:
        said.append(f"99 % of the lists took up to {found['post_p99_ms']} ms")
    if not kills and found["scored_max_s"] >= SCORED_S:
        said.append(f"a post was judged {found['scored_max_s']} s after its arrival")
    return said


def main() -> int:
    """Parse, prepare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-second", type=float, default=500, help="posts a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--batch", type=int, default=50, help="posts in a list")
    parser.add_argument("--kill", type=int, default=0, metavar="N", help="kill -9 the API so many times")
    parser.add_argument("--post-ms", type=float, default=P99_MS, help="most that 99 %% of the lists may take")
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix="vigie-bench-ingest-") as temporary:
        models = Path(temporary) / "models"
        texts = give_champion(models)
        for kind in arguments.databases:
            print(f"{kind} ...", file=sys.stderr, flush=True)
            folder = Path(temporary) / kind
            folder.mkdir()
            results.append(measure(kind, folder, models, texts, arguments))
    failed = [
        f"{found['database']}: {fault}"
        for found in results
        for fault in faults(found, arguments.kill, arguments.post_ms)
    ]
    if arguments.json:
        print(json.dumps({"kills": arguments.kill, "runs": results, "failed": failed}))
    else:
        for found in results:
            print("  ".join(f"{name} {value}" for name, value in found.items()))
        print("; ".join(failed) or "All targets are met.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
