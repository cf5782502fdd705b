"""Topics are found by whole words, hashtags and phrases, whatever their case and accents."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from vigie_api.connectors.words import Matcher, Terms, fold

terms = TypeAdapter(Terms).validate_python
MATCHER = Matcher(
    {
        "Air Paradis": terms('airparadis "air paradis" l\'avion-bleu'),
        "Aéroport": terms(["aéroport", "#Roissy", "-casino", "-paradis fiscal"]),
        "Ελλάδα": terms("αεροπορία"),
    }
)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Vive AIR PARADIS !", "Air Paradis"),
        ("air\n paradis", "Air Paradis"),
        ("@airparadis.bsky.social bonjour", "Air Paradis"),
        ("#AirParadis", "Air Paradis"),
        ("L’Avion-Bleu", "Air Paradis"),
        ("airparadise", None),
        ("chair paradis", None),
        ("air, paradis", None),
        ("AEROPORT", "Aéroport"),
        ("ae\u0301roport", "Aéroport"),
        ("#roissy", "Aéroport"),
        ("roissy sans croisillon", None),
        ("l'aéroport et son casino", None),
        ("aéroport, paradis\tfiscal", None),
        ("ΑΕΡΟΠΟΡΊΑ", "Ελλάδα"),
        ("airparadis à l'aéroport", "Air Paradis"),
        ("", None),
    ],
)
def test_a_text_belongs_to_the_first_topic_that_it_holds_a_term_of(text, topic):
    assert MATCHER.topic_of(text) == topic
    for escaped in (False, True):
        document = json.dumps({"x": [1], "record": {"text": text}}, ensure_ascii=escaped).encode()
        assert MATCHER.may_concern(document) or topic is None


@given(before=st.text(), after=st.text(), term=st.sampled_from(["airparadis", "Air  PARADIS", "aéroport", "ROISSY"]))
def test_what_is_passed_over_unparsed_is_about_no_topic(before, after, term):
    text = f"{before} {term} {after}"
    for escaped in (False, True):
        document = json.dumps({"text": text}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
        assert MATCHER.may_concern(document) or MATCHER.topic_of(text) is None


@given(st.binary())
def test_any_bytes_can_be_looked_at(document):
    assert MATCHER.may_concern(b'{"text": "' + document) in (True, False)


def test_a_document_without_text_or_about_other_things_is_passed_over():
    assert not MATCHER.may_concern(b'{"kind":"identity","did":"did:plc:airparadis"}')
    assert not MATCHER.may_concern(b'{"text":"Bonjour","alt":"airparadis"}')


def test_folding_makes_forms_of_a_word_equal():
    assert fold("Élève") == fold("e\u0301le\u0300ve") == fold("ELEVE")
    assert fold("ﬁn") == "fin"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ('"air paradis', "quotation mark"),
        ("-casino", "needs a word"),
        ("", "needs a word"),
        ("airparadis !!", "no letter"),
        (["x" * 101], "at most 100 characters"),
        ([f"w{number}" for number in range(201)], "at most 200"),
    ],
)
def test_terms_that_make_no_sense_are_refused(value, sentence):
    with pytest.raises(ValidationError, match=sentence):
        terms(value)


def test_a_string_of_terms_is_split_at_spaces_and_commas_but_not_inside_quotes():
    assert terms('vol, "air paradis" -"paradis fiscal" #ap') == ("vol", "air paradis", "-paradis fiscal", "#ap")
