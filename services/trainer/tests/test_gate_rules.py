from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vigie_trainer.gate.behaviour import Behaviour, required_languages
from vigie_trainer.gate.paired import Comparison, Difference
from vigie_trainer.gate.rules import Budgets, Evidence, judge

BUDGETS = Budgets(margin=0.01, min_rows=100, latency_ms=50, size_mb=300)


def comparison(accuracy: float, auc: float | None = 0.0, rows: int = 3_200) -> Comparison:
    return Comparison(
        rows=rows,
        champion_accuracy=0.75,
        challenger_accuracy=0.75 + accuracy,
        accuracy=Difference(accuracy, accuracy - 0.01, accuracy + 0.01),
        champion_roc_auc=None if auc is None else 0.83,
        challenger_roc_auc=None if auc is None else 0.83 + auc,
        roc_auc=None if auc is None else Difference(auc, auc, auc),
        only_champion=3,
        only_challenger=5,
        mcnemar_p=0.7,
    )


GOOD = Evidence(
    load_problem=None,
    digest_problem=None,
    latency_ms=0.2,
    size_mb=3.0,
    behaviours=[Behaviour("plain", "en", 12, ()), Behaviour("plain", "fr", 12, ())],
    required_languages=["en", "fr"],
    held_out_rows=3_200,
    comparison=comparison(0.02),
    has_champion=True,
)


def test_a_better_model_passes_and_the_reasons_tell_what_was_looked_at() -> None:
    gate = judge(GOOD, BUDGETS)
    assert gate.passed
    assert gate.outcome.startswith("passed: ")
    assert any("accuracy 0.7700 against the champion's 0.7500" in reason for reason in gate.reasons)
    assert any("McNemar" in reason for reason in gate.reasons)
    assert gate.document()["passed"] is True


def test_without_a_champion_the_absolute_checks_decide() -> None:
    alone = replace(GOOD, has_champion=False, comparison=None)
    assert judge(alone, BUDGETS).passed
    assert not judge(replace(alone, latency_ms=51.0), BUDGETS).passed


def test_each_rule_alone_can_refuse_and_says_why() -> None:
    bad = Behaviour("plain", "en", 12, ("I love it", "I hate it"))
    moved = Behaviour("link", "fr", 12, ("a", "b", "c", "d"))
    for broken, said in [
        (replace(GOOD, load_problem="No module named 'sklearn'"), "does not load in a bare process: No module"),
        (replace(GOOD, digest_problem="the artifact is another one"), "another one"),
        (replace(GOOD, latency_ms=80.0), "80.00 ms"),
        (replace(GOOD, latency_ms=None), "inf ms"),
        (replace(GOOD, size_mb=301.0), "301.0 MB"),
        (replace(GOOD, behaviours=[bad]), "10 of 12 plain English"),
        (replace(GOOD, behaviours=[moved]), "a link leaves 8 of 12 French verdicts as they were, 90% are needed"),
        (replace(GOOD, behaviours=[moved]), "“a”, “b”, “c” and 1 more"),
        (replace(GOOD, comparison=comparison(-0.02)), "accuracy 0.7300 against"),
        (replace(GOOD, comparison=comparison(0.0, -0.02)), "ROC AUC"),
        (replace(GOOD, held_out_rows=99), "only 99 held-out rows"),
        (replace(GOOD, comparison=None), "held-out rows"),
    ]:
        gate = judge(broken, BUDGETS)
        assert not gate.passed
        assert gate.outcome.startswith("failed: ")
        assert any(said in reason for reason in gate.reasons), (said, gate.reasons)


def test_one_wrong_sentence_is_forgiven() -> None:
    once = Behaviour("plain", "en", 12, ("I love it",))
    assert judge(replace(GOOD, behaviours=[once]), BUDGETS).passed


def test_a_language_that_it_was_not_trained_on_is_told_and_decides_nothing() -> None:
    stranger = Behaviour("plain", "fr", 12, ("un", "deux", "trois"))
    gate = judge(replace(GOOD, behaviours=[stranger], required_languages=["en"]), BUDGETS)
    assert gate.passed
    assert any("hardly seen French" in reason for reason in gate.reasons)
    assert not judge(replace(GOOD, behaviours=[stranger]), BUDGETS).passed


def test_the_report_has_behaviour_by_category_and_the_tag_has_it_in_short() -> None:
    shaky = Behaviour("negation", "en", 14, ("The landing was not bad",))
    gate = judge(replace(GOOD, behaviours=[*GOOD.behaviours, shaky], required_languages=["en"]), BUDGETS)
    assert gate.document()["behaviour"]["negation"]["en"] == {
        "passed": 13,
        "total": 14,
        "needed": 0.5,
        "kept": True,
        "decides": True,
        "failures": ["The landing was not bad"],
    }
    assert gate.document()["behaviour"]["plain"]["fr"]["decides"] is False
    assert "behaviour in English: plain 12/12, negation 13/14; behaviour in French: plain 12/12" in gate.outcome
    assert "not bad" not in gate.outcome
    assert any("The landing was not bad" in reason for reason in gate.reasons)
    lost = judge(replace(GOOD, behaviours=[replace(shaky, failures=("The landing was not bad",) * 8)]), BUDGETS)
    assert lost.outcome.startswith("failed: denying moves 6 of 14 English scores the right way, 50% are needed (not: ")


def test_notes_come_last_and_never_decide() -> None:
    gate = judge(replace(GOOD, notes=["12 rows left out"]), BUDGETS)
    assert gate.passed
    assert gate.reasons[-1] == "12 rows left out"


def test_held_out_rows_of_one_class_are_compared_on_accuracy_alone() -> None:
    gate = judge(replace(GOOD, comparison=comparison(0.0, None)), BUDGETS)
    assert gate.passed
    assert not any("ROC AUC" in reason for reason in gate.reasons)


@given(st.floats(-0.5, 0.5), st.floats(0, 0.2), st.floats(0, 0.2))
def test_a_wider_margin_never_refuses_what_a_narrower_one_lets_through(
    difference: float, margin: float, more: float
) -> None:
    evidence = replace(GOOD, comparison=comparison(difference, difference))
    if judge(evidence, replace(BUDGETS, margin=margin)).passed:
        assert judge(evidence, replace(BUDGETS, margin=margin + more)).passed


@given(st.floats(0, 0.5), st.floats(0.01, 100), st.floats(0.01, 500), st.integers(0, 5_000))
def test_what_is_better_everywhere_passes_whenever_the_budgets_are_kept(
    gain: float, latency_ms: float, size_mb: float, rows: int
) -> None:
    evidence = replace(
        GOOD, comparison=comparison(gain, gain), latency_ms=latency_ms, size_mb=size_mb, held_out_rows=rows
    )
    kept = latency_ms <= BUDGETS.latency_ms and size_mb <= BUDGETS.size_mb and rows >= BUDGETS.min_rows
    assert judge(evidence, BUDGETS).passed is kept


def test_the_languages_that_decide_are_those_of_the_training_rows_or_of_the_setting() -> None:
    assert required_languages("trained", {"en": 0.99, "fr": 0.01}) == ["en"]
    assert required_languages("fr,en", {}) == ["fr", "en"]
