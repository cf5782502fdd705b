"""The posts of episodes: read as GET /v1/mentions gives them."""

from collections.abc import Collection

from sqlalchemy import Connection, case, func, select

from vigie_api.episodes.schema import EpisodePost
from vigie_api.feedback.table import feedback, implied
from vigie_api.mentions.table import mentions
from vigie_api.prediction.table import predictions


def read_posts(connection: Connection, ids: Collection[str]) -> dict[str, EpisodePost]:
    """The posts with these ids that still are there."""
    confidence = case((predictions.c.score >= 0.5, predictions.c.score), else_=1.0 - predictions.c.score)
    query = (
        select(
            *(
                mentions.c[name]
                for name in (
                    *("id", "source", "external_id", "topic", "created_at", "received_at", "url", "reach"),
                    *("sentiment", "language", "counted"),
                )
            ),
            func.nullif(func.coalesce(predictions.c.text, mentions.c.text), "").label("text"),
            predictions.c.score,
            confidence.label("confidence"),
            predictions.c.uncertain,
            predictions.c.model_version,
            feedback.c.verdict,
            feedback.c.correction,
        )
        .select_from(
            mentions.outerjoin(predictions, predictions.c.id == mentions.c.id).outerjoin(
                feedback, (feedback.c.prediction_id == mentions.c.id) & feedback.c.current
            )
        )
        .where(mentions.c.id.in_(sorted(ids)))
    )
    found = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        if values["verdict"] is not None:
            values["correction"] = implied(values["verdict"], values["correction"], values["sentiment"])
        found[values["id"]] = EpisodePost(**values)
    return found
