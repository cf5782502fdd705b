"""What the API answers, and the judgement that is sent to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Sentiment = Literal["positive", "negative"]
Verdict = Literal["correct", "wrong"]


class Answer(BaseModel):
    """What every answer is: frozen, and deaf to keys of tomorrow."""

    # The API may add keys to an answer; it never renames one.
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class ModelName(Answer):
    """Which model judged."""

    name: str
    version: str
    recipe: str


class Judgement(Answer):
    """What a model thinks of a text. `score` is P(positive), `confidence` the larger of score and 1 - score."""

    sentiment: Sentiment
    score: float
    confidence: float
    uncertain: bool
    language: str


class Prediction(Judgement):
    """A verdict that the API has recorded under its `id`."""

    id: str
    model: ModelName


class Token(Answer):
    """A word, where it stands in the text (in code points), and what it did, in log-odds of positive."""

    text: str
    start: int
    end: int
    contribution: float


class Explanation(Answer):
    """What a model thinks of a text, and which words made it think so."""

    prediction: Judgement
    method: str
    base: float
    tokens: tuple[Token, ...]
    model: ModelName


class Roc(Answer):
    """The ROC curve, from (0, 0) to (1, 1)."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]


class GateCheck(Answer):
    """One rule of the gate; a note has no verdict."""

    name: str
    passed: bool | None = None
    detail: str = ""


class Behaviour(Answer):
    """How a version does on control sentences of one kind and language."""

    passed: int
    total: int
    kept: bool
    decides: bool = False


class ModelVersion(Answer):
    """A version in the registry, and what is known of it."""

    version: str
    recipe: str
    created_at: datetime
    aliases: tuple[str, ...] = ()
    gate: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
    confusion_matrix: tuple[tuple[int, int], tuple[int, int]] | None = None
    roc: Roc | None = None
    gate_checks: tuple[GateCheck, ...] | None = None
    behaviour: dict[str, dict[str, Behaviour]] | None = None
    evidence_complete: bool = True

    @property
    def passed(self) -> bool:
        """Whether the gate let it through."""
        return self.gate.startswith("passed")


class Board(Answer):
    """The registry's versions, newest first."""

    models: tuple[ModelVersion, ...]


class Receipt(Answer):
    """What the API recorded of a judgement."""

    id: str | int
    prediction_id: str
    verdict: Verdict
    correction: Sentiment | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """The reader's judgement of a verdict, complete enough to be kept without the prediction that it names."""

    prediction_id: str
    verdict: Verdict
    text: str
    sentiment: Sentiment
    model_version: str
    correction: Sentiment | None = None
    comment: str | None = None

    def body(self) -> dict[str, str]:
        """The JSON body; what was not said is left out."""
        fields = {
            "prediction_id": self.prediction_id,
            "verdict": self.verdict,
            "text": self.text,
            "sentiment": self.sentiment,
            "model_version": self.model_version,
            "correction": self.correction,
            "comment": self.comment,
        }
        return {name: value for name, value in fields.items() if value is not None}
