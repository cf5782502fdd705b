"""Calibration: from a head's margin to P(positive), as data.

Platt (1999), "Probabilistic outputs for support vector machines": 1 / (1 + exp(-(slope · margin + intercept))).
Isotonic: a non-decreasing line through points (Zadrozny and Elkan, 2002), constant outside them.
ByLanguage: one of those for each language, since one threshold does not fit two languages.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.language import LANGUAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve; `Platt()` is the plain logistic function."""

    slope: float = 1.0
    intercept: float = 0.0

    def one(self, margin: float) -> float:
        """P(positive) of one margin."""
        z = self.slope * margin + self.intercept
        if z >= 0.0:
            return 1.0 / (1.0 + math.exp(-z))
        if z < -700.0:
            return 0.0
        e = math.exp(z)
        return e / (1.0 + e)

    def many(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(positive) of each margin; the very numbers that `one` gives."""
        return np.array([self.one(margin) for margin in margins.tolist()], dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """As the manifest stores it."""
        return {"kind": "platt", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A non-decreasing line through the points (x[i], y[i]); x strictly increasing, y in [0, 1]."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        ordered = all(a < b for a, b in zip(self.x, self.x[1:], strict=False)) and list(self.y) == sorted(self.y)
        if not all(map(math.isfinite, (*self.x, *self.y))):
            raise ArtifactError("The isotonic calibration has numbers that are not finite.")
        if not self.x or len(self.x) != len(self.y) or not ordered or self.y[0] < 0.0 or self.y[-1] > 1.0:
            raise ArtifactError("The isotonic calibration is not a rising line between 0 and 1.")

    def one(self, margin: float) -> float:
        """P(positive) of one margin."""
        x, y = self.x, self.y
        if margin <= x[0]:
            return y[0]
        if margin >= x[-1]:
            return y[-1]
        right = bisect.bisect_right(x, margin)
        left = right - 1
        return y[left] + (y[right] - y[left]) * (margin - x[left]) / (x[right] - x[left])

    def many(self, margins: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(positive) of each margin; the very numbers that `one` gives."""
        return np.array([self.one(margin) for margin in margins.tolist()], dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """As the manifest stores it."""
        return {"kind": "isotonic", "x": list(self.x), "y": list(self.y)}


Curve = Platt | Isotonic


@dataclass(frozen=True, slots=True)
class ByLanguage:
    """A curve for each detected language: `curves` maps en, fr or und to one, and `default` to that of the others."""

    curves: Mapping[str, Curve]

    def __post_init__(self) -> None:
        if "default" not in self.curves:
            raise ArtifactError("The calibration by language lacks the default.")
        unknown = sorted(set(self.curves) - {"default", *LANGUAGES})
        if unknown:
            raise ArtifactError(f"The calibration names the language {unknown[0]!r}; known are {', '.join(LANGUAGES)}.")

    def curve(self, language: str) -> Curve:
        """The curve of texts of that language."""
        return self.curves.get(language) or self.curves["default"]

    def many(self, margins: NDArray[np.float64], languages: Sequence[str]) -> NDArray[np.float64]:
        """P(positive) of each margin, by the curve of its language."""
        scores = [self.curve(lang).one(margin) for margin, lang in zip(margins.tolist(), languages, strict=True)]
        return np.array(scores, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """As the manifest stores it."""
        return {"kind": "by_language", "curves": {name: curve.to_json() for name, curve in self.curves.items()}}


Calibration = Platt | Isotonic | ByLanguage


def calibration_from_json(data: Mapping[str, Any]) -> Calibration:
    """The calibration that a manifest describes. Raises ArtifactError when it describes none that is known."""
    if data.get("kind") != "by_language":
        return _curve_from_json(data)
    curves = data.get("curves")
    if not isinstance(curves, dict):
        raise ArtifactError("The manifest's calibration is incomplete.")
    return ByLanguage({name: _curve_from_json(curve) for name, curve in curves.items()})


def _curve_from_json(data: Mapping[str, Any]) -> Curve:
    try:
        if data["kind"] == "platt":
            curve = Platt(float(data["slope"]), float(data["intercept"]))
            if math.isfinite(curve.slope) and math.isfinite(curve.intercept):
                return curve
            raise ArtifactError("The Platt calibration has numbers that are not finite.")
        if data["kind"] == "isotonic":
            return Isotonic(tuple(map(float, data["x"])), tuple(map(float, data["y"])))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError("The manifest's calibration is incomplete.") from error
    raise ArtifactError(f"Unknown calibration {data['kind']!r}: known are platt, isotonic and by_language.")
