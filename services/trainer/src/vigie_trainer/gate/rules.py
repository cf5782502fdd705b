"""The rules of the gate: evidence in, verdict and reasons in words out. Pure: no clock, no network, no files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vigie_trainer.gate.behaviour import LANGUAGE_NAMES, NEEDED, Behaviour
from vigie_trainer.gate.paired import Comparison, Difference, sign_test

_BEHAVIOUR = "behaviour_"
_FAILURES_TOLD = 3
FEWEST_CORRECTIONS = 20
"""Corrections held out by time from which they decide; fewer are told as a note."""
_SIGNIFICANT = 0.05
_TOLD = {
    "plain": "{right} of {total} plain {language} sentences are judged right",
    "airline": "{right} of {total} {language} posts about an airline are judged right",
    "name": "a name leaves {right} of {total} {language} verdicts as they were",
    "link": "a link leaves {right} of {total} {language} verdicts as they were",
    "typo": "typos leave {right} of {total} {language} verdicts as they were",
    "negation": "denying moves {right} of {total} {language} scores the right way",
    "intensifier": "a stronger word moves {right} of {total} {language} scores no wrong way",
}


@dataclass(frozen=True)
class Budgets:
    """Limits of the gate; accuracy and AUC as differences, latency per text, size of the whole artifact."""

    margin: float
    min_rows: int
    latency_ms: float
    size_mb: float


@dataclass(frozen=True)
class Evidence:
    """What was measured of a challenger.

    Attributes:
        load_problem: why the artifact does not load in a bare process; None when it does.
        digest_problem: why the artifact is not the one that was trained; None when it is.
        latency_ms: 95th percentile of one text on one thread; None when it does not load.
        behaviours: of each language and category.
        required_languages: languages whose behaviour decides; that of others is told as a note.
        held_out_rows: rows left to compare on, those that either model was trained on removed.
        comparison: with the champion; None without a champion, or with too few rows.
        has_champion: whether there is one to compare with.
        corrections: the same on the newest corrections, which neither was trained on; None where there are none.
        notes: what a person should know and no rule looks at.
    """

    load_problem: str | None
    digest_problem: str | None
    latency_ms: float | None
    size_mb: float
    behaviours: Sequence[Behaviour]
    required_languages: Sequence[str]
    held_out_rows: int
    comparison: Comparison | None
    has_champion: bool
    corrections: Comparison | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Check:
    """One rule and what came of it; a check without a verdict is a note."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class Gate:
    """The verdict.

    Attributes:
        behaviours: what the behaviour checks rest on.
        decisive: languages whose behaviour decides.
    """

    checks: tuple[Check, ...]
    behaviours: tuple[Behaviour, ...] = ()
    decisive: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every rule is kept."""
        return all(check.passed is not False for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Why, in words: what failed, or everything that was looked at; then the notes."""
        decisive = [check.detail for check in self.checks if check.passed is self.passed]
        return decisive + [check.detail for check in self.checks if check.passed is None]

    @property
    def outcome(self) -> str:
        """The text of the tag vigie.gate: the reasons, with behaviour in short unless it is why the gate refuses."""
        told = [
            check.detail
            for verdict in (self.passed, None)
            for check in self.checks
            if check.passed is verdict and (verdict is False or not check.name.startswith(_BEHAVIOUR))
        ]
        return ("passed: " if self.passed else "failed: ") + "; ".join(told + self._behaviour_in_short())

    def document(self) -> dict[str, Any]:
        """What --json shows."""
        return {
            "passed": self.passed,
            "reasons": self.reasons,
            "checks": [{"name": one.name, "passed": one.passed, "detail": one.detail} for one in self.checks],
            "behaviour": self._behaviour(),
        }

    def _behaviour(self) -> dict[str, dict[str, Any]]:
        """Category -> language -> what the model did."""
        found: dict[str, dict[str, Any]] = {}
        for one in self.behaviours:
            told = one.document() | {"decides": one.language in self.decisive}
            found.setdefault(one.category, {})[one.language] = told
        return found

    def _behaviour_in_short(self) -> list[str]:
        lines: dict[str, list[str]] = {}
        for one in self.behaviours:
            lines.setdefault(one.language, []).append(f"{one.category} {one.right}/{one.total}")
        return [f"behaviour in {LANGUAGE_NAMES[language]}: {', '.join(parts)}" for language, parts in lines.items()]


def judge(evidence: Evidence, budgets: Budgets) -> Gate:
    """Apply every rule; a model whose artifact does not load is judged no further."""
    checks = [_loads(evidence)]
    if evidence.load_problem is None:
        checks.append(_is_what_was_trained(evidence))
        checks.append(_latency(evidence, budgets))
        checks.append(_size(evidence, budgets))
        checks += [_behaviour(one, one.language in evidence.required_languages) for one in evidence.behaviours]
        checks += _against_champion(evidence, budgets)
        checks += _on_corrections(evidence.corrections)
    checks += [Check("note", None, note) for note in evidence.notes]
    return Gate(tuple(checks), tuple(evidence.behaviours), tuple(evidence.required_languages))


