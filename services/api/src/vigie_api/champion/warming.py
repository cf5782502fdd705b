"""Warms versions, each in a thread of its own, so that one that never ends holds up nothing but itself.

A thread cannot be ended from outside. One that hangs is left behind, and its version is not tried again while it does:
every attempt would leave another thread, and another model in memory.
"""

import asyncio
import gc
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import Final

from vigie_api.champion.serving import Release, Scorer, Served, Unfit, serve

WARM_UP_S: Final = 120.0
"""For a dozen judgements, of which the first may have to compile something."""


class WarmUp:
    """Makes versions ready for requests; for one event loop."""

    def __init__(self, name: str, limit_s: float = WARM_UP_S) -> None:
        self._name = name
        self._limit_s = limit_s
        self._hanging: dict[Release, Future[Served]] = {}

    def refuse_hanging(self, release: Release) -> None:
        """Raises Unfit when this version hangs since an earlier attempt: it need not even be loaded."""
        hanging = self._hanging.get(release)
        if hanging is None:
            return
        if not hanging.done():
            raise self._unfit(release)
        del self._hanging[release]

    async def served(self, release: Release, scorer: Scorer, *, within_s: float | None = None) -> Served:
        """The version, ready. Raises Unfit: as `serve` does, or when that has not ended after `limit_s`."""
        self.refuse_hanging(release)
        said: Future[Served] = Future()
        said.set_running_or_notify_cancel()  # whoever stops waiting for it does not undo it
        work = partial(_warm, self._name, release, scorer, within_s)
        # A daemon: the process does not wait for it at its end.
        Thread(target=_do, args=(work, said), name="warm-up", daemon=True).start()
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.wrap_future(said)
        except TimeoutError:
            self._hanging[release] = said
            raise self._unfit(release) from None

    def _unfit(self, release: Release) -> Unfit:
        return Unfit(
            f"Version {release.version} has not judged a few tweets within {self._limit_s:g} s. It is not tried again "
            "while that goes on; a restart ends it."
        )


def _warm(name: str, release: Release, scorer: Scorer, within_s: float | None) -> Served:
    served = serve(name, release, scorer, within_s=within_s)
    # What a model leaves on the heap is walked by every full collection, in pauses that requests feel.
    gc.collect()
    gc.freeze()
    return served


def _do(work: "partial[Served]", said: "Future[Served]") -> None:
    try:
        said.set_result(work())
    except BaseException as error:
        said.set_exception(error)
