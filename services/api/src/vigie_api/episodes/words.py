"""The words of negative posts, read from the database when they are needed.

Nothing of a text stays in the watch's memory or state: what is forgotten there is forgotten here, a restart loses
nothing, and late posts are in. What is read is bounded; a long period is sampled evenly.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, Select, literal, select

from vigie_api.episodes.fillers import FILLERS
from vigie_api.mentions.table import mentions
from vigie_api.prediction.table import predictions
from vigie_api.watch.terms import Rising, Usual, rising_terms, terms_of

_SLICES: Final = 24
_BEFORE: Final = timedelta(days=7)
_USUAL: Final = 1_920
_ELIDED: Final = re.compile(r"\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu)['’](?=\w)", re.IGNORECASE)
# Written out, for SQLite must see while it plans that the indexes of negative posts hold them all.
_NEGATIVE: Final = literal("negative", literal_execute=True)


class Post(NamedTuple):
    """A negative post that counts."""

    id: str
    created_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Which:
    """Negative posts of these topics (none: of all), of one source or in one language."""

    topics: Sequence[str] = ()
    source: str | None = None
    language: str | None = None

    def query(self, since: datetime, until: datetime, most: int) -> Select[tuple[str, datetime, str]]:
        """The posts, `most` of them, first ones first."""
        query = (
            select(mentions.c.id, mentions.c.created_at, predictions.c.text)
            .select_from(mentions.join(predictions, predictions.c.id == mentions.c.id))
            .where(mentions.c.created_at >= since, mentions.c.created_at < until)
            # Not by stage: SQLite would take the index on it, which holds nearly every row, for a good one.
            .where(mentions.c.counted, mentions.c.sentiment == _NEGATIVE)
            .order_by(mentions.c.created_at)
            .limit(most)
        )
        # Beside a source or a language said so that no index starts from it: theirs hold it, and both may be rare.
        partial = self.source is not None or self.language is not None
        topic = mentions.c.topic.concat("") if partial else mentions.c.topic
        if len(self.topics) == 1:
            query = query.where(topic == self.topics[0])
        elif self.topics:
            query = query.where(topic.in_(self.topics))
        if self.source is not None:
            query = query.where(mentions.c.source == self.source)
        if self.language is not None:
            query = query.where(mentions.c.language == self.language)
        return query


def posts_between(connection: Connection, which: Which, since: datetime, until: datetime, most: int) -> list[Post]:
    """At most so many posts, spread evenly over the period: the first ones of each of 24 parts of it."""
    part = (until - since) / _SLICES
    found: list[Post] = []
    for number in range(_SLICES):
        query = which.query(since + number * part, since + (number + 1) * part, most // _SLICES)
        found.extend(Post._make(row) for row in connection.execute(query))
    return [post for post in found if post.text]  # blank: it was anonymised


def usual_before(connection: Connection, which: Which, at: datetime, most: int = _USUAL) -> Usual:
    """The words of the week before a time, of at most so many posts."""
    usual = Usual()
    for post in posts_between(connection, which, at - _BEFORE, at, most):
        usual.add(_ELIDED.sub(" ", post.text))
    return usual


def words_of(text: str) -> set[str]:
    """The terms of a text, each once, without the article that French elides: "l'attente" is "attente"."""
    return terms_of(_ELIDED.sub(" ", text))


def rising_in(texts: Iterable[str], usual: Usual, most: int) -> list[Rising]:
    """The words that rose most in these texts, and say what they are about."""
    words: Counter[str] = Counter()
    posts = 0
    for text in texts:
        words.update(words_of(text) - FILLERS)
        posts += 1
    return rising_terms(words, posts, usual, most)
