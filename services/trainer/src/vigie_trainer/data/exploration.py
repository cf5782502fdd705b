"""What there is to know of a set of labelled posts before training on it. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

import numpy as np

from vigie_trainer.data.rows import Posts, text_key

TOP_TERMS = 20
MAX_SAMPLED = 50_000
# Sentiment140's collection went on for negative posts alone after 16 June 2009, about 08:40 PDT.
SENTIMENT140_GAP = date(2009, 6, 16)
_SENTIMENT140_DAYS = (date(2009, 4, 1), date(2009, 6, 30))
_ZONES = {"PDT": "-0700", "PST": "-0800", "UTC": "+0000", "GMT": "+0000"}


@dataclass(frozen=True)
class Lengths:
    """Characters of the posts of one class: quartiles, extremes, and a histogram up to 300."""

    median: float
    low: float
    high: float
    longest: int
    histogram: list[int]


@dataclass(frozen=True)
class Duplicates:
    """Texts that come more than once.

    Attributes:
        texts: how many different ones.
        rows: rows beyond the first of each.
        conflicting: texts that come with both labels.
        examples: (text, times), the commonest first.
    """

    texts: int
    rows: int
    conflicting: int
    examples: list[tuple[str, int]]


@dataclass(frozen=True)
class Days:
    """Posts of each day, class by class.

    Attributes:
        undated: rows without a date that could be read.
        one_class_after: last day with both classes, when the last days have only one; None otherwise.
        sentiment140: whether the dates are those of Sentiment140, whose fault is known.
    """

    days: list[date]
    negative: list[int]
    positive: list[int]
    undated: int
    one_class_after: date | None
    sentiment140: bool


@dataclass(frozen=True)
class Exploration:
    """Everything that the report shows."""

    rows: int
    negative: int
    positive: int
    lengths: dict[str, Lengths]
    terms: dict[str, list[tuple[str, int, float]]]
    sampled: int
    duplicates: Duplicates
    languages: dict[str, dict[str, int]]
    days: Days | None


BINS = list(range(0, 310, 10))
Tokens = Callable[[str], list[str]]
Language = Callable[[str], str]


def explore(posts: Posts, tokens: Tokens, language: Language, *, progress: Callable[[str, float], None]) -> Exploration:
    """Look at labelled posts.

    Args:
        tokens: cleans a text into content words; placeholders such as <user> are not counted.
        language: en, fr or und.
        progress: told the step and its share.
    """
    labels = np.asarray(posts.labels)
    step = max(1, len(posts.texts) // MAX_SAMPLED)
    sampled = range(0, len(posts.texts), step)
    counts: dict[int, Counter[str]] = {0: Counter(), 1: Counter()}
    spoken: dict[str, Counter[str]] = {"negative": Counter(), "positive": Counter()}
    for number, at in enumerate(sampled):
        counts[posts.labels[at]].update({token for token in tokens(posts.texts[at]) if not token.startswith("<")})
        spoken["positive" if posts.labels[at] else "negative"][language(posts.texts[at])] += 1
        if number % 1_000 == 0:
            progress("words and languages", number / len(sampled))
    progress("duplicates", 0.0)
    found = _duplicates(posts)
    progress("dates", 0.0)
    return Exploration(
        rows=len(posts.texts),
        negative=int((labels == 0).sum()),
        positive=int((labels == 1).sum()),
        lengths={name: _lengths(posts, label) for label, name in enumerate(("negative", "positive"))},
        terms=distinctive_terms(counts[0], counts[1]),
        sampled=len(sampled),
        duplicates=found,
        languages={name: dict(counter) for name, counter in spoken.items()},
        days=_days(posts) if "date" in posts.columns else None,
    )


def distinctive_terms(
    negative: Counter[str], positive: Counter[str], top: int = TOP_TERMS
) -> dict[str, list[tuple[str, int, float]]]:
    """The terms that tell the classes apart best: (term, posts with it, z).

    z is the log-odds ratio with an informative Dirichlet prior over its standard deviation (Monroe, Colaresi and Quinn,
    "Fightin' Words", 2008), with the counts of both classes together as prior.
    """
    total_negative, total_positive = sum(negative.values()), sum(positive.values())
    together = negative + positive
    prior_total = sum(together.values())
    ranked = []
    for term, prior in together.items():
        if prior < 3:
            continue
        one = positive[term] + prior
        other = negative[term] + prior
        ratio = np.log(one / (total_positive + prior_total - one)) - np.log(
            other / (total_negative + prior_total - other)
        )
        ranked.append((float(ratio / np.sqrt(1 / one + 1 / other)), term))
    ranked.sort()
    return {
        "negative": [(term, negative[term], -z) for z, term in ranked[:top] if z < 0],
        "positive": [(term, positive[term], z) for z, term in ranked[::-1][:top] if z > 0],
    }


def parse_date(text: str) -> datetime | None:
    """A date as Twitter, ISO 8601 or RFC 2822 write it, in UTC; None when it is none of these."""
    value = text.strip()
    parts = value.split()
    try:
        if len(parts) == 6 and not parts[0].endswith(","):
            if parts[4] in _ZONES:
                parts[4] = _ZONES[parts[4]]
            return datetime.strptime(" ".join(parts), "%a %b %d %H:%M:%S %z %Y").astimezone(UTC)
        if value[:1].isdigit() and "-" in value[:5]:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def one_class_after(days: Sequence[date], negative: Sequence[int], positive: Sequence[int]) -> date | None:
    """Last day on which both classes were collected, when two or more later days have one class alone."""
    both = [day for day, first, second in zip(days, negative, positive, strict=True) if first and second]
    later = [
        day for day, count in zip(days, np.add(negative, positive), strict=True) if both and count and day > both[-1]
    ]
    return both[-1] if len(later) >= 2 else None


def _lengths(posts: Posts, label: int) -> Lengths:
    sizes = np.asarray([len(text) for text, own in zip(posts.texts, posts.labels, strict=True) if own == label])
    if not len(sizes):
        return Lengths(0.0, 0.0, 0.0, 0, [0] * (len(BINS) - 1))
    low, median, high = (float(value) for value in np.percentile(sizes, [25, 50, 75]))
    histogram = np.histogram(np.minimum(sizes, BINS[-1]), bins=BINS)[0].tolist()
    return Lengths(median, low, high, int(sizes.max()), histogram)


def _duplicates(posts: Posts) -> Duplicates:
    seen: dict[str, list[int]] = {}
    for at, text in enumerate(posts.texts):
        seen.setdefault(text_key(text), []).append(at)
    repeated = [places for places in seen.values() if len(places) > 1]
    return Duplicates(
        texts=len(repeated),
        rows=sum(len(places) - 1 for places in repeated),
        conflicting=sum(len({posts.labels[at] for at in places}) > 1 for places in repeated),
        examples=[(posts.texts[places[0]], len(places)) for places in sorted(repeated, key=len, reverse=True)[:5]],
    )


def _days(posts: Posts) -> Days | None:
    counts: dict[date, list[int]] = {}
    undated = 0
    for text, label in zip(posts.columns["date"], posts.labels, strict=True):
        moment = parse_date(text) if text.strip() else None
        if moment is None:
            undated += 1
        else:
            counts.setdefault(moment.date(), [0, 0])[label] += 1
    if not counts:
        return None
    first, last = min(counts), max(counts)
    # Over some years a bar for each silent day would be no picture; then the days with posts stand alone.
    span = (last - first).days + 1
    days = [first + timedelta(days=offset) for offset in range(span)] if span <= 1_000 else sorted(counts)
    negative = [counts.get(day, [0, 0])[0] for day in days]
    positive = [counts.get(day, [0, 0])[1] for day in days]
    known = _SENTIMENT140_DAYS[0] <= first and last <= _SENTIMENT140_DAYS[1] and last > SENTIMENT140_GAP
    return Days(days, negative, positive, undated, one_class_after(days, negative, positive), known)
