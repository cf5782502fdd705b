"""English, French or undetermined: told by function words and spelling, one run of characters at a time."""

import re
from functools import lru_cache

from vigie_model.cleaning import normalise, split_contraction
from vigie_model.words import ENGLISH_MARKS, FRENCH_MARKS

LANGUAGES = ("en", "fr", "und")
"""What `detect_language` can say."""

_LETTERS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?")
_FRENCH_LETTERS = re.compile(r"[éèêëàâçùûîïôœ]")
_FRENCH_SHAPES = re.compile(r"(?:eau|eaux|eux|euse|tion|ment|ique|aient|oir|ette|elle|ées?|és|ir|er|ez|ais|ait)$")
_ENGLISH_SHAPES = re.compile(r"(?:ing|ed|ly|ness|ght|y|th|ck|sh|ful|less|ow|ew)$|[kw]|^th|sh|oo|ee|ck")


@lru_cache(maxsize=32_768)
def piece_evidence(piece: str) -> float:
    """How much a run of characters speaks for French (positive) or English (negative); 0 when it says nothing."""
    if piece.isascii() and piece.isalpha():
        return _word_evidence(piece.lower())
    if len(piece) > 64 or piece[0] in "@#" or "://" in piece:
        return 0.0
    total = 0.0
    for word in _LETTERS.findall(normalise(piece).lower()):
        for part in split_contraction(word):
            total += _word_evidence(part)
    return total


@lru_cache(maxsize=32_768)
def _word_evidence(word: str) -> float:
    if word in FRENCH_MARKS:
        return 0.0 if word in ENGLISH_MARKS else 2.0
    if word in ENGLISH_MARKS:
        return -2.0
    if _FRENCH_LETTERS.search(word):
        return 1.5
    evidence = 0.0
    if _FRENCH_SHAPES.search(word):
        evidence += 0.3
    if _ENGLISH_SHAPES.search(word):
        evidence -= 0.5
    return evidence


def detect_language(text: str) -> str:
    """`"en"`, `"fr"`, or `"und"` when the text gives no sign of either."""
    return language_of(sum(map(piece_evidence, text.split())))


def language_of(evidence: float) -> str:
    """The language that the summed evidence of a text's pieces stands for."""
    if evidence >= 0.5:
        return "fr"
    return "en" if evidence <= -0.5 else "und"
