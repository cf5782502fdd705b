"""Which topic a text is about: whole words, hashtags and phrases, whatever their case and accents.

A topic is a list of terms. `air paradis` is a phrase (any white space between its words), `#airparadis` the hashtag
alone, `airparadis` the word, as a hashtag and in a mention too. A term with a minus in front keeps a text out of the
topic. The first topic that a text belongs to has it.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

MAX_TERMS: Final = 200
MAX_TERM_CHARS: Final = 100
_TERM = re.compile(r'(-?)"([^"]*)"|([^\s",]+)')
_MARKS = re.compile(r"[\u0300-\u036f]+")
# The value of any member "text" of a JSON document, without parsing the rest. Possessive: linear on whatever comes.
_JSON_TEXT = re.compile(rb'"text"\s*:\s*"((?:[^"\\]++|\\.)*+)"')
_RUN = re.compile(r"\w+")


def fold(text: str) -> str:
    """Without case and accents, apostrophes straight, in one Unicode form: what reads as one word is one word."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).replace("’", "'")


def _split(value: object) -> object:
    """The terms of a string: words apart, phrases in double quotes."""
    if not isinstance(value, str):
        return value
    if value.count('"') % 2:
        raise ValueError("a quotation mark is missing")
    return tuple(minus + phrase if word == "" else word for minus, phrase, word in _TERM.findall(value))


def _terms(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > MAX_TERMS:
        raise ValueError(f"at most {MAX_TERMS} words and phrases")
    for term in value:
        if len(term) > MAX_TERM_CHARS:
            raise ValueError(f"a word or phrase has at most {MAX_TERM_CHARS} characters")
        if not re.search(r"\w", term):
            raise ValueError(f"{term!r} holds no letter or digit")
    if not any(not term.startswith("-") for term in value):
        raise ValueError("needs a word or a phrase to look for")
    return value


Terms = Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_terms)]


class Matcher:
    """Finds the topic of texts. Compiled once."""

    def __init__(self, topics: Mapping[str, Sequence[str]]) -> None:
        self._topics = [
            (
                topic,
                _pattern([term for term in terms if not term.startswith("-")]),
                _pattern([term[1:] for term in terms if term.startswith("-")]),
            )
            for topic, terms in topics.items()
        ]
        self._anchors = _anchors([term for terms in topics.values() for term in terms if not term.startswith("-")])

    def topic_of(self, text: str) -> str | None:
        """The first topic that the text is about."""
        folded = fold(text)
        for topic, wanted, unwanted in self._topics:
            if wanted.search(folded) and not unwanted.search(folded):
                return topic
        return None

    def may_concern(self, document: bytes) -> bool:
        """Whether a JSON document holds a `text` that may be about a topic; nothing else of it is parsed.

        False is certain, True is not. Looking for a few strings costs less than looking for words.
        """
        for quoted in _JSON_TEXT.findall(document):
            if quoted.isascii() and b"\\" not in quoted:
                text = quoted.decode("ascii").lower()
            else:
                text = fold(_unquoted(quoted))
            for anchor in self._anchors:
                if anchor in text:
                    return True
        return False


def _anchors(terms: Sequence[str]) -> tuple[str, ...]:
    """Strings of which any text that holds a term holds one: the longest run of letters of each, or a part of it."""
    runs = {max(_RUN.findall(fold(term)), key=len) for term in terms}
    return tuple(sorted(run for run in runs if not any(other != run and other in run for other in runs)))


def _unquoted(quoted: bytes) -> str:
    """The string that a JSON string stands for; what is not well formed becomes something that can be searched."""
    if b"\\" not in quoted:
        return quoted.decode("utf-8", errors="replace")
    try:
        text: Any = json.loads(b'"' + quoted + b'"', strict=False)
    except ValueError:
        return quoted.decode("utf-8", errors="replace")
    return str(text)


def _pattern(terms: Sequence[str]) -> re.Pattern[str]:
    """One expression for all terms, each between what is no letter or digit; of none, what matches nothing."""
    if not terms:
        return re.compile(r"(?!)")
    alternatives = "|".join(_expression(fold(term)) for term in sorted(set(terms)))
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)")


def _expression(term: str) -> str:
    return r"\s+".join(re.escape(word) for word in term.split())
