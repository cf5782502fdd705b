"""The champion judges what was taken in: in every process, in batches, off the path of the requests."""

import asyncio
import logging
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy import Connection

from vigie_api.champion.serving import Served, Serving
from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.mentions.claiming import Claimed, Judged, claim, store
from vigie_api.mentions.desk import MentionDesk
from vigie_api.mentions.judging import ModelFails, judge
from vigie_api.mentions.metrics import MentionMetrics
from vigie_api.mentions.waiting import Waiting
from vigie_api.prediction.table import PredictionRow
from vigie_api.shadow.shadow import Shadow
from vigie_api.telemetry.metrics import Metrics

_log = logging.getLogger("vigie_api.mentions")
_BATCH: Final = 250
_GATHER_S: Final = 0.2  # fewer, fuller batches when posts come in by the handful
_IDLE_S: Final = 2.0  # what other processes took in and left
_PATIENCE_S: Final = 2.0


class MentionScorer:
    """Turns accepted mentions into predictions. A batch is one transaction: a kill at any moment loses nothing."""

    def __init__(
        self,
        database: Database,
        serving: Serving,
        desk: MentionDesk,
        waiting: Waiting,
        shadow: Shadow,
        metrics: Metrics,
        mention_metrics: MentionMetrics,
    ) -> None:
        self._database = database
        self._serving = serving
        self._desk = desk
        self._waiting = waiting
        self._shadow = shadow
        self._metrics = metrics
        self._mention_metrics = mention_metrics
        self._locks = database.engine.dialect.name == "postgresql"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mentions")
        self._one_batch = asyncio.Lock()
        self._trouble: str | None = None

    async def work(self) -> int:
        """Judge one batch; returns how many waited in it: fewer than a batch, and it was the last.

        Raises DatabaseAway. Without a model that works they wait; that is said once.
        """
        async with self._one_batch:
            return await self._work()

    async def _work(self) -> int:
        served = self._serving.current
        if served is None:
            self._say("no model is loaded")
            return 0
        try:
            if self._locks:
                claimed, judged, moved = await self._database.write(self._pass, served)
            else:
                claimed = await self._database.read(claim, _BATCH)
                if not claimed:
                    return 0
                loop = asyncio.get_running_loop()
                judged = await loop.run_in_executor(self._thread, _judged, served, claimed)
                moved = await self._database.write(store, judged)
        except ModelFails as error:
            self._say(str(error))
            return 0
        if claimed:
            self._trouble = None
        if moved:
            self._tell(served, judged)
        return len(claimed)

    def _pass(self, connection: Connection, served: Served) -> tuple[list[Claimed], Judged, int]:
        """Claim, judge and store in one transaction, whose locks keep the batch from everybody else."""
        claimed = claim(connection, _BATCH)
        judged = _judged(served, claimed)
        return claimed, judged, store(connection, judged)

    def _tell(self, served: Served, judged: Judged) -> None:
        self._waiting.add(-len(judged.rows) - len(judged.failed))
        self._mention_metrics.count("scored", len(judged.rows))
        self._mention_metrics.count("set_aside", len(judged.failed))
        for sentiment, number in Counter(row.sentiment for row in judged.rows).items():
            self._metrics.predicted(sentiment, served.version, number)
        if judged.failed:
            _log.warning("texts that the model fails on were set aside", extra={"mentions": len(judged.failed)})
        if self._shadow.active:
            for row in judged.rows:
                self._shadow.offer(row)

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble and self._waiting.number:
            self._trouble = trouble
            _log.warning("mentions wait to be judged", extra={"reason": trouble})

    async def run(self) -> None:
        """Judge for ever; asleep until something comes in, here or by another process."""
        taken = self._desk.taken
        while True:
            taken.clear()
            try:
                while await self.work() == _BATCH:
                    pass
            except DatabaseAway:
                await asyncio.sleep(_PATIENCE_S)
            except Exception:
                _log.exception("mentions could not be judged")
                await asyncio.sleep(_PATIENCE_S)
            try:
                await asyncio.wait_for(taken.wait(), _IDLE_S)
                await asyncio.sleep(_GATHER_S)
            except TimeoutError:
                continue

    def close(self) -> None:
        """End the thread. Safe to call twice."""
        self._thread.shutdown(cancel_futures=True)


def _judged(served: Served, claimed: list[Claimed]) -> Judged:
    """What the model says of a batch. Blocks. Raises ModelFails."""
    verdicts = judge(served, [mention.text for mention in claimed])
    now_s = time.time()
    rows, seqs, failed = [], [], []
    for mention, verdict in zip(claimed, verdicts, strict=True):
        if verdict is None:
            failed.append(mention.seq)
            continue
        seqs.append(mention.seq)
        rows.append(
            PredictionRow(
                id=mention.id,
                created_s=now_s,
                text=mention.text,
                sentiment=verdict.sentiment,
                score=verdict.score,
                uncertain=verdict.uncertain,
                language=verdict.language,
                model_version=served.version,
                recipe=served.recipe,
                topic=mention.topic,
            )
        )
    return Judged(rows, seqs, failed)
