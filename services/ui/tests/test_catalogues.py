"""Every string is in both catalogues, is used, and is written as its language wants it."""

import ast
import re
import string
from pathlib import Path

import pytest

import vigie_ui
from vigie_ui.i18n import LANGUAGES, load_catalogue

SOURCE = Path(vigie_ui.__file__).parent
FRENCH = load_catalogue("fr").messages
ENGLISH = load_catalogue("en").messages

# Made of a stem and what the code computes: a month's number.
COMPUTED = {f"date.month.{month}" for month in range(1, 13)}


def constants() -> set[str]:
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def spoken() -> set[str]:
    """Keys passed to the catalogue, which the code calls `say`."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say" and node.args:
                key = node.args[0]
                if isinstance(key, ast.Constant):
                    found.add(str(key.value))
    return found


def fields(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name}


def test_both_languages_have_the_same_keys():
    assert FRENCH.keys() == ENGLISH.keys()


def test_no_key_is_missing():
    assert spoken() <= FRENCH.keys()


def test_no_key_is_unused():
    used = constants()
    plural = {f"{stem}.{form}" for stem in used for form in ("one", "other")}
    assert FRENCH.keys() - COMPUTED <= used | plural


@pytest.mark.parametrize("key", sorted(FRENCH))
def test_a_string_is_there_and_takes_the_same_values_in_both(key):
    assert FRENCH[key].strip()
    assert ENGLISH[key].strip()
    assert fields(FRENCH[key]) == fields(ENGLISH[key])


@pytest.mark.parametrize("key", sorted(FRENCH))
def test_french_is_set_as_french_is(key):
    text = FRENCH[key]
    assert "'" not in text, "apostrophe ’"
    assert '"' not in text, "guillemets « »"
    assert "..." not in text, "points de suspension …"
    assert not re.search(r"(?<![\u00a0\u202f])[!?:;»%](?!\w)", text), "espace insécable devant ! ? : ; » %"
    assert not re.search(r"«(?!\u00a0)", text), "espace insécable après «"


@pytest.mark.parametrize("key", sorted(ENGLISH))
def test_english_is_set_as_english_is(key):
    text = ENGLISH[key]
    assert "'" not in text
    assert "..." not in text
    if key != "examples.third":
        assert not re.search(r"\s[!?:;]", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_label_is_no_markdown_by_accident(language):
    # Streamlit reads Markdown in the labels of buttons and fields.
    for key, text in load_catalogue(language).messages.items():
        if key != "copy.text":
            assert not re.search(r"[*_`$\[\]#<]|:\w+:", re.sub(r"\{\w+\}", "", text)), key
