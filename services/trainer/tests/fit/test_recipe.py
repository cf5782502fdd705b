"""A recipe is sound before anything runs, or it is refused with a sentence."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from vigie_model import CleaningOptions
from vigie_trainer.recipe import Cleaning, Recipe, RecipeError, load_recipe, recipe_names

SOUND = {
    "name": "tfidf_logreg",
    "features": {"kind": "tfidf", "word": {"ngrams": [1, 2]}},
    "classifier": {"kind": "logreg"},
}


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_recipes_that_come_with_vigie_are_sound_and_named_after_their_file():
    families = {"tfidf", "word2vec", "glove", "distilbert", "use"}
    products = {f"{family}_{classifier}" for family in families for classifier in ("logreg", "rf", "lgbm")}
    assert set(recipe_names()) == products | {"use_mlp", "bert", "bilstm", "ensemble"}
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.name == name
        if isinstance(recipe, Recipe):
            family = {"transformer": "distilbert"}.get(recipe.features.kind, recipe.features.kind)
            assert f"{family}_{recipe.classifier.kind}" == name


def test_a_recipe_of_ones_own_is_read_from_its_path(tmp_path: Path):
    recipe = load_recipe(written(tmp_path, yaml.safe_dump(SOUND)))
    assert recipe.features.word is not None
    assert recipe.features.word.ngrams == (1, 2)
    assert recipe.search.grid == {}


def test_the_switches_are_those_of_the_runtime():
    assert tuple(Cleaning.model_fields) == CleaningOptions.names()
    assert Cleaning().options() == CleaningOptions()


@pytest.mark.parametrize("name", ["gpt", "tfidf_logreg.yaml", "../tfidf_logreg", "", "/nowhere/x.yaml"])
def test_an_unknown_recipe_is_refused_with_the_known_names(name: str):
    with pytest.raises(RecipeError, match=r"Known recipes: .*tfidf_lgbm, tfidf_logreg, tfidf_rf"):
        load_recipe(name)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"surprise": 1}, "surprise is not a known key"),
        (
            {"features": {"kind": "tfidf", "word": {"ngrams": [1, 2], "mindf": 3}}},
            "features.tfidf.word.mindf is not a known",
        ),
        ({"features": {"kind": "tfidf"}}, "needs word, char or both"),
        ({"features": {"kind": "tfidf", "word": {"ngrams": [2, 1]}}}, "the smaller first"),
        (
            {"features": {"kind": "tfidf", "char": {"ngrams": [3, 5], "negation_span": 3}}},
            "char takes no negation_span",
        ),
        ({"features": {"kind": "magic"}}, "features: Input tag 'magic' found"),
        ({"classifier": {"kind": "magic"}}, "classifier"),
        ({"classifier": {"kind": "logreg", "C": 0}}, "classifier.logreg.C"),
        ({"name": "Nameless"}, "name"),
        ({"search": {"folds": 1}}, "search.folds"),
        ({"search": {"grid": {"classifier.D": [1]}}}, "classifier.D, which this recipe does not have"),
        ({"search": {"grid": {"features.word.ngrams.x": [1]}}}, "which this recipe does not have"),
        ({"search": {"grid": {"search.folds": [3]}}}, "which this recipe does not have"),
        ({"search": {"grid": {"classifier.C": []}}}, "no value to try for classifier.C"),
        ({"search": {"grid": {"classifier.C": [1, -1]}}}, "classifier"),
        (
            {
                "features": {"kind": "tfidf", "word": {"ngrams": [1, 1]}, "log_count_ratio": 1},
                "classifier": {"kind": "rf"},
            },
            "nothing for trees",
        ),
        ({"classifier": {"kind": "mlp"}}, "mlp takes dense features"),
        ({"features": {"kind": "transformer", "layers": [-1, -1]}}, "must be different layers"),
        ({"features": {"kind": "transformer", "layers": []}}, "must be different layers"),
        ({"features": {"kind": "transformer", "layers": [0]}}, "features.transformer.layers.0"),
        ({"features": {"kind": "word2vec", "architecture": "glove"}}, "features.word2vec.architecture"),
        ({"features": {"kind": "glove", "pooling": {"weights": "max"}}}, "features.glove.pooling.weights"),
        ({"search": {"max_rows": 5}}, "search.max_rows"),
    ],
)
def test_an_unsound_recipe_is_refused_with_the_place_of_the_mistake(tmp_path: Path, change: dict, sentence: str):
    with pytest.raises(RecipeError, match=sentence):
        load_recipe(written(tmp_path, yaml.safe_dump({**SOUND, **change})))


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: [", "just words", "\x00"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str):
    with pytest.raises(RecipeError):
        load_recipe(written(tmp_path, text))


def test_values_replace_and_leave_nothing_to_search():
    recipe = Recipe.model_validate({**SOUND, "search": {"folds": 3, "grid": {"classifier.C": [1, 2]}}})
    other = recipe.with_values({"classifier.C": 9, "features.word.ngrams": [1, 1], "cleaning.lowercase": False})
    assert (other.classifier.C, other.features.word.ngrams, other.cleaning.lowercase) == (9, (1, 1), False)  # type: ignore[union-attr] # this recipe has both
    assert (other.search.folds, other.search.grid) == (3, {})
    assert recipe.classifier.C == 1.0  # type: ignore[union-attr] # a logistic regression


def test_a_recipe_is_frozen():
    with pytest.raises(ValidationError):
        Recipe.model_validate(SOUND).name = "other_name"
