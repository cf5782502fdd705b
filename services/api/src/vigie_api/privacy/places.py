"""Every column of the database, by what it may hold. A test fails when a column is missing here.

A new table of posts joins in with an entry in POSTS; if it keeps a hash of the author, with that column in `author`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Table

from vigie_api.alerts.table import alert_outbox, alerts
from vigie_api.champion.moves_table import alias_moves
from vigie_api.connectors.table import connector_cursors
from vigie_api.episodes.table import episodes
from vigie_api.feedback.table import feedback
from vigie_api.mentions.authors import author_hash
from vigie_api.mentions.table import mentions
from vigie_api.prediction.table import predictions
from vigie_api.privacy.wanted import MARKER
from vigie_api.settings import Settings
from vigie_api.shadow.table import shadow_scores


@dataclass(frozen=True)
class Posts:
    """A table whose rows hold a post as a whole.

    Attributes:
        key: unique and ordered; the table is read along it.
        subject: what the rows that belong to a post know it by.
        removed_by: for each table that loses rows with the post, the column that holds the subject.
        author: the hash of who wrote the post, and how that hash is made from a name with these settings (None: with
            these it is not); None: nothing of it is kept.
    """

    key: Column[Any]
    text: Column[Any]
    subject: Column[Any]
    removed_by: tuple[Column[Any], ...]
    author: tuple[Column[Any], Callable[[Settings], Callable[[str], Any] | None]] | None = None

    @property
    def table(self) -> Table:
        """The table itself."""
        return self.key.table


@dataclass(frozen=True)
class Words:
    """A column in which people, or another system, may have quoted a post; `instead` replaces what they wrote."""

    column: Column[Any]
    instead: str | None

    @property
    def key(self) -> Column[Any]:
        """The column that the table is read along."""
        return key_of(self.column.table)


def key_of(table: Table) -> Column[Any]:
    """What a table is read along: its seq, or else its primary key."""
    found: Column[Any] = table.c.seq if "seq" in table.c else next(iter(table.primary_key.columns))
    return found


POSTS: Final = (
    # Until it is judged the text of a mention is here, from then on in its prediction, under the same id.
    Posts(
        mentions.c.seq,
        mentions.c.text,
        mentions.c.id,
        (mentions.c.id, predictions.c.id, shadow_scores.c.prediction_id, feedback.c.prediction_id),
        (mentions.c.author_key, author_hash),
    ),
    Posts(
        predictions.c.id,
        predictions.c.text,
        predictions.c.id,
        (mentions.c.id, predictions.c.id, shadow_scores.c.prediction_id, feedback.c.prediction_id),
    ),
    # A verdict may know a post that the predictions table does not. What else was said of that post goes along.
    Posts(feedback.c.seq, feedback.c.text, feedback.c.prediction_id, (feedback.c.prediction_id,)),
)
WORDS: Final = (
    Words(feedback.c.comment, None),
    Words(alerts.c.note, None),
    Words(episodes.c.note, None),
    Words(connector_cursors.c.last_error, None),
    Words(alert_outbox.c.error, None),
    Words(alias_moves.c.reason, MARKER),
)
# JSON that this service wrote; strings in it are replaced one by one.
DOCUMENTS: Final = (alerts.c.evidence, episodes.c.terms)
# Ids, names of keys and versions, addresses, counts: made by this service or by its operator, never from a post.
NO_TEXT: Final = {
    table: frozenset(columns.split())
    for table, columns in {
        "predictions": "id sentiment language model_version recipe topic",
        "mentions": "id source external_id topic url sentiment language",
        "feedback": "id prediction_id verdict correction sentiment model_version given_by topic",
        "shadow_scores": "prediction_id version sentiment champion_version",
        "alerts": "id kind key model_version acknowledged_by",
        "alert_verdicts": "alert_id prediction_id feedback_id",
        "alert_outbox": "alert_id channel step message_id state lease recipients",
        "alias_moves": "action version recipe previous by",
        "drift_days": "profile",
        "watch_topics": "topic sources state",
        "watch_marks": "topic",
        "watch_buckets": "topic",
        "mention_counts": "topic source language",
        "episodes": "id topic state severity post_ids alert_id acknowledged_by assignee",
        "connector_cursors": "name cursor state owner",
    }.items()
}
