"""Ensembles of recipes, on a few hundred made-up posts."""

import numpy as np
import pytest

import vigie_model
from vigie_model import EnsembleScorer
from vigie_trainer.ensemble_recipe import EnsembleRecipe, MemberSpec
from vigie_trainer.fit import FitError, fit
from vigie_trainer.fit.context import FitContext
from vigie_trainer.fit.ensemble.weights import combine, combined, out_of_fold

SMALL = {"features.word.min_df": 1, "features.char.max_terms": 50}
FRENCH = (
    ["Le vol est parfait, merci", "Quelle belle équipe, je suis content", "Le service est nul et en retard"] * 30,
    np.array([1, 1, 0] * 30),
)


def ensemble(**members: MemberSpec) -> EnsembleRecipe:
    chosen = members or {
        "words": MemberSpec(recipe="tfidf_logreg", values=SMALL),
        "trees": MemberSpec(recipe="tfidf_lgbm", values={"classifier.rounds": 20}),
    }
    return EnsembleRecipe(name="ensemble", members=chosen, holdout_rows=60)


def test_an_ensemble_is_one_artifact_that_weighs_its_members(posts, tmp_path):
    result = fit(ensemble(), *posts, out=tmp_path / "artifact", trained={"dataset": "made up"})
    model = vigie_model.load(result.artifact)
    scorer = model.scorer
    assert isinstance(scorer, EnsembleScorer)
    assert list(scorer.members) == ["words", "trees"]
    texts = ["good crew", "awful flight, lost"]
    expected = sum(
        weight * scorer.members[name].margins(texts) for name, weight in scorer.combiners["default"].weights.items()
    )
    np.testing.assert_allclose(model.margins(texts), expected + scorer.combiners["default"].intercept)
    assert model.predict_one("good crew").sentiment == "positive"
    assert set(result.cv["members"]) == {"words", "trees"}


@pytest.mark.parametrize("learns", [False, True])
def test_a_language_has_weights_and_a_curve_of_its_own(posts, tmp_path, learns):
    members = {
        "words": MemberSpec(recipe="tfidf_logreg", values=SMALL),
        "french": MemberSpec(recipe="tfidf_logreg", values=SMALL, learns_languages=True),
    }
    context = FitContext(tmp_path / "cache", languages={"fr": FRENCH}, learn_languages=learns)
    result = fit(ensemble(**members), *posts, out=tmp_path / "artifact", trained={}, context=context)
    model = vigie_model.load(result.artifact)
    assert set(model.scorer.combiners) == {"default", "fr"}
    if learns:  # it is in nobody else's training
        assert model.scorer.combiners["fr"].weights["french"] > 0
        assert model.predict_one("Le service est nul et en retard").sentiment == "negative"


def test_a_member_that_harms_weighs_nothing():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    signal = labels * 2.0 - 1.0 + rng.normal(0, 1.0, 400)
    combiner = combine({"good": signal, "opposite": -0.2 * signal + rng.normal(0, 0.1, 400)}, labels, 1.0)
    assert combiner.weights.get("opposite", 0.0) == 0.0
    assert combiner.weights["good"] > 0
    still = combine({"constant": np.ones(400)}, labels, 1.0)
    assert still.weights == {}


def test_out_of_fold_margins_come_from_weights_that_did_not_see_the_row():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 60)
    margins = {"one": rng.normal(size=60), "two": rng.normal(size=60)}
    unseen = out_of_fold(margins, labels, 1.0, seed=3)
    everything = combined(combine(margins, labels, 1.0), margins)
    assert unseen.shape == (60,)
    assert not np.allclose(unseen, everything)
    np.testing.assert_array_equal(unseen, out_of_fold(margins, labels, 1.0, seed=3))


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (MemberSpec(recipe="no_such_recipe"), "There is no recipe"),
        (MemberSpec(recipe="ensemble"), "is an ensemble itself"),
        (MemberSpec(recipe="bert", values={"x": 1}), "is a network"),
        (MemberSpec(recipe="tfidf_logreg", values={"classifier.speed": 1}), "which this recipe does not have"),
    ],
)
def test_a_member_that_cannot_be_is_one_sentence(posts, tmp_path, member, sentence):
    recipe = ensemble(words=MemberSpec(recipe="tfidf_logreg", values=SMALL), other=member)
    with pytest.raises(FitError, match=sentence):
        fit(recipe, *posts, out=tmp_path / "out", trained={})
