"""Judgements on their way to the API, in the order in which they were given. Nothing here touches clock or network."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from vigie_ui.answers import Feedback, Receipt
from vigie_ui.failures import ApiError

RETRY_S: Final = 5.0


class Desk(Protocol):
    """Who takes judgements."""

    def send_feedback(self, feedback: Feedback) -> Receipt:
        """Record one judgement. Raises ApiError."""
        ...


class Delivery(StrEnum):
    """How far a judgement has come."""

    SENT = "sent"
    WAITING = "waiting"
    REFUSED = "refused"


class Letter(Protocol):
    """Something that was judged: the judgement that counts, and how far it has come."""

    feedback: Feedback | None
    delivery: Delivery | None


@dataclass(slots=True)
class Post:
    """What one visit has to send, oldest first. `retry_at` is set while the API cannot take it."""

    letters: list[Letter] = field(default_factory=list)
    retry_at: datetime | None = None

    def give(self, letter: Letter) -> None:
        """Take a judgement; it goes with the next `deliver`. One that replaces another waits in the other's place."""
        letter.delivery = Delivery.WAITING
        if not any(other is letter for other in self.letters):
            self.letters.append(letter)

    def withdraw(self, letter: Letter) -> None:
        """Do not send it, if it still waits."""
        self.letters = [other for other in self.letters if other is not letter]

    def waiting(self) -> int:
        """How many judgements the API does not have yet."""
        return len(self.letters)

    @property
    def held_up(self) -> bool:
        """Whether the API could not take what waits."""
        return self.retry_at is not None

    def due(self, now: datetime) -> bool:
        """Whether something waits and may be tried now."""
        return bool(self.letters) and (self.retry_at is None or self.retry_at <= now)

    def deliver(self, desk: Desk, now: datetime) -> None:
        """Send what waits, in order, until the API cannot take more."""
        while self.letters:
            letter = self.letters[0]
            if letter.feedback is not None:
                try:
                    desk.send_feedback(letter.feedback)
                except ApiError as error:
                    if error.passing:
                        self.retry_at = now + timedelta(seconds=error.retry_after_s or RETRY_S)
                        return
                    letter.delivery = Delivery.REFUSED
                else:
                    letter.delivery = Delivery.SENT
            del self.letters[0]
        self.retry_at = None
