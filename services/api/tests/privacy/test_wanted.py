"""How a text is recognised: near enough is equal, less is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_api.privacy.wanted import Wanted, normal_form


@pytest.mark.parametrize(
    "written",
    [
        "Vol annulé, merci &amp; bravo",
        "  vol ANNULÉ,\n\tmerci &  BRAVO ",
        "Vol annule\u0301, merci & bravo",
        "Vol an\u00adnulé,\u200b merci & bravo\ufeff",
    ],
)
def test_case_space_entities_and_unicode_form_do_not_matter(written):
    assert Wanted("Vol annulé, merci & bravo").is_post(written)


@pytest.mark.parametrize("other", ["Vol annule, merci & bravo", "Vol annulé merci bravo", "Vol annulé", ""])
def test_accents_punctuation_and_missing_words_do(other):
    assert not Wanted("Vol annulé, merci & bravo").is_post(other)


def test_a_fragment_is_found_anywhere_and_a_whole_text_is_not():
    assert Wanted("Jean Dupont", fragment=True).is_post("le vol de jean  DUPONT a du retard")
    assert not Wanted("Jean Dupont").is_post("le vol de Jean Dupont a du retard")


def test_words_quote_a_text_when_they_hold_all_of_it_between_word_boundaries():
    wanted = Wanted("the crew was not kind at all")
    assert wanted.is_quoted('She wrote "The crew was NOT kind at all", sadly.')
    assert not wanted.is_quoted("the crew was not kind at allspice; bathe crew was not kind at allspice")
    assert wanted.is_quoted("at allspice the crew was not kind at allspice or the crew was not kind at all")


def test_a_short_text_is_quoted_only_by_itself():
    assert Wanted("merci").is_quoted(" Merci ")
    assert not Wanted("merci").is_quoted("merci pour tout")


@pytest.mark.parametrize(("text", "fragment"), [("", False), (" \u200b\n", False), ("abcd", True), ("", True)])
def test_nothing_and_next_to_nothing_cannot_be_wanted(text, fragment):
    with pytest.raises(ValueError, match=r"blank|characters"):
        Wanted(text, fragment)


@given(st.text())
def test_a_normal_form_is_its_own_normal_form_and_holds_no_double_space(text):
    form = normal_form(text)
    assert "  " not in form
    assert form == form.strip()


@given(st.text(min_size=1).filter(lambda text: normal_form(text) != ""))
def test_every_text_is_itself(text):
    assert Wanted(text).is_post(text)
    assert Wanted(text).is_quoted(text)
