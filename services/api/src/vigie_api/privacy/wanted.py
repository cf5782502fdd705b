"""The text that shall be forgotten, and how it is recognised. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from vigie_model.cleaning import unescape

MARKER = "[forgotten]"
_NO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_LONG_ENOUGH = 20
_SHORTEST_FRAGMENT = 5


def normal_form(text: str) -> str:
    """The form in which two texts are the same: HTML entities, case, white space, the Unicode form (NFC) and characters
    of no width do not matter; accents and punctuation do."""
    if text.isascii() and "&" not in text:  # most are, and a million may have to be read
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFC", unescape(text)).casefold()
    return " ".join(unicodedata.normalize("NFC", _NO_WIDTH.sub("", folded)).split())


@dataclass(frozen=True)
class Wanted:
    """What to look for: posts that are this text or, with `fragment`, that hold it anywhere.

    Raises ValueError when nothing is left of the text in its normal form, or so little that a fragment is everywhere.
    """

    text: str
    fragment: bool = False

    def __post_init__(self) -> None:
        if not self._form:
            raise ValueError("the text is blank")
        if self.fragment and len(self._form) < _SHORTEST_FRAGMENT:
            raise ValueError(f"a fragment must have {_SHORTEST_FRAGMENT} characters or more")

    @cached_property
    def _form(self) -> str:
        return normal_form(self.text)

    def is_post(self, text: str) -> bool:
        """Whether a post is wanted."""
        form = normal_form(text)
        return self._form in form if self.fragment else self._form == form

    def is_quoted(self, words: str) -> bool:
        """Whether words that somebody wrote, or a document, hold the text.

        A whole text shorter than 20 characters must be all of the words: "merci" is in half of what people write.
        """
        form = normal_form(words)
        if self.fragment:
            return self._form in form
        if len(self._form) < _LONG_ENOUGH:
            return self._form == form
        start = form.find(self._form)
        while start >= 0:
            end = start + len(self._form)
            if not form[start - 1 : start].isalnum() and not form[end : end + 1].isalnum():
                return True
            start = form.find(self._form, start + 1)
        return False
