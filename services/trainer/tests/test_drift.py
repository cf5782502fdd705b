"""The drift report's parts: columns of numbers, Evidently's measures, and nobody who is told of it."""

import random
import sys

import pytest

from vigie_model import describe_reference, read_reference
from vigie_trainer.drift.columns import CATEGORIES, NUMBERS, live_columns, reference_columns
from vigie_trainer.drift.report import Measure, compare

WORDS = ["merci", "vol", "retard", "bagage", "great", "crew", "delay", "the", "le", "flight"]


def posts(count, seed, words=WORDS):
    draw = random.Random(seed)
    return [(" ".join(draw.choices(words, k=draw.randint(2, 20))), draw.random()) for _ in range(count)]


def lines(found):
    return [{"text": text, "score": score, "language": "en" if "the" in text else "und"} for text, score in found]


@pytest.fixture(scope="module")
def reference():
    return read_reference(describe_reference(*zip(*posts(2_000, 1), strict=True)))


def test_live_predictions_have_the_columns_of_the_reference(reference):
    live = live_columns(lines(posts(50, 2)), reference)
    before = reference_columns(reference)
    assert set(live) == set(before) == {*NUMBERS, *CATEGORIES}
    assert {len(column) for column in live.values()} == {50}
    assert set(before["sentiment"]) == {"positive", "negative"}


def test_a_line_that_is_no_prediction_is_left_out(reference):
    wrong = [{}, {"text": 3, "score": 0.5, "language": "en"}, {"text": "a", "score": 0.5, "language": "klingon"}]
    assert len(live_columns([*wrong, *lines(posts(3, 1))], reference)["score"]) == 3


def test_a_model_without_a_sample_has_no_columns():
    assert reference_columns(read_reference({"language_share": {"en": 1.0}})) == {}


def test_a_value_on_the_threshold_is_drift():
    assert Measure("score", "psi", 0.25, 0.25).drift
    assert not Measure("score", "psi", 0.2499, 0.25).drift


def test_the_report_tells_a_new_domain_from_the_old_one_and_tells_nobody_else(reference):
    called = []

    def listen(event, arguments):
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            called.append((event, arguments))

    sys.addaudithook(listen)  # stays for good, and does nothing but listen
    before = reference_columns(reference)
    same, page = compare(before, live_columns(lines(posts(600, 2)), reference), 0.25)
    changed, _ = compare(before, live_columns(lines(posts(600, 2, ["train", "tram", "bus"])), reference), 0.25)
    assert called == []
    assert {one.name for one in same} == {*NUMBERS, *CATEGORIES}
    by_name = {one.name: one for one in same}
    assert not by_name["length"].drift
    assert not by_name["score"].drift
    assert next(one for one in changed if one.name == "known_share").drift
    assert page.lstrip().lower().startswith(("<!doctype html", "<html"))
    assert "merci" not in page
    for source in ('src="http', "src='http", 'href="https://fonts', "url(http", "@import url"):
        assert source not in page
