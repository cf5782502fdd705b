"""A negation reaches the words after it, in features, scores and explanations alike."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.feature_extraction.text import TfidfVectorizer
from test_fused_scorer import CLEANER, TEXTS

import vigie_model
from vigie_model import ArtifactError, Block, FeatureScorer, LinearHead, Platt, TfidfFeatures
from vigie_model.explain import by_terms
from vigie_model.negation import Reach, mark_negated

SPAN = 3
TERMS = [
    "good", "NOT_good", "bad", "NOT_bad", "not", "not NOT_good", "n't", "pas", "NOT_vol", "vol", "NOT_good NOT_bad",
    "NOT_a", "a", "NOT_i", "NOT_😀", "retard", "NOT_retard", ".", "NOT_.", "n't NOT_good",
]  # fmt: skip


def features(*, chars: bool = True) -> TfidfFeatures:
    blocks = [Block("word", (1, 2), TERMS, 1.0 + np.arange(len(TERMS)) / 7, negation_span=SPAN)]
    if chars:
        grams = [" go", "goo", "ood", "od ", " ba", "bad", "ad ", "vol"]
        blocks.append(Block("char_wb", (3, 3), grams, np.linspace(1.0, 2.0, len(grams))))
    return TfidfFeatures(CLEANER, blocks)


def scorer() -> FeatureScorer:
    return FeatureScorer(features(), LinearHead(np.sin(np.arange(features().width)), 0.25))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("not good at all really", "not NOT_good NOT_at NOT_all really"),
        ("don't like it, good", "do n't NOT_like NOT_it , good"),
        ("never ! good", "never ! good"),
        ("not :) so good", "not :) NOT_so NOT_good"),
        ("no good not a bad crew", "no NOT_good not NOT_a NOT_bad NOT_crew"),
        ("pas de retard", "pas NOT_de NOT_retard"),
        ("plus de retard", "plus de retard"),
        ("", ""),
    ],
)
def test_three_words_after_a_negation_are_marked_up_to_punctuation(text: str, marked: str):
    assert " ".join(mark_negated(CLEANER.tokens(text), SPAN)[0]) == marked


@given(TEXTS, TEXTS)
def test_a_text_is_marked_in_parts_as_it_is_marked_whole(first: str, second: str):
    before, after = CLEANER.tokens(first), CLEANER.tokens(second)
    begun, left = mark_negated(before, SPAN)
    ended, _ = mark_negated(after, SPAN, left)
    assert begun + ended == mark_negated(before + after, SPAN)[0]


@given(TEXTS)
def test_the_pieces_of_a_text_know_how_far_the_negations_before_them_reach(text: str):
    reach = Reach(CLEANER, SPAN)
    known = [reach.words(piece) for piece in reach.pieces(text)]
    assert [bare for _, _, bare in known] == text.split()
    assert [token for _, tokens, _ in known for token in tokens] == CLEANER.tokens(text)
    assert [token for marked, _, _ in known for token in marked] == mark_negated(CLEANER.tokens(text), SPAN)[0]


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_a_piece_knows_how_far_a_negation_reaches_after_it(text: str):
    reach = Reach(CLEANER, 3)
    for piece in text.split():
        tokens = CLEANER.piece_tokens(piece)
        assert reach.after(piece) == tuple(mark_negated(tokens, 3, left)[1] for left in range(4))


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_the_features_are_scikit_learns_over_marked_words(text: str):
    def tokens(raw: str) -> list[str]:
        return mark_negated(CLEANER.tokens(raw), SPAN)[0]

    block = features(chars=False).blocks[0]
    vectorizer = TfidfVectorizer(
        tokenizer=tokens, preprocessor=str, token_pattern=None, lowercase=False, ngram_range=(1, 2),
        sublinear_tf=True, vocabulary=TERMS,
    )  # fmt: skip
    vectorizer.idf_ = block.idf
    expected = vectorizer.transform([text]).toarray()
    np.testing.assert_allclose(features(chars=False).transform([text]).toarray(), expected, atol=1e-12)


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_score_and_explanation_are_those_of_the_features(text: str):
    model = scorer()
    whole = float(model.head.margins(model.features.transform([text]))[0])
    assert model.fused is not None
    assert model.margins([text])[0] == pytest.approx(whole, abs=1e-9)
    many = model.margins([text, "not good", *["pas de retard, good"] * 9, text])  # in arrays, where one text is a loop
    np.testing.assert_allclose(many[[0, -1]], whole, atol=1e-9)
    told = by_terms(text, model.features, model.head, Platt())
    assert told.base + sum(token.contribution for token in told.tokens) == pytest.approx(whole, abs=1e-9)


def test_not_good_is_another_word_than_good():
    rows = features(chars=False).transform(["good", "not good"]).toarray()
    assert rows[0, TERMS.index("good")] > 0
    assert rows[1, TERMS.index("good")] == 0
    assert rows[1, TERMS.index("NOT_good")] > 0


def test_an_artifact_keeps_how_far_a_negation_reaches(tmp_path: Path):
    model = scorer()
    vigie_model.save(
        tmp_path / "artifact", recipe="mine", scorer=model, calibration=Platt(), uncertain=(0.4, 0.6),
        reference={}, trained={},
    )  # fmt: skip
    loaded = vigie_model.load(tmp_path / "artifact")
    assert isinstance(loaded.scorer, FeatureScorer)
    assert loaded.scorer.describe()["features"]["blocks"][0]["analyzer"] == "word_negated"
    texts = ["not good", "good", "pas de retard."]
    np.testing.assert_array_equal(loaded.scorer.margins(texts), model.margins(texts))


@pytest.mark.parametrize("change", [{"negation_span": 0}, {"negation_span": 21}, {"analyzer": "word"}])
def test_a_reach_that_makes_no_sense_is_refused(change: dict[str, object]):
    entry = features().describe()
    entry["blocks"][0] |= change
    with pytest.raises(ArtifactError, match="negation_span"):
        vigie_model.tfidf.load_tfidf(entry, features().files())
