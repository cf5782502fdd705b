"""Calibration is data, and one score at a time equals many."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_model import ArtifactError, ByLanguage, Isotonic, Platt
from vigie_model.calibration import calibration_from_json

MARGINS = st.floats(-1e6, 1e6)


@given(MARGINS, st.floats(-10, 10), st.floats(-10, 10))
def test_platt_is_the_logistic_function(margin: float, slope: float, intercept: float):
    score = Platt(slope, intercept).one(margin)
    assert 0.0 <= score <= 1.0
    z = slope * margin + intercept
    assert score == pytest.approx(0.5 * (1 + math.tanh(z / 2)), abs=1e-12)


@given(
    st.lists(MARGINS, min_size=2, max_size=6, unique=True), st.lists(st.floats(0, 1), min_size=6, max_size=6), MARGINS
)
def test_isotonic_is_numpys_interpolation(x: list[float], y: list[float], margin: float):
    curve = Isotonic(tuple(sorted(x)), tuple(sorted(y[: len(x)])))
    assert curve.one(margin) == pytest.approx(np.interp(margin, curve.x, curve.y), abs=1e-9)
    assert curve.many(np.array([margin])).tolist() == [curve.one(margin)]


@pytest.mark.parametrize("calibration", [Platt(2.5, -1.0), Isotonic((0.0, 1.0), (0.25, 0.75))])
def test_a_calibration_survives_the_manifest(calibration: Platt | Isotonic):
    assert calibration_from_json(calibration.to_json()) == calibration


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "beta"},
        {"kind": "platt", "slope": 1},
        {"kind": "platt", "slope": "x", "intercept": 0},
        {"kind": "platt", "slope": float("nan"), "intercept": 0},
        {"kind": "isotonic", "x": [], "y": []},
        {"kind": "isotonic", "x": [0, 0], "y": [0, 1]},
        {"kind": "isotonic", "x": [0, 1], "y": [1, 0]},
        {"kind": "isotonic", "x": [0, 1], "y": [0, 2]},
        {"kind": "isotonic", "x": 3, "y": 4},
    ],
)
def test_an_unsound_calibration_is_refused_with_a_sentence(data: dict[str, object]):
    with pytest.raises(ArtifactError, match="alibration"):
        calibration_from_json(data)


def test_each_language_has_its_curve_and_the_others_the_default():
    curves = {"default": Platt(), "fr": Isotonic((0.0, 1.0), (0.25, 0.75))}
    calibration = ByLanguage(curves)
    assert [calibration.curve(language) for language in ("en", "fr", "und")] == [Platt(), curves["fr"], Platt()]
    scores = calibration.many(np.array([0.0, 0.0, 1.0]), ["en", "fr", "fr"])
    assert scores.tolist() == [0.5, 0.25, 0.75]
    assert calibration_from_json(calibration.to_json()) == calibration


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        (None, "incomplete"),
        ([], "incomplete"),
        ({}, "lacks the default"),
        ({"fr": Platt().to_json()}, "lacks the default"),
        ({"default": Platt().to_json(), "de": Platt().to_json()}, "language 'de'"),
        ({"default": []}, "incomplete"),
        ({"default": {"kind": "by_language", "curves": {}}}, "Unknown calibration"),
    ],
)
def test_an_unsound_calibration_by_language_is_refused(curves: object, said: str):
    with pytest.raises(ArtifactError, match=said):
        calibration_from_json({"kind": "by_language", "curves": curves})
