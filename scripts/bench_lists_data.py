"""Databases for bench_lists.py: predictions, verdicts, alerts and a challenger's opinions, the same for every run."""

import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert

from vigie_api.alerts.table import alert_outbox, alert_verdicts, alerts
from vigie_api.feedback.table import feedback
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.shadow.table import ShadowRow, insert_shadow_scores

DAYS = 90
SHADOW_SHARE = 0.1
_BATCH = 2_000  # SQLite takes 32,766 values in a statement
_SMALL_BATCH = 2_000
_VERSIONS = ((0.01, "1"), (0.30, "2"), (0.65, "3"), (1.01, "4"))  # which served until which share of the time
_LANGUAGES = (["en"] * 12) + (["fr"] * 7) + ["und"]
_TOPICS = [None] * 10 + ["Air Paradis"] * 7 + ["Rail Azur"] * 2 + ["Lumière"]
_SYLLABLES = (
    "ba",
    "ré",
    "ti",
    "mo",
    "lu",
    "ca",
    "sé",
    "vi",
    "ro",
    "né",
    "pa",
    "du",
    "fi",
    "go",
    "ma",
    "le",
    "ju",
    "ta",
)
_TALK = ("vol", "retard", "bagage", "équipage", "siège", "repas", "merci", "jamais", "wifi", "perdu", "flight", "delay")


def _vocabulary(chance: random.Random) -> list[str]:
    made = {"".join(chance.choices(_SYLLABLES, k=chance.choice((2, 3, 4)))) for _ in range(6_000)}
    return [*_TALK, *sorted(made)]


def predictions_of(count: int, now: datetime) -> Iterator[PredictionRow]:
    """`count` predictions of the 90 days before `now`, oldest first; a twentieth of them copies."""
    chance = random.Random(42)
    words = _vocabulary(chance)
    weights = [1 / (rank + 3) for rank in range(len(words))]  # Zipf's law, as in any language
    stock = chance.choices(words, weights, k=400_000)
    start_s = (now - timedelta(days=DAYS)).timestamp()
    text = ""
    for number in range(count):
        age = number / count
        if not text or chance.random() > 0.05:
            at = chance.randrange(len(stock) - 25)
            text = " ".join(stock[at : at + chance.randint(6, 22)])
        score = min(0.9999, max(0.0001, chance.betavariate(0.7, 0.7)))
        yield PredictionRow(
            str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            start_s + age * DAYS * 86_400,
            text,
            "positive" if score >= 0.5 else "negative",
            score,
            0.35 < score < 0.65,
            chance.choice(_LANGUAGES),
            next(version for until, version in _VERSIONS if age < until),
            "tfidf_logreg",
            chance.choice(_TOPICS),
        )


def fill(engine: Engine, count: int, verdicts: int, alert_count: int, now: datetime) -> None:
    """Fill an empty, migrated database."""
    chance = random.Random(7)
    judged: list[PredictionRow] = []
    batch: list[PredictionRow] = []
    share = 1.5 * verdicts / count
    with engine.begin() as connection:
        for row in predictions_of(count, now):
            batch.append(row)
            # People judge what they are shown: half of the verdicts are on what the model is unsure of.
            if chance.random() < share * (1 if row.uncertain else 0.5):
                judged.append(row)
            if len(batch) == _BATCH:
                _write(connection, batch, chance)
                batch = []
        _write(connection, batch, chance)
        while len(judged) < verdicts:  # a tiny database
            judged.append(chance.choice(judged))
        chosen = list({row.id: row for row in chance.sample(judged, len(judged))}.values())[:verdicts]
        _judge(connection, chosen, chance, now)
        _raise_alerts(connection, chosen, alert_count, now)


def _write(connection: Connection, rows: list[PredictionRow], chance: random.Random) -> None:
    if not rows:
        return
    insert_predictions(connection, rows)
    opinions = []
    for row in rows:
        if chance.random() < SHADOW_SHARE:
            score = 1 - row.score if chance.random() < 0.05 else row.score
            sentiment: Any = "positive" if score >= 0.5 else "negative"
            shift = score - row.score
            agrees = sentiment == row.sentiment
            opinions.append(
                ShadowRow(row.id, "5", score, sentiment, agrees, shift, row.model_version, row.created_s + 0.01)
            )
    if opinions:
        insert_shadow_scores(connection, opinions)


def _judge(connection: Connection, rows: list[PredictionRow], chance: random.Random, now: datetime) -> None:
    said: list[dict[str, Any]] = []
    step = timedelta(days=20) / max(1, len(rows))
    for number, row in enumerate(rows):
        at = now - timedelta(days=20) + number * step
        verdict = "wrong" if chance.random() < 0.4 else "correct"
        if number % 25 == 0:  # somebody else had said the contrary
            other = "correct" if verdict == "wrong" else "wrong"
            said.append(_verdict(row, other, at - timedelta(hours=1), "bob", current=False))
        said.append(_verdict(row, verdict, at, "ann", current=True))
    for start in range(0, len(said), _SMALL_BATCH):
        connection.execute(insert(feedback), said[start : start + _SMALL_BATCH])


def _verdict(row: PredictionRow, verdict: str, at: datetime, by: str, *, current: bool) -> dict[str, Any]:
    other = "negative" if row.sentiment == "positive" else "positive"
    return {
        "id": str(uuid.uuid4()),
        "prediction_id": row.id,
        "received_at": at,
        "verdict": verdict,
        "correction": row.sentiment if verdict == "correct" else other,
        "text": row.text,
        "sentiment": row.sentiment,
        "model_version": row.model_version,
        "comment": None,
        "current": current,
        "given_by": by,
    }


def _raise_alerts(connection: Connection, rows: list[PredictionRow], count: int, now: datetime) -> None:
    raised, told, about = [], [], []
    for number in range(count):
        alert_id = str(uuid.uuid4())
        at = now - timedelta(hours=2 * (count - number))
        open_one = number % 10 == 0
        raised.append(
            {
                "id": alert_id,
                "kind": "misprediction" if number % 4 else "drift",
                "key": f"k{number}",
                "opened_at": at,
                "updated_at": at,
                "model_version": "4",
                "count": 3,
                "evidence": {"window_s": 300.0},
                "acknowledged_at": None if open_one else at,
                "acknowledged_by": None if open_one else "ann",
                "note": None,
            }
        )
        told.append(
            {
                "alert_id": alert_id,
                "channel": "email",
                "step": "opened",
                "message_id": f"<{alert_id}@bench>",
                "state": "sent",
                "attempts": 1,
                "created_at": at,
                "due_at": at,
                "sent_at": at,
            }
        )
        about += [
            {
                "alert_id": alert_id,
                "prediction_id": row.id,
                "position": position,
                "feedback_id": str(uuid.uuid4()),
                "received_at": at,
            }
            for position, row in enumerate(rows[3 * number % len(rows) :][:3])
        ]
    connection.execute(insert(alerts), raised)
    connection.execute(insert(alert_outbox), told)
    connection.execute(insert(alert_verdicts), about)
