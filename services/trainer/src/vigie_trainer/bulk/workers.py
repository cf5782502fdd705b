"""Processes that read, judge and tell units of rows, in order, with a bounded number under way."""

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import NamedTuple

import vigie_model
from vigie_model.bulk.cutting import Chunk
from vigie_model.bulk.judging import REMEMBERED_PIECES, judge_rows
from vigie_trainer.bulk.reading import RowReader
from vigie_trainer.bulk.writing import Format
from vigie_trainer.errors import VigieError

_AHEAD = 4
"""Units under way for each worker: enough to keep it busy while the rows of a slow one are waited for."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """What a worker needs to know once."""

    artifact: Path
    reader: RowReader
    form: Format


class Told(NamedTuple):
    """A unit's bytes, and its rows."""

    data: bytes
    rows: int
    refused: int


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def told_in_order(units: Iterable[Chunk], task: Task, workers: int) -> Generator[Told, None, None]:
    """What each unit becomes, in order. Reads ahead by a few units a worker, and no more.

    Raises VigieError: the model cannot be loaded, or a process died.
    """
    for name in _ONE_THREAD:  # the processes are the parallelism; set before NumPy is loaded in them
        os.environ.setdefault(name, "1")
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(task,))
    under_way: deque[Future[Told]] = deque()
    try:
        for unit in units:
            under_way.append(pool.submit(_tell, unit))
            if len(under_way) >= _AHEAD * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except vigie_model.ArtifactError as error:
        raise VigieError(f"the model in {task.artifact} cannot be loaded: {error}") from None
    except BrokenProcessPool:
        raise VigieError("a scoring process died, perhaps for lack of memory; fewer --workers need less.") from None
    finally:
        for future in under_way:
            future.cancel()
        pool.shutdown(cancel_futures=True)


_task: Task | None = None
_model: vigie_model.Model | None = None


def _begin(task: Task) -> None:
    global _task
    _task = task
    # Ctrl-C reaches the whole group; the command's own process says what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _tell(unit: Chunk) -> Told:
    global _model
    if _task is None:
        raise RuntimeError("a worker was never told its task")
    if _model is None:
        _model = vigie_model.load(_task.artifact, threads=1)
        _model.remember(REMEMBERED_PIECES)
    rows = _task.reader(unit)
    said = judge_rows(_model, rows)
    refused = sum(isinstance(one, str) for one in said)
    return Told(_task.form.body(unit.first_row, rows, said), len(rows), refused)
