"""The models as the page shows them: roles, ranking, intervals, what the gate looked at. No HTML, no Streamlit."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from vigie_ui.answers import GateCheck, ModelVersion
from vigie_ui.i18n import Catalogue

Role = Literal["champion", "challenger", "previous"]
ROLES: Final[tuple[Role, ...]] = ("champion", "challenger", "previous")
ROLE_KEYS: Final[dict[Role, tuple[str, str]]] = {
    "champion": ("models.champion", "models.champion_note"),
    "challenger": ("models.challenger", "models.challenger_note"),
    "previous": ("models.previous", "models.previous_note"),
}
HOW_KEYS: Final = {
    "tfidf": "models.how.tfidf",
    "word2vec": "models.how.word2vec",
    "glove": "models.how.glove",
    "distilbert": "models.how.distilbert",
    "use": "models.how.use",
    "bilstm": "models.how.bilstm",
    "bert": "models.how.bert",
    "ensemble": "models.how.ensemble",
}
CHECK_KEYS: Final = {
    "loads": "gate.loads",
    "digest": "gate.digest",
    "latency": "gate.latency",
    "size": "gate.size",
    "behaviour": "gate.behaviour",
    "held_out": "gate.held_out",
    "champion": "gate.champion",
    "accuracy": "gate.accuracy",
    "roc_auc": "gate.roc_auc",
}
CATEGORY_KEYS: Final = {
    "plain": ("behaviour.plain", "behaviour.plain_note"),
    "airline": ("behaviour.airline", "behaviour.airline_note"),
    "name": ("behaviour.name", "behaviour.name_note"),
    "link": ("behaviour.link", "behaviour.link_note"),
    "typo": ("behaviour.typo", "behaviour.typo_note"),
    "negation": ("behaviour.negation", "behaviour.negation_note"),
    "intensifier": ("behaviour.intensifier", "behaviour.intensifier_note"),
}
Z_95: Final = 1.959964
_BEHAVIOUR: Final = "behaviour"


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracy on `rows` held-out tweets, with the ends of its 95 % interval."""

    value: float
    rows: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class GateLine:
    """One thing that the gate looked at, in words; None: it decides nothing."""

    words: str
    passed: bool | None


def role_of(model: ModelVersion) -> Role | None:
    """The first of its roles."""
    return next((role for role in ROLES if role in model.aliases), None)


def with_role(models: Iterable[ModelVersion], role: Role) -> ModelVersion | None:
    """The version that has this role."""
    return next((model for model in models if role in model.aliases), None)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """The ends of the 95 % interval of a share seen in `rows` rows (Wilson, 1927)."""
    square = Z_95 * Z_95 / rows
    middle = share + square / 2
    half = Z_95 * math.sqrt(share * (1 - share) / rows + square / (4 * rows))
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))


def score_of(model: ModelVersion) -> Score | None:
    """The accuracy of a version and how sure that is; None when it was not measured."""
    accuracy = model.metrics.get("accuracy")
    rows = round(model.metrics.get("support_negative", 0) + model.metrics.get("support_positive", 0))
    if accuracy is None or not 0 <= accuracy <= 1:
        return None
    low, high = wilson(accuracy, rows) if rows > 0 else (accuracy, accuracy)
    return Score(accuracy, rows, low, high)


def ranked(models: Sequence[ModelVersion]) -> list[tuple[ModelVersion, Score | None]]:
    """Best accuracy first, those without one last, newer before older."""
    scored = [(model, score_of(model)) for model in models]
    return sorted(scored, key=lambda pair: -1.0 if pair[1] is None else pair[1].value, reverse=True)


def first_pair(models: Sequence[ModelVersion]) -> tuple[str, str]:
    """The two versions to put side by side first: what serves, and who could or did take its place."""
    roles = [found.version for role in ROLES if (found := with_role(models, role))]
    best = [model.version for model, _ in ranked(models)]
    order = list(dict.fromkeys(roles + best))
    return order[0], order[min(1, len(order) - 1)]


def how_key(recipe: str) -> str | None:
    """The catalogue's key of what a recipe does, in one sentence."""
    return HOW_KEYS.get(recipe.split("_")[0])


def gate_lines(checks: Sequence[GateCheck], say: Catalogue) -> list[GateLine]:
    """The gate's rules in the reader's words; control sentences are one line, notes and unknown rules are none."""
    verdicts: dict[str, bool] = {}
    for check in checks:
        name = _BEHAVIOUR if check.name.startswith(_BEHAVIOUR) else check.name
        if check.passed is not None and name in CHECK_KEYS:
            verdicts[name] = verdicts.get(name, True) and check.passed
    return [GateLine(say(CHECK_KEYS[name]), passed) for name, passed in verdicts.items()]


def gate_details(model: ModelVersion) -> list[str]:
    """What the gate wrote, in its own words."""
    if model.gate_checks:
        return [check.detail for check in model.gate_checks if check.detail]
    return [part for part in model.gate.partition(": ")[2].split("; ") if part]
