"""A post as an encoder that was trained on prose wants it: what only Twitter writes is replaced by a word."""

from __future__ import annotations

import re

from vigie_model.cleaning import normalise, unescape

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_NAME = re.compile(r"@\w+")
_RUN = re.compile(r"(.)\1{3,}")


def plain_text(text: str) -> str:
    """The text with HTML entities resolved, wrongly decoded UTF-8 mended, addresses as `http`, user names as `@user`,
    runs of four or more equal characters cut to three, and single spaces.

    Case, accents, punctuation and emoji stay: the encoder's own tokenizer decides about those.
    """
    for _ in range(2):  # Sentiment140 holds texts that were escaped twice
        if "&" in text:
            text = unescape(text)
    text = " ".join(normalise(piece) for piece in text.split())
    text = _RUN.sub(r"\1\1\1", _NAME.sub("@user", _ADDRESS.sub("http", text)))
    return " ".join(text.split())


def bare_text(text: str) -> str:
    """The plain text in lower case and without the words that stand for addresses and user names."""
    return " ".join(word for word in _NAME.sub(" ", plain_text(text)).lower().split() if word != "http")
