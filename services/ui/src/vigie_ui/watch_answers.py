"""What the API answers about the model in service: its challenger, its drift, and who moved what."""

from datetime import datetime

from vigie_ui.answers import Answer


class Latency(Answer):
    """Milliseconds to judge one text: the middle one, and the one that 95 of 100 stay under."""

    p50: float | None = None
    p95: float | None = None


class LatencyPair(Answer):
    """Of both models, on the same texts."""

    champion: Latency
    challenger: Latency


class Shadow(Answer):
    """The challenger beside the champion on a share of live traffic; `mean_shift` is its score minus the champion's."""

    version: str
    recipe: str
    gate: str = ""
    since: datetime | None
    sample: float
    scored: int
    agreement: float | None
    mean_shift: float | None
    latency_ms: LatencyPair
    dropped: int
    error: str | None


class Served(Answer):
    """What serves now."""

    version: str
    recipe: str
    shadow: Shadow | None = None


class ModelMove(Answer):
    """The champion became another version."""

    at: datetime
    action: str
    version: str
    recipe: str
    previous: str | None
    by: str
    reason: str


class Moves(Answer):
    """Promotions and rollbacks, the latest first."""

    moves: tuple[ModelMove, ...]
    next_cursor: str | None = None


class Moved(Answer):
    """What serves after a move; `refresh_error` says why the new champion does not serve yet."""

    serving: str | None
    refresh_error: str | None = None


class Thresholds(Answer):
    """From where on a measure is worth a look, and an alert."""

    warning: float
    alert: float


class Measure(Answer):
    """How far one trait of a day's texts is from what the model learned from."""

    name: str
    statistic: str
    value: float
    state: str


class DriftDay(Answer):
    """One day of live traffic."""

    day: str
    predictions: int
    state: str
    measures: tuple[Measure, ...] = ()


class Drift(Answer):
    """The drift of the last days; `reference` False: this model carries nothing to compare with."""

    model_version: str | None = None
    reference: bool
    thresholds: Thresholds
    days: tuple[DriftDay, ...] = ()
