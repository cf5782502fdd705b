"""The tokenizer is NLTK's."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tokenize import casual

from vigie_model import tokenizer

NLTK = casual.TweetTokenizer(match_phone_numbers=False)
PIECES = st.text(
    st.one_of(
        st.sampled_from("abcdDpPoO8:;=-)('*/\\|@#<>3.,!?_&%$+0123456789éñ’😀👍🏽\u200d🇫🇷"),
        st.characters(exclude_categories=("Cs",)),
    ),
    max_size=40,
).filter(lambda text: not re.search(r"\s", text))


def squeezed(pattern: str) -> str:
    return re.sub(r"\s+", " ", pattern)


def test_the_patterns_are_nltks_word_for_word():
    assert [squeezed(pattern) for pattern in tokenizer.REGEXPS] == [squeezed(pattern) for pattern in casual.REGEXPS]


@settings(max_examples=500, deadline=None)
@given(PIECES)
def test_a_piece_is_cut_as_nltk_cuts_it(piece: str):
    # NLTK also unescapes entities and shortens long runs of signs; both are steps of the cleaning here, so left out.
    if "&" in piece or re.search(r"([^\w])\1{3,}", piece):
        return
    assert tokenizer.tokenize(piece) == NLTK.tokenize(piece)


@pytest.mark.parametrize(
    "piece",
    ["great!", "word.", "flight,", "d:", "DP!", "ok?", "a.b", "no...", "why?!", "oh,,", "end..", "oh!.", "o,.."],
)
def test_a_word_with_a_sign_is_cut_as_nltk_cuts_it(piece: str):
    assert tokenizer.tokenize(piece) == NLTK.tokenize(piece)


def test_a_piece_of_ten_thousand_characters_is_cut_piecemeal_and_loses_nothing():
    piece = "a.-(" * 2_500
    assert "".join(tokenizer.tokenize(piece)) == piece


@pytest.mark.parametrize(
    ("token", "answer"), [(":-)", True), (":D", True), ("<3", True), ("=(", True), ("word", False), (":-) x", False)]
)
def test_an_emoticon_is_known(token: str, answer: bool):
    assert tokenizer.is_emoticon(token) is answer
