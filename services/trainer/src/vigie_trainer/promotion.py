"""Moving the champion: promote through the gate, and roll back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vigie_trainer.errors import Refused, VigieError
from vigie_trainer.gate.page import page
from vigie_trainer.gate.rules import Check, Gate
from vigie_trainer.gate.runner import run_gate
from vigie_trainer.models import check_name, model_of_run, version_of
from vigie_trainer.tracking.store import Store, translated
from vigie_trainer.tracking.versions import (
    CHAMPION,
    PREVIOUS,
    Version,
    by_alias,
    by_number,
    log_report,
    move_champion,
    record_gate,
    register,
    version_of_run,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """Who is champion and previous now, what the gate said, and whether the champion changed."""

    champion: Version | None
    previous: Version | None
    gate: Gate
    candidate: Version
    moved: bool

    def document(self) -> dict[str, Any]:
        """What --json shows."""
        return {
            "champion": self.champion.document() if self.champion else None,
            "previous": self.previous.document() if self.previous else None,
            "gate": self.gate.document(),
            "candidate": self.candidate.document(),
            "promoted": self.moved,
        }


def promote(store: Store, model: str, *, reason: str, check_only: bool, say: Say) -> Outcome:
    """Put a version (or the model of a run, registered first) to the gate, and make it champion when it passes.

    Args:
        reason: goes into the audit tags.
        check_only: run and record the gate, move nothing.

    Raises:
        VigieError: no such version or run, or another champion came while the gate ran. Unavailable: MLflow went away.
    """
    candidate = candidate_of(store, model)
    champion = by_alias(store, CHAMPION)
    if champion is not None and champion.number == candidate.number:
        gate = Gate((Check("champion", True, f"version {candidate.number} is the champion already"),))
        return Outcome(champion, by_alias(store, PREVIOUS), gate, candidate, False)
    gate = put_to_gate(store, candidate, champion, say)
    if not gate.passed or check_only:
        return Outcome(champion, by_alias(store, PREVIOUS), gate, candidate, False)
    release(store, candidate, champion, reason or "vigie promote")
    return Outcome(by_alias(store, CHAMPION), by_alias(store, PREVIOUS), gate, candidate, True)


def put_to_gate(store: Store, candidate: Version, champion: Version | None, say: Say) -> Gate:
    """Run the gate and leave its verdict on the version, and its report with the run.

    Raises:
        VigieError: the evidence cannot be gathered. Unavailable: MLflow went away.
    """
    judged = run_gate(store, candidate, champion, say)
    record_gate(store, candidate, judged.gate.outcome, judged.digest)
    document = judged.gate.document() | {"version": candidate.number, "artifact_digest": judged.digest}
    log_report(store, candidate, document, page(judged, candidate, champion))
    return judged.gate


def release(store: Store, candidate: Version, champion: Version | None, reason: str) -> None:
    """Make a version that passed the gate champion.

    Raises:
        Refused: another champion than the one that it was compared with is there now, or came at the same moment.
    """
    now = by_alias(store, CHAMPION)
    if (now and now.number) != (champion and champion.number):
        raise Refused("another champion came while the gate ran; run the command again.")
    move_champion(store, candidate, champion, reason)
    _confirm(store, candidate)


def rollback(store: Store, *, reason: str) -> Outcome:
    """Make the previous champion champion again; the one that goes becomes previous.

    Raises:
        Refused: there is nothing to go back to, or another champion came at the same moment. Unavailable: MLflow went
            away.
    """
    champion, previous = by_alias(store, CHAMPION), by_alias(store, PREVIOUS)
    if previous is None or (champion is not None and champion.number == previous.number):
        raise Refused("there is no previous champion to go back to.")
    if not previous.gate_passed:
        raise Refused(f"version {previous.number} has not passed the gate; promote it with `vigie promote` instead.")
    move_champion(store, previous, champion, reason or "vigie rollback", "rollback")
    _confirm(store, previous)
    gate = Gate((Check("gate", True, f"version {previous.number} passed the gate when it was promoted"),))
    return Outcome(by_alias(store, CHAMPION), by_alias(store, PREVIOUS), gate, previous, True)


def _confirm(store: Store, moved: Version) -> None:
    """Look again after writing. MLflow sets an alias whatever it was before, so of two who move it at once the last one
    counts; both left the same champion, which is `previous` whoever was last.

    Raises:
        Refused: it was another one.
    """
    now = by_alias(store, CHAMPION)
    if now is None or now.number != moved.number:
        there = "no version" if now is None else f"version {now.number}"
        raise Refused(
            f"somebody else moved the champion at the same moment: {there} is champion, not version {moved.number}. "
            "Talk to each other, then run the command again if it should be."
        )


def candidate_of(store: Store, model: str) -> Version:
    """The version of a number, alias or run; the model of a run becomes one.

    Raises:
        VigieError: there is no such version or run. Misuse: the words name neither.
    """
    check_name(model)
    if model.startswith("models:/"):
        model = model.removeprefix(f"models:/{store.name}").lstrip("/@")
    version = version_of(store, model) if len(model) < 32 else None
    if version is not None:
        return version
    run_id = model.removeprefix("runs:/").partition("/")[0]
    if len(run_id) < 32:
        raise VigieError(f"the model {store.name!r} has no version {model!r}; `vigie leaderboard` lists them.")
    number = version_of_run(store, run_id)
    if number is None:
        model_id = model_of_run(store, run_id).removeprefix("models:/")
        with translated(store.uri):
            tags = dict(store.client.get_run(run_id).data.tags)
        number = register(store, run_id, model_id, tags)
    registered = by_number(store, number)
    if registered is None:
        raise VigieError(f"version {number} of {store.name!r} vanished while it was being promoted.")
    return registered
