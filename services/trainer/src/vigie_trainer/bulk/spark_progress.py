"""How far a job on Spark has come, on stderr."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from vigie_trainer.bulk.spark_journal import Part, PartDone
from vigie_trainer.cli.terminal import Report, Terminal

_EVERY_S = 2.0


class Progress:
    """Tells parts, rows and speed while a job runs. `done` is the job's own record of its parts, read from outside."""

    def __init__(
        self, terminal: Terminal, spark: SparkSession, parts: Sequence[Part], done: Mapping[int, PartDone]
    ) -> None:
        self._terminal = terminal
        self._tracker = spark.sparkContext.statusTracker()
        self._parts = parts
        self._done = done
        self._rows_before = self._rows
        self._began_s = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Tell it every two seconds while the block runs, and once more at its end."""
        ended = threading.Event()
        with self._terminal.working("Scoring on Spark") as report:

            def tell() -> None:
                while not ended.wait(_EVERY_S):
                    self._tell(report)

            teller = threading.Thread(target=tell, name="vigie-progress", daemon=True)
            teller.start()
            try:
                yield
            finally:
                ended.set()
                teller.join()
            self._tell(report)

    @property
    def _rows(self) -> int:
        return sum(part.rows for part in list(self._done.values()))

    def _tell(self, report: Report) -> None:
        rows = self._rows - self._rows_before
        rate = rows / max(time.monotonic() - self._began_s, 0.001)
        finished, of = self._tasks()
        tasks = f", {finished} of {of} tasks of the next" if of else ""
        said = f"{len(self._done)} of {len(self._parts)} parts{tasks}, {rows:,} rows, {rate:,.0f} rows/s"
        size = sum(part.size for part in self._parts)
        report(said, sum(part.size for part in self._parts if part.number in self._done) / max(size, 1))

    def _tasks(self) -> tuple[int, int]:
        """Tasks of the running stages: those that are done, and all."""
        try:
            stages = [self._tracker.getStageInfo(stage) for stage in self._tracker.getActiveStageIds()]
        except (Py4JError, OSError):  # the session ends
            return 0, 0
        running = [stage for stage in stages if stage is not None]
        return sum(stage.numCompletedTasks for stage in running), sum(stage.numTasks for stage in running)
