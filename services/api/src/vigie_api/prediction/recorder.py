"""Predictions are written behind the answer: a bounded queue, emptied in batches by one task."""

import asyncio
import logging
from itertools import islice

from vigie_api.database.engine import Database, DatabaseAway
from vigie_api.prediction.table import PredictionRow, insert_predictions
from vigie_api.telemetry.metrics import Metrics

_log = logging.getLogger("vigie_api.recorder")
_BATCH = 250  # more would hold the interpreter, and with it every request, for longer than a millisecond
_PATIENCE_S = 2.0
_CLOSE_S = 5.0


class Recorder:
    """Keeps predictions until they are in the database. What does not fit is dropped and counted, never waited for."""

    def __init__(self, database: Database, metrics: Metrics, *, queue_size: int, flush_s: float) -> None:
        self._database = database
        self._metrics = metrics
        self._queue_size = queue_size
        self._flush_s = flush_s
        self._waiting: dict[str, PredictionRow] = {}
        self._writing: dict[str, PredictionRow] = {}
        self._flushing = asyncio.Lock()
        metrics.watch("vigie_write_behind_depth", "Predictions waiting to be written.", lambda: self.depth)
        for reason in ("queue-full", "refused", "shutdown"):
            metrics.write_drops.labels(reason)

    @property
    def depth(self) -> int:
        """Predictions that are not in the database yet."""
        return len(self._waiting) + len(self._writing)

    def put(self, row: PredictionRow) -> None:
        """Queue a row; never blocks, never raises."""
        if len(self._waiting) + len(self._writing) >= self._queue_size:
            self._metrics.write_drops.labels("queue-full").inc()
        else:
            self._waiting[row.id] = row

    def find(self, prediction_id: str) -> PredictionRow | None:
        """A prediction that is still waiting, for feedback that is faster than the queue."""
        return self._waiting.get(prediction_id) or self._writing.get(prediction_id)

    async def run(self) -> None:
        """Write what waits, every `flush_s`, until cancelled. While the database is away the queue keeps the rows."""
        while True:
            await asyncio.sleep(self._flush_s)
            try:
                await self.flush()
            except DatabaseAway:
                await asyncio.sleep(_PATIENCE_S)
            except Exception:
                _log.exception("predictions could not be written")

    async def flush(self) -> None:
        """Write everything that waits now. Raises DatabaseAway; the rows are then still here."""
        async with self._flushing:
            while self._waiting:
                batch = dict(islice(self._waiting.items(), _BATCH))
                self._writing = batch
                for prediction_id in batch:
                    del self._waiting[prediction_id]
                try:
                    await self._database.write(insert_predictions, tuple(batch.values()))
                except DatabaseAway:
                    self._waiting = {**batch, **self._waiting}
                    raise
                except Exception:  # refused for good: sending it again would block every later batch
                    self._metrics.write_drops.labels("refused").inc(len(batch))
                    raise
                finally:
                    self._writing = {}

    async def close(self) -> None:
        """A last flush; what cannot be written in five seconds is counted as dropped."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self.flush()
        except Exception:
            _log.exception("predictions were lost at shutdown", extra={"lost": self.depth})
        self._metrics.write_drops.labels("shutdown").inc(self.depth)
        self._waiting = {}
