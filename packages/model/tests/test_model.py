"""What a loaded model promises, whatever the text."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vigie_model
from vigie_model import Model
from vigie_model.scorers import FeatureScorer

GOLDEN = Path(__file__).parent / "golden" / "format_1"
MODELS = {name: vigie_model.load(GOLDEN / name) for name in ("linear", "forest", "lightgbm")}
TEXTS = st.lists(
    st.one_of(st.text(st.characters(), max_size=60), st.sampled_from(["not good", "merci :)", "", "😀😀", "\x00"])),
    max_size=6,
)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=60, deadline=None)
@given(texts=TEXTS)
def test_every_text_gets_one_sound_verdict_the_same_alone_and_in_a_batch(name: str, texts: list[str]):
    model = MODELS[name]
    verdicts = model.predict(texts)
    assert len(verdicts) == len(texts)
    np.testing.assert_allclose([verdict.score for verdict in verdicts], model.score(texts), atol=0)
    low, high = model.manifest.uncertain
    for text, verdict in zip(texts, verdicts, strict=True):
        assert 0.0 <= verdict.score <= 1.0
        assert verdict.sentiment == ("positive" if verdict.score >= 0.5 else "negative")
        assert verdict.confidence == pytest.approx(max(verdict.score, 1 - verdict.score))
        assert verdict.uncertain == (low < verdict.score < high)
        assert verdict.language == vigie_model.detect_language(text)
        assert model.predict_one(text) == verdict


def test_a_text_of_the_greatest_length_gets_a_verdict():
    for text in ["x" * vigie_model.MAX_TEXT_LENGTH, "good " * 2_000, "(" * 10_000, "a.-" * 3_333, "😀" * 10_000]:
        assert MODELS["linear"].predict_one(text).sentiment in {"positive", "negative"}


def test_threads_agree():
    texts = [f"good flight {number} not bad, merci {number % 7}" for number in range(400)]
    expected = MODELS["linear"].predict(texts)
    fresh = vigie_model.load(GOLDEN / "linear")
    with ThreadPoolExecutor(4) as pool:
        for verdicts in pool.map(lambda _: fresh.predict(texts), range(8)):
            assert verdicts == expected


def test_features_that_cannot_be_fused_score_through_the_matrix():
    model = MODELS["linear"]
    word = model.scorer.features.blocks[0]
    features = vigie_model.TfidfFeatures(
        model.scorer.features.cleaner, [replace(word, ngrams=(1, 3)), model.scorer.features.blocks[1]]
    )
    slow = Model(model.manifest, model.digest, FeatureScorer(features, model.scorer.head))
    texts = ["not good", "Great flight, good crew :)", ""]
    np.testing.assert_allclose(slow.score(texts), model.score(texts), atol=1e-12)
    assert [verdict.sentiment for verdict in slow.predict(texts)] == [
        verdict.sentiment for verdict in model.predict(texts)
    ]
