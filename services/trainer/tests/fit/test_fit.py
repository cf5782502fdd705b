"""Fitting a recipe: a whole artifact, the same one again, and clear refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

import vigie_model
from vigie_trainer.fit import FitError, fit
from vigie_trainer.recipe import Recipe

BLOCKS = {"word": {"ngrams": [1, 2]}, "char": {"ngrams": [2, 4], "min_df": 2, "max_terms": 80}}
RECIPES = {
    "logreg": Recipe.model_validate(
        {
            "name": "tfidf_logreg",
            "features": {"kind": "tfidf", **BLOCKS, "log_count_ratio": 1.0},
            "classifier": {"kind": "logreg"},
            "search": {"folds": 3, "grid": {"classifier.C": [0.5, 2.0], "cleaning.remove_stop_words": [False, True]}},
        }
    ),
    "rf": Recipe.model_validate(
        {
            "name": "tfidf_rf",
            "features": {"kind": "tfidf", **BLOCKS},
            "classifier": {"kind": "rf", "trees": 20},
            "calibration": "isotonic",
            "search": {"folds": 3},
        }
    ),
    "lgbm": Recipe.model_validate(
        {
            "name": "tfidf_lgbm",
            "features": {"kind": "tfidf", **BLOCKS},
            "classifier": {"kind": "lgbm", "rounds": 20, "min_child_samples": 5, "bagging_fraction": 0.9},
            "calibration": "none",
            "search": {"folds": 3},
        }
    ),
}


@pytest.mark.parametrize("kind", RECIPES)
def test_a_fit_makes_a_model_that_has_learned(kind: str, posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    steps: list[tuple[str, float]] = []
    result = fit(
        RECIPES[kind],
        texts,
        labels,
        out=tmp_path / "artifact",
        trained={"dataset": "made up", "rows": len(texts)},
        threads=1,
        progress=lambda step, share: steps.append((step, share)),
    )
    assert result.artifact == tmp_path / "artifact"
    model = vigie_model.load(result.artifact)
    assert model.recipe == f"tfidf_{kind}"
    assert model.manifest.trained == {"dataset": "made up", "rows": 240}
    assert ((model.score(texts) >= 0.5) == labels).mean() > 0.8
    assert model.predict_one("great smooth lovely flight").sentiment == "positive"
    assert model.predict_one("awful rude nul vol").sentiment == "negative"
    assert result.cv["accuracy"] > 0.75
    assert result.cv["folds"] == 3
    assert min(result.fit_s, result.search_s) > 0
    assert result.params["classifier.kind"] == kind
    assert result.params["features.word.ngrams"] == "1-2"
    reference = model.manifest.reference
    assert reference["rows"] == 240
    assert sum(reference["score_histogram"]["counts"]) == 240
    statistics = vigie_model.read_reference(reference)
    assert statistics.rows == 240
    assert None not in (statistics.score, statistics.length, statistics.languages, statistics.coverage)
    assert sum(reference["language_share"].values()) == pytest.approx(1)
    assert [step for step, _ in steps][-1] == "write"
    shares = [share for step, share in steps if step == "search"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    json.dumps([result.params, result.cv])


@pytest.mark.parametrize("kind", RECIPES)
def test_the_same_arguments_give_the_same_artifact(kind: str, posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    for name in ("a", "b"):
        fit(RECIPES[kind], texts, labels, out=tmp_path / name, trained={}, threads=1, seed=3)
    assert vigie_model.artifact_digest(tmp_path / "a") == vigie_model.artifact_digest(tmp_path / "b")


def test_the_best_of_the_grid_is_chosen(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    result = fit(RECIPES["logreg"], texts, labels, out=tmp_path / "a", trained={}, threads=1)
    found = result.cv["candidates"]
    assert len(found) == 4
    assert result.cv["accuracy"] + result.cv["roc_auc"] == max(one["accuracy"] + one["roc_auc"] for one in found)
    for name, value in result.cv["chosen"].items():
        assert result.params[name] == value


def test_a_heavy_row_counts_more(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    told = [*texts, "zebra flight", "zebra seat"]
    both = np.append(labels, [1, 0])
    for kind in RECIPES:
        scores = []
        for heavy in (0, 1):
            weights = np.ones(len(told))
            weights[-2 + heavy] = 60.0
            out = tmp_path / f"{kind}{heavy}"
            fit(RECIPES[kind], told, both, out=out, trained={}, threads=1, weights=weights)
            scores.append(vigie_model.load(out).score(["zebra flight seat"])[0])
        assert scores[0] > scores[1], kind


@pytest.mark.parametrize("kind", RECIPES)
def test_four_posts_are_enough(kind: str, tmp_path: Path):
    fit(RECIPES[kind], ["good", "bad", "great", "awful"], np.array([1, 0, 1, 0]), out=tmp_path / "a", trained={})
    assert 0 <= vigie_model.load(tmp_path / "a").predict_one("good").score <= 1


def test_some_posts_without_a_word_are_no_misuse(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    fit(RECIPES["logreg"], [*texts, "", " ", "\x00"], np.append(labels, [0, 1, 0]), out=tmp_path / "a", trained={})
    assert 0 < vigie_model.load(tmp_path / "a").predict_one("").score < 1


def test_posts_without_any_word_are_refused_with_a_sentence(tmp_path: Path):
    with pytest.raises(FitError, match="no word to learn from"):
        fit(RECIPES["logreg"], ["", " ", "\x00", ""], np.array([1, 0, 1, 0]), out=tmp_path / "a", trained={})


@pytest.mark.parametrize(
    ("texts", "labels", "weights", "sentence"),
    [
        (["a", "b", "c"], [1, 1, 1], None, "at least two negative texts; there are 0"),
        (["a", "b", "c"], [0, 0, 1], None, "at least two positive texts; there are 1"),
        ([], [], None, "at least two"),
        (["a"], [0, 1], None, "do not go with"),
        (["a", "b"], [0, 2], None, "must be 0"),
        (["a", "b", "c", "d"], [0, 1, 0, 1], [1.0], "do not go with"),
        (["a", "b", "c", "d"], [0, 1, 0, 1], [1.0, 1.0, 0.0, 1.0], "positive numbers"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_a_sentence(
    texts: list[str], labels: list[int], weights: list[float] | None, sentence: str, tmp_path: Path
):
    with pytest.raises(FitError, match=sentence):
        fit(
            RECIPES["logreg"],
            texts,
            np.array(labels),
            out=tmp_path / "a",
            trained={},
            weights=None if weights is None else np.array(weights),
        )
    assert list(tmp_path.iterdir()) == []
