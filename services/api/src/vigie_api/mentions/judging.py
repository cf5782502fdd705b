"""Judging a batch of texts in a thread, a few at a time: whoever answers requests meanwhile must not notice."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from vigie_api.champion.serving import Served, Verdict, usable

_LIGHT_CHARS: Final = 4_000  # about a millisecond, as the predictor gives itself on the event loop
_HEAVY_TEXTS: Final = 32
_BREATH_S: Final = 0.001
_CANARY: Final = "Merci, vol parfait !"


class ModelFails(Exception):  # noqa: N818 - reads as what happened
    """The model cannot judge anything at this moment; the message says why, without a text."""


def judge(
    served: Served, texts: Sequence[str], breathe: Callable[[float], object] = time.sleep
) -> list[Verdict | None]:
    """The verdicts on the texts, in order; None for a text that the model fails on while it judges others.

    Blocks. Between slices of a millisecond or so the interpreter is let go. Raises ModelFails.
    """
    verdicts: list[Verdict | None] = []
    for part in _slices(texts, light=served.light):
        if verdicts:
            breathe(_BREATH_S)
        try:
            verdicts.extend(_verdicts(served, part))
        except Exception:
            verdicts.extend(_one_by_one(served, part))
    return verdicts


def _verdicts(served: Served, texts: Sequence[str]) -> list[Verdict]:
    found: Sequence[Any] = served.scorer.predict(texts)
    if len(found) != len(texts):
        raise ValueError("as many verdicts as texts")
    return [usable(verdict) for verdict in found]


def _one_by_one(served: Served, texts: Sequence[str]) -> list[Verdict | None]:
    """The model failed on some of these: which ones, or on anything at all?"""
    try:
        _verdicts(served, [_CANARY])
    except Exception as error:
        raise ModelFails(f"version {served.version} fails on every text ({type(error).__name__})") from error
    found: list[Verdict | None] = []
    for text in texts:
        try:
            found.extend(_verdicts(served, [text]))
        except Exception:
            found.append(None)
    return found


def _slices(texts: Sequence[str], *, light: bool) -> list[Sequence[str]]:
    """The texts in order, so many at a time as take a millisecond or two (light), or as one batch of a network."""
    if not light:
        return [texts[start : start + _HEAVY_TEXTS] for start in range(0, len(texts), _HEAVY_TEXTS)]
    slices: list[Sequence[str]] = []
    start = chars = 0
    for at, text in enumerate(texts):
        chars += len(text) + 1
        if chars >= _LIGHT_CHARS:
            slices.append(texts[start : at + 1])
            start, chars = at + 1, 0
    if start < len(texts):
        slices.append(texts[start:])
    return slices
