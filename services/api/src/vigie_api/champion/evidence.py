"""What is known of a version beside its metrics: the files of its run, read once and kept in memory.

A run's files never change once it is finished, but the gate may judge it again and then says so in the version's tag:
curves are kept by run, the gate's report by run and tag. Reading is MLflow's business of seconds, so it happens in
threads, and a caller waits for no more than he wants to.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vigie_api.champion.registry import BoardRow, Registry
from vigie_api.champion.schema import Behaviour, ConfusionMatrix, Evidence, GateCheck, Roc
from vigie_api.problem import Problem

CONFUSION, CURVES, GATE = "confusion_matrix.json", "curves.json", "gate/gate.json"
ROC_POINTS = 60
_THREADS = 4
_ASK_AGAIN_S = 60.0
_log = logging.getLogger("vigie_api.champion")
_MATRIX = TypeAdapter(ConfusionMatrix)
_CHECKS = TypeAdapter(list[GateCheck])
_BEHAVIOUR = TypeAdapter(dict[str, dict[str, Behaviour]])


@dataclass(frozen=True, slots=True)
class _Kept:
    """`until_s`: when to look again, on the clock of the shelf; None when there is nothing new to come."""

    evidence: Evidence
    until_s: float | None


class Shelf:
    """Holds the evidence of every version that was asked for."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._coming: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="evidence")

    async def gather(self, rows: Sequence[BoardRow], wait_s: float) -> list[Evidence | None]:
        """The evidence of each row, in order.

        What has not come within `wait_s` is None; it goes on coming, and is there the next time. Never raises.
        """
        coming = [self._bring(row, row.files) for row in _most_wanted_first(rows) if row.files and not self._has(row)]
        if coming:
            await asyncio.wait(coming, timeout=wait_s)
        return [self._found(row) for row in rows]

    def _found(self, row: BoardRow) -> Evidence | None:
        if not row.files:
            return Evidence()
        kept = self._kept.get(_key(row))
        return None if kept is None else kept.evidence

    def _has(self, row: BoardRow) -> bool:
        kept = self._kept.get(_key(row))
        return kept is not None and (kept.until_s is None or self._clock() < kept.until_s)

    def _bring(self, row: BoardRow, files: str) -> asyncio.Task[None]:
        key = _key(row)
        task = self._coming.get(key)
        if task is None:
            task = self._coming[key] = asyncio.create_task(self._fetch(files, row.release.gate))
            task.add_done_callback(lambda _: self._coming.pop(key, None))
        return task

    async def _fetch(self, files: str, gate: str) -> None:
        paths = [CONFUSION, CURVES, *([GATE] if gate else [])]
        try:
            documents = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._registry.documents, files, paths
            )
        except Problem as problem:
            _log.warning("the files of a run could not be read", extra={"reason": problem.detail})
            return
        settled = not gate or _is_of(documents.get(GATE), gate)
        self._kept[files, gate] = _Kept(read(documents), None if settled else self._clock() + _ASK_AGAIN_S)

    def close(self) -> None:
        """Ask for nothing more. Safe to call twice."""
        for task in list(self._coming.values()):
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)


def read(documents: Mapping[str, Any]) -> Evidence:
    """The evidence in the documents of a run; what is missing, or makes no sense, is None."""
    curves, gate = documents.get(CURVES), documents.get(GATE)
    return Evidence(
        confusion_matrix=_validated(_MATRIX, documents.get(CONFUSION)),
        roc=_roc(curves.get("roc") if isinstance(curves, Mapping) else None),
        gate_checks=_validated(_CHECKS, gate.get("checks") if isinstance(gate, Mapping) else None),
        behaviour=_validated(_BEHAVIOUR, gate.get("behaviour") if isinstance(gate, Mapping) else None),
    )


def _validated(adapter: TypeAdapter[Any], value: Any) -> Any:
    if value is None:
        return None
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return None


def _roc(value: Any) -> Roc | None:
    """The curve with at most ROC_POINTS of its points, both ends among them."""
    try:
        curve = Roc.model_validate(value)
    except ValidationError:
        return None
    last = len(curve.false_positive_rate) - 1
    chosen = sorted({round(step * last / (ROC_POINTS - 1)) for step in range(ROC_POINTS)})
    return Roc(
        false_positive_rate=[round(curve.false_positive_rate[at], 4) for at in chosen],
        true_positive_rate=[round(curve.true_positive_rate[at], 4) for at in chosen],
    )


def _is_of(report: Any, tag: str) -> bool:
    """Whether a report is the one that the tag was written for: between the two writes it may be the one before."""
    return isinstance(report, Mapping) and report.get("passed") is tag.startswith("passed")


def _key(row: BoardRow) -> tuple[str, str]:
    return row.files or "", row.release.gate


def _most_wanted_first(rows: Iterable[BoardRow]) -> list[BoardRow]:
    return sorted(rows, key=lambda row: not row.aliases)
