"""Dictionary forms of English and French words, from the tables that simplemma carries."""

from functools import lru_cache

import simplemma


@lru_cache(maxsize=65_536)
def lemma(word: str) -> str:
    """The dictionary form of `word`: English if simplemma's English table knows the word, else French if that one
    does, else the word.

    The choice needs no neighbours, so that a token always becomes the same lemma. The tables load on first use (about
    0.3 s each).
    """
    for language in ("en", "fr"):
        if simplemma.is_known(word, lang=language):
            return simplemma.lemmatize(word, lang=language).replace(" ", "_") or word
    return word
