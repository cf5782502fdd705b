"""What a post costs, for docs/capacity.md: processor time of the API and of Postgres, bytes on disk, and the watch.

    uv run python scripts/bench_capacity.py                          167 posts a second for 30 s, 100 topics
    uv run python scripts/bench_capacity.py --per-second 500 --json

Posts go through the real API into a real Postgres and are judged by a TF-IDF champion. Processor time is what the
kernel has counted for the processes, so it says the same on a busy machine; the idle processes' share is taken off.
Bytes are those of the tables with all their indexes, divided by their rows, and of the write-ahead log by the posts.
The watch is timed apart, on buckets of five minutes of as many topics, once it knows more than a day of them.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # ships no types
from sqlalchemy import Engine, insert, text

from bench_ingest import Api, give_champion
from temporary_postgres import temporary_postgres
from vigie_api.alerts.book import AlertBook
from vigie_api.alerts.rule import Policy
from vigie_api.database.engine import Database, open_engine
from vigie_api.database.migrate import migrate
from vigie_api.episodes.watcher import Watcher
from vigie_api.mentions.table import Stage, mentions
from vigie_api.prediction.ids import IdSource
from vigie_api.prediction.table import predictions

TABLES = ("mentions", "predictions", "watch_buckets", "watch_topics", "watch_marks")
_LIST = 50
_IDLE_S = 15.0
_SETTLE_S = 180.0
_LEARNED = [timedelta(hours=2)] * 13
"""A day and some hours in leaps, after which a topic is not learning any more."""
_TIMED = [timedelta(minutes=5)] * 12


def post_lists(url: str, texts: list[str], per_second: float, seconds: float, topics: int) -> int:
    """Send lists at fixed times; returns the posts that were accepted."""
    accepted = 0
    with httpx.Client(base_url=url, timeout=60) as client:
        began = time.perf_counter()
        for number in range(round(seconds * per_second / _LIST)):
            now = datetime.now(UTC).isoformat()
            posts = [
                {
                    "source": "bench",
                    "external_id": f"{number}-{at}",
                    "topic": f"Brand {(number * _LIST + at) % topics}",
                    "text": f"{texts[(number * _LIST + at) % len(texts)]} {number}-{at}",
                    "created_at": now,
                    "author": f"author {(number * 7 + at) % 20_000}",
                }
                for at in range(_LIST)
            ]
            time.sleep(max(0.0, began + number * _LIST / per_second - time.perf_counter()))
            answer = client.post("/v1/mentions", json={"mentions": posts})
            answer.raise_for_status()
            accepted += answer.json()["accepted"]
    return accepted


class Clocks:
    """Processor seconds of the API's process and of all of Postgres' processes, so far."""

    def __init__(self, api_port: int, engine: Engine) -> None:
        (self._api,) = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.laddr.port == api_port and connection.status == psutil.CONN_LISTEN
        }
        with engine.connect() as connection:
            folder = Path(str(connection.scalar(text("SHOW data_directory"))))
        self._postmaster = int((folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])

    def read(self) -> dict[str, float]:
        """By name, in seconds. Children that ended count through the postmaster."""
        times = psutil.Process(self._api).cpu_times()
        server = psutil.Process(self._postmaster)
        mine = server.cpu_times()
        spent = mine.user + mine.system + mine.children_user + mine.children_system
        for child in server.children(recursive=True):
            of_child = child.cpu_times()
            spent += of_child.user + of_child.system
        return {"api": times.user + times.system, "postgres": spent}


def settle(engine: Engine) -> None:
    """Wait until every post was judged and counted."""
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if not connection.scalar(text("SELECT count(*) FROM mentions WHERE stage < 2")):
                return
        time.sleep(0.5)
    raise SystemExit("posts still wait: more came than could be judged and counted")


def bytes_of(engine: Engine) -> dict[str, dict[str, float]]:
    """Rows of each table, and bytes a row with all indexes: as it was written, and packed.

    A mention is written three times (accepted, judged, counted), so that a burst leaves room behind, which the next
    posts fill. A table that has long been in use lies between the two.
    """
    found: dict[str, dict[str, float]] = {}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name, command in (("as_written", "VACUUM ANALYZE"), ("packed", "VACUUM FULL")):
            connection.execute(text(command))
            for table in TABLES:
                rows = int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608 - a constant
                whole = connection.scalar(text("SELECT pg_total_relation_size(:table)"), {"table": table})
                if rows:
                    found.setdefault(table, {"rows": rows})[name] = round(int(whole or 0) / rows)
    return found


def ingest(texts: list[str], folder: Path, models: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Posts through the API: processor time and bytes of each."""
    with temporary_postgres() as url:
        api = Api(url, folder, models)
        api.start()
        engine = open_engine(url)
        try:
            clocks = Clocks(api.port, engine)
            before = clocks.read()
            time.sleep(_IDLE_S)
            idle = {name: (value - before[name]) / _IDLE_S for name, value in clocks.read().items()}
            with engine.connect() as connection:
                log_at = connection.scalar(text("SELECT pg_current_wal_lsn()"))
            before, began = clocks.read(), time.perf_counter()
            posts = post_lists(api.url, texts, arguments.per_second, arguments.seconds, arguments.topics)
            sent_s = time.perf_counter() - began
            settle(engine)
            took_s = time.perf_counter() - began
            spent = {name: value - before[name] - idle[name] * took_s for name, value in clocks.read().items()}
            with engine.connect() as connection:
                logged = connection.scalar(text("SELECT pg_current_wal_lsn() - CAST(:at AS pg_lsn)"), {"at": log_at})
            return {
                "posts": posts,
                "sent_per_s": round(posts / sent_s, 1),
                "settled_after_s": round(took_s - sent_s, 1),
                "cpu_ms_a_post": {name: round(seconds / posts * 1000, 3) for name, seconds in spent.items()},
                "idle_cores": {name: round(value, 4) for name, value in idle.items()},
                "log_bytes_a_post": round(int(logged or 0) / posts),
                "bytes_a_row": bytes_of(engine),
                "api_memory_mb": round(psutil.Process(clocks._api).memory_info().rss / 1e6),
            }
        finally:
            engine.dispose()
            api.kill()


