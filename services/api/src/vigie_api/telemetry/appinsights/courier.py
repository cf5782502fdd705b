"""Carries items to the ingestion endpoint: bounded memory, one thread, patience that ends.

Nobody who hands an item over waits for the network. What cannot be kept is dropped and counted by reason:

    queue-full   the endpoint has been away or slow for longer than the memory bears
    refused      the endpoint does not want this item, now or later
    failed       an exporter broke on it
    shutdown     the process ended before it was delivered
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from vigie_api.telemetry.appinsights.items import CustomEvent, Item

_log = logging.getLogger("vigie_api.telemetry.appinsights")

MAX_EVENTS = 1_000
MAX_OTHERS = 4_000
BATCH = 100
_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_LONGEST_WISH_S = 3_600.0

Reason = Literal["queue-full", "refused", "failed", "shutdown"]


@dataclass(slots=True)
class Outcome:
    """What became of a batch: what is not in `later` was taken, but for `refused` items that never will be."""

    later: list[Item] = field(default_factory=list)
    refused: int = 0
    trouble: str | None = None
    """A word on what went wrong, without the text of an item."""
    wait_s: float | None = None
    """How long the endpoint asks to be left alone."""


class Exporter(Protocol):
    """Sends batches. Blocks for a bounded time; called from one thread."""

    def send(self, items: Sequence[Item]) -> Outcome:
        """Send them. An endpoint that is slow, refuses or is gone is an outcome, no exception."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def pause_s(failures: int, wished_s: float | None) -> float:
    """Seconds to the next attempt: 1, 2, 4 … 60, or longer when the endpoint said so (an hour at most)."""
    backoff_s = _PAUSE_S if failures == 0 else min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(failures, 10))
    return backoff_s if wished_s is None else max(backoff_s, min(wished_s, _LONGEST_WISH_S))


class Courier:
    """Keeps up to `MAX_EVENTS` custom events and `MAX_OTHERS` other items; the oldest give way.

    Events have room of their own, so that a storm of failing requests does not displace a verdict.
    """

    def __init__(self, exporter: Exporter, dropped: Callable[[Reason, int], None]) -> None:
        self._exporter = exporter
        self._dropped = dropped
        self._events: deque[Item] = deque()
        self._others: deque[Item] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._abandoned = threading.Event()
        self._in_flight = 0
        self._trouble: str | None = None
        # A daemon: an endpoint that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="appinsights", daemon=True)

    @property
    def depth(self) -> int:
        """Items that wait."""
        return len(self._events) + len(self._others)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Take an item from any thread; never blocks on the network."""
        lane, room = (self._events, MAX_EVENTS) if isinstance(item, CustomEvent) else (self._others, MAX_OTHERS)
        with self._lock:
            lane.append(item)
            over = len(lane) > room
            if over:
                lane.popleft()
        if over:
            self._dropped("queue-full", 1)

    def close(self, patience_s: float) -> None:
        """One last delivery, for at most `patience_s`; what is left then is counted as dropped. Safe to call twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)
        self._abandoned.set()
        with self._lock:
            left = self.depth + self._in_flight
            self._events.clear()
            self._others.clear()
            self._in_flight = 0
        if left:
            self._dropped("shutdown", left)

    def _run(self) -> None:
        failures, wait_s = 0, _PAUSE_S
        while not self._stop.wait(wait_s):
            outcome = self._deliver()
            failures = 0 if outcome.trouble is None else failures + 1
            wait_s = pause_s(failures, outcome.wait_s)
        self._deliver()
        self._exporter.close()

    def _deliver(self) -> Outcome:
        """Send what waits, until nothing does or something goes wrong."""
        while not self._abandoned.is_set():
            batch = self._take()
            if not batch:
                break
            try:
                outcome = self._exporter.send(batch)
            except Exception as error:  # its message may quote an item
                _log.warning("an exporter broke", extra={"error": type(error).__name__})
                outcome = Outcome(trouble="the exporter broke")
                self._dropped("failed", len(batch))
            self._settle(outcome)
            if outcome.trouble is not None:
                return outcome
        return Outcome()

    def _take(self) -> list[Item]:
        with self._lock:
            batch: list[Item] = []
            for lane in (self._events, self._others):
                while lane and len(batch) < BATCH:
                    batch.append(lane.popleft())
            self._in_flight = len(batch)
        return batch

    def _settle(self, outcome: Outcome) -> None:
        over = 0
        with self._lock:
            if self._abandoned.is_set():
                return  # counted as lost already
            self._in_flight = 0
            for item in reversed(outcome.later):  # older than what came meanwhile, so they give way first
                event = isinstance(item, CustomEvent)
                lane, room = (self._events, MAX_EVENTS) if event else (self._others, MAX_OTHERS)
                if len(lane) < room:
                    lane.appendleft(item)
                else:
                    over += 1
        if over:
            self._dropped("queue-full", over)
        if outcome.refused:
            self._dropped("refused", outcome.refused)
        if outcome.trouble != self._trouble:  # said when it changes, not at every attempt
            if outcome.trouble is None:
                _log.info("telemetry is delivered again")
            else:
                _log.warning("telemetry is not delivered", extra={"reason": outcome.trouble, "waiting": self.depth})
        self._trouble = outcome.trouble
