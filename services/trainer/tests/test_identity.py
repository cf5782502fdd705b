"""What makes two trainings the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from vigie_trainer.data.rows import Posts, SetAside
from vigie_trainer.data.splitting import split
from vigie_trainer.fit.code_digest import code_digest, digest_of
from vigie_trainer.identity import Identity, identity, learns_languages, recipe_digest
from vigie_trainer.material import Material, language_rows
from vigie_trainer.recipe import load_recipe
from vigie_trainer.settings import Settings


@pytest.fixture
def material() -> Material:
    texts = [f"post number {at}" for at in range(40)]
    posts = Posts("t", texts, [at % 2 for at in range(40)], list(range(40)), SetAside())
    return Material(posts, [], split(posts), 40)


def tags(recipe: str, material: Material, **settings: object) -> Identity:
    return identity(load_recipe(recipe), material, Settings(**settings))


def test_equal_inputs_are_one_training_and_any_other_input_is_another(home: Path, material: Material) -> None:
    mine = tags("tfidf_logreg", material)
    assert mine.is_of(tags("tfidf_logreg", material).tags | {"vigie.recipe": "x"})
    assert not mine.is_of(tags("tfidf_rf", material).tags)
    assert not mine.is_of(tags("tfidf_logreg", replace(material, protocol="16k")).tags)
    extra = Posts("more", ["another post", "one more"], [0, 1], [1, 2], SetAside())
    fuller = replace(material, extra=[extra], split=split(material.posts, [extra]))
    assert not mine.is_of(tags("tfidf_logreg", fuller).tags)
    assert fuller.primary_rows == material.primary_rows == 32
    assert not mine.is_of({})


def test_an_encoder_counts_for_the_recipes_that_use_it(home: Path, material: Material, tmp_path: Path) -> None:
    (tmp_path / "glove.tiny.txt").write_text("good 1 0\n")
    near = replace(material, folder=tmp_path)
    assert tags("tfidf_logreg", material).tags == tags("tfidf_logreg", near, use="./folder").tags
    assert tags("use_mlp", material).tags != tags("use_mlp", material, use="./folder").tags
    assert tags("glove_rf", material).tags != tags("glove_rf", near).tags
    assert tags("ensemble", material).tags != tags("ensemble", material, transformer="./folder").tags


def test_an_ensemble_is_another_when_a_member_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble = load_recipe("ensemble")
    before = recipe_digest(ensemble)
    assert before == recipe_digest(load_recipe("ensemble"))
    assert isinstance(learns_languages(ensemble), bool)
    assert not learns_languages(load_recipe("tfidf_rf"))
    rf = load_recipe("tfidf_rf")
    monkeypatch.setattr("vigie_trainer.recipe.load_recipe", lambda name: rf)
    assert recipe_digest(ensemble) != before


def test_the_code_digest_follows_content_and_place(tmp_path: Path) -> None:
    assert code_digest().startswith("sha256:")
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("x = 1\n")
    first = digest_of({tmp_path: [one]})
    assert first == digest_of({tmp_path: [one]})
    one.rename(other)
    assert digest_of({tmp_path: [other]}) != first
    other.write_text("x = 2\n")
    assert digest_of({tmp_path: [other]}) != first
    one.write_text("")
    assert digest_of({tmp_path: [one, other]}) == digest_of({tmp_path: [other, one]})


def test_calibration_rows_are_each_there_once_and_in_a_language_that_is_known(material: Material) -> None:
    held_out, trained = material.split.test.texts[0], material.split.train.texts[0]
    french = [f"phrase {at}" for at in range(20)]
    one = Posts("a", [*french, held_out, trained.upper()], [at % 2 for at in range(22)], [], SetAside())
    again = Posts("b", [french[0], "???", *(f"frase {at}" for at in range(4))], [1] * 6, [], SetAside(), synthetic=True)
    spoken = {"p": "fr", "f": "es"}
    usable, left = language_rows([one, again], material.split, lambda text, _: spoken.get(text[0], "und"))
    assert usable["fr"].texts == french
    assert usable["fr"].sources == [{"name": "a", "rows": 20, "synthetic": False}]
    assert left == {"und": 1, "es": 4}
    calibrated = replace(material, calibration=usable)
    assert calibrated.calibration_digest != material.calibration_digest == "none"
