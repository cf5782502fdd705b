"""Versions beside the champion: loaded when somebody names one, to compare it on a text; the last two stay."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from vigie_api.champion.refresh import LoadFailed
from vigie_api.champion.registry import RegistryAway
from vigie_api.champion.serving import Overloaded, Release, Served, Serving
from vigie_api.champion.source import KEPT_BESIDE, ModelSource
from vigie_api.champion.warming import WARM_UP_S, WarmUp
from vigie_api.problem import Problem

T = TypeVar("T")

_log = logging.getLogger("vigie_api.champion")
_WAITING = 32


@dataclass(slots=True)
class _Kept:
    served: Served
    checked_s: float


class Versions:
    """Hands out any version that may serve. Looking up and loading happen in one thread of their own, one at a time.

    `recheck_s`: after so long the registry is asked again whether the gate still stands by a version. `within_s`: a
    version that needs longer for a tweet is unfit, and so is one whose first judgements take longer than `warm_up_s`.
    """

    def __init__(
        self,
        name: str,
        source: ModelSource,
        serving: Serving,
        *,
        recheck_s: float,
        within_s: float | None = None,
        warm_up_s: float = WARM_UP_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._warm_up = WarmUp(name, warm_up_s)
        self._source = source
        self._serving = serving
        self._recheck_s = recheck_s
        self._within_s = within_s
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="versions")

    @property
    def loaded(self) -> list[str]:
        """The versions in memory beside the champion, the one asked for longest ago first."""
        return list(self._kept)

    async def get(self, version: str) -> Served:
        """The version, loaded. Raises NoSuchVersion, Refused, Unfit, RegistryAway, LoadFailed or Overloaded."""
        served = self._serving.current
        if served is not None and served.version == version:
            return served
        found = self._fresh(version)
        if found is not None:
            return found
        if self._waiting >= _WAITING:
            raise Overloaded("Too many requests wait for a version to be loaded. Try again in a second.")
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return self._fresh(version) or await self._look_up(version)
        finally:
            self._waiting -= 1

    def _fresh(self, version: str) -> Served | None:
        kept = self._kept.get(version)
        if kept is None or self._clock() - kept.checked_s > self._recheck_s:
            return None
        self._kept.move_to_end(version)
        return kept.served

    async def _look_up(self, version: str) -> Served:
        kept = self._kept.get(version)
        try:
            release = await self._in_thread(self._source.version, version)
        except RegistryAway:
            if kept is None:
                raise
            release = kept.served.release  # a version never changes, and the gate's word is the last one heard
        except Problem:
            self._kept.pop(version, None)
            raise
        if kept is None or kept.served.release != release:
            self._kept.pop(version, None)
            kept = _Kept(await self._load(release), 0.0)
            self._kept[version] = kept
        kept.checked_s = self._clock()
        self._kept.move_to_end(version)
        while len(self._kept) > KEPT_BESIDE:
            self._kept.popitem(last=False)
        return kept.served

    async def _load(self, release: Release) -> Served:
        try:
            self._warm_up.refuse_hanging(release)
            scorer = await self._in_thread(self._source.load_beside, release)
            served = await self._warm_up.served(release, scorer, within_s=self._within_s)
        except Problem:
            raise
        except Exception as error:
            _log.exception("a version could not be loaded")
            raise LoadFailed(f"Version {release.version} could not be loaded: see the log.") from error
        return served

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    def close(self) -> None:
        """Let the thread end when what it does has ended. Safe to call twice."""
        self._thread.shutdown(wait=False, cancel_futures=True)
