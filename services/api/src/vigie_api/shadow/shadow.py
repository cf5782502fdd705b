"""Follows the alias `challenger`, and lets that version judge a sample of live traffic in a thread of its own.

The path of a request only appends to a bounded list; everything else happens after its answer. Nothing that the
challenger does, or fails to do, reaches a request: it is said in GET /v1/model and counted.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from vigie_api.champion.serving import Release, Served, Serving
from vigie_api.champion.source import ModelSource
from vigie_api.champion.warming import WarmUp
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.prediction.table import PredictionRow
from vigie_api.problem import Problem
from vigie_api.shadow.comparison import Comparison
from vigie_api.shadow.metrics import ShadowMetrics
from vigie_api.shadow.schema import ShadowOut
from vigie_api.shadow.scoring import Scored, score
from vigie_api.shadow.table import ShadowRow, insert_shadow_scores, tally

T = TypeVar("T")

_log = logging.getLogger("vigie_api.shadow")
QUEUE = 1_000
_AT_ONCE = 50
_BATCH = 250
_UNSAVED = 5_000
_TICK_S = 0.25
_PATIENCE_S = 2.0
_CLOSE_S = 2.0
_SKIPPED_AT_MOST = 30
FAILURES_IN_A_ROW = 20


class Shadow:
    """The challenger's place. For one event loop; `offer` is the only part on the path of a request."""

    def __init__(
        self,
        name: str,
        source: ModelSource,
        serving: Serving,
        database: Database,
        metrics: ShadowMetrics,
        *,
        sample: float,
    ) -> None:
        self._warm_up = WarmUp(name)
        self._source = source
        self._serving = serving
        self._database = database
        self._metrics = metrics
        self._sample = sample
        self._release: Release | None = None
        self._challenger: Served | None = None
        self._comparison: Comparison | None = None
        self._waiting: deque[PredictionRow] = deque()
        self._unsaved: deque[ShadowRow] = deque()
        self._dropped = 0
        self._failures_in_a_row = 0
        self._loads_failed = 0
        self._polls_to_skip = 0
        self._trouble: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self._working = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadow")
        self.active = False
        """Whether a challenger judges now: what a request looks at first."""

    def offer(self, prediction: PredictionRow) -> None:
        """Perhaps let the challenger judge this answer of the champion, later. Never blocks, never raises."""
        if random.random() >= self._sample:
            return
        if len(self._waiting) >= QUEUE:
            self._drop("queue-full")
        else:
            self._waiting.append(prediction)

    async def follow(self) -> None:
        """Look at the alias; load what it names, or let go of what it no longer names. Never raises."""
        if not self._sample:
            return
        async with self._one_at_a_time:
            try:
                await self._take(await self._in_thread(self._source.challenger))
            except Problem as problem:
                self._say(problem.detail)
            except Exception as error:
                _log.exception("the challenger could not be loaded")
                self._say(f"The challenger could not be loaded: {type(error).__name__}, see the log.")

    async def _take(self, release: Release | None) -> None:
        current = self._serving.current
        if release is not None and current is not None and current.version == release.version:
            release = None  # it was promoted: it would agree with itself
        if release != self._release:
            self._let_go()
            self._release = release
        if release is None:
            return
        if self._challenger is not None:
            if self._failures_in_a_row < FAILURES_IN_A_ROW:
                self._trouble = None
            return
        if self._polls_to_skip:
            self._polls_to_skip -= 1
            return
        self._loads_failed += 1  # until it is loaded
        self._polls_to_skip = min(2**self._loads_failed, _SKIPPED_AT_MOST)
        self._warm_up.refuse_hanging(release)
        scorer = await self._in_thread(self._source.load_challenger, release)
        self._challenger = await self._warm_up.served(release, scorer)
        self._trouble = None
        self._metrics.loaded(release.version, release.recipe)
        self.active = True
        _log.info("a challenger judges in the shadow", extra={"version": release.version, "recipe": release.recipe})

    def _let_go(self) -> None:
        self.active = False
        self._challenger = self._comparison = self._trouble = None
        self._failures_in_a_row = self._loads_failed = self._polls_to_skip = 0
        self._dropped = 0
        self._waiting.clear()
        self._metrics.unloaded()

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:  # said once, not at every poll
            _log.warning("the challenger has trouble", extra={"reason": trouble})
        self._trouble = trouble
        self._metrics.failed()

    def _drop(self, reason: str, count: int = 1) -> None:
        self._dropped += count
        self._metrics.dropped(reason, count)

    async def work(self) -> None:
        """Judge everything that waits now, and write the opinions. Raises DatabaseAway; they are then still here."""
        async with self._working:
            while self._waiting and self.active:
                await self._judge([self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))])
            await self._write()

    async def _judge(self, predictions: list[PredictionRow]) -> None:
        challenger, champion = self._challenger, self._serving.current
        if challenger is None or champion is None or challenger.version == champion.version:
            return  # promoted meanwhile: it would agree with itself
        fitting = [row for row in predictions if row.model_version == champion.version]
        if not fitting:
            return
        done: Scored = await self._in_thread(score, challenger.version, challenger.scorer, champion.scorer, fitting)
        if challenger is self._challenger:
            self._learn(self._compared(challenger.version, champion.version), done)

    def _compared(self, challenger: str, champion: str) -> Comparison:
        found = self._comparison
        if found is None or (found.challenger, found.champion) != (challenger, champion):
            found = self._comparison = Comparison(challenger, champion)
        return found

    def _learn(self, comparison: Comparison, done: Scored) -> None:
        for row in done.rows:
            comparison.add(row.agrees, row.shift)
            self._metrics.scored(row.version, row.agrees, comparison.mean_shift or 0.0)
        comparison.challenger_s.extend(done.challenger_s)
        comparison.champion_s.extend(done.champion_s)
        for seconds in done.challenger_s:
            self._metrics.took(comparison.challenger, "challenger", seconds)
        for seconds in done.champion_s:
            self._metrics.took(comparison.champion, "champion", seconds)
        room = max(0, _UNSAVED - len(self._unsaved))
        self._unsaved.extend(done.rows[:room])
        if len(done.rows) > room:
            self._drop("database-away", len(done.rows) - room)
        self._count_failures(comparison.challenger, done)

    def _count_failures(self, version: str, done: Scored) -> None:
        if not done.failures:
            self._failures_in_a_row = 0
            return
        self._metrics.failed(done.failures)
        self._failures_in_a_row = 0 if done.rows else self._failures_in_a_row + done.failures
        self._trouble = f"Version {version} failed on {done.failures} of the latest tweets: {done.error}."
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            self._trouble = f"Version {version} was set aside, it judges nothing: {done.error}. Take its alias away."
            self.active = False
            self._waiting.clear()
            _log.warning("the challenger was set aside", extra={"version": version, "reason": done.error})

    async def _write(self) -> None:
        comparison = self._comparison
        if comparison is not None and comparison.before is None:
            # Before the first of its own rows is written, so that none is counted twice.
            comparison.before = await self._database.read(tally, comparison.challenger, comparison.champion)
        while self._unsaved:
            batch = tuple(islice(self._unsaved, _BATCH))
            try:
                await self._database.write(insert_shadow_scores, batch)
            except DatabaseAway:
                raise
            except Exception:
                _log.exception("opinions of the challenger could not be written")
                self._drop("refused", len(batch))
            for _ in batch:
                self._unsaved.popleft()

    async def run(self) -> None:
        """Judge and write what waits, for ever."""
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self.work()
            except DatabaseAway:
                await asyncio.sleep(_PATIENCE_S)
            except Exception:
                _log.exception("the shadow stumbled")

    async def run_follow(self, every_s: float) -> None:
        """Follow the alias for ever, about every `every_s`."""
        while True:
            await self.follow()
            await asyncio.sleep(every_s * random.uniform(0.9, 1.1))

    def describe(self) -> ShadowOut | None:
        """The challenger beside what serves now; None when there is none, or it serves itself."""
        release, current = self._release, self._serving.current
        if release is None or (current is not None and current.version == release.version):
            return None
        champion = current.version if current is not None else ""
        comparison = self._comparison
        if comparison is None or (comparison.challenger, comparison.champion) != (release.version, champion):
            comparison = Comparison(release.version, champion)
        return ShadowOut(
            version=release.version,
            recipe=release.recipe,
            gate=release.gate,
            since=None if self._challenger is None else self._challenger.loaded_at,
            sample=self._sample,
            scored=comparison.total.scored,
            agreement=comparison.agreement,
            mean_shift=comparison.mean_shift,
            latency_ms=comparison.latency(),
            dropped=self._dropped,
            error=self._trouble,
        )

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def close(self) -> None:
        """Write what was judged, for two seconds at most; what waits to be judged is let go. Safe to call twice."""
        self.active = False
        self._drop("shutdown", len(self._waiting))
        self._waiting.clear()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._write()
        except Exception:
            self._drop("shutdown", len(self._unsaved))
            self._unsaved.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)
