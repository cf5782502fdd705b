"""Given labels: all that matters is whether a post is negative."""

import unicodedata
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vigie_api.replay.errors import Misuse

_WORDS: Final = {
    "negative": True, "negatif": True, "neg": True,
    "neutral": False, "neutre": False, "positive": False, "positif": False, "pos": False,
}  # fmt: skip
_NUMBERS: Final = ({"0", "1"}, {"0", "4"}, {"0", "2", "4"}, {"-1", "0", "1"}, {"-1", "1"})


def _plain(value: str) -> str:
    decomposed = unicodedata.normalize("NFKD", value.strip().casefold())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    plain = plain.removeprefix("+")
    return plain[:-2] if plain.endswith(".0") else plain


class LabelReader:
    """Reads chunks of one column. What 0 means is known only at the end: with -1 among the labels it is neutral."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    @property
    def labels(self) -> list[str]:
        """The labels seen, as `codes` numbers them."""
        return list(self._codes)

    def codes(self, column: "pd.Series[str]") -> NDArray[np.int64]:
        """A number for the label of each row; -1 where there is none."""
        values, labels = pd.factorize(column)
        found = np.full(len(labels) + 1, -1, dtype=np.int64)
        for index, label in enumerate(labels):
            plain = _plain(str(label))
            if not plain:
                continue
            if plain not in _WORDS and not any(plain in numbers for numbers in _NUMBERS):
                raise Misuse(
                    f"the label {str(label)[:40]!r} is not known: use 0/1, 0/4, 0/2/4, -1/0/1, "
                    "or negative, neutral and positive."
                )
            found[index] = self._codes.setdefault(plain, len(self._codes))
        return found[values]

    def negative(self) -> list[bool]:
        """Whether each label of `labels` is negative.

        Raises:
            Misuse: the numbers fit no scheme.
        """
        numbers = {label for label in self._codes if label not in _WORDS}
        if numbers and not any(numbers <= scheme for scheme in _NUMBERS):
            raise Misuse(f"the labels {', '.join(sorted(numbers))} fit no scheme: use 0/1, 0/4, 0/2/4 or -1/0/1.")
        least = "-1" if "-1" in numbers else "0"
        return [_WORDS.get(label, label == least) for label in self._codes]
