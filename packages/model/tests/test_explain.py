"""An explanation adds up, names what is in the text, and is exact where the model is a sum."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import vigie_model
from vigie_model import Block, ByLanguage, Cleaner, FeatureScorer, Isotonic, LinearHead, Model, Platt, TfidfFeatures
from vigie_model.explain import by_occlusion

GOLDEN = Path(__file__).parent / "golden"
MODELS = {
    f"{folder.parent.name}/{folder.name}": vigie_model.load(folder)
    for folder in sorted(path.parent for path in GOLDEN.glob("format_*/*/manifest.json"))
    if folder.name != "use"
}
TEXTS = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(
        st.sampled_from(["not", "good", "bad!", "merci", "pas", "retard", "😀", "don't", "l'avion"]), max_size=9
    ).map("  ".join),
)


def odds(score: float) -> float:
    return math.log(score / (1.0 - score))


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=30, deadline=None)
@given(text=TEXTS)
def test_base_and_contributions_add_up_to_the_log_odds_of_the_verdict(name: str, text: str):
    model = MODELS[name]
    explanation = model.explain(text)
    assert explanation.prediction == model.predict_one(text)
    assert [token.text for token in explanation.tokens] == text.split()
    for token in explanation.tokens:
        assert text[token.start : token.end] == token.text
        assert math.isfinite(token.contribution)
    total = explanation.base + sum(token.contribution for token in explanation.tokens)
    assert total == pytest.approx(odds(explanation.prediction.score), abs=1e-6)
    fused = isinstance(model.scorer, FeatureScorer) and model.scorer.fused is not None
    assert explanation.method == ("linear" if fused else "occlusion")


def linear(*blocks: Block, calibration: Platt | Isotonic | ByLanguage, weights: Sequence[float]) -> Model:
    scorer = FeatureScorer(TfidfFeatures(Cleaner(), blocks), LinearHead(np.array(weights), 0.5))
    manifest = replace(MODELS["format_2/linear"].manifest, calibration=calibration, scorer=scorer.describe())
    return Model(manifest, "sha256:0", scorer)


def test_the_parts_of_a_linear_score_are_those_of_its_terms():
    block = Block("word", (1, 2), ["good", "bad", "not good"], np.array([1.0, 1.0, 2.0]))
    model = linear(block, calibration=Platt(3.0, -1.0), weights=[1.0, -4.0, -2.0])
    explanation = model.explain("so not good")
    norm = math.sqrt(1.0 + 4.0)
    parts = {token.text: token.contribution for token in explanation.tokens}
    # "not good" belongs to both of its words, half to each; Platt's slope multiplies every part.
    assert parts == pytest.approx({"so": 0.0, "not": 3 * -2.0 / norm, "good": 3 * (1.0 - 2.0) / norm})
    assert explanation.base == pytest.approx(3 * 0.5 - 1.0)


def test_a_negative_part_pulls_to_negative_and_the_words_of_a_language_follow_its_curve():
    block = Block("word", (1, 1), ["bien", "nul"], np.ones(2))
    model = linear(block, calibration=ByLanguage({"default": Platt(), "fr": Platt(2.0, 0.25)}), weights=[1.0, -1.0])
    explanation = model.explain("le vol est nul")
    assert explanation.prediction.language == "fr"
    assert explanation.prediction.score == pytest.approx(1 / (1 + math.exp(-(2.0 * -0.5 + 0.25))))
    assert explanation.tokens[-1].contribution == pytest.approx(-2.0)
    assert explanation.base == pytest.approx(2.0 * 0.5 + 0.25)


def test_a_curve_without_a_slope_leaves_the_parts_as_they_are():
    block = Block("word", (1, 1), ["good", "bad"], np.ones(2))
    model = linear(block, calibration=Isotonic((-2.0, 2.0), (0.0, 1.0)), weights=[1.0, -1.0])
    (token,) = model.explain("good").tokens
    assert token.contribution == pytest.approx(1.0)


def test_a_linear_model_of_any_shape_is_explained_exactly():
    word = Block("word", (1, 3), ["good", "not good at", "at"], np.array([1.0, 2.0, 1.0]), sublinear=False)
    char = Block("char_wb", (2, 3), [" g", "oo", "ood"], np.ones(3))
    model = linear(word, char, calibration=Platt(), weights=[1.0, -3.0, 0.5, 0.1, 0.2, -0.3])
    assert isinstance(model.scorer, FeatureScorer)
    assert model.scorer.fused is None
    explanation = model.explain("not good at all good")
    assert explanation.method == "linear"
    total = explanation.base + sum(token.contribution for token in explanation.tokens)
    assert total == pytest.approx(odds(explanation.prediction.score), abs=1e-9)
    assert explanation.base == pytest.approx(0.5)


class Counting:
    """Margins by counting words, and how many texts were asked for."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        self.batches.append(list(texts))
        return np.array([text.count("good") - 2.0 * text.count("bad") for text in texts])


def test_leaving_a_word_out_shows_what_it_adds():
    counting = Counting()
    text = " good  so bad\n"
    parts = by_occlusion(text, counting, -1.0, Platt(2.0, 1.0), 64)
    assert [(token.text, token.contribution) for token in parts.tokens] == [("good", 2.0), ("so", 0.0), ("bad", -4.0)]
    assert parts.base == pytest.approx(1.0)
    assert counting.batches == [["   so bad\n", " good   bad\n", " good  so \n"]]


def test_a_long_text_is_cut_into_windows_that_share_their_loss():
    counting = Counting()
    text = " ".join(["good"] * 100)
    parts = by_occlusion(text, counting, 100.0, Platt(), 11)
    assert [len(batch) for batch in counting.batches] == [10]
    assert [token.contribution for token in parts.tokens] == [1.0] * 100
    by_occlusion("good " * 2_000, counting, 2_000.0, Platt(), 64)
    assert len(counting.batches[1]) < 10  # ten thousand characters are not scored sixty-four times


def test_a_text_of_nothing_has_no_parts_and_is_asked_once():
    counting = Counting()
    parts = by_occlusion(" \n", counting, 0.5, Platt(2.0), 64)
    assert (parts.tokens, parts.base, counting.batches) == ([], 1.0, [])


def test_scores_of_nought_and_one_have_finite_parts():
    parts = by_occlusion("good bad", Counting(), -1.0, Isotonic((-1.5, 0.5), (0.0, 1.0)), 64)
    assert all(math.isfinite(token.contribution) for token in parts.tokens)


def test_an_ensemble_keeps_the_language_of_the_whole_text_while_words_are_left_out():
    model = MODELS["format_2/ensemble"]
    text = "merci pour good"
    assert vigie_model.detect_language(text) == "fr"
    assert vigie_model.detect_language("good") != "fr"
    explanation = model.explain(text)
    scorer = model.scorer
    assert isinstance(scorer, vigie_model.EnsembleScorer)
    curve = model.manifest.calibration
    assert isinstance(curve, ByLanguage)
    whole, without = scorer.margins_in([text, " pour good"], ["fr", "fr"]).tolist()
    expected = odds(curve.curve("fr").one(whole)) - odds(curve.curve("fr").one(without))
    assert explanation.tokens[0].contribution == pytest.approx(expected, abs=1e-5)
