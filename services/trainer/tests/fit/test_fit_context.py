"""What a fit is told besides its rows: extra rows, languages, and how many rows to search on."""

from pathlib import Path

import numpy as np
import pytest

import vigie_model
from vigie_model import ByLanguage, detect_language
from vigie_trainer.fit import FitContext, FitError, fit
from vigie_trainer.recipe import Recipe


def recipe(**search: object) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "mine",
            "features": {"kind": "tfidf", "word": {"ngrams": [1, 1]}},
            "classifier": {"kind": "logreg", "C": 1.0},
            "search": {"folds": 3, **search},
        }
    )


def with_extra(posts: tuple[list[str], np.ndarray], extra: int) -> tuple[list[str], np.ndarray]:
    """The posts, and rows of a word that they do not have, all positive, in two words that come nowhere else."""
    texts, labels = posts
    more = [f"zebra stripes {number}" for number in range(extra)]
    return [*texts, *more], np.append(labels, np.ones(extra, dtype=np.int64))


def test_extra_rows_are_learned_from_and_count_for_nothing_else(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = with_extra(posts, 100)
    context = FitContext(tmp_path / "cache", primary=len(posts[0]))
    result = fit(recipe(), texts, labels, out=tmp_path / "a", trained={}, threads=1, context=context)
    model = vigie_model.load(result.artifact)
    assert model.predict_one("zebra stripes").score > 0.9
    reference = model.manifest.reference
    assert reference["rows"] == len(posts[0])
    assert reference["positive_share"] == pytest.approx(posts[1].mean())


@pytest.mark.parametrize("primary", [None, 240])
def test_a_search_on_a_part_still_fits_and_calibrates_on_all(
    primary: int | None, posts: tuple[list[str], np.ndarray], tmp_path: Path
):
    texts, labels = with_extra(posts, 60)
    context = FitContext(tmp_path / "cache", primary=primary)
    chosen = recipe(max_rows=120, grid={"classifier.C": [0.1, 1.0]})
    result = fit(chosen, texts, labels, out=tmp_path / "a", trained={}, threads=1, context=context)
    model = vigie_model.load(result.artifact)
    assert len(result.cv["candidates"]) == 2
    # A fifth of the primary rows was held out once, from a fit on all others.
    assert model.manifest.reference["rows"] == pytest.approx((primary or len(texts)) / 5, abs=2)
    assert model.predict_one("zebra stripes").score > 0.8


def test_each_language_with_labelled_texts_has_a_curve_of_its_own(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    texts, labels = posts
    # French posts that are good whenever the model is unsure: its threshold for French must move.
    french = [f"le vol était très long et la place {number} aussi" for number in range(60)]
    told = np.array([1] * 40 + [0] * 20)
    assert {detect_language(text) for text in french} == {"fr"}
    context = FitContext(tmp_path / "cache", languages={"fr": (french, told), "en": (["short"], np.array([1]))})
    fit(recipe(), texts, labels, out=tmp_path / "a", trained={}, threads=1, context=context)
    model = vigie_model.load(tmp_path / "a")
    assert isinstance(model.manifest.calibration, ByLanguage)
    assert set(model.manifest.calibration.curves) == {"default", "fr"}  # one English row is no curve


def test_too_few_primary_rows_are_refused_with_a_sentence(posts: tuple[list[str], np.ndarray], tmp_path: Path):
    context = FitContext(tmp_path / "cache", primary=1)
    with pytest.raises(FitError, match="at least two negative texts"):
        fit(recipe(), ["good", *posts[0]], np.append([1], posts[1]), out=tmp_path / "a", trained={}, context=context)
