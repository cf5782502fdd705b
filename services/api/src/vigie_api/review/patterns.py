"""What wrong predictions have in common: terms that are likelier in them than in right ones. Pure.

The measure is the log-odds ratio with a Dirichlet prior of Monroe, Colaresi and Quinn, "Fightin' Words" (Political
Analysis, 2008, equations 15, 16, 19 and 22), on the number of posts that have a term. Terms are ranked by its z-score,
so that neither the rare word that occurred in one mistake nor the common word that is everywhere comes first.
"""

import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import TypeAlias

from vigie_api.feedback.schema import Verdict
from vigie_api.prediction.schema import Language, Sentiment
from vigie_model import Cleaner, CleaningOptions
from vigie_model.cleaning import URL_TOKEN, USER_TOKEN

TERMS_AT_MOST = 40
EXAMPLES_AT_MOST = 3
_WRONG_AT_LEAST = 2
_READ_CHARS = 500  # of a post: a hundred of the longest must not take a hundred times as long
_POSTS_REMEMBERED = 4_000
_PRIOR_POSTS = 25.0  # posts that the prior weighs as much as
_USUAL_RATE = 0.02  # of posts that have a word, before any post is read
_USUAL_POSTS = 2.0
_NO_WORDS = frozenset([URL_TOKEN, USER_TOKEN])


@dataclass(frozen=True, slots=True)
class Judged:
    """A post, what was predicted of it, and the verdict on that."""

    prediction_id: str
    text: str
    language: Language
    verdict: Verdict
    sentiment: Sentiment | None
    correction: Sentiment | None


_Read: TypeAlias = tuple[Judged, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Term:
    """A term that speaks for a mistake.

    Attributes:
        wrong, judged: posts with the term that were predicted wrongly, and that were judged at all.
        lift: log-odds ratio of wrong against right posts, above 0; z: the same in standard deviations.
        examples: wrongly predicted posts with it, in the order given.
    """

    term: str
    language: Language
    wrong: int
    judged: int
    lift: float
    z: float
    examples: tuple[Judged, ...]


def patterns(posts: Iterable[Judged]) -> list[Term]:
    """The terms of the mistakes, surest first, at most 40; each language's mistakes against its own right ones."""
    by_language: dict[Language, list[_Read]] = {}
    for post in posts:
        by_language.setdefault(post.language, []).append((post, words_of(post.text)))
    found = [term for language, group in by_language.items() for term in _of_language(language, group)]
    found.sort(key=lambda term: (-term.z, term.language, term.term))
    return found[:TERMS_AT_MOST]


def words_of(text: str) -> tuple[str, ...]:
    """The words of a post, cleaned as the models do, without names, links, small words and lone letters."""
    return _words_of(text[:_READ_CHARS])


# The newest verdicts are mostly those of the question before. In memory alone, and a few thousand of them.
@lru_cache(_POSTS_REMEMBERED)
def _words_of(text: str) -> tuple[str, ...]:
    return tuple(
        token for token in _cleaner().tokens(text) if (len(token) > 1 or not token.isalnum()) and token not in _NO_WORDS
    )


def terms(words: Sequence[str], known: Container[str] | None = None) -> set[str]:
    """Words, and pairs of words that follow each other once small words are left out; of `known` words alone."""
    if known is None:
        return {*words, *map(" ".join, pairwise(words))}
    found = {word for word in words if word in known}
    found.update(f"{one} {other}" for one, other in pairwise(words) if one in found and other in found)
    return found


def log_odds(wrong_with: int, wrong: int, right_with: int, right: int) -> tuple[float, float]:
    """Log-odds ratio of a term in `wrong` against `right` posts, and its z-score. Exchanging the sides turns the sign.

    The prior says that both sides have the term equally often: as often as the mean of the two, each drawn a little to
    the rate of a usual word, since one side may be empty.
    """
    rates = (
        (with_it + _USUAL_POSTS * _USUAL_RATE) / (of + _USUAL_POSTS)
        for with_it, of in ((wrong_with, wrong), (right_with, right))
    )
    prior = _PRIOR_POSTS * sum(rates) / 2
    lift = _logit(wrong_with + prior, wrong + _PRIOR_POSTS) - _logit(right_with + prior, right + _PRIOR_POSTS)
    return lift, lift / math.sqrt(1 / (wrong_with + prior) + 1 / (right_with + prior))


def _logit(part: float, whole: float) -> float:
    return math.log(part / (whole - part))


def _of_language(language: Language, posts: Sequence[_Read]) -> list[Term]:
    # A pair is in no more mistakes than its words, so only pairs of frequent words are put together.
    words = _frequent(Counter(word for post, read in posts if post.verdict == "wrong" for word in set(read)))
    in_all: Counter[str] = Counter()
    in_wrong: Counter[str] = Counter()
    mistakes: list[tuple[Judged, set[str]]] = []
    for post, read in posts:
        its_terms = terms(read, words)
        in_all.update(its_terms)
        if post.verdict == "wrong":
            in_wrong.update(its_terms)
            mistakes.append((post, its_terms))
    measured = {
        term: log_odds(in_wrong[term], len(mistakes), in_all[term] - in_wrong[term], len(posts) - len(mistakes))
        for term in _frequent(in_wrong)
    }
    best = sorted(_telling(measured), key=lambda term: (-measured[term][1], term))[:TERMS_AT_MOST]
    examples = _examples(mistakes, best)
    return [Term(term, language, in_wrong[term], in_all[term], *measured[term], examples[term]) for term in best]


def _frequent(counts: Mapping[str, int]) -> set[str]:
    return {term for term, count in counts.items() if count >= _WRONG_AT_LEAST}


def _telling(measured: Mapping[str, tuple[float, float]]) -> Iterable[str]:
    """The terms that speak for a mistake; of a pair and its words, the pair only where it says more."""
    for term, (lift, _) in measured.items():
        words = term.split(" ")
        if lift > 0 and (len(words) == 1 or lift > max(measured[word][0] for word in words)):
            yield term


def _examples(mistakes: Sequence[tuple[Judged, set[str]]], wanted: Sequence[str]) -> dict[str, tuple[Judged, ...]]:
    found: dict[str, tuple[Judged, ...]] = dict.fromkeys(wanted, ())
    for post, its_terms in mistakes:
        for term in its_terms & found.keys():
            if len(found[term]) < EXAMPLES_AT_MOST:
                found[term] += (post,)
    return found


@cache
def _cleaner() -> Cleaner:
    # One for the process: it remembers words that it has seen.
    return Cleaner(CleaningOptions(remove_special=True, remove_stop_words=True))
