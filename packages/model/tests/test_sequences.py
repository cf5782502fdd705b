"""Texts become the token numbers that a network was trained on, or the vocabulary is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_graphs import PIECES

from vigie_model import ArtifactError, Cleaner, WordIndex, WordPieces
from vigie_model.sequences import load_tokens

PIECE_NUMBERS = {piece: number for number, piece in enumerate(PIECES)}


def pieces_of(numbers: list[int]) -> list[str]:
    return [PIECES[number] for number in numbers]


def test_word_pieces_stand_between_cls_and_sep_and_know_parts_of_words():
    encoded = WordPieces(PIECES).encode(["Good retards !", "@someone", ""])
    assert pieces_of(encoded[0]) == ["[CLS]", "good", "retard", "##s", "!", "[SEP]"]
    assert pieces_of(encoded[1]) == ["[CLS]", "@", "user", "[SEP]"]
    assert pieces_of(encoded[2]) == ["[CLS]", "[SEP]"]


def test_case_and_accents_stay_when_the_vocabulary_has_them():
    vocabulary = [*PIECES, "Été"]
    assert WordPieces(vocabulary, lowercase=False).encode(["Été"])[0][1] == len(PIECES)
    assert WordPieces(vocabulary).encode(["Été"])[0][1] == PIECE_NUMBERS["[UNK]"]


def test_word_pieces_cut_a_long_text_at_the_end():
    (encoded,) = WordPieces(PIECES, max_length=5).encode(["good bad not merci"])
    assert pieces_of(encoded) == ["[CLS]", "good", "bad", "not", "[SEP]"]


def test_a_word_index_counts_from_two_and_has_one_number_for_every_other_word():
    tokens = WordIndex(Cleaner(), ["good", "bad"], 3)
    assert tokens.encode(["Good, BAD good good", "", "zebra good"]) == [[2, 1, 3], [1], [1, 2]]
    assert (tokens.padding, tokens.highest) == (0, 3)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(st.characters(), max_size=80), max_size=5))
def test_every_text_has_some_numbers_and_never_too_many(texts: list[str]):
    for tokens in (WordPieces(PIECES, 7), WordIndex(Cleaner(), ["good", "!"], 7)):
        encoded = tokens.encode(texts)
        assert len(encoded) == len(texts)
        for numbers in encoded:
            assert 1 <= len(numbers) <= tokens.max_length
            assert all(0 <= number <= tokens.highest for number in numbers)
        assert encoded == [tokens.encode([text])[0] for text in texts]


@pytest.mark.parametrize(
    "tokens", [WordPieces(PIECES, 9, lowercase=False), WordIndex(Cleaner(), ["good", "é"], 9)], ids=["pieces", "index"]
)
def test_tokens_come_back_from_the_artifact(tokens: WordPieces | WordIndex):
    again = load_tokens(json.loads(json.dumps(tokens.describe())), tokens.files())
    texts = ["Good é RETARDS", "bad"]
    assert again.describe() == tokens.describe()
    assert again.encode(texts) == tokens.encode(texts)


@pytest.mark.parametrize(
    ("vocabulary", "length", "said"),
    [
        ([*PIECES, "good"], 48, "twice"),
        (PIECES[1:], 48, r"lacks \[PAD\]"),
        (PIECES, 2, "makes no sense"),
        (PIECES, 10**6, "makes no sense"),
    ],
)
def test_word_pieces_that_are_not_sound_are_refused(vocabulary: list[str], length: int, said: str):
    with pytest.raises(ArtifactError, match=said):
        WordPieces(vocabulary, length)


def test_a_word_index_that_is_not_sound_is_refused():
    with pytest.raises(ArtifactError, match="twice"):
        WordIndex(Cleaner(), ["a", "a"], 4)
    with pytest.raises(ArtifactError, match="makes no sense"):
        WordIndex(Cleaner(), ["a"], 0)


@pytest.mark.parametrize(
    ("change", "vocabulary", "said"),
    [
        ({"kind": "letters"}, None, "Unknown tokens 'letters'"),
        ({"max_length": "long"}, None, "whole number"),
        ({"max_length": True}, None, "whole number"),
        ({"size": 3}, None, "the manifest says 3"),
        ({"lowercase": "yes"}, None, "true or false"),
        ({}, b"{", "not JSON"),
        ({}, b"[" * 100_000, "not JSON"),
        ({}, b'{"a": 1}', "not a list of words"),
        ({}, b"[1, 2]", "not a list of words"),
        ({"kind": "word_index"}, None, "object belongs"),
        ({"kind": "word_index", "cleaning": {"lowercase": True}}, None, "cleaning switches"),
    ],
)
def test_an_unsound_entry_or_vocabulary_is_refused(change: dict[str, Any], vocabulary: bytes | None, said: str):
    sound = WordPieces(PIECES)
    files = sound.files() if vocabulary is None else {"vocabulary.json": vocabulary}
    with pytest.raises(ArtifactError, match=said):
        load_tokens({**sound.describe(), **change}, files)


def test_a_vocabulary_that_is_not_there_is_named():
    with pytest.raises(ArtifactError, match=r"no vocabulary\.json"):
        load_tokens(WordPieces(PIECES).describe(), {})
