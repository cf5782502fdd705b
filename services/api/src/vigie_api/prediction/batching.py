"""Single requests are judged in batches, which the load itself makes.

For a heavy model (`Batcher`), a request that finds a free lane starts at once, in the same turn of the event loop.
While the lanes work, what comes waits, and goes together when one is free. For a light one (`Turn`), what comes turn
after turn goes together once a turn brings nothing more. There is no timer, so a lone request is never held back, and
the busier it gets the fuller the batches are.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final, NamedTuple

from vigie_api.champion.serving import Overloaded, Scorer, Verdict

MOST_TEXTS: Final = 64  # what the runtime of networks takes at a time
BATCH_S: Final = 0.05  # a request waits for one batch before its own; longer ones bring hardly more a second
_FORGETS: Final = 0.2  # weight of the latest batch in what is learnt


class Pace:
    """How long a text takes, learnt from the batches before: a moving average of seconds for each text."""

    def __init__(self) -> None:
        self._text_s = 0.0

    def learn(self, texts: int, seconds: float) -> None:
        """A batch of so many texts took so long."""
        text_s = seconds / texts
        self._text_s = text_s if not self._text_s else self._text_s + _FORGETS * (text_s - self._text_s)

    def texts_in(self, seconds: float) -> int:
        """How many texts may go together so that they take about `seconds`: 1 to MOST_TEXTS."""
        if not self._text_s:
            return MOST_TEXTS
        return max(1, min(MOST_TEXTS, int(seconds / self._text_s)))


class _Waiting(NamedTuple):
    scorer: Scorer
    text: str
    verdict: "asyncio.Future[Verdict]"


_Outcome = list[Verdict | Exception]


class Turn:
    """Gathers texts for a light model on the event loop: a text costs less when others of its kind came just before.

    As long as every turn of the loop brings more, up to about `most_chars`, they are waited for: of those who ask all
    the time, some have sent their next text while others were being answered, and would be judged apart for ever.
    A lone text waits for one turn in which nothing happens, some ten microseconds. `most_chars` keep the loop for a
    millisecond or so.
    """

    def __init__(self, most_chars: int) -> None:
        self._most_chars = most_chars
        self._queue: deque[_Waiting] = deque()
        self._chars = 0
        self._seen = 0  # texts that waited in the turn before

    async def judge(self, scorer: Scorer, text: str) -> Verdict:
        """As `Batcher.judge`, but never overloaded."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(scorer, text, loop.create_future())
        if not self._queue:
            loop.call_soon(self._look)
        self._queue.append(waiting)
        self._chars += len(text)
        return await waiting.verdict

    def _look(self) -> None:
        if len(self._queue) == self._seen or self._chars >= self._most_chars:
            self._judge()
        self._seen = len(self._queue)
        if self._queue:
            asyncio.get_running_loop().call_soon(self._look)

    def _judge(self) -> None:
        batch: list[_Waiting] = []
        chars = 0
        while self._queue and chars < self._most_chars and (not batch or self._queue[0].scorer is batch[0].scorer):
            waiting = self._queue.popleft()
            chars += len(waiting.text)
            if not waiting.verdict.done():
                batch.append(waiting)
        self._chars -= chars
        if batch:
            _tell(batch, _judged(batch[0].scorer, [waiting.text for waiting in batch])[0])


class Batcher:
    """Gathers texts for `Scorer.predict`. For one event loop; `lanes` batches at most run at a time in `threads`.

    A batch takes about `batch_s` at most. `observe` is told how many texts went together.
    """

    def __init__(
        self, threads: Executor, *, lanes: int, room: int, observe: Callable[[int], None], batch_s: float = BATCH_S
    ) -> None:
        self._threads = threads
        self._lanes = lanes
        self._room = room
        self._observe = observe
        self._batch_s = batch_s
        self._queue: deque[_Waiting] = deque()
        self._busy = 0
        self._judging = 0
        self._woken = False
        self.pace = Pace()

    @property
    def depth(self) -> int:
        """Texts that wait or are being judged."""
        return len(self._queue) + self._judging

    async def judge(self, scorer: Scorer, text: str) -> Verdict:
        """The verdict of `scorer` on one text, as `predict` gives it among others. Raises Overloaded, and what the
        scorer raises for this text.
        """
        if self.depth >= self._room:
            raise Overloaded("Too many predictions are waiting. Try again in a second.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(scorer, text, loop.create_future())
        self._queue.append(waiting)
        if not self._woken and self._busy < self._lanes:
            self._woken = True
            loop.call_soon(self._start)  # after the other requests that came in this turn
        return await waiting.verdict

    def _start(self) -> None:
        self._woken = False
        while self._busy < self._lanes and (batch := self._take()):
            self._busy += 1
            self._judging += len(batch)
            self._observe(len(batch))
            work = asyncio.get_running_loop().run_in_executor(
                self._threads, _judged, batch[0].scorer, [waiting.text for waiting in batch]
            )
            work.add_done_callback(partial(self._finish, batch))

    def _take(self) -> list[_Waiting]:
        """What goes together now: the oldest, for one scorer, a fair share for each lane. Who left is left out."""
        most = min(self.pace.texts_in(self._batch_s), -(-len(self._queue) // self._lanes))
        batch: list[_Waiting] = []
        while self._queue and len(batch) < most and (not batch or self._queue[0].scorer is batch[0].scorer):
            waiting = self._queue.popleft()
            if not waiting.verdict.done():
                batch.append(waiting)
        return batch

    def _finish(self, batch: Sequence[_Waiting], done: "asyncio.Future[tuple[_Outcome, float]]") -> None:
        self._busy -= 1
        self._judging -= len(batch)
        outcome: Sequence[Verdict | Exception]
        if done.cancelled():
            outcome = [Overloaded("The service is ending. Try again in a second.")] * len(batch)
        else:
            outcome, seconds = done.result()
            self.pace.learn(len(batch), seconds)
        _tell(batch, outcome)
        self._start()


def _tell(batch: Sequence[_Waiting], outcome: Sequence[Verdict | Exception]) -> None:
    for waiting, said in zip(batch, outcome, strict=True):
        if waiting.verdict.done():  # who asked has left
            continue
        if isinstance(said, Exception):
            waiting.verdict.set_exception(said)
        else:
            waiting.verdict.set_result(said)


def _judged(scorer: Scorer, texts: Sequence[str]) -> tuple[_Outcome, float]:
    """The verdict or the error of each text, in order, and the seconds that it took. Blocks."""
    started_s = time.perf_counter()
    outcome = _together(scorer, texts) if len(texts) > 1 else []
    if len(outcome) != len(texts):
        outcome = [_alone(scorer, text) for text in texts]
    return outcome, time.perf_counter() - started_s


def _together(scorer: Scorer, texts: Sequence[str]) -> _Outcome:
    try:
        return list(scorer.predict(texts))
    except Exception:  # the fault of one, perhaps: each is asked alone
        return []


def _alone(scorer: Scorer, text: str) -> Verdict | Exception:
    try:
        verdict: Verdict = scorer.predict_one(text)
    except Exception as error:
        return error
    return verdict
