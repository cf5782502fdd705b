"""Time to answer of GET /v1/trends with a million mentions of ninety days, on SQLite and on Postgres.

    uv run python scripts/bench_trends.py
    uv run python scripts/bench_trends.py --mentions 200000 --databases sqlite --json

The posts, and what the watch keeps of them, are written by the database itself; then every period is read as the route
reads it, in this process. The median and the best of --times readings are printed: where others work on the machine,
the best says more. Exit 1 when a median is over --limit-ms.
"""

# ruff: noqa: S608 - the statements are made of what is written here and of numbers

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from temporary_postgres import temporary_postgres
from vigie_api.database.engine import open_engine
from vigie_api.database.migrate import migrate
from vigie_api.database.schema import metadata
from vigie_api.episodes.schema import TrendsQuery
from vigie_api.episodes.trends import read_trends

DAYS = 90
NOW = datetime.now(UTC).replace(minute=7, second=0, microsecond=0)
WORDS = "".join(
    f"{a}{b}{c}" for a in ("ba", "do", "ku", "li", "me") for b in ("ra", "so", "ti", "nu") for c in ("va", "zo")
)
PERIODS: dict[str, dict[str, Any]] = {
    "a day, all": {"days": 1},
    "a week, 5 minutes, all": {"days": 6.9, "step": "5m"},
    "a month, all": {"days": 30},
    "a month, one topic": {"days": 30, "topic": ["Brand 1"]},
    "ninety days, all": {"days": DAYS},
    "a day, one source": {"days": 1, "source": "x"},
    "a week, 5 minutes, one source": {"days": 6.9, "step": "5m", "source": "x"},
    "a month, one source": {"days": 30, "source": "x"},
    "a month, a rare source": {"days": 30, "source": "reviews"},
    "a month, one language": {"days": 30, "language": "en"},
    "a month, a rare language": {"days": 30, "language": "und"},
    "a month, topic, source and language": {"days": 30, "topic": ["Brand 1"], "source": "x", "language": "fr"},
    "ninety days, one source": {"days": DAYS, "source": "x"},
    "ninety days, a rare source and language": {"days": DAYS, "source": "reviews", "language": "und"},
    "ninety days, hours, one language": {"days": 80, "step": "1h", "language": "fr"},
    "a month, a source that never was": {"days": 30, "source": "nobody"},
}