def watch(topics: int, posts: int) -> dict[str, Any]:
    """Processor time of the watch, without Postgres', when a bucket ends in which each topic had so many posts."""
    chance = random.Random(7)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with temporary_postgres() as url:
        engine = open_engine(url)
        migrate(engine)
        watcher = Watcher(AlertBook(Database(url), Policy(3, 300.0, 3600.0)))
        ids = IdSource()
        ended = []
        try:
            for turn, leap in enumerate([*_LEARNED, *_TIMED]):
                rows = [_row(ids, f"Brand {topic % topics}", now, chance) for topic in range(topics * posts)]
                with engine.begin() as connection:
                    connection.execute(insert(mentions), [mention for mention, _ in rows])
                    connection.execute(insert(predictions), [prediction for _, prediction in rows])
                now += leap
                began, more = time.thread_time(), True
                while more:
                    with engine.connect() as connection, connection.begin():
                        more = watcher.step(connection, now + timedelta(seconds=61)).more
                if turn >= len(_LEARNED):
                    ended.append((time.thread_time() - began) * 1000)
        finally:
            engine.dispose()
    return {
        "topics": topics,
        "posts_of_each": posts,
        "bucket_cpu_ms": round(statistics.median(ended), 1),
        "buckets": len(ended),
    }


def _row(ids: IdSource, topic: str, at: datetime, chance: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    sentiment = "negative" if chance.random() < 0.3 else "positive"
    said = " ".join(f"word{chance.randrange(3000)}" for _ in range(12))
    post_id = ids.next()
    mention = {
        "id": post_id,
        "source": "bench",
        "external_id": post_id,
        "topic": topic,
        "created_at": at,
        "received_at": at,
        "author_key": chance.getrandbits(62),
        "stage": int(Stage.SCORED),
        "sentiment": sentiment,
        "language": "en",
    }
    prediction = {
        "id": post_id,
        "created_at": at,
        "text": said,
        "sentiment": sentiment,
        "score": 0.2 if sentiment == "negative" else 0.8,
        "uncertain": False,
        "language": "en",
        "model_version": "1",
        "recipe": "tfidf_logreg",
        "topic": topic,
    }
    return mention, prediction


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per-second", type=float, default=167, help="posts a second (10,000 a minute)")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--topics", type=int, default=100)
    parser.add_argument("--posts-of-each", type=int, default=1, help="posts of a topic in a bucket, for the watch")
    parser.add_argument("--only", choices=["ingest", "watch"])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vigie-bench-capacity-") as temporary:
        if arguments.only != "watch":
            models = Path(temporary) / "models"
            texts = give_champion(models)
            folder = Path(temporary) / "api"
            folder.mkdir()
            found["ingest"] = ingest(texts, folder, models, arguments)
        if arguments.only != "ingest":
            found["watch"] = watch(arguments.topics, arguments.posts_of_each)
    print(json.dumps(found) if arguments.json else json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
