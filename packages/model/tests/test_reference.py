"""The statistics that travel with a model: what is written can be read, and old artifacts are read too."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_model.reference import (
    BINS,
    SAMPLE_COLUMNS,
    SAMPLE_ROWS,
    Bins,
    describe,
    known_words,
    read_reference,
    row_of,
    words_of,
)


def made_up(count=400, seed=3):
    draw = random.Random(seed)
    words = ["merci", "vol", "retard", "bagage", "great", "crew", "delay", "the", "le"]
    texts = [" ".join(draw.choices(words, k=draw.randint(2, 20))) for _ in range(count)]
    return texts, [draw.random() for _ in texts]


def test_what_is_written_in_a_manifest_is_read_back():
    texts, scores = made_up()
    document = json.loads(json.dumps(describe(texts, scores)))
    found = read_reference(document)
    assert found.rows == 400
    assert (len(found.score.shares), len(found.length.shares)) == (BINS, BINS)
    assert sum(found.languages.values()) == pytest.approx(1.0)
    assert found.words == {"merci", "vol", "retard", "bagage", "great", "crew", "delay", "the", "le"}
    assert found.coverage == 1.0


def test_bins_hold_about_a_tenth_each():
    found = read_reference(describe(*made_up(4_000)))
    assert all(0.05 < share < 0.15 for share in found.score.shares)
    assert all(0.02 < share < 0.2 for share in found.length.shares)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_every_score_is_in_a_bin(scores):
    bins = read_reference(describe(["a"] * len(scores), scores)).score
    assert sum(bins.shares) == pytest.approx(1.0)
    assert sum(bins.count(dict.fromkeys(scores, 1))) == len(set(scores))


def test_a_model_that_always_says_the_same_has_one_bin():
    assert read_reference(describe(["a"] * 30, [0.5] * 30)).score == Bins((), (1.0,))


def test_a_value_on_a_cut_is_in_the_bin_above():
    assert Bins((1.0, 2.0), (0.2, 0.3, 0.5)).count({0.9: 1, 1.0: 2, 2.0: 4}) == [1, 2, 4]


def test_an_artifact_of_before_has_bins_of_scores_and_lengths():
    found = read_reference(
        {
            "score_histogram": {"edges": [0.0, 0.5, 1.0], "counts": [30, 10]},
            "length_quantiles": {"0.05": 20, "0.25": 40, "0.50": 60, "0.75": 60, "0.95": 130},
            "language_share": {"en": 0.9, "fr": 0.1, "und": 0.0},
        }
    )
    assert found.score == Bins((0.5,), (0.75, 0.25))
    assert found.length.cuts == (20, 40, 60, 130)
    assert found.length.shares == pytest.approx((0.05, 0.2, 0.5, 0.2, 0.05))
    assert (found.coverage, found.words) == (None, frozenset())


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"score_bins": []},
        {"score_bins": {"cuts": [2, 1], "shares": [1, 1, 1]}},
        {"score_bins": {"cuts": [1], "shares": [1]}},
        {"score_bins": {"cuts": [1], "shares": [0, 0]}},
        {"score_bins": {"cuts": ["a"], "shares": [1, 1]}},
        {"score_histogram": {"edges": 1}},
        {"length_quantiles": {"a": 1}},
        {"length_quantiles": {}},
        {"language_share": {"en": -1}},
        {"language_share": {"en": "x"}},
        {"vocabulary": 3, "rows": "many"},
    ],
)
def test_statistics_that_make_no_sense_are_none(document):
    assert read_reference(document) is None


def test_words_are_what_a_reader_would_call_words():
    assert words_of("@bob MERCI l'équipe! #vol https://t.co/x 12 B737 😀") == ["merci", "l'équipe", "b"]


def test_rare_words_are_no_vocabulary():
    texts = ["great crew"] * 20 + ["Zebulon"] * 4
    found = read_reference(describe(texts, [0.5] * 24))
    assert found.words == {"great", "crew"}
    assert known_words("great Zebulon", found.words) == (1, 2)
    assert found.coverage == pytest.approx(20 / 22)


def test_a_sample_of_the_rows_travels_as_numbers():
    texts, scores = made_up(5_000)
    found = read_reference(json.loads(json.dumps(describe(texts, scores))))
    assert {len(column) for column in found.sample.values()} == {SAMPLE_ROWS}
    assert tuple(found.sample) == SAMPLE_COLUMNS
    first = tuple(column[0] for column in found.sample.values())
    assert first == row_of(texts[1], scores[1], found.words)


def test_a_text_without_a_word_has_none_unknown():
    assert row_of("😀 12", 0.25, frozenset()) == (0.25, 4, 0, 1.0, "und")


@pytest.mark.parametrize("sample", [None, 3, {}, {"score": [1]}, {name: [] for name in SAMPLE_COLUMNS}])
def test_a_sample_that_is_not_whole_is_none(sample):
    whole = describe(*made_up(40))
    assert read_reference(whole | {"sample": sample}).sample == {}
