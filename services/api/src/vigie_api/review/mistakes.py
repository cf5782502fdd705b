"""The use case: the hard examples, counted and with their patterns, among the newest verdicts."""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import Row

from vigie_api.database.engine import Database
from vigie_api.feedback.listing import Filters, read_newest
from vigie_api.prediction.schema import Language
from vigie_api.review.patterns import Judged, Term, patterns
from vigie_api.review.schema import JudgedLanguage, JudgedSentiment, JudgedTopic, PatternExample, Patterns, PatternTerm
from vigie_model import detect_language

_LOOKED_AT = 2_000
_TOPICS_AT_MOST = 100
Key = TypeVar("Key", bound=Hashable)


async def find_patterns(database: Database, filters: Filters) -> Patterns:
    """What the mistakes among the newest 2,000 verdicts have in common. Raises DatabaseAway."""
    return await asyncio.to_thread(_report, await read_newest(database, filters, _LOOKED_AT))


def _report(verdicts: Sequence[Row[Any]]) -> Patterns:
    languages = [(_language(verdict), verdict.verdict == "wrong") for verdict in verdicts]
    sentiments = [(said.sentiment, said.verdict == "wrong") for said in verdicts if said.sentiment is not None]
    topics = [(verdict.topic, verdict.verdict == "wrong") for verdict in verdicts]
    posts = [
        Judged(said.prediction_id, said.text, language, said.verdict, said.sentiment, said.correction)
        for said, (language, _) in zip(verdicts, languages, strict=True)
        if said.text
    ]
    return Patterns(
        judged=len(verdicts),
        wrong=sum(verdict.verdict == "wrong" for verdict in verdicts),
        by_language=[JudgedLanguage(language=key, judged=n, wrong=w) for key, n, w in _counted(languages)],
        by_sentiment=[JudgedSentiment(sentiment=key, judged=n, wrong=w) for key, n, w in _counted(sentiments)],
        by_topic=[JudgedTopic(topic=key, judged=n, wrong=w) for key, n, w in _counted(topics)[:_TOPICS_AT_MOST]],
        terms=[_term(term) for term in patterns(posts)],
    )


def _language(verdict: Row[Any]) -> Language:
    if verdict.language is not None:
        return cast(Language, verdict.language)
    return cast(Language, detect_language(verdict.text or ""))


def _counted(judged: Iterable[tuple[Key, bool]]) -> list[tuple[Key, int, int]]:
    """Each key with how many were judged and how many wrong, most judged first."""
    counts = Counter(judged)
    keys = {key for key, _ in counts}
    rows = [(key, counts[key, True] + counts[key, False], counts[key, True]) for key in keys]
    return sorted(rows, key=lambda row: (-row[1], str(row[0])))


def _term(term: Term) -> PatternTerm:
    return PatternTerm(
        term=term.term,
        language=term.language,
        wrong=term.wrong,
        judged=term.judged,
        lift=round(term.lift, 4),
        examples=[
            PatternExample(
                prediction_id=post.prediction_id, text=post.text, sentiment=post.sentiment, correction=post.correction
            )
            for post in term.examples
        ],
    )
