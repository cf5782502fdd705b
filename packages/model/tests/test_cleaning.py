"""What each switch of the cleaning does, and what none of them does."""

import dataclasses
import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie_model import Cleaner, CleaningOptions
from vigie_model.cleaning import unescape
from vigie_model.language import detect_language, piece_evidence
from vigie_model.words import NEGATIONS, STOP_WORDS

OFF = CleaningOptions(**dict.fromkeys(CleaningOptions.names(), False))
ANY_OPTIONS = st.fixed_dictionaries({name: st.booleans() for name in CleaningOptions.names() if name != "lemmatise"})
ANY_TEXT = st.text(st.characters(), max_size=80)  # lone surrogates and NUL included


def only(**switches: bool) -> Cleaner:
    return Cleaner(dataclasses.replace(OFF, **switches))


@pytest.mark.parametrize(
    ("switch", "text", "off", "on"),
    [
        ("lowercase", "GREAT Été :D", ["GREAT", "Été", ":D"], ["great", "été", ":D"]),
        ("replace_urls", "see http://a.example/x?y=1", ["see", "http://a.example/x?y=1"], ["see", "<url>"]),
        ("replace_urls", "www.a.fr b.com ok.then", ["www.a.fr", "b.com", "ok.then"], ["<url>", "<url>", "ok.then"]),
        ("replace_mentions", "@AirParadis hello", ["@AirParadis", "hello"], ["<user>", "hello"]),
        ("unescape_html", "R&amp;B", ["R", "&", "amp", ";", "B"], ["R", "&", "B"]),
        ("unescape_html", "&amp;lt;3", ["&", "amp", ";", "lt", ";", "3"], ["<3"]),
        ("unescape_html", "a&nbsp;b", ["a", "&", "nbsp", ";", "b"], ["a", "b"]),
        ("shorten_elongations", "sooooo good", ["sooooo", "good"], ["soo", "good"]),
        ("split_contractions", "don't can’t it's", None, ["do", "n't", "ca", "n't", "it's"]),
        ("split_contractions", "l'avion aujourd'hui n'y", None, ["l'", "avion", "aujourd'hui", "n'", "y"]),
        ("remove_special", "#fail: it's (really) bad!! 50% :( 😡", None, ["fail", "it's", "really", "bad", "50", ":("]),
        ("remove_stop_words", "this is not the best, ce n'est pas", None, ["not", "best", ",", "n'est", "pas"]),
        ("lemmatise", "the dogs étaient xqzt", ["the", "dogs", "étaient", "xqzt"], ["the", "dog", "être", "xqzt"]),
        ("keep_emoji", "ok 😀 :-) 👍🏽", ["ok"], ["ok", "😀", ":-)", "👍🏽"]),
    ],
)  # fmt: skip
def test_a_switch_does_what_it_says(switch: str, text: str, off: list[str] | None, on: list[str]):
    if off is not None:
        assert Cleaner(dataclasses.replace(OFF, keep_emoji=switch != "keep_emoji")).tokens(text) == off
    emoji = {} if switch in {"keep_emoji", "remove_special"} else {"keep_emoji": True}
    if switch == "remove_special":
        on = on[:-1]  # pictures are not special characters: keep_emoji alone decides
        text = text.replace(" :(", "").replace(" 😡", "")
    assert only(**{switch: True}, **emoji).tokens(text) == on


def test_special_characters_go_and_emoji_stay():
    assert only(remove_special=True, keep_emoji=True).tokens("Bad!! :( 😡 ...") == ["Bad", ":(", "😡"]


@pytest.mark.parametrize("word", sorted(NEGATIONS))
def test_no_switch_removes_a_negation(word: str):
    everything = Cleaner(CleaningOptions(**dict.fromkeys(CleaningOptions.names(), True)))
    written = {"n't": "don't", "n'": "n'ai"}.get(word, word)
    assert word in everything.tokens(f"the {written} the")


