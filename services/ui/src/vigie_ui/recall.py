"""What the API last answered to each question, to be shown while it does not answer. No clock, no network."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar, cast

from vigie_ui.answers import Answer
from vigie_ui.failures import ApiError

RETRY_S: Final = 5.0
MOST_KEPT: Final = 64

AnswerT = TypeVar("AnswerT", bound=Answer)


@dataclass(slots=True)
class Recall:
    """The answers of one visit. `error` is set while the API is away, `as_of` says when it last answered."""

    error: ApiError | None = None
    as_of: datetime | None = None
    _retry_at: datetime | None = None
    _answers: dict[Hashable, Answer] = field(default_factory=dict)

    def ask(self, question: Hashable, call: Callable[[], AnswerT], now: datetime) -> AnswerT | None:
        """The answer to a question, or, while the API is away, its last one (None: there was none).

        One failure that will pass spares the other questions the wait for a while. Raises ApiError when the failure is
        the question's own.
        """
        if self.away(now):
            return self._last(question)
        try:
            answer = call()
        except ApiError as error:
            if not error.passing:
                raise
            self.error = error
            self._retry_at = now + timedelta(seconds=error.retry_after_s or RETRY_S)
            return self._last(question)
        self.error, self._retry_at, self.as_of = None, None, now
        self._answers.pop(question, None)
        self._answers[question] = answer
        while len(self._answers) > MOST_KEPT:
            del self._answers[next(iter(self._answers))]
        return answer

    def away(self, now: datetime) -> bool:
        """Whether the API failed a moment ago."""
        return self._retry_at is not None and now < self._retry_at

    def try_again(self) -> None:
        """Ask the API at the next question."""
        self._retry_at = None

    def _last(self, question: Hashable) -> AnswerT | None:
        return cast("AnswerT | None", self._answers.get(question))
