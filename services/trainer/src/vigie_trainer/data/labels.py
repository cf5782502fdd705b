"""Which values of a label column mean negative, neutral and positive."""

import unicodedata
from collections.abc import Mapping

from vigie_trainer.errors import Misuse

NEGATIVE, POSITIVE = 0, 1
NEUTRAL = -1

_WORDS = {
    "negative": NEGATIVE,
    "negatif": NEGATIVE,
    "neutral": NEUTRAL,
    "neutre": NEUTRAL,
    "positive": POSITIVE,
    "positif": POSITIVE,
}
_BINARY = {"0": NEGATIVE, "1": POSITIVE}
_SENTIMENT140 = {"0": NEGATIVE, "2": NEUTRAL, "4": POSITIVE}
# Below this share, a value outside the scheme is a slip in some rows; above it, it is another scheme.
_SLIP_SHARE = 0.05


def normalised(value: str) -> str:
    """The form in which label values are compared: no accents, no case, no spaces around, 4.0 as 4."""
    decomposed = unicodedata.normalize("NFKD", value.strip().lower())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return plain[:-2] if plain.endswith(".0") and plain[:-2].removeprefix("-").isdecimal() else plain


def parse_labels_option(option: str) -> dict[str, int]:
    """Read `negative,neutral,positive` (names of 0, 1, 2 …) or `1=negative,3=neutral,5=positive`.

    Raises:
        Misuse: a name that is not a sentiment, or a value named twice.
    """
    scheme: dict[str, int] = {}
    for position, part in enumerate(option.split(",")):
        value, equals, name = part.partition("=")
        if not equals:
            value, name = str(position), part
        meaning = _WORDS.get(normalised(name))
        if meaning is None:
            raise Misuse(
                f"--labels: {name.strip()!r} is not a sentiment; write for example "
                "--labels negative,neutral,positive or --labels 1=negative,5=positive."
            )
        if normalised(value) in scheme:
            raise Misuse(f"--labels names the value {value.strip()!r} twice.")
        scheme[normalised(value)] = meaning
    return scheme


def choose_scheme(counts: Mapping[str, int], option: str | None = None) -> dict[str, int]:
    """Decide what each value of a label column means.

    Args:
        counts: how many rows have each normalised value.
        option: the text of --labels, which wins over every guess.

    Returns:
        value -> NEGATIVE, NEUTRAL or POSITIVE, the words of both languages included.

    Raises:
        Misuse: the values fit more than one reading (0/1/2, -1/0/1, stars), so the person must say.
    """
    if option is not None:
        return _WORDS | parse_labels_option(option)
    numbers = {value: count for value, count in counts.items() if value.removeprefix("-").isdecimal()}
    total = sum(numbers.values())
    known = _SENTIMENT140 if _fits(_SENTIMENT140, numbers) >= _fits(_BINARY, numbers) else _BINARY
    if set(numbers) <= {"0", "1"}:
        known = _BINARY
    strangers = sum(count for value, count in numbers.items() if value not in known)
    if total and strangers / total > _SLIP_SHARE:
        values = ", ".join(sorted(numbers, key=int)[:8])
        raise Misuse(
            f"the labels {values} can be read in more than one way; say which is which, "
            "for example --labels negative,neutral,positive for 0, 1, 2."
        )
    return _WORDS | known


def _fits(scheme: Mapping[str, int], numbers: Mapping[str, int]) -> int:
    return sum(count for value, count in numbers.items() if value in scheme)