@pytest.mark.parametrize("text", ["don't", "DON'T", "don’t", "donâ€™t", "don`t", "won't", "isn't"])
def test_not_survives_in_a_contraction_however_it_is_written(text: str):
    for stop_words in (False, True):
        assert Cleaner(CleaningOptions(remove_stop_words=stop_words, remove_special=True)).tokens(text)[-1] == "n't"


def test_stop_words_hold_no_negation():
    assert not STOP_WORDS & NEGATIONS


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("cafÃ©", "café"),  # UTF-8 read as Latin-1
        ("itâ€™s", "it's"),  # UTF-8 read as Windows-1252
        ("nice ï¿½ flight", "nice flight"),
        ("Ã", "ã"),  # not mojibake: left alone
        ("e\u0301te\u0301", "été"),  # composed
        ("a\x00b \ud800c", "a b c"),
        ("\u200bhi\ufeff", "hi"),
    ],
)
def test_broken_characters_are_mended_or_become_space(raw: str, clean: str):
    assert Cleaner().clean(raw) == clean


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, ANY_OPTIONS)
def test_any_text_gives_plain_tokens_twice_the_same(text: str, switches: dict[str, bool]):
    cleaner = Cleaner(dataclasses.replace(OFF, **switches))
    tokens = cleaner.tokens(text)
    assert all(token and not any(character.isspace() for character in token) for token in tokens)
    assert cleaner.tokens(text) == tokens == Cleaner(cleaner.options).tokens(text)
    " ".join(tokens).encode()  # no lone surrogate is left


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY_TEXT, max_size=4))
def test_texts_are_cleaned_piece_by_piece(texts: list[str]):
    cleaner = Cleaner()
    assert cleaner.tokens("\n".join(texts)) == [token for text in texts for token in cleaner.tokens(text)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.from_regex(r"@[A-Za-z0-9_8o]{1,12}[ .:8é]?|[A-Za-z]{1,6}[.,!?:]{0,3}|\S{1,6}", fullmatch=True)),
    st.booleans(),
    st.booleans(),
)
def test_what_is_taken_for_the_same_has_the_same_tokens_and_language(pieces: list[str], lower: bool, names: bool):
    cleaner = Cleaner(CleaningOptions(lowercase=lower, replace_mentions=names))
    text = " ".join(pieces)
    assert cleaner.tokens(cleaner.alike(text)) == cleaner.tokens(text)
    for piece in text.split():
        alike = cleaner.piece_alike(piece)
        assert (cleaner.piece_tokens(alike), piece_evidence(alike)) == (
            cleaner.piece_tokens(piece),
            piece_evidence(piece),
        )
    assert detect_language(cleaner.alike(text)) == detect_language(text)


def test_user_names_are_all_the_same_one_unless_they_begin_like_an_emoticon():
    assert Cleaner().alike("@Bob_1 a@b.c @8ball @é @o8 \t@ann, @Zoe") == "@x a@b.c @8ball @é @o8 \t@ann, @x"
    assert Cleaner(CleaningOptions(replace_mentions=False)).alike("@Bob") == "@Bob"


def test_the_memory_of_pieces_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vigie_model.cleaning._CACHE_SIZE", 8)
    cleaner = Cleaner()
    for number in range(100):
        assert cleaner.tokens(f"{number}") == [f"{number}"]
    assert len(cleaner._cache) <= 8
    cleaner.tokens("x" * 500)
    assert max(map(len, cleaner._cache)) <= 48


@pytest.mark.parametrize("digits", ["9" * 9_000, "0" * 9_000 + "65", "0" * 9_000])
def test_a_character_reference_of_thousands_of_digits_is_no_error(digits: str):
    character = ["a"] if digits.endswith("65") else []
    assert Cleaner().tokens(f"good &#{digits}; bad &amp;#{digits}") == ["good", *character, "bad", *character]


@given(st.from_regex(r"\A(?:a|&amp;|&#0{0,12}[0-9]{1,12};?|&#x[0-9a-f]{1,9};?|&lt){0,6}\Z"))
def test_html_is_unescaped_as_python_does(text: str):
    assert unescape(text) == html.unescape(text)
