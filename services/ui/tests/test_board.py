"""Ranking, intervals and the gate in words: what the page Models computes, without the page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_ui import board, board_markup
from vigie_ui.answers import Behaviour, GateCheck, ModelVersion, Roc
from vigie_ui.i18n import load_catalogue

FRENCH, ENGLISH = load_catalogue("fr"), load_catalogue("en")


def version(number, accuracy=None, *aliases, rows=3200, **more):
    metrics = (
        {} if accuracy is None else {"accuracy": accuracy, "support_negative": rows / 2, "support_positive": rows / 2}
    )
    fields = {"version": number, "recipe": "tiny", "created_at": "2026-11-02T10:00:00Z", "aliases": aliases}
    return ModelVersion(**fields, metrics=metrics, **more)


def test_wilson_agrees_with_a_published_interval():
    # Newcombe (1998), table I: 81 of 263, score method without continuity correction.
    assert board.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_an_interval_holds_its_share_and_stays_a_share(rows, data):
    share = data.draw(st.integers(0, rows)) / rows
    low, high = board.wilson(share, rows)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1


def test_the_best_comes_first_and_the_unmeasured_last():
    models = [version("4"), version("3", 0.7), version("2", 0.9), version("1", 7.0)]
    assert [model.version for model, _ in board.ranked(models)] == ["2", "3", "4", "1"]


def test_an_accuracy_without_its_rows_has_no_margin():
    score = board.score_of(version("1", 0.8, rows=0))
    assert (score.low, score.high) == (0.8, 0.8)


@pytest.mark.parametrize(
    ("models", "pair"),
    [
        ([version("1", 0.7)], ("1", "1")),
        ([version("2", 0.7), version("1", 0.8)], ("1", "2")),
        ([version("2", 0.9), version("1", 0.8, "champion")], ("1", "2")),
        ([version("3", 0.7, "challenger"), version("2", 0.9), version("1", 0.8, "champion")], ("1", "3")),
    ],
)
def test_what_serves_is_compared_with_what_could_take_its_place(models, pair):
    assert board.first_pair(models) == pair


def test_the_gates_rules_are_told_in_words_and_its_sentences_as_one():
    checks = [
        GateCheck(name="size", passed=True),
        GateCheck(name="behaviour_plain_en", passed=True),
        GateCheck(name="behaviour_negation_fr", passed=False),
        GateCheck(name="note", passed=None, detail="a note"),
        GateCheck(name="a_rule_of_tomorrow", passed=False, detail="no"),
    ]
    lines = board.gate_lines(checks, ENGLISH)
    assert [(line.words, line.passed) for line in lines] == [
        ("It takes little enough room", True),
        ("It gets enough control sentences right", False),
    ]
    details = board.gate_details(version("1", gate_checks=checks, gate="failed: x"))
    assert details == ["a note", "no"]


def test_without_a_report_the_gates_own_words_remain():
    judged = version("1", gate="failed: too large; too slow")
    assert board.gate_details(judged) == ["too large", "too slow"]
    assert "Some checks are not passed" in board_markup.gate_card(judged, ENGLISH)
    assert "has not been checked yet" in board_markup.gate_card(version("1"), ENGLISH)


def test_what_the_registry_holds_is_never_markup():
    hostile = "<script>x</script>"
    model = version("1", 0.8, "champion", gate=f"failed: {hostile}").model_copy(update={"recipe": hostile})
    kept = Behaviour(passed=1, total=2, kept=False)
    shown = (
        board_markup.role_card("champion", model, FRENCH)
        + board_markup.ranking(board.ranked([model]), FRENCH)
        + board_markup.gate_card(model, FRENCH)
        + board_markup.behaviour({hostile: {hostile: kept}}, FRENCH)
    )
    assert "<script" not in shown


def test_a_matrix_is_told_in_shares_of_each_kind_and_an_empty_row_does_no_harm():
    shown = board_markup.confusion(((80, 20), (0, 0)), ENGLISH)
    assert "80%" in shown
    assert "20%" in shown


def test_what_is_missing_is_said_to_be():
    for shown in (
        board_markup.confusion(None, FRENCH),
        board_markup.roc(None, None, FRENCH),
        board_markup.behaviour({}, FRENCH),
    ):
        assert "Non disponible" in shown


def test_the_curve_is_a_picture_with_words_beside_it():
    curve = Roc(false_positive_rate=(0, 0.5, 1), true_positive_rate=(0, 0.9, 1))
    shown = board_markup.roc(curve, 0.914, FRENCH)
    assert 'alt="Courbe ROC"' in shown
    assert "0,91" in shown


@pytest.mark.parametrize("recipe", ["tfidf_rf", "use_mlp", "ensemble", "bert", "distilbert_lgbm"])
def test_every_family_is_explained(recipe):
    assert FRENCH(board.how_key(recipe))
    assert board.how_key("something_else") is None
