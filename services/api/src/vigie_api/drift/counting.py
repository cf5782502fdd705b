"""Counting the predictions of a stretch of time, in the database; only a sample of the texts is read.

What is counted is the traffic of the day: a post of last year that is imported and judged today is none of it.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Integer, Interval, cast, exists, func, literal, select

from vigie_api.drift.profile import LONGEST, SCORE_STEPS, Profile
from vigie_api.mentions.table import mentions
from vigie_api.prediction.table import predictions
from vigie_model import known_words

TEXTS_READ = 200
HISTORY = timedelta(days=1)
"""A post that is so much older than the verdict on it is history that was imported."""
_TAIL = 29  # where the last eight characters of an id begin: 32 random bits, written in hexadecimal


def count_between(
    connection: Connection, since: datetime, until: datetime, vocabularies: Mapping[str, frozenset[str]]
) -> dict[str, Profile]:
    """The profile of each version's predictions from `since` until before `until`, without imported history.

    The words of about 200 texts of a version are looked up in its vocabulary, when that is known.
    """
    within = (predictions.c.created_at >= since) & (predictions.c.created_at < until) & _is_of_its_day(connection)
    version = predictions.c.model_version
    profiles: dict[str, Profile] = defaultdict(Profile)

    def grouped(by: ColumnElement[object]) -> list[tuple[str, object, int]]:
        query = select(version, by, func.count()).where(within).group_by(version, by)
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    for name, language, count in grouped(predictions.c.language):
        profiles[name].languages[str(language)] += count
        profiles[name].predictions += count
    if not profiles:
        return {}
    floor = func.trunc if connection.dialect.name == "postgresql" else lambda value: value  # SQLite's cast truncates
    for name, step, count in grouped(cast(floor(predictions.c.score * SCORE_STEPS), Integer)):
        profiles[name].scores[min(int(str(step)), SCORE_STEPS - 1)] += count
    for name, length, count in grouped(func.length(predictions.c.text)):
        profiles[name].lengths[min(int(str(length)), LONGEST)] += count
    for name, words in vocabularies.items():
        if words and name in profiles:
            _look_up(connection, within & (version == name), profiles[name], words)
    return dict(profiles)


def _is_of_its_day(connection: Connection) -> ColumnElement[bool]:
    """Whether a prediction is on no mention, or on one that was posted less than HISTORY before it was judged."""
    posted, judged = mentions.c.created_at, predictions.c.created_at
    if connection.dialect.name == "sqlite":
        is_old = func.julianday(judged) - func.julianday(posted) > HISTORY / timedelta(days=1)
    else:
        is_old = judged - posted > literal(HISTORY, Interval())
    same = mentions.c.id == predictions.c.id
    # Every mention has a topic; what has none need not be looked for among them.
    return predictions.c.topic.is_(None) | ~exists().where(same, is_old)


def _look_up(connection: Connection, which: ColumnElement[bool], profile: Profile, words: frozenset[str]) -> None:
    query = select(predictions.c.text).where(which)
    if profile.predictions > TEXTS_READ:  # ids end in random digits, so those that end low are a fair sample
        lowest = f"{2**32 * TEXTS_READ // profile.predictions:08x}"
        query = query.where(func.substr(predictions.c.id, _TAIL) < lowest)
    for text in connection.scalars(query):
        known, total = known_words(text, words)
        profile.known_words += known
        profile.words += total
