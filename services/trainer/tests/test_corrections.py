"""From verdicts to labelled posts."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vigie_trainer.data.rows import Posts, SetAside, text_key
from vigie_trainer.data.splitting import split
from vigie_trainer.identity import CORRECTIONS, WEIGHT, identity
from vigie_trainer.material import LanguageRows, Material
from vigie_trainer.recipe import load_recipe
from vigie_trainer.retraining.corrections import by_time, merge
from vigie_trainer.retraining.joining import joined, texts_kept_out
from vigie_trainer.settings import Settings

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def verdict(number: int, text: str | None, correction: str | None, **more: Any) -> dict[str, Any]:
    at = (START + timedelta(minutes=number)).isoformat()
    return {"id": f"f{number}", "text": text, "correction": correction, "received_at": at, "verdict": "wrong"} | more


def test_the_latest_verdict_on_a_text_counts_whatever_the_order_of_the_export() -> None:
    verdicts = [
        verdict(1, "Late again", "negative"),
        verdict(2, "LATE  again", "positive"),
        verdict(3, "Lovely crew", "positive"),
        verdict(4, "late àgain", "negative"),
    ]
    expected = merge(verdicts)
    assert [(one.text, one.label) for one in expected.corrections] == [("Lovely crew", 1), ("late àgain", 0)]
    assert expected.document() == {"pulled": 4, "used": 2, "conflicts": 1, "set_aside": {"superseded": 2}}
    assert expected.conflicts_told() == [{"text": "late àgain", "negative": 2, "positive": 1, "kept": "negative"}]
    for seed in range(5):
        random.Random(seed).shuffle(verdicts)
        assert merge(verdicts).document() == expected.document()
        assert merge(verdicts).digest == expected.digest


def test_a_verdict_that_was_exported_twice_counts_once() -> None:
    assert merge([verdict(1, "late", "negative")] * 3).pulled == 1


def test_a_correct_verdict_is_a_label_and_a_wrong_one_implies_the_opposite() -> None:
    merged = merge(
        [
            verdict(1, "fine", None, verdict="correct", sentiment="positive"),
            verdict(2, "bad", None, verdict="wrong", sentiment="positive"),
        ]
    )
    assert [(one.text, one.label) for one in merged.corrections] == [("fine", 1), ("bad", 0)]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (verdict(1, None, "positive"), "no_text"),
        (verdict(1, "  ", "positive"), "no_text"),
        (verdict(1, "x" * 10_001, "positive"), "too_long"),
        (verdict(1, "late", None), "no_label"),
        (verdict(1, "late", "neutral"), "no_label"),
        (verdict(1, "late", "negative", received_at="yesterday"), "not_readable"),
        (verdict(1, "late", "negative", received_at="2026-11-22T08:00:00"), "not_readable"),
    ],
)
def test_what_cannot_be_a_label_is_set_aside_with_its_reason(broken: dict[str, Any], reason: str) -> None:
    merged = merge([broken, verdict(2, "fine", "positive")])
    assert merged.set_aside == {reason: 1}
    assert [one.text for one in merged.corrections] == ["fine"]


def test_a_text_of_a_test_set_is_kept_out_and_counted_with_all_its_verdicts() -> None:
    verdicts = [verdict(1, "Held  OUT", "negative"), verdict(2, "held out", "positive"), verdict(3, "new", "negative")]
    merged = merge(verdicts, {text_key("held out")})
    assert merged.document() == {"pulled": 3, "used": 1, "conflicts": 0, "set_aside": {"in_test_set": 2}}


def test_the_newest_corrections_are_held_out() -> None:
    merged = merge([verdict(number, f"post {number}", "negative") for number in range(30, 0, -1)])
    learned, held_out = by_time(merged.corrections, 0.2, 5)
    assert [one.text for one in held_out] == [f"post {number}" for number in range(25, 31)]
    assert max(one.at for one in learned) < min(one.at for one in held_out)
    assert by_time(merged.corrections, 0.0, 5)[1] == ()


def test_a_handful_of_corrections_is_learned_from_whole() -> None:
    merged = merge([verdict(number, f"post {number}", "negative") for number in range(9)])
    learned, held_out = by_time(merged.corrections, 0.2, 5)
    assert (len(learned), held_out) == (9, ())


@pytest.fixture
def material() -> Material:
    texts = [f"{'lovely' if at % 2 else 'awful'} flight number {at}" for at in range(40)]
    posts = Posts("posts.csv", texts, [at % 2 for at in range(40)], list(range(40)), SetAside())
    french = LanguageRows(["bien", "mal", "bof"], posts_labels(3), [{"name": "fr", "rows": 3, "synthetic": False}])
    return Material(posts, [], split(posts), 40, {"fr": french}, manual_test=posts_of("manual", ["a manual post"]))


def posts_of(name: str, texts: list[str]) -> Posts:
    return Posts(name, texts, [0] * len(texts), list(range(len(texts))), SetAside())


def posts_labels(count: int) -> Any:
    import numpy as np

    return np.array([at % 2 for at in range(count)], dtype=np.int64)


def test_corrections_come_last_replace_the_rows_they_correct_and_never_touch_the_held_out_side(
    material: Material,
) -> None:
    known, calibrating = material.split.train.texts[3], "mal"
    verdicts = [
        verdict(1, known.upper(), "positive"),
        verdict(2, "brand new", "negative"),
        verdict(3, calibrating, "negative"),
        verdict(4, material.split.test.texts[0], "positive"),
        verdict(5, "A manual post", "positive"),
    ]
    merged = merge(verdicts, texts_kept_out(material))
    assert merged.set_aside == {"in_test_set": 2}
    learned, held_out = merged.corrections[:2], merged.corrections[2:]
    both = joined(material, merged, learned, held_out, weight=3.0, parent="7")
    assert both.split.test is material.split.test
    assert both.split.train.texts == [
        *(text for text in material.split.train.texts if text != known),
        known.upper(),
        "brand new",
    ]
    assert both.split.train.labels[-2:].tolist() == [1, 0]
    assert both.weights is not None
    assert both.weights.tolist() == [1.0] * 31 + [3.0, 3.0]
    assert both.primary_rows == 31
    assert both.calibration["fr"].texts == ["bien", "bof"]
    assert len(both.calibration["fr"].weights) == 2
    assert both.corrected is not None
    assert both.corrected.held_out.texts == [calibrating]
    assert both.corrected.document["replaced"] == 1


def test_the_weight_and_the_corrections_make_it_another_training(material: Material) -> None:
    recipe, merged = load_recipe("tfidf_logreg"), merge([verdict(1, "brand new", "negative")])

    def tags(weight: float) -> dict[str, str]:
        both = joined(material, merged, merged.corrections, (), weight=weight, parent="7")
        return identity(recipe, both, Settings()).tags

    assert tags(1.0) == tags(1.0)
    assert tags(1.0)[WEIGHT] != tags(2.0)[WEIGHT]
    assert tags(1.0)[CORRECTIONS] == merged.digest
    assert CORRECTIONS not in identity(recipe, material, Settings()).tags