def _loads(evidence: Evidence) -> Check:
    if evidence.load_problem is not None:
        return Check("loads", False, f"the artifact does not load in a bare process: {evidence.load_problem}")
    return Check("loads", True, "the artifact loads in a bare process")


def _is_what_was_trained(evidence: Evidence) -> Check:
    if evidence.digest_problem is not None:
        return Check("digest", False, evidence.digest_problem)
    return Check("digest", True, "it is the artifact that was trained")


def _latency(evidence: Evidence, budgets: Budgets) -> Check:
    measured = evidence.latency_ms if evidence.latency_ms is not None else float("inf")
    kept = measured <= budgets.latency_ms
    return Check(
        "latency", kept, f"a text takes {measured:.2f} ms (95th percentile), the budget is {budgets.latency_ms:g} ms"
    )


def _size(evidence: Evidence, budgets: Budgets) -> Check:
    kept = evidence.size_mb <= budgets.size_mb
    return Check("size", kept, f"the artifact has {evidence.size_mb:.1f} MB, the budget is {budgets.size_mb:g} MB")


def _behaviour(behaviour: Behaviour, required: bool) -> Check:
    language = LANGUAGE_NAMES[behaviour.language]
    told = _TOLD[behaviour.category].format(right=behaviour.right, total=behaviour.total, language=language)
    detail = f"{told}, {NEEDED[behaviour.category]:.0%} are needed"
    if behaviour.failures:
        detail += " (not: " + ", ".join(f"“{text}”" for text in behaviour.failures[:_FAILURES_TOLD])
        more = len(behaviour.failures) - _FAILURES_TOLD
        detail += f" and {more} more)" if more > 0 else ")"
    name = f"{_BEHAVIOUR}{behaviour.category}_{behaviour.language}"
    if required:
        return Check(name, behaviour.kept, detail)
    return Check(name, None, f"it has hardly seen {language}, expect mistakes there: {detail}")


def _against_champion(evidence: Evidence, budgets: Budgets) -> list[Check]:
    if not evidence.has_champion:
        return [Check("champion", True, "there is no champion to compare with")]
    comparison = evidence.comparison
    if comparison is None or evidence.held_out_rows < budgets.min_rows:
        return [
            Check(
                "held_out",
                False,
                f"only {evidence.held_out_rows} held-out rows are left that neither model was trained on, "
                f"{budgets.min_rows} are needed to compare",
            )
        ]
    checks = [
        _not_worse(
            "accuracy",
            comparison.champion_accuracy,
            comparison.challenger_accuracy,
            comparison.accuracy,
            comparison,
            budgets.margin,
        )
    ]
    if comparison.roc_auc is not None:
        checks.append(
            _not_worse(
                "ROC AUC",
                comparison.champion_roc_auc or 0.0,
                comparison.challenger_roc_auc or 0.0,
                comparison.roc_auc,
                comparison,
                budgets.margin,
            )
        )
    checks.append(
        Check(
            "mcnemar",
            None,
            f"McNemar: only the champion is right on {comparison.only_champion} rows, only the challenger on "
            f"{comparison.only_challenger} (p = {comparison.mcnemar_p:.2g})",
        )
    )
    return checks


def _on_corrections(comparison: Comparison | None) -> list[Check]:
    """Not significantly worse on what people corrected last.

    People correct what the champion got wrong, so these rows lean against it and a gain on them proves little. But a
    challenger that loses more of them than chance explains has not learned what it was trained for.
    """
    if comparison is None:
        return []
    decides = comparison.rows >= FEWEST_CORRECTIONS
    p = sign_test(comparison.only_champion, comparison.only_challenger)
    told = (
        f"on the {comparison.rows} newest corrections, held out, it is right on {comparison.challenger_accuracy:.0%} "
        f"and the champion on {comparison.champion_accuracy:.0%} (only the challenger on {comparison.only_challenger}, "
        f"only the champion on {comparison.only_champion}; p = {p:.2g} that it is no worse)"
    )
    if not decides:
        return [Check("corrections", None, f"{told}; {FEWEST_CORRECTIONS} are needed to decide by them")]
    return [Check("corrections", p >= _SIGNIFICANT, told)]


def _not_worse(
    what: str, champion: float, challenger: float, difference: Difference, comparison: Comparison, margin: float
) -> Check:
    # Compared at the precision that is shown, so that a difference of exactly the margin passes.
    kept = round(difference.value, 9) >= -margin
    return Check(
        what.lower().replace(" ", "_"),
        kept,
        f"{what} {challenger:.4f} against the champion's {champion:.4f} on {comparison.rows} held-out rows "
        f"({difference.value:+.4f}, 95 % interval {difference.low:+.4f} to {difference.high:+.4f}; "
        f"it may lose {margin:g})",
    )
