"""Several scorers, one margin: a weighted sum, whose weights may depend on the language of the text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vigie_model.errors import ArtifactError
from vigie_model.heads import Cost
from vigie_model.language import LANGUAGES, detect_language
from vigie_model.scorers import Scorer, load_scorer, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_MOST_MEMBERS = 16


@dataclass(frozen=True, slots=True)
class Combiner:
    """margin = intercept + Σ weight · margin of the member. A member that is not named weighs 0."""

    weights: Mapping[str, float]
    intercept: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As the manifest stores it."""
        return {"weights": dict(self.weights), "intercept": self.intercept}


class EnsembleScorer:
    """Members by name, and a combiner for each language code (en, fr, und), with `default` for the others.

    A member that weighs 0 for the language of a text is not asked about it. Raises ArtifactError when there is no
    member, a name is no lower-case word, a member is an ensemble itself, or the combiners do not go with the members.
    """

    def __init__(self, members: Mapping[str, Scorer], combiners: Mapping[str, Combiner]) -> None:
        self.members = dict(members)
        self.combiners = dict(combiners)
        _check_members(self.members)
        _check_combiners(self.combiners, self.members)
        self.cost: Cost = "heavy" if any(member.cost == "heavy" for member in members.values()) else "light"

    def margins(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The weighted sum of the members' margins, by the combiner of each text's language."""
        return self.margins_in(texts, [detect_language(text) for text in texts])

    def margins_in(self, texts: Sequence[str], languages: Sequence[str]) -> NDArray[np.float64]:
        """As `margins`, for texts whose languages are known."""
        combiners = [self.combiners.get(language) or self.combiners["default"] for language in languages]
        out = np.array([combiner.intercept for combiner in combiners], dtype=np.float64)
        for name, member in self.members.items():
            weights = np.array([combiner.weights.get(name, 0.0) for combiner in combiners], dtype=np.float64)
            rows = np.flatnonzero(weights)
            if len(rows):
                out[rows] += weights[rows] * member.margins([texts[row] for row in rows.tolist()])
        return out

    def describe(self) -> dict[str, Any]:
        """The manifest's entry. The order of the members is kept apart: the manifest sorts its keys."""
        return {
            "kind": "ensemble",
            "order": list(self.members),
            "members": {name: member.describe() for name, member in self.members.items()},
            "combiners": {language: combiner.to_json() for language, combiner in self.combiners.items()},
        }

    def files(self) -> dict[str, bytes]:
        """The members' files, each under `<member>__<name>`."""
        return {
            f"{name}__{file}": data for name, member in self.members.items() for file, data in member.files().items()
        }


def load_ensemble(entry: Mapping[str, Any], files: Mapping[str, bytes], *, threads: int) -> EnsembleScorer:
    """The ensemble that a manifest describes. Raises ArtifactError when the entry or a member is not sound."""
    entries = part_of(entry, "members")
    order = entry.get("order")
    if (
        not isinstance(order, list)
        or not all(isinstance(name, str) for name in order)
        or sorted(order) != sorted(entries)
    ):
        raise ArtifactError("The order of the ensemble does not name each member once.")
    members: dict[str, Scorer] = {}
    for name in order:
        member = part_of(entries, name)
        if member.get("kind") == "ensemble":
            raise ArtifactError(f"The member {name} is an ensemble itself; members are features or networks.")
        prefix = f"{name}__"
        own = {file.removeprefix(prefix): data for file, data in files.items() if file.startswith(prefix)}
        try:
            members[name] = load_scorer(member, own, threads=threads)
        except ArtifactError as error:
            raise ArtifactError(f"Member {name}: {error}") from error
    combiners = part_of(entry, "combiners")
    return EnsembleScorer(members, {language: _combiner(part_of(combiners, language)) for language in combiners})


def _combiner(entry: Mapping[str, Any]) -> Combiner:
    weights = part_of(entry, "weights")
    try:
        return Combiner({name: float(weight) for name, weight in weights.items()}, float(entry["intercept"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError("A combiner of the ensemble is incomplete.") from error


def _check_members(members: Mapping[str, Scorer]) -> None:
    if not 1 <= len(members) <= _MOST_MEMBERS:
        raise ArtifactError(f"An ensemble has 1 to {_MOST_MEMBERS} members, not {len(members)}.")
    for name, member in members.items():
        if not _NAME.fullmatch(name):
            raise ArtifactError(f"{name!r} cannot name a member: lower-case letters, digits and single underscores do.")
        if isinstance(member, EnsembleScorer):
            raise ArtifactError(f"The member {name} is an ensemble itself; members are features or networks.")


def _check_combiners(combiners: Mapping[str, Combiner], members: Mapping[str, Scorer]) -> None:
    if "default" not in combiners:
        raise ArtifactError("The ensemble has no default combiner.")
    for language, combiner in combiners.items():
        if language != "default" and language not in LANGUAGES:
            raise ArtifactError(f"A combiner is for the language {language!r}; known are {', '.join(LANGUAGES)}.")
        unknown = sorted(set(combiner.weights) - set(members))
        if unknown:
            raise ArtifactError(f"The combiner {language} weighs {unknown[0]!r}, which is no member.")
        if not all(map(math.isfinite, (*combiner.weights.values(), combiner.intercept))):
            raise ArtifactError(f"The combiner {language} has numbers that are not finite.")
