"""The gate and the corrections that were held out: the rule, the examples, the page for people."""

import numpy as np
import pytest

from vigie_trainer.gate.examples import MOST, examples
from vigie_trainer.gate.page import page
from vigie_trainer.gate.paired import compare
from vigie_trainer.gate.rules import FEWEST_CORRECTIONS, Budgets, Check, Evidence, Gate, judge
from vigie_trainer.gate.runner import Judged
from vigie_trainer.tracking.versions import Version

RIGHT, WRONG = 0.9, 0.1


def corrections_check(rows: int, only_champion: int, only_challenger: int) -> Check:
    """The gate's check when, of positive posts, so many are right for one model alone."""
    old, new = np.full(rows, RIGHT), np.full(rows, RIGHT)
    new[:only_champion] = WRONG
    old[only_champion : only_champion + only_challenger] = WRONG
    labels = np.ones(rows, dtype=np.int64)
    evidence = Evidence(
        load_problem=None,
        digest_problem=None,
        latency_ms=1.0,
        size_mb=1.0,
        behaviours=[],
        required_languages=[],
        held_out_rows=0,
        comparison=None,
        has_champion=False,
        corrections=compare(labels, old, new, rounds=10),
    )
    (found,) = [check for check in judge(evidence, Budgets(0.01, 1, 50, 300)).checks if check.name == "corrections"]
    return found


@pytest.mark.parametrize(
    ("rows", "only_champion", "only_challenger", "verdict"),
    [
        (FEWEST_CORRECTIONS, 0, 9, True),
        (FEWEST_CORRECTIONS, 0, 0, True),
        (FEWEST_CORRECTIONS, 4, 0, True),  # p = 0.0625: chance may explain it
        (FEWEST_CORRECTIONS, 5, 0, False),  # p = 0.03125
        (FEWEST_CORRECTIONS - 1, 19, 0, None),
    ],
)
def test_a_challenger_that_is_significantly_worse_on_the_newest_corrections_does_not_pass(
    rows: int, only_champion: int, only_challenger: int, verdict: bool | None
) -> None:
    assert corrections_check(rows, only_champion, only_challenger).passed is verdict


def test_the_examples_are_those_that_one_model_judges_right_furthest_moved_first() -> None:
    texts = ["mended a little", "mended a lot", "both right", "broken", "both wrong"]
    found = examples(
        texts,
        np.array([1, 1, 1, 0, 0]),
        np.array([0.4, 0.1, 0.9, 0.2, 0.8]),
        np.array([0.6, 0.9, 0.8, 0.7, 0.9]),
        corrected=True,
    )
    assert [(one.text, one.right, one.fixed) for one in found] == [
        ("mended a lot", "positive", True),
        ("mended a little", "positive", True),
        ("broken", "negative", False),
    ]


def test_a_flood_of_examples_is_cut() -> None:
    found = examples(["x"] * 50, np.ones(50, dtype=np.int64), np.zeros(50), np.ones(50), corrected=False)
    assert len(found) == MOST


def test_the_page_says_no_first_and_shows_posts_as_text_only() -> None:
    post = "<script>alert('late')</script>"
    found = examples([post], np.array([1]), np.array([0.1]), np.array([0.9]), corrected=True)
    told = {
        "pulled": 3,
        "used": 1,
        "trained_on": 1,
        "held_out": 0,
        "conflicts": 1,
        "replaced": 0,
        "weight": 3.0,
        "set_aside": {"in_test_set": 2},
        "first_at": "2026-11-22T08:00:00+00:00",
        "last_at": None,
        "parent": "1",
        "conflicting": [{"text": post, "negative": 1, "positive": 2, "kept": "positive"}],
    }
    gate = Gate((Check("loads", True, "it loads"), Check("size", False, "the artifact is too large")))
    versions = [Version("sentiment", number, "tfidf_logreg", "r", "s") for number in ("1", "2")]
    both = compare([1, 0], [0.1, 0.1], [0.9, 0.1], rounds=10)
    html = page(Judged(gate, "sha256:0", both, both, told, found), versions[1], versions[0])
    assert html.index("No: the gate refuses it.") < html.index("the artifact is too large") < html.index("it loads")
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 2
    assert "its text is in a test set" in html
    assert "2026-11-22 08:00 UTC" in html