def fill(engine: Engine, mentions: int) -> None:
    """Write the posts, and the buckets and counts that the watch would have kept of them."""
    sqlite = engine.dialect.name == "sqlite"
    begin_s, step_s = (NOW - timedelta(days=DAYS)).timestamp(), DAYS * 86_400 / mentions
    at_s = f"({begin_s} + i * {step_s!r})"
    stored = "strftime('%Y-%m-%d %H:%M:%f', {}, 'unixepoch') || '000'" if sqlite else "to_timestamp({})"
    at = stored.format(at_s)
    epoch = (
        "CAST(strftime('%s', created_at) AS INTEGER)"
        if sqlite
        else "CAST(floor(extract(epoch FROM created_at)) AS BIGINT)"
    )
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {mentions - 1})"
        if sqlite
        else f"WITH n AS (SELECT generate_series(0::bigint, {mentions - 1}) AS i)"
    )
    post_id = "printf('%036d', i)" if sqlite else "lpad(i::text, 36, '0')"
    chance = "(i * 7919 % 10007)"  # 0 to 10,006, without a pattern in time
    sentiment = f"CASE WHEN {chance} % 10 < 3 THEN 'negative' ELSE 'positive' END"
    language = f"CASE WHEN {chance} < 7000 THEN 'en' WHEN {chance} < 9990 THEN 'fr' ELSE 'und' END"
    source = f"CASE WHEN {chance} % 997 < 600 THEN 'x' WHEN {chance} % 997 < 995 THEN 'bluesky' ELSE 'reviews' END"
    topic = f"'Brand ' || ({chance} % 7 % 5)"
    words = " || ' ' || ".join(
        f"substr('{WORDS}', 1 + 6 * CAST((i * {13 + 2 * n} + {n * n}) % 40 AS INTEGER), 6)" for n in range(12)
    )
    yes = "1" if sqlite else "TRUE"
    no = "0" if sqlite else "FALSE"
    columns = "id, created_at, text, sentiment, score, uncertain, language, model_version, recipe, topic"
    steps = {
        "predictions": f"INSERT INTO predictions ({columns}) {numbers} SELECT {post_id}, {at}, {words}, {sentiment}, "
        f"0.5, {no}, {language}, '1', 'bench', {topic} FROM n",
        "mentions": "INSERT INTO mentions (id, source, external_id, topic, created_at, received_at, stage, sentiment, "
        f"language, counted) {numbers} SELECT {post_id}, {source}, {post_id}, {topic}, {at}, {at}, 2, {sentiment}, "
        f"{language}, {yes} FROM n",
        "topics": "INSERT INTO watch_topics "
        "(topic, false_alarms, unlearned, learning, sources, last_post_at, updated_at, state) "
        f"SELECT topic, 0, {no}, {no}, '[]', max(created_at), max(created_at), '{{}}' FROM mentions GROUP BY topic",
    }
    bucket = stored.format(f"{epoch} / 300 * 300")
    negatives = "sum(CASE WHEN sentiment = 'negative' THEN 1 ELSE 0 END)"
    steps["buckets"] = (
        "INSERT INTO watch_buckets (topic, at, posts, negatives, counted_posts, counted_negatives, expected, spread) "
        f"SELECT topic, {bucket}, count(*), {negatives}, count(*), {negatives}, 2.5, 0.1 FROM mentions GROUP BY 1, 2"
    )
    if "mention_counts" in metadata.tables:
        for length_s in (300, 3_600, 86_400):
            steps[f"counts of {length_s} s"] = (
                "INSERT INTO mention_counts (step_s, at, topic, source, language, posts, negatives) "
                f"SELECT {length_s}, {stored.format(f'{epoch} / {length_s} * {length_s}')}, topic, source, language, "
                f"count(*), {negatives} FROM mentions GROUP BY 2, 3, 4, 5"
            )
    with engine.connect() as connection:
        for name, statement in steps.items():
            began = time.perf_counter()
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.exec_driver_sql(statement if sqlite else statement.replace("%", "%%"))
            print(f"  {name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    if not sqlite:  # as its own daemon does within minutes; of SQLite nobody asks it
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM ANALYZE"))


def measure(engine: Engine, times: int) -> dict[str, tuple[float, float]]:
    """The median and the best time of each period, in milliseconds."""
    found = {}
    for name, asked in PERIODS.items():
        since = NOW - timedelta(days=asked["days"])
        rest = {key: value for key, value in asked.items() if key != "days"}
        query = TrendsQuery.model_validate({"since": since.isoformat(), "until": NOW.isoformat()} | rest)
        took = []
        for _ in range(times):
            began = time.perf_counter()
            with engine.connect().execution_options(vigie_read=True) as connection, connection.begin():
                read_trends(connection, query, NOW).model_dump_json()
            took.append((time.perf_counter() - began) * 1000)
        found[name] = round(statistics.median(took), 1), round(min(took), 1)
        print(f"  {name}: {found[name][0]} ms, best {found[name][1]} ms", file=sys.stderr, flush=True)
    return found


def run(url: str, arguments: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Fill the database at this address and measure."""
    engine = open_engine(url)
    try:
        migrate(engine)
        fill(engine, arguments.mentions)
        return measure(engine, arguments.times)
    finally:
        engine.dispose()


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mentions", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5, help="how often each is read")
    parser.add_argument("--limit-ms", type=float, default=200.0)
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    results = {}
    for kind in arguments.databases:
        print(f"{kind} ...", file=sys.stderr, flush=True)
        if kind == "sqlite":
            with tempfile.TemporaryDirectory(prefix="vigie-bench-trends-") as folder:
                results[kind] = run(f"sqlite:///{Path(folder)}/vigie.db", arguments)
        else:
            with temporary_postgres() as url:
                results[kind] = run(url, arguments)
    slow = [
        f"{kind}: {name}"
        for kind, found in results.items()
        for name, (ms, _) in found.items()
        if ms > arguments.limit_ms
    ]
    if arguments.json:
        print(json.dumps({"mentions": arguments.mentions, "median_and_best_ms": results, "slow": slow}))
    else:
        for name in PERIODS:
            print(
                "  ".join(
                    [
                        f"{name:42}",
                        *(f"{kind} {found[name][0]:>7} ({found[name][1]}) ms" for kind, found in results.items()),
                    ]
                )
            )
        print("; ".join(slow) or "All are within the limit.")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
