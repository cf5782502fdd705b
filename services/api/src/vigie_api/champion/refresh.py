"""Keeps the served model up to date: looks at the alias, loads off the path of requests, warms, swaps."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeVar

from vigie_api.backoff import pause_after
from vigie_api.champion.serving import Release, Scorer, Serving, Unfit
from vigie_api.champion.source import ModelSource
from vigie_api.champion.warming import WARM_UP_S, WarmUp
from vigie_api.problem import Problem
from vigie_api.telemetry.events import ModelSwapped, RefreshFailed, Telemetry

T = TypeVar("T")

_log = logging.getLogger("vigie_api.champion")
_UNFIT_AGAIN_S = 60.0


class LoadFailed(Problem):
    """A version was found but could not be loaded, for a reason that nobody foresaw."""

    status = 503
    slug = "load-failed"
    title = "Load failed"
    retry_after_s = 10


@dataclass(frozen=True, slots=True)
class _Found:
    """A version that was found unfit so many times, and is not tried again before then (time.monotonic())."""

    release: Release
    unfit: Unfit
    times: int
    again_s: float


class Refresher:
    """Owns the way from the registry to `Serving`. A failed refresh keeps what serves, and says so.

    `within_s`: a version that needs longer for a tweet is unfit. So is one that answers with no verdict. It is tried
    again after a minute, then ever later: the machine may only have been busy. `warm_up_s`: after so long its first
    judgements are not waited for any more.
    """

    def __init__(
        self,
        name: str,
        source: ModelSource,
        serving: Serving,
        telemetry: Telemetry,
        *,
        within_s: float | None = None,
        warm_up_s: float = WARM_UP_S,
    ) -> None:
        self._warm_up = WarmUp(name, warm_up_s)
        self._source = source
        self._serving = serving
        self._telemetry = telemetry
        self._within_s = within_s
        self._unfit: _Found | None = None
        self._one_at_a_time = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="champion")
        self.error: str | None = None
        self.origin: Literal["registry", "cache"] = "cache"
        self.checked_s: float | None = None

    async def start_from_cache(self) -> None:
        """Serve the last good version, if the disk has one. Never raises: without one, requests get 503 for now."""
        try:
            found = await self._in_thread(self._source.remembered)
            if found is not None:
                await self._swap(*found, "cache", None)  # it has served before, and there is no other
        except Exception:
            _log.exception("the cached model could not be loaded")

    async def refresh(self, *, insist: bool = False) -> bool:
        """Look at the alias and swap if it names another version. Returns whether it did.

        `insist`: try a version that was unfit again now. Raises RegistryAway, NoChampion, Refused, Unfit or LoadFailed;
        what served goes on serving.
        """
        async with self._one_at_a_time:
            try:
                changed = await self._refresh(insist=insist)
            except Exception as error:
                if not isinstance(error, Problem):
                    _log.exception("the champion could not be loaded")
                problem = (
                    error
                    if isinstance(error, Problem)
                    else LoadFailed("The champion could not be loaded: see the log.")
                )
                self._failed(problem.detail)
                raise problem from error
            self.error = None
            self.origin = "registry"
            self.checked_s = time.time()
            return changed

    async def _refresh(self, *, insist: bool) -> bool:
        release = await self._in_thread(self._source.champion)
        served = self._serving.current
        if served is not None and served.release == release:
            return False
        before = self._unfit if self._unfit is not None and self._unfit.release == release else None
        if before is not None and not insist and time.monotonic() < before.again_s:
            raise before.unfit
        self._warm_up.refuse_hanging(release)
        scorer = await self._in_thread(self._source.load, release)
        try:
            await self._swap(release, scorer, "registry", self._within_s)
        except Unfit as unfit:
            times = 1 if before is None else before.times + 1
            pause_s = pause_after(times, _UNFIT_AGAIN_S, random.random())
            self._unfit = _Found(release, unfit, times, time.monotonic() + pause_s)
            raise
        self._unfit = None
        await self._in_thread(self._source.remember, release)
        return True

    async def _swap(
        self, release: Release, scorer: Scorer, origin: Literal["registry", "cache"], within_s: float | None
    ) -> None:
        served = await self._warm_up.served(release, scorer, within_s=within_s)
        before = self._serving.current
        self._serving.current = served
        self.origin = origin
        previous = before.version if before else None
        self._telemetry.emit(ModelSwapped(release.version, release.recipe, origin, previous))

    def _failed(self, reason: str) -> None:
        served = self._serving.current
        self._serving.trouble = reason
        if reason != self.error:  # said once, not at every poll
            _log.warning("refresh failed", extra={"reason": reason, "serving": served.version if served else None})
        self.error = reason
        self._telemetry.emit(RefreshFailed(reason, served.version if served else None))

    async def run(self, every_s: float) -> None:
        """Refresh for ever, about every `every_s`; the jitter keeps several processes from asking at once."""
        while True:
            try:
                await self.refresh()
            except Problem:
                _log.debug("refresh failed, the next attempt follows")
            await asyncio.sleep(every_s * random.uniform(0.9, 1.1))

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def close(self) -> None:
        """Let the thread end when what it does has ended. Safe to call twice."""
        self._thread.shutdown(wait=False, cancel_futures=True)
